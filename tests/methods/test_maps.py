"""Places of maps, rows of patches, colors from lightness: DIM, AMDIM, CPC, colorization against plain loops."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract

from looc_tf import losses
from looc_tf.augment import PatchGrid, cut_up
from looc_tf.config import Model, Views
from looc_tf.errors import UserError
from looc_tf.experiments import from_text, load
from looc_tf.methods import build_plan, forwards, in_recipe
from looc_tf.methods.cpc import causal_context
from looc_tf.models import Encoder, OfGrid
from looc_tf.models.lab import bins, lab, soft_bins

OWN = tf.eye(3) > 0


def scores(places=4):
    return tf.random.stateless_normal([3, 3, places], (1, 2))


def test_the_jensen_shannon_form_is_that_of_the_paper():
    given = tf.constant([[1.2, -0.3], [0.1, 0.8]])[:, :, None]  # a place a picture
    assert float(tf.reduce_mean(losses.local_jsd(given, tf.eye(2) > 0))) == pytest.approx(0.966568, abs=1e-5)


def test_places_of_the_own_picture_are_no_negatives_of_each_other():
    given, found = scores().numpy(), losses.local_info_nce(scores(), OWN)
    for picture in range(3):
        others = np.delete(given[picture], picture, axis=0).ravel()
        each = [-s + np.log(np.exp(s) + np.exp(others).sum()) for s in given[picture, picture]]
        assert float(found[picture]) == pytest.approx(np.mean(each), rel=1e-5)
    leaking = tf.where(OWN[:, :, None], -10.0, scores() - 12)  # the mask of the authors' code, under low scores
    against = tf.reduce_logsumexp(leaking, axis=[1, 2])
    wrong = tf.reduce_mean(tf.math.softplus(against[:, None] - (given - 12)[[0, 1, 2], [0, 1, 2]]), axis=1)
    assert np.abs(wrong - losses.local_info_nce(scores() - 12, OWN)).min() > 0.5


@pytest.mark.parametrize("name", ["dim", "dim_jsd", "amdim"])
def test_the_loss_is_that_of_each_pair_of_a_vector_and_places(name):
    method, batch = contract.rewound(name).rewind(), contract.make_batch(contract.CASES[name])
    expected = 0.0
    for sources, found in method.pairs(batch):
        near = np.einsum("bd,gld->bgl", sources, found)
        if name == "amdim":
            expected += 0.05 * np.mean(near**2) / 2
            near = 20 * np.tanh(near / 20)
        kind = losses.local_jsd if name == "dim_jsd" else losses.local_info_nce
        each = kind(tf.constant(near, tf.float32), tf.eye(contract.BATCH) > 0)
        expected += float(tf.reduce_mean(each)) / (2 if name == "amdim" else 1)
    assert contract.step(method, batch)["loss"] == pytest.approx(expected, rel=1e-3)


def test_amdim_contrasts_both_views_at_two_scales_with_sources_that_are_scaled():
    method, batch = contract.rewound("amdim").rewind(), contract.make_batch(contract.CASES["amdim"])
    shapes = [(tuple(one.shape), tuple(other.shape)) for one, other in method.pairs(batch)]
    fine, coarse = ((contract.BATCH, side**2, 8) for side in (8, 4))  # stage3 and stage4 of 16 px
    assert shapes == 2 * [((contract.BATCH, 8), fine), ((contract.BATCH, 8), coarse), ((contract.BATCH, 8), coarse)]
    (query, other) = build_plan(contract.CASES["amdim"]).views
    assert build_plan(contract.CASES["amdim"]).shared(query, other) == ("flip",)


def test_so_many_places_of_a_map_are_contrasted_at_most():
    case = replace(contract.CASES["dim"], method=replace(contract.CASES["dim"].method, places=16))
    method, batch = contract.build(case), contract.make_batch(case)
    ((_, found),) = method.pairs(batch)
    every = method.of_places(method.encoder(batch["views"]["query"], training=True, maps=["stage3"])["stage3"])
    assert every.shape[1:3] == (8, 8)
    some = tf.reshape(every[:, ::2, ::2], [contract.BATCH, 16, -1])
    np.testing.assert_allclose(found, some, rtol=1e-4, atol=1e-5)


def test_maps_are_those_of_the_trunk_itself():
    encoder = Encoder(Model(width=4, backbone="resnet10"), [])
    images = tf.random.stateless_uniform([2, 16, 16, 3], (1, 2))
    outputs = encoder(images, maps=["stage5", "stage2", "stage3", "stage4"])
    assert {name: tuple(outputs[name].shape[1:]) for name in ("stage2", "stage3", "stage4")} == {
        "stage2": (16, 16, 4), "stage3": (8, 8, 8), "stage4": (4, 4, 16),
    }  # fmt: skip
    np.testing.assert_array_equal(outputs["stage4"], encoder.shared((images - MEAN) / DEVIATION))
    np.testing.assert_array_equal(outputs["trunk"], encoder(images)["trunk"])
    np.testing.assert_allclose(tf.reduce_mean(outputs["stage5"], axis=[1, 2]), outputs["trunk"], rtol=1e-5, atol=1e-6)
    assert encoder.map_channels("stage3") == 8 and encoder.map_channels("stage5") == 32
    with pytest.raises(UserError, match="Expected a network with the stages stage2, stage3, stage4, stage5, one of"):
        encoder(images, maps=["stage6"])


MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


def test_no_row_of_the_context_has_seen_one_below_it():
    context, grid = causal_context(4), tf.random.stateless_normal([1, 5, 5, 4], (1, 2))
    below = tf.concat([grid[:, :3], grid[:, 3:] + 1], axis=1)
    one, other = context(grid), context(below)
    np.testing.assert_array_equal(one[:, :3], other[:, :3])
    assert np.abs(one[:, 3:] - other[:, 3:]).max() > 0
    sideways = tf.concat([grid[:, :, :4], grid[:, :, 4:] + 1], axis=2)
    assert np.abs(context(sideways)[:, 0, 0] - one[:, 0, 0]).max() > 0


def test_cpc_finds_each_patch_under_its_own_number():
    three = {"crop": {}, "patch_grid": {"cells": 3, "patch": 8}}
    case = replace(contract.CASES["cpc"], views=Views(contract.PIXELS, three))
    method, batch = contract.build(case), contract.make_batch(case)
    patches = method.encoder(cut_up(batch["views"]["query"], 3), training=True)["trunk"].numpy()
    grid = patches.reshape(3, 3, contract.BATCH, -1).transpose(2, 0, 1, 3)
    context, found = method.context(grid), method.target(grid).numpy().reshape(9 * contract.BATCH, -1)
    losses_of, labels = [], {1: [], 2: []}
    for offset in (1, 2):
        guess = 0.1 * method.ahead[str(offset)](context).numpy()
        for picture in range(contract.BATCH):
            for row in range(3 - offset):
                for column in range(3):
                    logits = found @ guess[picture, row, column]
                    label = 9 * picture + 3 * (row + offset) + column
                    labels[offset].append(label)
                    losses_of.append((offset, np.log(np.exp(logits).sum()) - logits[label]))
    assert labels[1][:12] == [3, 4, 5, 6, 7, 8, 12, 13, 14, 15, 16, 17] and labels[2][:6] == [6, 7, 8, 15, 16, 17]
    expected = np.mean([np.mean([loss for offset, loss in losses_of if offset == each]) for each in (1, 2)])
    assert contract.step(method, batch)["loss"] == pytest.approx(expected, rel=1e-4)


def test_by_default_cpc_asks_for_no_patch_that_its_context_touches():
    case = load("cifar10/cpc")
    settings = case.views.chain["patch_grid"]
    grid = PatchGrid(**settings)
    rows = tf.broadcast_to(tf.range(32.0)[None, :, None, None], [64, 32, 32, 1])
    drawn = grid.sample(tf.random.stateless_uniform([64, grid.numbers], (1, 2)))
    lines = cut_up(grid.apply(rows, drawn), 5).numpy().reshape(5, 5, 64, 12, 12)[..., 0]  # [row, column, B, line]
    first, last = lines[..., 0], lines[..., -1]
    assert [first[row].min() for row in range(5)] == [0, 4, 9, 14, 19]
    assert [first[row].max() for row in range(5)] == [1, 6, 11, 16, 20]
    offset = min(case.method.offsets)
    assert min((first[row + offset].min() - last[row].max()) for row in range(5 - offset)) == 2  # one line between them
    assert forwards(case) == pytest.approx(25 * 144 / 1024)
    made = in_recipe(load("cifar10/looc-rotation"), "cpc")
    assert made.views.chain["patch_grid"] == {"cells": 5, "patch": 12, "jitter": 1}
    assert made.method.offsets == case.method.offsets


def test_what_is_evaluated_of_cpc_is_the_mean_over_the_patches():
    encoder = Encoder(Model(width=4, backbone="plain6", batch_norm="layer"), [])
    images = tf.random.stateless_uniform([2, 16, 16, 3], (1, 2))
    found = OfGrid(encoder, cells=3, patch=8)(images)["trunk"]
    each = [encoder(images[:, r : r + 8, c : c + 8])["trunk"] for r in (0, 4, 8) for c in (0, 4, 8)]
    np.testing.assert_allclose(found, np.mean(each, axis=0), rtol=1e-4, atol=1e-5)


def test_layer_norm_takes_no_statistic_of_a_batch():
    encoder = Encoder(Model(width=4, backbone="plain6", batch_norm="layer"), ["all"])
    images = tf.random.stateless_uniform([4, 16, 16, 3], (1, 2))
    alone, together = encoder(images[:1], training=True), encoder(images, training=True)
    np.testing.assert_allclose(alone["all"], together["all"][:1], rtol=1e-4, atol=1e-5)
    text = "model: {batch_norm: layer, width: 4}\ntraining: {steps: 1, batch: 8}\nmethod: {spaces: [{name: all}]}"
    method = contract.methods.build(from_text(text))
    kinds = {type(each).__name__ for each in method.key_encoder.submodules}
    assert "GroupNormalization" in kinds and not any("BatchNorm" in kind for kind in kinds)


def test_a_color_is_shared_by_its_nearest_bins():
    centers = bins()
    assert len(centers) == 261 and not (centers % 10).any()
    color = tf.constant([[12.0, -3.0], [0.0, 0.0]])
    found = soft_bins(color).numpy()
    for row, given in zip(found, color.numpy()):
        apart = ((centers - given) ** 2).sum(axis=1)
        nearest = np.argsort(apart, kind="stable")[:5]
        weights = np.exp(-apart[nearest] / 50)
        np.testing.assert_allclose(row[nearest], weights / weights.sum(), rtol=1e-4)
        assert (row > 0).sum() == 5 and row.sum() == pytest.approx(1, rel=1e-5)


def test_colorization_sees_lightness_alone_and_asks_for_four_pixels_of_each_place():
    method, batch = contract.rewound("colorize").rewind(), contract.make_batch(contract.CASES["colorize"])
    images = batch["views"]["query"]
    logits = method.painter(method.encoder(images, training=True, maps=["stage5"])["stage5"]).numpy()
    each = soft_bins(lab(images)[:, 2::4, 2::4, 1:]).numpy()  # 16 px, 2 x 2 places
    colors = each.reshape(-1, 2, 2, 2, 2, each.shape[-1]).mean(axis=(2, 4))
    log_shares = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    expected = -np.mean((colors * log_shares).sum(axis=-1))
    assert contract.step(method, batch)["loss"] == pytest.approx(expected, rel=1e-4)
    assert "color" not in build_plan(contract.CASES["colorize"]).used(build_plan(contract.CASES["colorize"]).views[0])
    light = tf.repeat(tf.constant([[[[0.9]]]]), 3, axis=-1) * tf.ones([1, 16, 16, 3])
    red = tf.constant([1.0, 0.0, 0.0]) * tf.ones([1, 16, 16, 3])
    same = red * 0 + _gray_of_lightness(lab(red)[0, 0, 0, 0])
    np.testing.assert_allclose(method.encoder(red)["trunk"], method.encoder(same)["trunk"], rtol=1e-3, atol=1e-4)
    assert np.abs(method.encoder(red)["trunk"] - method.encoder(light)["trunk"]).max() > 1e-3


def _gray_of_lightness(lightness):
    linear = ((float(lightness) + 16) / 116) ** 3
    return 1.055 * linear ** (1 / 2.4) - 0.055


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("method: {name: dim, stage: stage5}", "Unknown method.stage 'stage5'"),
        ("method: {name: dim, objective: dv}", "Unknown method.objective 'dv'"),
        ("method: {name: dim, places: 0}", "method.places"),
        ("method: {name: amdim}\nmodel: {backbone: keras/MobileNetV2}", "takes feature maps of stages of a ResNet"),
        ("method: {name: cmc}\nmodel: {backbone: keras/MobileNetV2}", "takes a branch for each of lightness and color"),
        ("method: {name: cmc, proximal: 30}", "no own row to stay close to. Received method.proximal=30"),
        ("method: {name: colorize}\ndata: {bands: [0, 1]}", "takes lightness and color of RGB apart. Received 2 bands"),
        (
            "method: {name: colorize}\nmodel: {backbone: keras/MobileNetV2}",
            "takes the last map of a ResNet",
        ),
        (
            "method: {name: dim}\ntraining: {batch: 1}",
            r"contrasts the pictures of a batch. Received training.batch of 1",
        ),
        ("method: {name: cpc}", "takes one patch_grid in views.chain. Received none"),
        (
            "method: {name: cpc}\nviews: {chain: {crop: {}, patch_grid: {cells: 5}, patch_color: {}}}",
            "views.chain.patch_color takes 'patch_grid' apart .* Set its `cells` to 5. Received 7",
        ),
        ("method: {name: cpc, offsets: [7]}\nviews: {chain: {crop: {}, patch_grid: {}}}", r"from 1 to 6 of 7 rows"),
    ],
)
def test_mistakes_are_told_in_one_line(text, said):
    with pytest.raises(UserError, match=said) as caught:
        from_text(text, ["training.steps=1"])
    assert "\n" not in str(caught.value)
