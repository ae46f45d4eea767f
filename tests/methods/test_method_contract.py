"""Every method through every check. A method without a row in `contract.CASES` fails here."""

import numpy as np
import pytest
from helpers import conformance, contract, left_out
from tensorflow import keras

from looc_tf import methods, objectives

NO_CHANCE = (objectives.Predicted, objectives.Aligned)  # identical embeddings give them their lowest loss

every_method = pytest.mark.parametrize("name", contract.CASES)
contrastive = pytest.mark.parametrize("name", contract.CONTRASTIVE)


def case_and_method(name):
    return contract.CASES[name], contract.rewound(name).rewind()


def subclasses(kind):
    return {kind}.union(*(subclasses(below) for below in kind.__subclasses__()))


def test_every_method_is_in_the_table():
    assert set(methods.METHODS) == {case.method.name for case in contract.CASES.values()}
    ours = {kind for kind in subclasses(methods.Method) if kind.__module__.startswith("looc_tf.")}
    in_table = {type(contract.rewound(name).method) for name in contract.CASES}
    assert in_table <= ours
    assert all(kind.__subclasses__() for kind in ours - in_table)  # what others stand on


@pytest.mark.parametrize("kind", [methods.Method, *methods.METHODS.values()])
def test_no_name_shadows_one_of_keras(kind):
    meant = {"call", "train_step", "test_step", "metrics", "get_config"}
    meant |= {"fit", "save", "save_weights", "load_weights"}  # with Keras's own arguments
    taken = {name for name in dir(keras.Model) if not name.startswith("__")}
    assert set(vars(kind)) & taken <= meant


@every_method
def test_no_attribute_shadows_one_of_keras(name):
    _, method = case_and_method(name)
    assert not (set(vars(method)) - set(vars(keras.Model()))) & set(dir(keras.Model))


def cells():
    """Every cell of the table to which its check applies; slow where the default tests leave it out."""
    for key, check in conformance.CHECKS.items():
        for name in contract.CASES:
            if not check.lacks(name):
                marks = [pytest.mark.slow] if conformance.is_slow(key, name) else []
                yield pytest.param(key, name, marks=marks, id=f"{key}-{name}")


@pytest.mark.parametrize(("check", "name"), list(cells()))
def test_the_method_passes_the_check(check, name, tmp_path):
    conformance.CHECKS[check].run(name, tmp_path)


def test_every_check_is_run_by_default_on_some_method():
    """But for those of minutes. What a cell takes is in tests/durations.json."""
    run = {key for key, check in conformance.CHECKS.items() for name in contract.CASES if by_default(key, name, check)}
    assert set(conformance.CHECKS) - run == {"sizes", "replicas", "learns"}


def by_default(key, name, check):
    cell = f"tests/methods/test_method_contract.py::test_the_method_passes_the_check[{key}-{name}]"
    return not (check.lacks(name) or conformance.is_slow(key, name) or left_out.is_left_out(cell))


@contrastive
def test_query_and_key_encoder_have_the_same_variables_and_start_equal(name):
    _, method = case_and_method(name)
    for part in ("trainable_variables", "non_trainable_variables"):
        query, key = getattr(method.encoder, part), getattr(method.key_encoder, part)
        assert [(v.name, v.shape) for v in query] == [(v.name, v.shape) for v in key]
        assert contract.same_bits(contract.arrays(query), contract.arrays(key))


@every_method
def test_all_that_can_be_trained_learns_but_slow_copies(name):
    _, method = case_and_method(name)
    learned = {id(variable) for variable in method.trained_variables()}
    slow = {id(variable) for copy in method.slow_copies() for variable in copy.trainable_variables}
    assert learned == {id(variable) for variable in method.trainable_variables} - slow
    assert learned >= {id(variable) for variable in method.encoder.trainable_variables}


@every_method
def test_every_space_is_watched(name):
    """Or its collapse would go unnoticed."""
    case, method = case_and_method(name)
    assert set(method.watched()) == set(type(method).heads(case)) == set(method.encoder.heads)
    logs = contract.step(method, contract.make_batch(case))
    for space, rows in method.watched().items():
        assert rows.shape == (contract.BATCH, method.final.dimension(space))
        assert f"{space}/spread" in logs
        assert not rows.size or np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    unknown = {name for name, space in getattr(method, "spaces", {}).items() if isinstance(space, NO_CHANCE)}
    assert set(method.chance()) == set(method.watched()) - unknown
