"""Each objective against numbers worked out by hand in float64, and against those of its misreadings."""

from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from tensorflow import keras

from looc_tf import losses, objectives
from looc_tf.objectives import clustered, distilled

A = [[1.0, 0.2, -0.5, 0.3], [-0.4, 0.9, 0.1, 0.7], [0.6, -0.8, 0.4, 0.2]]
B = [[0.8, 0.4, -0.3, 0.1], [-0.2, 1.0, 0.3, 0.4], [0.5, -0.6, 0.7, -0.1]]
C = [[0.9, -0.1, -0.4, 0.6], [-0.5, 0.7, -0.2, 0.8], [0.3, -0.9, 0.5, 0.4]]
D = [[0.7, 0.5, -0.1, 0.2], [0.1, 0.8, 0.4, 0.5], [0.4, -0.5, 0.9, 0.0]]
BOTH = [("query", "all"), ("all", "query")]
START = tf.constant(0, tf.int64)


def unit(rows):
    return tf.math.l2_normalize(tf.constant(rows), axis=1)


def close(found, expected):
    np.testing.assert_allclose(np.array(found), expected, rtol=0, atol=1e-5)


def off(square):
    """The rows of a square matrix without its diagonal."""
    return tf.reshape(square[~np.eye(len(square), dtype=bool)], [len(square), -1])


def contrast(siblings=(), temperature=0.5):
    space = objectives.InBatch("all", temperature, batch=3, siblings=len(siblings))
    rows = {name: unit(each) for name, each in {"query": A, "all": B, "c": C, "d": D}.items()}
    return space(rows, rows, BOTH, siblings, START)


def one_way(one, two, siblings=(), temperature=0.5):
    """The losses of the anchors of one view alone."""
    space = objectives.InBatch("all", temperature, batch=3, siblings=len(siblings))
    rows = {name: unit(each) for name, each in {"query": A, "all": B, "c": C, "d": D}.items()}
    found = space(rows, rows, [("query", "all"), (one, two)], siblings, START).loss
    return 2 * found - space(rows, rows, [("query", "all")], siblings, START).loss


def test_the_anchors_of_each_view():
    close(one_way("query", "all"), [0.510986, 0.345944, 0.438779])
    close(one_way("all", "query"), [0.520974, 0.389975, 0.358365])
    close(one_way("query", "all", ["c"]), [0.962785, 0.890568, 0.968563])
    close(one_way("all", "query", ["c"]), [0.874740, 0.794107, 0.831675])


def test_the_rows_of_the_other_view_as_the_only_negatives_are_another_loss():
    """The contrast across the views alone, as some libraries have it under the name of NT-Xent."""
    near = tf.matmul(unit(A), unit(B), transpose_b=True) / 0.5
    both = [
        losses.info_nce(tf.concat([tf.linalg.diag_part(s)[:, None], off(s)], axis=1))
        for s in (near, tf.transpose(near))
    ]
    wrong = tf.reduce_mean(tf.concat(both, axis=0))
    close(wrong, 0.222959)
    assert abs(float(wrong - tf.reduce_mean(contrast().loss))) > 0.2


def test_one_point_has_the_loss_of_guessing():
    space = objectives.InBatch("all", 0.5, batch=3)
    rows = dict.fromkeys(("query", "all"), unit([A[0]] * 3))
    close(space(rows, rows, BOTH, [], START).loss, [space.chance()] * 3)


def test_nt_xent():
    close(contrast().loss, [0.515980, 0.367960, 0.398572])
    close(tf.reduce_mean(contrast().loss), 0.427504)
    close(tf.reduce_mean(contrast(temperature=0.1).loss), 0.000692)
    close(objectives.InBatch("all", 0.5, batch=3).chance(), 1.609438)


def test_nt_xent_with_siblings_in_both_anchors_denominators():
    close(tf.reduce_mean(contrast(["c"]).loss), 0.887073)
    close(tf.reduce_mean(contrast(["c", "d"]).loss), 1.220461)
    close(objectives.InBatch("all", 0.5, batch=3, siblings=2).chance(), np.log(1 + 4 + 2))


def test_likeness_of_spaces():
    """Over the deviations of a sample, or unscaled, it is another number."""
    one, other = tf.constant(A), tf.constant(C)
    close(losses.likeness(one, other), 0.549861)
    close(losses.likeness(3 * one + 1, -other), 0.549861)
    close(losses.likeness(one[:, :1], one[:, :1]), 1.0)
    close(losses.likeness(tf.ones([3, 4]), other), 0.0)


def test_ranking_of_siblings():
    near = tf.stack([losses.cosine(tf.constant(A), tf.constant(each)) for each in (B, C, D)], axis=1) / 0.5
    close(losses.ranking(near), [1.031358, 1.056407, 1.079996])
    close(tf.reduce_mean(losses.ranking(near)), 1.055921)
    close(losses.ranking(tf.zeros([1, 3])), [1.098612])
    close(losses.ranking(near[:, :1]), [0, 0, 0])


