"""What the verdicts of `looc reproduce` say of trainings that differ in nothing but their seeds.

Two sets of seeds of one config are drawn again and again and judged as if they were two rows of a table: "more than"
is then right by chance alone. An interval of 95 % lets one in twenty through.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping

import numpy as np

from looc_tf.errors import UserError
from looc_tf.representations import TRUNK
from looc_tf.results import read_runs
from looc_tf.results.levels import AT
from looc_tf.studies.study import Claim, Column, Row, Study
from looc_tf.studies.verdicts import UNDECIDED, verdicts

ONE, OTHER = "some seeds", "others"


def read(runs: list[str]) -> dict[str, dict[int, float]]:
    """Probe -> seed -> percent of the trunk.

    Raises:
        UserError: the runs are of unlike trainings, or of one seed twice.
    """
    found: dict[str, dict[int, float]] = {}
    trainings = set()
    for run in runs:
        for record in read_runs([run]):
            trainings.add(record.get("training"))
            if record["representation"] == TRUNK and AT not in record["probe"]:
                if record["seed"] in found.setdefault(record["probe"], {}):
                    raise UserError(f"Expected one run a seed. Received seed {record['seed']} twice.")
                found[record["probe"]][record["seed"]] = float(record["value"])
    if len(trainings) != 1:
        raise UserError(f"Expected runs of one training that differ in their seeds. Received {len(trainings)}.")
    return found


def drawn(values: Mapping[int, float], seeds: int, draws: int) -> Iterator[str]:
    """The verdict on each draw of two times so many seeds.

    Raises:
        UserError: there are too few of them.
    """
    if len(values) < 2 * seeds:
        raise UserError(f"Expected {2 * seeds} seeds at least, for two rows of {seeds}. Received {len(values)}.")
    random, claim = np.random.default_rng(0), Claim("the same", ONE, OTHER, "value")
    rows, columns = tuple(Row(name, ()) for name in (ONE, OTHER)), (Column("value", "value"),)
    for _ in range(draws):
        order = random.permutation(list(values.values()))
        cells = {(ONE, "value"): order[:seeds], (OTHER, "value"): order[seeds : 2 * seeds]}
        table = {place: dict(enumerate(map(float, some))) for place, some in cells.items()}
        yield verdicts(Study("", "", rows, columns, (claim,)), table)[0].word


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("runs", nargs="+", metavar="RUN", help="evaluated runs of one config, a seed each")
    options.add_argument("--seeds", type=int, default=3, help="of each of the two rows (default 3)")
    options.add_argument("--draws", type=int, default=20, help="(default 20)")
    given = options.parse_args()
    try:
        for probe, values in read(given.runs).items():
            words = list(drawn(values, given.seeds, given.draws))
            print(f"{probe:<20} {words.count(UNDECIDED)} of {len(words)} {UNDECIDED}, {len(values)} seeds")
    except UserError as error:
        raise SystemExit(f"same_config: error: {error}") from None


if __name__ == "__main__":
    main()
