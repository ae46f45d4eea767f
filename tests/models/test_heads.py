"""How heads and predictors begin."""

import numpy as np
import pytest

from looc_tf.models import HEADS
from looc_tf.models.heads import bottleneck
from looc_tf.models.normalization import for_queries

LINEAR = {"BYOL and SwAV": HEADS["hidden_norm_mlp"], "SimSiam": HEADS["deep_norm_mlp"], "its predictor": bottleneck}


@pytest.mark.parametrize("network", LINEAR.values(), ids=LINEAR)
def test_weights_begin_as_those_of_pytorchs_linear(network):
    """Uniform within 1/sqrt(inputs), which is what the recipes were found with; Keras's 1024 x 256 begin twice as
    large, and BYOL's predictor then learns too slowly."""
    head = network("all", 1024, 256, for_queries("plain"))
    head.build([None, 128])
    for kernel in (weight.numpy() for weight in head.weights if weight.shape.rank == 2):
        most = 1 / np.sqrt(kernel.shape[0])
        assert 0.99 * most < np.abs(kernel).max() <= most
        assert kernel.std() == pytest.approx(most / np.sqrt(3), rel=0.02)