def test_one_entropy_over_all_spaces():
    from looc_tf.methods.joint import crowding

    one, other = (tf.concat([unit(a), unit(b)], axis=1) / 2**0.5 for a, b in ((A, C), (B, D)))
    joint = tf.reduce_mean(crowding(one, other, 0.5))
    aligned = [
        objectives.Aligned("all", 0.5)({"query": unit(a), "all": unit(b)}, {}, BOTH, [], START).loss
        for a, b in ((A, B), (C, D))
    ]
    close(joint, 1.339649)
    close(tf.reduce_mean(aligned), -1.663872)
    close(tf.reduce_mean(aligned) + joint, -0.324224)


class Same(keras.layers.Layer):
    """A predictor that hands on what it is given."""

    def call(self, rows, training=False):
        return rows


def predicted(loss):
    space = objectives.Predicted("all", 4, Same(), loss)
    quick, slow = {"query": tf.constant(A), "all": tf.constant(B)}, {"query": tf.constant(C), "all": tf.constant(D)}
    return space(quick, slow, BOTH, [], START).loss


def losses_of(method):
    """The reduction that a method hands to its objective."""
    from looc_tf.experiments import from_dict
    from looc_tf.methods import METHODS, Facts

    experiment = from_dict({"method": {"name": method}})
    return METHODS[method].objective(experiment, experiment.method.spaces[0], Facts()).loss


def test_the_cosines_behind_both():
    close(losses.cosine(tf.constant(A), tf.constant(D)), [0.871542, 0.857180, 0.826475])
    close(losses.cosine(tf.constant(B), tf.constant(C)), [0.783114, 0.783189, 0.829283])


def test_on_equal_inputs_byol_is_four_and_four_simsiam():
    close(predicted(losses_of("byol")), 4 + 4 * predicted(losses_of("simsiam")))


def test_byol_adds_both_directions_up():
    close(predicted(losses_of("byol")), [0.690689, 0.719260, 0.688485])


def test_simsiam_takes_their_mean():
    close(predicted(losses_of("simsiam")), [-0.827328, -0.820185, -0.827879])


S1 = [[0.60, 0.50, 0.40], [0.55, 0.50, 0.45], [0.30, 0.35, 0.20], [0.70, 0.65, 0.60]]
S2 = [[0.58, 0.52, 0.35], [0.40, 0.55, 0.50], [0.25, 0.45, 0.30], [0.72, 0.60, 0.66]]
S3 = [[0.50, 0.48, 0.46], [0.44, 0.52, 0.43], [0.33, 0.36, 0.31], [0.61, 0.60, 0.66]]
Q1 = [
    [0.651496, 0.195586, 0.152918], [0.281658, 0.229849, 0.488493],
    [0.114100, 0.688010, 0.197890], [0.281658, 0.229849, 0.488493],
]  # fmt: skip
Q2 = [
    [0.735786, 0.234228, 0.029986], [0.019162, 0.406788, 0.574050],
    [0.014342, 0.827601, 0.158057], [0.431590, 0.041381, 0.527029],
]  # fmt: skip


def clusters(queue=0):
    """With the prototypes of the axes a row is its own scores."""
    space = objectives.Clustered("all", dimension=3, prototypes=3, temperature=0.1, epsilon=0.05, queue=queue)
    space.prototypes.assign(tf.eye(3))
    return space


def swapped(space, views, meets=BOTH, siblings=()):
    return space({name: tf.constant(rows) for name, rows in views.items()}, {}, meets, siblings, START)


def test_codes_of_sinkhorn():
    close(losses.sinkhorn(tf.constant(S1)), Q1)
    close(losses.sinkhorn(tf.constant(S2)), Q2)
    np.testing.assert_allclose(np.array(losses.sinkhorn(tf.constant(S1))).sum(1), 1, atol=1e-6)
    close(tf.reduce_sum(losses.sinkhorn(tf.constant(S1)), axis=0), [1.328912, 1.343293, 1.327795])


def test_a_maximum_for_each_row_gives_other_codes():
    rows = tf.constant(S1)
    wrong = losses.sinkhorn(rows - tf.reduce_max(rows, axis=1, keepdims=True))
    close(wrong[0], [0.654727, 0.192378, 0.152895])


def test_no_epsilon_is_too_small():
    codes = losses.sinkhorn(tf.constant(S1), epsilon=0.0005)
    np.testing.assert_allclose(np.array(codes).sum(1), 1, atol=1e-5)


def test_swapped_prediction():
    found = swapped(clusters(), {"query": S1, "all": S2})
    close(found.loss, [0.835540, 1.364289, 0.839888, 1.206046])
    close(tf.reduce_mean(found.loss), 1.061441)


