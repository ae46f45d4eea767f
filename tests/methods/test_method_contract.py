"""Every method through every check. A method without a row in `contract.CASES` fails here."""

import checks
import contract
import pytest
from tensorflow import keras

from looc_tf import methods

every_method = pytest.mark.parametrize("name", contract.CASES)
contrastive = pytest.mark.parametrize("name", contract.CONTRASTIVE)


def case_and_method(name):
    return contract.CASES[name], contract.rewound(name).rewind()


def subclasses(kind):
    return {kind}.union(*(subclasses(below) for below in kind.__subclasses__()))


def test_every_method_is_in_the_table():
    assert set(methods.METHODS) == {case.method.name for case in contract.CASES.values()}
    ours = {kind for kind in subclasses(methods.Method) if kind.__module__.startswith("looc_tf.")} - {methods.Method}
    assert ours == {type(contract.rewound(name).method) for name in contract.CASES}


@pytest.mark.parametrize("kind", [methods.Method, methods.LooC, methods.Supervised])
def test_no_name_shadows_one_of_keras(kind):
    meant = {"call", "train_step", "metrics", "get_config"}
    taken = {name for name in dir(keras.Model) if not name.startswith("__")}
    assert set(vars(kind)) & taken <= meant


@every_method
def test_no_attribute_shadows_one_of_keras(name):
    _, method = case_and_method(name)
    assert not (set(vars(method)) - set(vars(keras.Model()))) & set(dir(keras.Model))


@contrastive
def test_logged_losses_equal_the_numpy_twin_on_the_queue_before_the_step(name):
    case, method = case_and_method(name)
    for seed in range(2):  # the second step meets the keys of the first
        checks.losses_equal_the_twin(method, contract.make_batch(case, seed))


@contrastive
def test_a_space_contrasts_one_and_siblings_and_queue(name):
    case, method = case_and_method(name)
    checks.number_of_logits(method, contract.make_batch(case))


@contrastive
@pytest.mark.parametrize("sizes", [(8, 8, 8), (5, 3), (20, 4)], ids=["not dividing", "changing", "more than the queue"])
def test_the_queue_holds_momentum_keys_first_in_first_out(name, sizes):
    case, method = case_and_method(name)
    checks.queue_holds_momentum_keys(method, [contract.make_batch(case, s, size) for s, size in enumerate(sizes)])


@contrastive
def test_keys_follow_queries_in_closed_form(name):
    case, method = case_and_method(name)
    checks.keys_follow_in_closed_form(method, [contract.make_batch(case, seed) for seed in range(3)])


@contrastive
def test_key_statistics_come_from_its_own_passes(name):
    case, method = case_and_method(name)
    checks.key_statistics_are_its_own(method, contract.make_batch(case))


@every_method
def test_evaluation_changes_nothing(name):
    case, method = case_and_method(name)
    checks.evaluation_changes_nothing(method, contract.make_batch(case)["views"]["query"])


@contrastive
def test_no_gradient_reaches_keys_or_queues(name):
    case, method = case_and_method(name)
    checks.no_gradient_reaches_keys_or_queues(method, contract.make_batch(case))


@contrastive
def test_a_head_gets_gradient_from_its_own_loss_alone(name):
    case, method = case_and_method(name)
    checks.head_gets_gradient_from_its_own_loss(method, contract.make_batch(case))


@every_method
def test_a_checkpoint_holds_all_state(name, tmp_path):
    case, method = case_and_method(name)
    checks.checkpoint_holds_all_state(
        method, [contract.make_batch(case, seed) for seed in range(2)], tmp_path / "saved"
    )


@every_method
def test_eager_equals_graph(name):
    rewound = contract.rewound(name)
    checks.eager_equals_graph(rewound, [contract.make_batch(rewound.case, seed) for seed in range(2)])


@every_method
def test_a_step_lowers_the_loss(name):
    case, method = case_and_method(name)
    checks.a_step_lowers_the_loss(method, contract.make_batch(case))


@contrastive
def test_query_and_key_encoder_have_the_same_variables_and_start_equal(name):
    _, method = case_and_method(name)
    for part in ("trainable_variables", "non_trainable_variables"):
        query, key = getattr(method.encoder, part), getattr(method.key_encoder, part)
        assert [(v.name, v.shape) for v in query] == [(v.name, v.shape) for v in key]
        assert contract.same_bits(contract.arrays(query), contract.arrays(key))


@every_method
def test_only_what_learns_is_moved_by_the_optimizer(name):
    _, method = case_and_method(name)
    moved = {id(variable) for variable in method.learned()}
    assert moved >= {id(variable) for variable in method.encoder.trainable_variables}
