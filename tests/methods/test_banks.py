"""Instance discrimination by a bank: its numbers, worked out by another program in float64, and what a bank is."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract

from looc_tf import losses, methods
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.memory import Bank
from looc_tf.objectives import Instances

A = [[1.0, 0.2, -0.5, 0.3], [-0.4, 0.9, 0.1, 0.7]]
LAB = [[52.2521, 2.7760, -46.2857], [53.2406, 80.0923, 67.2028]]
BANK = [[1, 0, 0, 0.2], [0.2, 1, 0, 0], [0, 0.3, 1, 0], [0.5, 0, 0.5, 1], [-1, 0.4, 0.1, 0]]
PICTURES, DRAWN = [1, 3], [[0, 2, 4], [4, 1, 0]]
START = tf.constant(0, tf.int64)


def unit(rows):
    return tf.math.l2_normalize(tf.constant(rows, tf.float32), axis=1)


def close(found, expected):
    np.testing.assert_allclose(np.array(found), expected, rtol=0, atol=1e-5)


def similarities(rows=A, bank=BANK):
    """Of each row to its own picture, then to those that were drawn for it."""
    near = tf.matmul(unit(rows), unit(bank), transpose_b=True) / 0.5
    return tf.gather(near, [[own, *drawn] for own, drawn in zip(PICTURES, DRAWN)], batch_dims=1)


def instances(kind="softmax", **options):
    given = {"pictures": 5, "dimension": 4, "momentum": 0.5, "temperature": 0.5, "negatives": 3, **options}
    made = Instances("all", kind=kind, **given)
    made.bank.value.assign(unit(BANK))
    return made


def test_noise_contrastive_estimation():
    near = similarities()
    close(tf.exp(near), [[1.949905, 5.868614, 0.487964, 0.217240], [2.097568, 3.235790, 3.767387, 0.656679]])
    partition = losses.log_partition(near, pictures=5)
    close(tf.exp(partition), 11.425717)
    close(tf.reduce_mean(losses.nce(near, partition, 5)), 2.296630)
    close(losses.nce(near, partition, 5), [1.507577 + 0.718409, 1.451210 + 0.916063])


def test_a_softmax_over_those_that_were_drawn_is_another_loss():
    close(losses.info_nce(similarities()), [1.475073, 1.537250])


def test_a_softmax_over_all_pictures():
    loss, _ = instances()(unit(A), tf.constant(PICTURES), START)
    close(loss, [1.699820, 1.706054])


def test_rows_move_half_of_the_way_to_unit_rows():
    made = instances()
    made.commit(tf.constant(PICTURES), unit(A) * 3)
    expected = unit(BANK).numpy()
    expected[1], expected[3] = [0.641248, 0.704591, -0.260589, 0.156353], [0.047316, 0.448381, 0.296417, 0.841934]
    close(made.bank.everything(), expected)


def test_no_other_row_is_touched():
    bank = Bank("rows", pictures=6, dimension=4, momentum=0.5)  # whose first rows are not of length 1
    before = bank.everything().numpy()
    bank.commit(tf.constant([4, 1]), unit(A))
    np.testing.assert_array_equal(np.delete(bank.everything(), [1, 4], axis=0), np.delete(before, [1, 4], axis=0))
    assert np.abs(np.linalg.norm(before, axis=1) - 1).min() > 1e-3


def test_the_distance_to_the_own_row_is_the_papers_proximal_term():
    close(tf.reduce_sum((unit(A) - tf.gather(unit(BANK), PICTURES)) ** 2, axis=1), [1.332219, 1.259221])
    case = contract.replace(contract.CASES["instdisc"], method=methods.InstDisc.Settings(proximal=0.5))
    batch = contract.make_batch(case)
    plain, held = (contract.build(each) for each in (contract.CASES["instdisc"], case))
    rows = plain.encoder(batch["views"]["query"], training=True)["all"]
    far = tf.reduce_sum((rows - plain.banks["all"].bank.rows(batch["picture"])) ** 2, axis=1)
    (one, _), (other, _) = (method.compare(batch, ()) for method in (plain, held))
    np.testing.assert_allclose(other["all"], one["all"] + 0.5 * far, rtol=1e-5)


@pytest.mark.parametrize("kind", ["softmax", "nce", "info_nce"])
def test_one_point_for_every_picture_has_the_loss_of_guessing(kind):
    made = instances(kind)
    made.bank.value.assign(unit([A[0]] * 5))
    others = [picture for picture in range(5) if picture not in made.bank.drawn(3, START).numpy()]
    loss, _ = made(unit([A[0]] * len(others)), tf.constant(others), START)
    close(loss, [made.chance()] * len(others))


@pytest.mark.parametrize(("kind", "of_logits"), [("info_nce", losses.info_nce), ("pirl", losses.softmax_nce)])
def test_the_own_picture_is_no_negative_of_itself(kind, of_logits):
    made = instances(kind, negatives=20)  # of 5 pictures: each comes several times
    drawn = made.bank.drawn(20, START).numpy()
    assert set(PICTURES) < set(drawn)
    loss, _ = made(unit(A), tf.constant(PICTURES), START)
    for row, (picture, found) in enumerate(zip(PICTURES, loss)):
        near = tf.matmul(unit(A), made.bank.everything(), transpose_b=True)[row].numpy() / 0.5
        close(found, of_logits(tf.constant([[near[picture], *near[drawn[drawn != picture]]]]))[0])
    with tf.GradientTape() as tape:
        tape.watch(rows := unit(A))
        loss, _ = made(rows, tf.constant(PICTURES), START)
    assert np.isfinite(tape.gradient(loss, rows)).all()


def test_the_partition_is_that_of_the_first_batch():
    made = instances("nce")
    first, found = made(unit(A), tf.constant(PICTURES), START)
    drawn = made.bank.drawn(3, START)
    own = tf.reduce_sum(unit(A) * made.bank.rows(tf.constant(PICTURES)), axis=1, keepdims=True)
    near = tf.concat([own, tf.matmul(unit(A), made.bank.rows(drawn), transpose_b=True)], axis=1) / 0.5
    close(first, losses.nce(near, losses.log_partition(near, 5), 5))
    made.commit(tf.constant(PICTURES), unit(A), found)
    kept = float(made.partition)
    close(kept, losses.log_partition(near, 5))
    _, found = made(unit(A) * 0.1, tf.constant(PICTURES), START)
    made.commit(tf.constant(PICTURES), unit(A), found)
    assert float(made.partition) == kept


def test_a_bank_has_a_row_for_each_picture_once_and_draws_by_seed_and_step():
    bank = Bank("bank", pictures=50, dimension=8, momentum=0.5, seed=3)
    assert sum(4 * int(tf.size(each)) for each in bank.variables) == 4 * 50 * 8
    lengths = np.linalg.norm(bank.everything(), axis=1)
    assert abs(lengths.mean() - 1) < 0.05 and lengths.std() > 0
    same = Bank("bank", pictures=50, dimension=8, momentum=0.5, seed=3)
    assert np.array_equal(bank.drawn(20, 7), same.drawn(20, 7))
    assert not np.array_equal(bank.drawn(20, 7), bank.drawn(20, 8))
    before = bank.everything().numpy()
    bank.commit(tf.constant([7, 2]), tf.ones([2, 8]))
    changed = np.flatnonzero((bank.everything() != before).numpy().any(axis=1))
    assert changed.tolist() == [2, 7]
    np.testing.assert_allclose(np.linalg.norm(bank.rows(tf.constant([2, 7])), axis=1), 1, rtol=1e-6)


@pytest.mark.parametrize("name", ["instdisc", "instdisc_nce", "instdisc_info_nce"])
def test_a_step_compares_with_the_rows_of_before_it(name):
    """Scores that are written before the loss find themselves."""
    method, batch = contract.rewound(name).rewind(), contract.make_batch(contract.CASES[name])
    rows = method.encoder(batch["views"]["query"], training=True)["all"]
    bank, pictures = method.banks["all"].bank, batch["picture"]
    expected, _ = method.banks["all"](rows, pictures, method.optimizer.iterations)
    moved = tf.math.l2_normalize(bank.rows(pictures) + rows, axis=1)
    assert contract.step(method, batch)["loss"] == pytest.approx(float(tf.reduce_mean(expected)), rel=1e-5)
    np.testing.assert_allclose(bank.rows(pictures), moved, atol=1e-5)


D = [[0.7, 0.5, -0.1, 0.2], [0.1, 0.8, 0.4, 0.5]]
OTHER_BANK = [[0, 1, 0.2, 0], [0.3, 0, 1, 0], [1, 0, 0, 0.4], [0, 0.5, 0.5, 1], [0.2, -1, 0, 0.6]]


def test_lightness_and_color_find_each_other_in_the_others_bank():
    """Own banks, the misreading that trains and means little, have another loss."""
    rows, banks = {"L": A, "ab": D}, {"L": BANK, "ab": OTHER_BANK}
    crossed = [similarities(rows[side], banks[methods.CMC.asks(side)]) for side in rows]
    close([losses.info_nce(near) for near in crossed], [[2.531381, 0.771596], [0.956491, 1.218514]])
    partitions = [losses.log_partition(near, 5) for near in crossed]
    close(tf.exp(partitions), [12.476480, 13.622221])
    found = [losses.nce(near, partition, 5) for near, partition in zip(crossed, partitions)]
    close(found, [[3.316593, 1.556946], [1.751145, 2.051784]])
    own = [losses.info_nce(similarities(rows[side], banks[side])) for side in rows]
    close(tf.reduce_mean(tf.add_n(own)), 2.971391)


@pytest.mark.parametrize("name", ["cmc", "cmc_nce"])
def test_each_side_is_compared_with_the_bank_of_the_other_and_moves_its_own(name):
    method, batch = contract.rewound(name).rewind(), contract.make_batch(contract.CASES[name])
    rows = method.encoder(batch["views"]["query"], training=True)
    before = {side: bank.bank.rows(batch["picture"]) for side, bank in method.banks.items()}
    expected = [
        method.banks[other](rows[side], batch["picture"], method.optimizer.iterations)[0]
        for side, other in (("L", "ab"), ("ab", "L"))
    ]
    assert contract.step(method, batch)["loss"] == pytest.approx(float(tf.reduce_mean(expected)), rel=1e-5)
    for side, bank in method.banks.items():
        moved = tf.math.l2_normalize(before[side] + rows[side], axis=1)
        np.testing.assert_allclose(bank.bank.rows(batch["picture"]), moved, atol=1e-5)


def test_lightness_sees_no_color_and_color_no_lightness():
    method = contract.rewound("cmc").rewind()
    pictures = contract.make_batch(contract.CASES["cmc"])["views"]["query"]
    gray = tf.repeat(tf.reduce_mean(pictures, axis=3, keepdims=True), 3, axis=3)
    bright, dark = (method(each) for each in (gray, 0.5 * gray))
    np.testing.assert_allclose(bright["ab"], dark["ab"], atol=1e-3)
    assert np.abs(bright["L"] - dark["L"]).max() > 1e-2
    sides = [method(pictures)[f"branch_{side}"] for side in ("L", "ab")]
    assert np.array_equal(method(pictures)["trunk"], tf.concat(sides, axis=1))


def test_lab_is_scikit_images():
    from looc_tf.models.lab import Lab, lab

    close(lab(tf.constant([[0.2, 0.5, 0.8], [1.0, 0, 0]])) / 100, np.array(LAB) / 100)
    cube = np.stack(np.meshgrid(*[np.linspace(0, 1, 17, dtype=np.float32)] * 3), axis=-1)[None, :, :, :]
    scaled = np.array(Lab()(cube.reshape(1, 17, -1, 3)))
    assert scaled.min() >= -1.001 and scaled.max() <= 1.001
    np.testing.assert_allclose([scaled.min((0, 1, 2)), scaled.max((0, 1, 2))], [[-1] * 3, [1] * 3], atol=1e-3)


def test_black_has_a_gradient():
    from looc_tf.models.lab import lab

    black = tf.zeros([1, 3])
    with tf.GradientTape() as tape:
        tape.watch(black)
        value = tf.reduce_sum(lab(black))
    assert np.isfinite(tape.gradient(value, black)).all()


def test_the_number_of_pictures_has_to_be_known():
    with pytest.raises(UserError, match=r"a row for each training picture\. Received no number of pictures; build it"):
        methods.build(contract.CASES["instdisc"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["method.objective=sofmax"], "Unknown method.objective 'sofmax'. Did you mean 'softmax'"),
        (["method.objective=nce", "training.accumulate=2"], "first batch, needs the whole batch at once"),
        (["method.negatives=0"], "method.negatives should lie between 1 and"),
        (["method.bank_momentum=1.5"], "method.bank_momentum should lie between 0 and 1"),
        (["method.proximal=-1"], "method.proximal should be at least 0"),
    ],
)
def test_what_cannot_work_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        methods.check(load("factors/moco", changes, method="instdisc"))


def test_color_is_that_of_rgb():
    case = contract.CASES["cmc"]
    case = contract.replace(case, data=contract.replace(case.data, bands=(0, 1, 2, 3)))
    with pytest.raises(UserError, match=r"lightness and color of RGB apart\. Received 4 bands"):
        methods.check(case)
