"""docs/methods.md counts encoder passes, and the benchmark of methods holds step times against them: a step takes so
many. A pass forward counts 1, one through the encoder that learns 3."""

import re
from pathlib import Path

import pytest
from helpers import contract

from benchmarks.methods import CASES
from looc_tf import methods
from looc_tf.augment import Patches
from looc_tf.experiments import load
from looc_tf.models import Encoder
from looc_tf.representations import QUERY

DOCUMENT = Path(__file__).parents[2] / "docs" / "methods.md"


def documented():
    """`method.name` -> the column of passes, a formula in n."""
    rows = re.findall(r"^\|[^|]*\|([^|]*)\|[^|]*\|([^|]*)\|[^|]*\|$", DOCUMENT.read_text(encoding="utf8"), re.MULTILINE)
    return {name: formula.strip() for names, formula in rows for name in re.findall(r"`(\w+)`", names)}


def promised(experiment):
    """(whole, small) passes of an experiment, as the document has them."""
    whole, _, small = documented()[experiment.method.name].partition(", and ")
    spaces = len(getattr(experiment.method, "spaces", [None])) - 1
    return eval(re.sub(r"(\d) \(", r"\1 * (", whole), {"n": spaces}), int(small.split()[0]) if small else 0


def taken(case, monkeypatch):
    """(whole, small) passes that a step takes, by the sizes of pictures that reach the encoders; patches by pixels."""
    method, call = contract.rewound(case).rewind(), Encoder.call
    batch = contract.make_batch(contract.CASES[case])
    slow, whole, found = {id(each) for each in method.slow_copies()}, batch["views"][QUERY].shape[1], {}

    cut = {part.patch for part in contract.plan(contract.CASES[case]).augmentations.values() if is_cut(part)}

    def counted(encoder, images, *given, **options):
        side = images.shape[1]
        kind, share = (True, (side / contract.PIXELS) ** 2) if side in cut else (side == whole, 1)
        found[kind] = found.get(kind, 0) + images.shape[0] * share * (1 if id(encoder) in slow else 3)
        return call(encoder, images, *given, **options)

    monkeypatch.setattr(Encoder, "call", counted)
    contract.step(method, batch)
    return found[True] / contract.BATCH, found.get(False, 0) / contract.BATCH


def is_cut(part):
    return isinstance(part, Patches)


# Small views beside what a method takes by itself are counted nowhere, and of a fine-tuning the trunk may stand still.
COUNTED = [
    name
    for name, case in contract.CASES.items()
    if not getattr(case.method, "local_views", 0)
    and getattr(case.method, "symmetric", True)
    and not case.method.name.startswith("finetune")
]


def test_every_method_is_counted():
    assert {contract.CASES[name].method.name for name in COUNTED} == {*methods.METHODS} - {"finetune"}
    assert {*documented()} >= {*methods.METHODS} - {"finetune"}


@pytest.mark.parametrize("case", COUNTED)
def test_a_step_takes_the_passes_that_the_document_counts(case, monkeypatch):
    experiment = contract.CASES[case]
    if any(map(is_cut, contract.plan(experiment).augmentations.values())):  # rounded, of the patches that are shipped
        shipped = load(f"cifar10/{experiment.method.name}")
        assert (round(3 * methods.forwards(shipped)), 0) == promised(experiment)
    else:
        assert taken(case, monkeypatch) == promised(experiment)


@pytest.mark.parametrize("case", [case for case in contract.CASES if not case.startswith("finetune")])
def test_a_step_takes_the_passes_that_its_method_declares(case, monkeypatch):
    """Small views too, as so many of their own size, and the asymmetric forms."""
    experiment = contract.CASES[case]
    plan = contract.plan(experiment)
    declared, is_exact = {True: 0, False: 0}, True
    for view, passes in methods.class_of(experiment).passes(experiment, plan).items():
        row = next(row for row in plan.views if row.name == view)
        size, cut = plan.size(row, contract.PIXELS), any(is_cut(plan.augmentations[name]) for name in plan.used(row))
        share, is_exact = (size / contract.PIXELS) ** 2 if cut else 1, is_exact and not cut
        declared[cut or size == contract.PIXELS] += share * (3 * passes.learning + passes.still)
    expected = (declared[True], declared[False])
    assert taken(case, monkeypatch) == (expected if is_exact else pytest.approx(expected, rel=1e-9))


@pytest.mark.parametrize("name", CASES)
def test_the_benchmark_counts_as_the_document_does(name):
    case = CASES[name]
    experiment = load(case.config, case.changes)
    assert (case.passes - case.small, case.small) == promised(experiment)
