"""A queue that holds more keys than there are pictures: whoever trains so is told, with a remedy that is accepted."""

import pytest

from looc_tf import methods
from looc_tf.experiments import load


@pytest.mark.parametrize(("pictures", "batch"), [(40, 32), (64, 32), (200, 16)])
def test_the_remedy_is_one_that_the_config_takes(pictures, batch):
    """Before, 16,384 rows for 120 pictures passed without a word; half of the pictures may be less than a batch."""
    changes = [f"training.batch={batch}", "training.steps=1", "model.width=4", "method.key_groups=2"]
    experiment = load("factors/looc", [*changes, "method.spaces.1.queue=32"])
    facts = methods.Facts(pictures=pictures, steps=1, epoch=pictures // batch)
    (told,) = methods.build(experiment, facts).remarks()
    assert told.startswith(f"The queue of all, rotation holds 256 keys, more than the {pictures} pictures")
    remedy = told.rpartition(" ")[2].rstrip(".")
    assert f"{remedy}".startswith("method.spaces.0.queue=") and int(remedy.partition("=")[2]) <= pictures
    load("factors/looc", [*changes, remedy])  # which refuses a queue that is shorter than a batch


def test_as_many_pictures_as_keys_or_unknown_ones_are_no_matter():
    experiment = load("factors/looc", ["model.width=4"])
    for pictures in (0, 256):
        assert methods.build(experiment, methods.Facts(pictures=pictures, steps=1, epoch=2)).remarks() == []
