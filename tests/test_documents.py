"""The documents: lines that a terminal and a diff can show, and commands that exist."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
DOCUMENTS = [PROJECT / "README.md", PROJECT / "benchmarks" / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
LONGEST = 120


def lines(path):
    """(number, line, whether it is code) of a document."""
    code = False
    for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), 1):
        code ^= line.lstrip().startswith("```")
        yield number, line, code or line.startswith("    ")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_lines_are_short(path):
    """A row of a table and a long address cannot be wrapped, and code is copied as it is."""
    for number, line, code in lines(path):
        bound = max(LONGEST, *map(len, line.split())) if "](" in line else LONGEST
        assert code or line.startswith("|") or len(line) <= bound, f"{path.name}:{number}: {len(line)} characters"


def test_the_two_commands_that_do_everything_come_first():
    first = next(number for number, line, _ in lines(PROJECT / "README.md") if line.startswith("```"))
    demo, test = (PROJECT / "README.md").read_text(encoding="utf8").splitlines()[first : first + 2]
    assert first < 20 and demo.startswith("make demo ") and test.startswith("make test ")


def test_what_the_documents_tell_to_make_is_a_target():
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf8"), re.MULTILINE))
    for path in DOCUMENTS:
        told = set(re.findall(r"(?:`|^ *)make ([a-z-]+)", path.read_text(encoding="utf8"), re.MULTILINE))
        assert told <= targets, f"{path.name}: make {', '.join(told - targets)}"
