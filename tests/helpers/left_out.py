"""Which tests `make test` leaves to `make test-slow`: the long ones, but for those that hold a promise of the README.

How long each takes is in `tests/durations.json` (seconds of processor time and waiting on two cores, without fixtures;
shorter ones than `SHORT` are not in it). `LOOC_TEST_TIMES=tests/durations.json` before a run of any tests writes there
what they took. Beside these there are the marks of tests/slow, and the cells of the table of checks
(`helpers.conformance.is_slow`).
"""

from __future__ import annotations

import functools
import json
import os
from collections import Counter
from pathlib import Path

LIMIT = 1.0
SHORT = 0.5
DURATIONS = Path(__file__).parents[1] / "durations.json"
# What the name of a long test holds that is run by default all the same -> the promise that no shorter one holds.
KEPT = {
    "test_looc_with_one_space_is_moco_bit_for_bit": "LooC with one space is MoCo",
    "test_stopped_twice_and_resumed_ends_in_the_same_bits": "a resumed run equals an uninterrupted one",
    "test_a_run_that_diverges_keeps_its_last_good_checkpoint": "no broken state is saved",
    "test_loads_with_nothing_but_tensorflow[chosen]": "the export needs TensorFlow alone",
    "as_the_evaluator_read_it[trunk]": "the export gives the evaluator's numbers",
    "test_a_run_is_loaded_and_resumed_to_the_end_it_had[looc]": "runs of earlier versions are read",
    "test_nothing_of_a_strangers_file_is_executed": "what comes from elsewhere is not executed",
    "test_every_file_is_read_or_named[held in memory]": "no picture is lost without a word",
    "test_the_command_writes_a_page_and_json": "looc advise, whole",
    "test_a_folder_becomes_a_table[npz]": "looc embed, whole",
    "test_a_first_run_pushes_a_model_that_answers": "the pipeline, whole",
    "test_a_second_run_comes_from_the_cache": "its cache",
    "test_better_is_blessed": "its gate",
    "test_worse_by_more_than_allowed_is_refused_and_never_pushed": "the same",
    "test_first_losses[factors/looc]": "golden losses: LooC,",
    "test_first_losses[cifar10/looc-rotation]": "on photographs,",
    "test_first_losses[cifar10/simclr-looc-rotation]": "of both views,",
    "test_first_losses[cifar10/simsiam]": "of a predictor,",
    "test_first_losses[imagenet100/supervised]": "and of labels",
    **{f"[{check}-looc_2]": "the table of checks on LooC" for check in ("queue", "accumulation", "alarm", "graph")},
    **{f"[{check}-looc_2]": "the same" for check in ("negatives", "ema", "reload", "precision")},
    "[xla-looc_1]": "the table of checks: compiled",
    "[scaling-looc_1]": "with small gradients",
    "[frozen-finetune_linear]": "frozen",
    "[export-looc++]": "exported",
    "[losses-looc_3]": "losses by hand",
    "[paper-byol]": "the steps of other papers",
    "[paper-swav]": "the same",
    "test_the_losses_of_add_one_are_those_of_the_formula": "formulas of papers",
    "test_the_distance_to_the_own_row_is_the_papers_proximal_term": "the same",
    "test_cpc_finds_each_patch_under_its_own_number": "the same",
    "test_orders_are_far_from_each_other_and_always_the_same": "the same",
    "tests/test_house.py::": "how the project is laid out",
    "tests/test_requirements.py::": "the same",
    "tests/test_documents.py::": "what its documents say",
}


@functools.cache
def measured() -> dict[str, float]:
    """Seconds by node id."""
    return json.loads(DURATIONS.read_text(encoding="utf8"))


def is_left_out(name: str) -> bool:
    """Whether a test, by its node id, is left to `make test-slow`."""
    return measured().get(name, 0) >= LIMIT and not any(part in name for part in KEPT)


class Times:
    """Counts what tests take, for `LOOC_TEST_TIMES`; the times of tests that were not run stay as they are."""

    def __init__(self):
        self.path = os.environ.get("LOOC_TEST_TIMES", "")
        self.calls: Counter = Counter()

    def pytest_runtest_logreport(self, report) -> None:
        """A phase of a test, as pytest reports it; fixtures are their users' together and do not count."""
        if report.when == "call":
            self.calls[report.nodeid] += report.duration

    def pytest_sessionfinish(self) -> None:
        """What was counted, into what is there."""
        path = Path(self.path)
        before = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
        times = before | {name: round(seconds, 1) for name, seconds in self.calls.items()}
        kept = {name: seconds for name, seconds in sorted(times.items()) if seconds >= SHORT}
        path.write_text(json.dumps(kept, indent=0) + "\n", encoding="utf8")
