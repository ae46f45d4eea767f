"""The callbacks one by one, on made-up logs and methods."""

import contextlib
import io
import logging
import math
import signal
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator

from looc_tf.errors import UserError
from looc_tf.memory import EmbeddingSpace
from looc_tf.methods import LooC
from looc_tf.run.log import logging_to, on_terminal
from looc_tf.training.callbacks import (
    Bar,
    Clock,
    CollapseAlarm,
    Lines,
    StepCallback,
    StopNotFinite,
    StopOnSignal,
    effective_rank,
)
from looc_tf.training.callbacks import progress as progress_module
from looc_tf.training.callbacks.history import Board, History, take_back
from looc_tf.training.callbacks.measures import SpaceMeasures
from looc_tf.training.callbacks.progress import of_part


def unit(rows):
    return tf.math.l2_normalize(tf.constant(rows, tf.float32), axis=1)


def space(queue=6, name="all"):
    return EmbeddingSpace(name, temperature=0.2, queue=queue, dimension=4)


def test_effective_rank_of_known_spectra():
    random = np.random.default_rng(0)
    assert effective_rank(np.ones([50, 8])) == pytest.approx(1)
    assert effective_rank(np.eye(8)) == pytest.approx(8)
    left, right = (np.linalg.qr(random.normal(size=[8, 8]))[0] for _ in range(2))
    assert effective_rank(left @ np.diag([3, 1, 0, 0, 0, 0, 0, 0]) @ right) == pytest.approx(4 / 3**0.75)
    assert effective_rank(np.zeros([4, 4])) == 1
    assert math.isnan(effective_rank(np.zeros([0, 4]))) and math.isnan(effective_rank(np.full([2, 2], np.inf)))


def test_recent_rows_are_the_last_to_enter():
    one = space(queue=6)
    assert one.recent(1024).shape == (0, 4)  # the random first rows are nobody's keys
    keys = unit(np.random.default_rng(0).normal(size=[10, 4]))
    one.commit(keys[:4])
    np.testing.assert_array_equal(one.recent(1024), keys[:4])
    one.commit(keys[4:])
    np.testing.assert_array_equal(one.recent(1024), keys[4:])
    np.testing.assert_array_equal(one.recent(2), keys[8:])


def test_measures_state_the_loss_of_guessing():
    one, callback = space(), SpaceMeasures(0, 1)
    one.commit(unit(np.eye(4)))
    watched, chance = {"all": one.recent(6)}, {"all": math.log(1 + 1 + 6)}
    callback.set_model(SimpleNamespace(watched=lambda: watched, chance=lambda: chance))
    logs = {"loss": 1.0}
    callback.on_train_batch_end(0, logs)
    assert logs["all/chance_loss"] == pytest.approx(math.log(1 + 1 + 6))
    assert logs["all/effective_rank"] == pytest.approx(4)


class Counter(StepCallback):
    def on_step(self, step, logs):
        self.seen = [*getattr(self, "seen", []), step]


@pytest.mark.parametrize(
    "start, steps, every, seen", [(0, 7, 3, [3, 6, 7]), (4, 6, 2, [6]), (0, 2, 0, []), (5, 9, 4, [8, 9])]
)
def test_steps_counts_from_where_a_run_resumed(start, steps, every, seen):
    counter = Counter(start, steps, every)
    for batch in range(steps - start):
        counter.on_train_batch_end(batch, {})
    assert getattr(counter, "seen", []) == seen


def alarm(caplog, readings, grace=0):
    callback = CollapseAlarm(0, len(readings), 1, grace=grace)
    callback.set_model(SimpleNamespace(against_collapse=LooC.against_collapse))
    with caplog.at_level(logging.WARNING, "looc_tf"):
        for step, (spread, rank) in enumerate(readings):
            callback.on_train_batch_end(step, {"color/spread": spread, "color/effective_rank": rank})
    return [record.getMessage() for record in caplog.records]


