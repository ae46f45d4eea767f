"""The documents: lines that a terminal and a diff can show, and commands that exist."""

import dataclasses
import importlib.util
import re
from pathlib import Path

import pytest

from looc_tf import config, methods
from looc_tf.evaluate.probes import PROBES
from looc_tf.experiments import load

PROJECT = Path(__file__).parents[1]
DOCUMENTS = [
    *sorted(PROJECT.glob("*.md")),
    PROJECT / "benchmarks" / "README.md",
    *sorted((PROJECT / "docs").rglob("*.md")),
]
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


def anchors(path):
    """What links may name of a document: its headings, as GitHub calls them."""
    titles = [line.lstrip("# ") for _, line, code in lines(path) if line.startswith("#") and not code]
    return {re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", title).lower()) for title in titles}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_every_link_to_a_file_leads_to_it(path):
    prose = "\n".join(line for _, line, code in lines(path) if not code and "```" not in line)
    text = re.sub(r"`[^`]*`", "", prose)
    for address in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", address):
            continue
        file, _, anchor = address.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{path.name}: {address}"
        assert not anchor or anchor in anchors(target), f"{path.name}: {address}"


def test_the_two_commands_that_do_everything_come_first():
    first = next(number for number, line, _ in lines(PROJECT / "README.md") if line.startswith("```"))
    demo, test = (PROJECT / "README.md").read_text(encoding="utf8").splitlines()[first : first + 2]
    assert first < 20 and demo.startswith("make demo ") and test.startswith("make test ")


def test_every_setting_of_a_method_is_in_its_document():
    text = (PROJECT / "docs" / "methods.md").read_text(encoding="utf8")
    table = text.partition("## Settings")[2].partition("### Multi-crop")[0]
    for name, kind in methods.METHODS.items():
        rows = {row.split("|")[1]: row for row in table.splitlines() if row.startswith("| `")}
        for field in {field.name for field in dataclasses.fields(kind.Settings)} - {"name"}:
            assert any(f"`{field}`" in first for first in rows), f"method.{field} of {name}"


def test_every_evaluation_and_its_settings_are_in_their_document():
    """A row for each name that `evaluation.probes` may hold, and each setting in some row or in the text."""
    text = (PROJECT / "docs" / "evaluation.md").read_text(encoding="utf8")
    rows = [row.split("|")[1].strip(" `") for row in text.splitlines() if row.startswith("| `")]
    assert rows == list(PROBES)
    for field in {field.name for field in dataclasses.fields(config.Evaluation)} - {"batch"}:
        assert f"`{field}`" in text or f"evaluation.{field}" in text, field


def test_what_the_documents_tell_to_make_is_a_target():
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(encoding="utf8"), re.MULTILINE))
    for path in DOCUMENTS:
        told = set(re.findall(r"(?:`|^ *)make ([a-z-]+)", path.read_text(encoding="utf8"), re.MULTILINE))
        assert told <= targets, f"{path.name}: make {', '.join(told - targets)}"


CATALOGUE = PROJECT / "docs" / "methods.md"
ENTRIES = {
    "MoCo and LooC": ["looc"],
    "SimCLR": ["simclr"],
    "BYOL": ["byol"],
    "SimSiam": ["simsiam"],
    "SwAV": ["swav"],
    "DINO": ["dino"],
    "Joint entropy": ["joint"],
    "AugSelf": ["augself"],
    "E-SSL": ["essl", "essl_simsiam"],
    "InstDisc": ["instdisc"],
    "PIRL": ["pirl"],
    "CMC": ["cmc"],
    "RotNet": ["rotnet"],
    "Jigsaw": ["jigsaw"],
    "Relative patch": ["relative_patch"],
    "CPC": ["cpc"],
    "Deep InfoMax": ["dim"],
    "AMDIM": ["amdim"],
    "Colorization": ["colorize"],
}


def entries():
    """Title -> text of each entry of the catalogue."""
    part = CATALOGUE.read_text(encoding="utf8").split("## The catalogue\n")[1].split("\n## ")[0]
    return {title: text for title, _, text in (each.partition("\n") for each in part.split("\n### ")[1:])}


def test_the_catalogue_holds_every_method_that_needs_no_labels():
    listed = [name for names in ENTRIES.values() for name in names]
    assert sorted(listed) == sorted({*methods.METHODS} - {"supervised", "finetune"})
    assert list(entries()) == list(ENTRIES)


@pytest.mark.parametrize("title", ENTRIES)
def test_an_entry_is_whole_and_names_what_there_is(title):
    """One sentence, a figure that is there, configs that are shipped, cost, state, use, and what it gave here."""
    text = entries()[title]
    assert re.findall(r"^- ([A-Z][a-z ]+):", text, re.MULTILINE) == ["Config", "Cost", "Good for", "Result here"]
    assert " State: " in text
    assert (CATALOGUE.parent / re.search(r"\]\((images/[a-z-]+\.png)\)", text)[1]).is_file()
    named = set(re.findall(r"`((?:factors|cifar10|imagenet|imagenet100|grocery)/[\w+-]+)`", text))
    assert named <= set(config.names()) and (named or f"--method {ENTRIES[title][0]}" in text)
    result = re.search(r"Result here: (.*)", text)[1]
    told = (PROJECT / "docs" / "results.md").read_text(encoding="utf8")
    assert "results.md" not in result or any(re.search(rf"\b{name}\b", told) for name in ENTRIES[title])


@pytest.mark.parametrize("title", [title for title in ENTRIES if title not in ("MoCo and LooC", "E-SSL")])
def test_an_entrys_cost_is_that_of_its_plan(title):
    """A view that is learned from costs 3, and one that a slow copy encodes 1."""
    (name,) = ENTRIES[title]
    plain = load("cifar10/moco-color-rotation", method=name)
    passes = sum(3 * each.learning + each.still for each in methods.passes_of(plain).values())
    assert f"Cost: {passes:.0f} passes" in entries()[title]


def test_figures_are_those_that_are_drawn_and_small():
    spec = importlib.util.spec_from_file_location("figures", PROJECT / "scripts" / "figures.py")
    figures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(figures)
    drawn = {path.name: path.stat().st_size for path in (CATALOGUE.parent / "images").iterdir()}
    assert set(drawn) == {f"views-{name}.png" for name in figures.FIGURES}
    assert set(re.findall(r"images/([\w-]+\.png)", CATALOGUE.read_text(encoding="utf8"))) == set(drawn)
    assert max(drawn.values()) < 100_000 and sum(drawn.values()) < 400_000
    for name in figures.FIGURES:  # what they are drawn with is still a config
        _, source, _, method, *sets = figures.command(name)
        assert load(source, [text for text in sets if "=" in text], method=method).method.name == method
