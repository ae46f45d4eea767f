"""What a study is, and how its file is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional, Union

from looc_tf import config
from looc_tf.config.convert import from_plain
from looc_tf.config.reading import read_plain
from looc_tf.errors import UserError, unknown
from looc_tf.representations import TRUNK
from looc_tf.results.levels import asked_by

FOLDER = Path(__file__).parent / "files"
OTHER = "all"  # the space that shares nothing
COUNTED = ("parameters",)  # what a column may have that no evaluation reads: a number and no percentage


@dataclass(frozen=True)
class Row:
    """A training.

    Attributes:
        name: as the table prints it.
        varies: the augmentations that are varied, beside what the base config has in all of its views.
        spaces: names of augmentations, each of a space that shares its draw, and `all`, which shares nothing;
            `name: augmentation`, or a list of them, gives the space a name of its own.
        set: dotted fields of the config, such as `training.steps`, `views.chain.color.hue`, and `method.spaces.queue`
            of every space.
        times: fields of the config that are so many times the base's; what the base leaves open stays so.
        passes_of: the row whose encoder passes it takes as many of, instead of its steps.
        parameters_of: the row whose number of parameters its network has, by another width.
    """

    name: str
    varies: tuple[str, ...]
    spaces: tuple[Any, ...] = (OTHER,)
    set: Mapping[str, Any] = field(default_factory=dict)
    times: Mapping[str, float] = field(default_factory=dict)
    passes_of: Optional[str] = None
    parameters_of: Optional[str] = None


@dataclass(frozen=True)
class Column:
    """What is read from each row: a value of an evaluation, such as `few_shot@5`, of a representation; or what is known
    of it without any, one of `COUNTED`."""

    name: str
    probe: str
    representation: str = TRUNK

    @property
    def evaluation(self) -> Optional[str]:
        """The evaluation that has to be asked for, if any."""
        return None if self.probe in COUNTED else asked_by(self.probe)


@dataclass(frozen=True)
class Claim:
    """That the value of a row, less that of another, is more than `by` points; `by` below 0: it loses no more."""

    says: str
    row: str
    than: str
    column: str
    by: float = 0.0


@dataclass(frozen=True)
class Study:
    """Rows x columns.

    Attributes:
        title, paper: what it is, and where the paper has it.
        rows, columns, claims: see there.
        printed: row -> column -> the paper's own number, in percent.
    """

    title: str
    paper: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    claims: tuple[Claim, ...] = ()
    printed: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def check(self) -> None:
        """Raises a `UserError` for a name that occurs twice, or that no row or column has."""
        rows, columns = [row.name for row in self.rows], [column.name for column in self.columns]
        for what, names in (("row", rows), ("column", columns)):
            if len(set(names)) < len(names) or not names:
                raise UserError(f"Expected {what}s of different names, one at least. Received {', '.join(names)}.")
        said = [(row, column) for row, cells in self.printed.items() for column in cells]
        said += [(row, claim.column) for claim in self.claims for row in (claim.row, claim.than)]
        like = [name for row in self.rows for name in (row.passes_of, row.parameters_of)]
        said += [(name, columns[0]) for name in like if name is not None]
        for row, column in said:
            if row not in rows:
                raise unknown("row", row, rows)
            if column not in columns:
                raise unknown("column", column, columns)


def study_names() -> list[str]:
    """Those that come with the library, in the order of the paper."""
    return sorted((path.stem for path in FOLDER.glob("*.yaml")), key=lambda name: (not name.startswith("table"), name))


def read_study(name: Union[str, Path]) -> Study:
    """A study by its name or from a YAML file.

    Raises:
        UserError: there is none of this name, or the file cannot be read as one.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        path = FOLDER / f"{name}.yaml"
        if not path.is_file():
            raise unknown("study", str(name), [*study_names(), "all"])
    study = config.blaming(path, lambda: from_plain(Study, read_plain(path)))
    config.blaming(path, study.check)
    return study