def test_collapse_warns_once_with_advice(caplog):
    (message,) = alarm(caplog, [(0.6, 30), (0.01, 1.1), (0.01, 1.1)])
    assert "Step 2: space 'color' has collapsed (spread 0.010" in message and "effective rank 1.10" in message
    assert "Lower optimizer.learning_rate" in message and "\n" not in message


def test_collapse_warns_again_after_a_recovery(caplog):
    assert len(alarm(caplog, [(0.6, 1.2), (0.6, 9), (0.6, 1.2)])) == 2


def test_collapse_is_silent_on_sound_spaces_and_in_the_time_of_grace(caplog):
    assert not alarm(caplog, [(0.3, 4), (0.06, 2)])
    assert not alarm(caplog, [(0.01, 1.0), (0.01, 1.0), (0.5, 20)], grace=3)


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops(loss):
    callback = StopNotFinite(0, 9, lambda: [4, 2])
    callback.on_train_batch_end(0, {"loss": 2.0})
    with pytest.raises(UserError, match=r"Stopped at step 2: .*not finite.* step 4, is kept.*learning_rate"):
        callback.on_train_batch_end(1, {"loss": loss})


@pytest.fixture
def clock(monkeypatch):
    """A clock in whose world the first step takes 100 s and each other one 0.5 s."""
    times = iter([100 + 0.5 * step for step in range(1000)])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(times))
    return Clock(start=10, steps=20, batch=8)


def test_the_clock_leaves_out_the_first_step(clock):
    clock.on_train_batch_end(0, {})
    assert clock.images_per_second is None and clock.left is None and str(clock) == ""
    for step in range(4):
        clock.on_train_batch_end(step, {})
    assert clock.images_per_second == pytest.approx(16)
    assert clock.left == timedelta(seconds=2 if round(2.5) == 2 else 3)


def test_the_clock_slides(monkeypatch):
    times = iter([0.0, 1.0, 100.0, 110.0, 120.0])
    monkeypatch.setattr(progress_module.time, "monotonic", lambda: next(times))
    clock = Clock(0, 100, batch=10)
    for step in range(5):
        clock.on_train_batch_end(step, {})
    assert clock.images_per_second == pytest.approx(1.0)  # of the last 30 s


def test_lines_tell_losses_beside_chance(clock, caplog):
    lines = Lines(clock, every=2)
    logs = {"loss": 3.2, "all/loss": 3.1, "all/chance_loss": 5.549, "all/spread": 0.9, "knn": 41.25}
    with caplog.at_level(logging.DEBUG, "looc_tf"):
        for step in range(2):
            clock.on_train_batch_end(step, logs)
            lines.on_train_batch_end(step, logs)
    assert caplog.messages == [
        "step 12/20  loss 3.200  all 3.100 (chance 5.549)  knn 41.2 %  16 images/s  0:00:04 left"
    ]


def test_lines_tell_spread_where_chance_says_nothing_and_siblings_where_there_are_some():
    logs = {"loss": 3.2, "all/loss": 3.1, "all/spread": 0.987, "turns/loss": 1.4, "turn/loss": 2.0}
    assert of_part(logs, "all") == "all 3.100 (spread 0.99)" and of_part(logs, "turns") == "turns 1.400"
    known = {"color/loss": 1.0, "color/chance_loss": 1.5, "color/sibling_accuracy": 0.706}
    assert of_part(known, "color") == "color 1.000 (chance 1.500, siblings 71 %)"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_bar_is_for_terminals(clock, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "dumb")
    assert not on_terminal()
    monkeypatch.setenv("TERM", "xterm")
    assert on_terminal()
    monkeypatch.setattr(progress_module.time, "monotonic", iter(range(10**6)).__next__)
    bar = Bar(clock)
    bar.on_train_begin()
    for step in range(3):
        clock.on_train_batch_end(step, {})
        bar.on_train_batch_end(step, {"loss": 2.5, **({"knn": 50.0} if step == 1 else {})})
    bar.close()
    bar.close()
    assert "13/20" in terminal.getvalue() and "loss 2.500" in terminal.getvalue() and "images/s" in terminal.getvalue()
    assert "knn 50.0 %" in terminal.getvalue()


