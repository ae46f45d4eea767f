"""Progress bars: on a terminal, once there is something to wait for, and gone at the end."""

import io

import pytest

from looc_tf import progress
from looc_tf.evaluate.progress import terminal_progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


def on_terminal(monkeypatch):
    """Standard error from here on; not as a fixture, behind which pytest puts its own in the place again."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    return terminal


@pytest.mark.parametrize(
    ("open_stages", "seen"),
    [
        (terminal_progress, "Embedding"),  # what `looc evaluate` draws
        (lambda: progress.stages("embedding", "bar", "count", "left"), "embedding"),  # `looc embed`
        (lambda: progress.stages(after=0.0), "25%"),  # the decoding of a set
    ],
)
def test_a_bar_is_drawn_and_goes_away(monkeypatch, open_stages, seen):
    terminal = on_terminal(monkeypatch)
    with open_stages() as show:
        show("Embedding", 1, 4)
    assert seen in terminal.getvalue()
    assert terminal.getvalue().endswith("\x1b[2K")  # the line of the bar is erased


def test_elsewhere_nothing_is_written(monkeypatch):
    nowhere = io.StringIO()
    monkeypatch.setattr("sys.stderr", nowhere)
    with terminal_progress() as show:
        show("Embedding", 1, 4)
        show("Probing", 1, None)
    assert nowhere.getvalue() == ""


def test_what_is_done_soon_draws_nothing(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with progress.stages(after=60.0) as show:
        show("decoding pictures", 1, 4)
    with progress.stages() as show:
        show("decoding pictures", 4, 4)
    assert terminal.getvalue() == ""


def test_a_bar_goes_away_when_the_work_fails(monkeypatch):
    terminal = on_terminal(monkeypatch)
    with pytest.raises(ValueError), terminal_progress() as show:
        show("Embedding", 1, 4)
        raise ValueError
    assert "\x1b[?25h" in terminal.getvalue()  # the cursor is back