def test_sinkhorn_of_each_replica_alone_is_another_loss():
    apart = [swapped(clusters(), {"query": S1[half], "all": S2[half]}).loss for half in (slice(2), slice(2, 4))]
    close(tf.reduce_mean(tf.concat(apart, axis=0)), 1.069978)


def test_small_views_find_both_codes_and_are_found_by_none():
    meets = [*BOTH, ("local1", "query"), ("local1", "all")]
    found = swapped(clusters(), {"query": S1, "all": S2, "local1": S3}, meets)
    close(tf.reduce_mean(found.loss), 1.055405)


def test_a_full_queue_stands_before_the_batch_in_sinkhorn():
    space = clusters(queue=2)
    codes = []
    with mock.patch.object(clustered, "sinkhorn", lambda *given: codes.append(losses.sinkhorn(*given)) or codes[-1]):
        swapped(space, {"query": S1, "all": S2})
        assert [len(each) for each in codes] == [4, 4]  # not full yet
        for queue in space.queues.values():
            queue.commit(tf.constant([[0.20, 0.60, 0.50], [0.65, 0.30, 0.55]]))
        codes.clear()
        swapped(space, {"query": S1, "all": S2})
    of_query = next(each for each in codes if abs(float(each[2][0]) - 0.698811) < 1e-4)
    close(of_query[2], [0.698811, 0.189306, 0.111883])
    close(of_query[4], [0.131163, 0.713669, 0.155168])


def test_siblings_enter_the_matrix_and_no_loss():
    codes = []
    with mock.patch.object(clustered, "sinkhorn", lambda *given: codes.append(losses.sinkhorn(*given)) or codes[-1]):
        found = swapped(clusters(), {"query": S1, "all": S2, "color": S3}, BOTH, ["color"])
    close(codes[0][:4], losses.sinkhorn(tf.concat([S2, S3], axis=0))[:4])
    assert found.nearness.shape == [4, 2]
    assert found.loss.shape == [4]


def test_prototypes_are_unit_columns_and_unit_ones_stay_to_the_bit():
    drawn = tf.random.stateless_normal([5, 7], (1, 2))
    once = clustered.unit_columns(drawn)
    close(tf.norm(once, axis=0), np.ones(7))
    np.testing.assert_array_equal(clustered.unit_columns(once), once)


T1, T2 = [[0.20, 0.10, -0.05], [0.05, 0.15, 0.0]], [[0.15, 0.12, -0.02], [0.02, 0.20, 0.01]]
U1, U2 = [[0.30, -0.10, 0.05], [0.0, 0.25, -0.05]], [[0.22, 0.05, -0.08], [0.10, 0.18, 0.02]]
U3 = [[0.12, 0.02, 0.04], [-0.03, 0.10, 0.06]]


def distillation():
    space = objectives.Distilled(
        "all", dimension=3, prototypes=3, temperature=0.1, sharpness=lambda step: 0.04, momentum=0.9
    )
    space.prototypes.assign(tf.eye(3))
    space.slow_prototypes.assign(tf.eye(3))
    space.center.value.assign([0.08, 0.10, -0.01])
    return space


def distil(meets=(*BOTH, ("local1", "query"), ("local1", "all")), space=None):
    quick = {name: tf.constant(rows) for name, rows in {"query": U1, "all": U2, "local1": U3}.items()}
    slow = {name: tf.constant(rows) for name, rows in {"query": T1, "all": T2}.items()}
    return (space or distillation())(quick, slow, list(meets), [], START)


def test_what_the_teacher_says():
    space = distillation()
    close(space._soften(tf.constant(T1), START), [[0.936240, 0.046613, 0.017148], [0.090031, 0.665241, 0.244728]])
    close(space._soften(tf.constant(T2), START), [[0.703314, 0.201503, 0.095183], [0.015876, 0.866813, 0.117310]])


def test_distillation():
    close(distil().loss, [0.752983, 0.772853])
    close(distil(BOTH).loss, [0.739675, 0.740301])


def test_the_center_takes_the_logits_as_they_were():
    space = distillation()
    space.commit(distil(space=space).remembered)
    close(space.center.value, [0.082500, 0.104250, -0.010500])
    centred = distillation()
    centred.commit(distil(space=centred).remembered - centred.center.value)
    assert np.abs(centred.center.value.numpy() - [0.082500, 0.104250, -0.010500]).max() > 1e-3


def test_the_last_layer_is_a_cosine():
    rows, kernel = unit([[1.0, 2.0], [3.0, -1.0]]), tf.constant([[3.0, 0.1], [4.0, 0.2]])
    close(distilled._scores(rows, kernel), rows @ tf.math.l2_normalize(kernel, axis=0))


@pytest.mark.parametrize(("step", "expected"), [(0, 0.99), (1, 0.990245), (5, 0.995), (9, 0.999755), (10, 1.0)])
def test_a_momentum_that_rises(step, expected):
    from looc_tf.models import rising

    close(rising(0.99, tf.constant(step / 10, tf.float32)), expected)