def test_take_back_drops_later_and_torn_rows(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("step,loss,knn\n10,2.5,\n20,2.25,40\n30,2.0,\n40,1.")
    take_back(path, 25)
    assert path.read_text() == "step,loss,knn\n10,2.5,\n20,2.25,40\n"
    take_back(path, 5)
    assert not path.exists()
    take_back(path, 5)


def test_tensorboard_forgets_what_was_taken_back(tmp_path):
    for start, steps in ((0, range(1, 7)), (3, range(4, 9))):  # killed after step 6, resumed from step 3
        board = Board(tmp_path, start)
        for step in steps:
            board.write(step, {"loss": 10 * start + step})
        board.close()
        board.close()
    read = EventAccumulator(str(tmp_path)).Reload()
    points = [(point.step, tf.make_ndarray(point.tensor_proto).item()) for point in read.Tensors("loss")]
    assert points == [(1, 1), (2, 2), (3, 3), (4, 34), (5, 35), (6, 36), (7, 37), (8, 38)]


def test_signal_handlers_are_put_back():
    before = [signal.getsignal(number) for number in StopOnSignal.SIGNALS]
    callback = StopOnSignal(None, 0, 5, "again")
    callback.on_train_begin()
    signal.raise_signal(signal.SIGINT)
    assert callback.received == signal.SIGINT
    assert signal.getsignal(signal.SIGINT) == signal.SIG_DFL  # a second one ends the process at once
    callback.close()
    assert [signal.getsignal(number) for number in StopOnSignal.SIGNALS] == before


def test_a_signal_during_the_exchange_stops_the_next_step(monkeypatch):
    """On several machines most of a callback's time passes while it waits for the others."""

    class Folder:
        def steps(self):
            return [1, 2]

    during = [lambda: signal.raise_signal(signal.SIGTERM), lambda: None]

    def exchange(number):
        during.pop(0)()
        return [number, 0]

    monkeypatch.setattr("looc_tf.training.callbacks.saving.gather_from_workers", exchange)
    callback = StopOnSignal(Folder(), 0, 5, "again")
    callback.on_train_begin()
    try:
        callback.on_step(1, {})
        with pytest.raises(SystemExit) as stopped:
            callback.on_step(2, {})
        assert stopped.value.code == 128 + signal.SIGTERM
    finally:
        callback.close()


@contextlib.contextmanager
def full_disk():
    """No file grows beyond 300 bytes; not even the one that pytest may be writing to, so not as a fixture."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_ends_the_board_and_the_history_in_one_line(tmp_path, capfd):
    board, history = Board(tmp_path / "logs", 0), History(tmp_path, Clock(0, 9, 8), 1)
    board.write(1, {"loss": 1.0})
    history._append({"step": 1, "loss": 1.0})
    for write in (
        lambda: board.write(2, {f"loss_{number}": 1.0 for number in range(500)}),
        lambda: [history._append({"step": step, "loss": 1.0}) for step in range(2, 200)],
    ):
        with pytest.raises(UserError, match=r"Expected to write .*: File too large\. Free space") as error, full_disk():
            write()
        assert "\n" not in str(error.value)
    with full_disk():
        board.close()
        board.close()
    assert "Traceback" not in capfd.readouterr().err


def test_a_full_disk_is_told_of_once_by_the_log(tmp_path, capsys):
    log = logging.getLogger("looc_tf.test")
    with logging_to(tmp_path):
        log.debug("before")
        with full_disk():
            for _ in range(20):
                log.debug("a line of some length, of which twenty are too many")
    said = capsys.readouterr().err
    assert said.count("train.log cannot be written: [Errno 27] File too large") == 1 and "Traceback" not in said


def test_a_run_folder_has_one_writer(tmp_path):
    refused = pytest.raises(UserError, match=r"is being trained by another process\. Wait")
    with logging_to(tmp_path), refused, logging_to(tmp_path):
        pass
    with logging_to(tmp_path):
        pass
