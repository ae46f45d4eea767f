"""Cells, verdicts and tables, of records made up for the purpose."""

import json

import numpy as np
import pytest

from looc_tf.studies import Claim, Column, Row, Study
from looc_tf.studies.tables import write_tables
from looc_tf.studies.verdicts import FAILS, HOLDS, UNDECIDED, values_of, verdicts

STUDY = Study(
    "A & B_c | 50 %",
    "somebody 2021",
    (Row("one", ("color",)), Row("two <b>", ("rotation",))),
    (Column("object", "object"), Column("few", "few_shot@5", "all")),
    (Claim("two is better", "two <b>", "one", "object"), Claim("or no worse", "two <b>", "one", "object", -4.0)),
    {"one": {"object": 61.1}},
)


def read(value, few=None):
    found = [{"representation": "trunk", "probe": "object", "value": value}]
    return found + [{"representation": "all", "probe": "few_shot@5", "value": few}] * (few is not None)


def judged(one, two):
    records = {("one", seed): read(value) for seed, value in enumerate(one)}
    records |= {("two <b>", seed): read(value) for seed, value in enumerate(two)}
    return [each.word for each in verdicts(STUDY, values_of(STUDY, records))]


def test_a_claim_holds_where_the_whole_interval_does():
    assert judged([50, 51, 52], [60, 61.5, 62]) == [HOLDS, HOLDS]
    assert judged([60, 61, 62], [50, 51.5, 52]) == [FAILS, FAILS]
    assert judged([50, 51, 52], [50, 51.5, 51.8]) == [UNDECIDED, HOLDS]
    assert judged([50, 60, 70], [70, 60, 50]) == [UNDECIDED, UNDECIDED]
    assert judged([50], [60]) == [f"{UNDECIDED}: one seed"] * 2
    assert judged([50], []) == ["not measured"] * 2


def test_differences_are_paired_by_seed():
    """Seeds differ by 20 points and the rows by one, each time: unpaired it would be undecided."""
    assert judged([40, 50, 60], [41, 51.1, 60.9])[0] == HOLDS


def test_the_same_config_under_two_names_is_undecided():
    """A/A: three seeds of one normal law against three others, twenty times."""
    random = np.random.default_rng(0)
    words = [judged(random.normal(50, 2, 3), random.normal(50, 2, 3))[0] for _ in range(200)]
    assert np.mean([word == UNDECIDED for word in words]) >= 0.92


def test_tables_say_the_same_in_every_form(tmp_path):
    records = {("one", 0): read(50.0), ("one", 1): read(54.0), ("two <b>", 0): read(60.0, 12.5)}
    values = values_of(STUDY, records)
    paths = write_tables(tmp_path, "t", STUDY, values, verdicts(STUDY, values), {"pictures": "x_y & z"})
    assert [path.name for path in paths] == ["t.md", "t.tex", "t.html", "t.json"]
    markdown, latex, page = (path.read_text() for path in paths[:3])
    assert "| one | 52.0 ± 25.4 (61.1) | – |" in markdown and "| two <b> | 60.0 | 12.5 |" in markdown
    assert "A & B_c | 50 %" in markdown.splitlines()[0]
    assert r"A \& B\_c | 50 \%" in latex and r"one & 52.0 $\pm$ 25.4 (61.1) & -- \\" in latex
    assert "two &lt;b&gt;" in page and "<b>" not in page and "x_y &amp; z" in page
    told = json.loads(paths[3].read_text())
    first = told["cells"][0]
    assert first["seeds"] == {"0": 50.0, "1": 54.0} and first["value"]["half"] == pytest.approx(25.4124)
    assert told["claims"][0]["verdict"] == f"{UNDECIDED}: one seed" and told["claims"][0]["difference"]["mean"] == 10.0
