"""What a training without a terminal prints: its own lines, and no advice that nobody can follow."""

import logging
import time

import pytest
from helpers import tiny

from looc_tf.training import callbacks, fit, train


class Slow(callbacks.StepCallback):
    """Takes far longer than a step of so small a network, as a measure or a checkpoint does, and logs as Keras."""

    def on_step(self, step, logs):
        time.sleep(0.3)
        if step == 2:
            logging.getLogger("tensorflow").warning("Something %s to see to.", "else")


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """The run, its standard error, and what was logged by Keras."""
    import contextlib
    import io

    place, seen, screen = tmp_path_factory.mktemp("quiet"), [], io.StringIO()
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())
    experiment = tiny.experiment(tiny.draw(place / "pictures"), "training.steps=8", "training.monitor_every=0")
    standard = callbacks.standard_callbacks

    def with_slow(run, source, facts):
        return [Slow(run.start, facts.steps), *standard(run, source, facts)]

    logger = logging.getLogger("tensorflow")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(screen):
        patch.setattr(fit, "standard_callbacks", with_slow)
        logger.addHandler(handler)
        try:
            train(experiment, place / "run")
        finally:
            logger.removeHandler(handler)
    return place / "run", screen.getvalue(), seen


def test_the_advice_on_slow_callbacks_is_left_out_and_nothing_else(said):
    assert said[2] == ["Something else to see to."]
    assert not logging.getLogger("tensorflow").filters


def test_the_config_goes_to_the_log_alone(said):
    run, error, _ = said
    assert "backbone: plain6" in (run / "train.log").read_text() and "backbone" not in error
    lines = [line for line in error.splitlines() if line]
    assert len(lines) < 12 and " training pictures (3 classes: bar, disc, noise), " in lines[0], error
