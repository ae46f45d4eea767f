"""What is different in the current lane, with TensorFlow after 2.15."""

import importlib.util

import numpy as np

from looc_tf.cli.options import REMARKS

CURRENT = importlib.util.find_spec("tf_keras") is not None


def without_remarks(stderr):
    """What a process wrote, but for what TensorFlow says of this machine when it is imported."""
    words = [word.decode() for word in REMARKS]
    return "".join(line for line in stderr.splitlines(True) if not any(word in line for word in words))


def same_in_a_graph(actual, expected):
    """Equal to the bit; later TensorFlows fuse operations in a graph that they do not when called one by one."""
    if CURRENT:
        np.testing.assert_allclose(actual, expected, rtol=0, atol=3e-7)
    else:
        np.testing.assert_array_equal(actual, expected)
