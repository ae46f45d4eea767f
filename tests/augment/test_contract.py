"""What every augmentation keeps to, through one table; a class that is missing from the table fails."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import lanes

from looc_tf import experiments, methods
from looc_tf.augment import AUGMENTATIONS, Augmentation, build, build_chain
from looc_tf.augment.base import unit_range
from looc_tf.errors import UserError

BATCH, SIZE = 24, 16

# name -> (settings, channels of the input, numbers u of a draw that changes nothing)
CASES = {
    "crop": ({"size": SIZE, "area": (0.2, 1.0)}, 3, [1.0, 0.5, 0.5, 0.5, 0.9]),
    "color": ({"hue": 0.5}, 3, [0.95, 0.1, 0.1, 0.1, 0.1, 0.1, 0.95]),
    "flip": ({}, 3, [0.9]),
    "rotation": ({}, 3, [0.9, 0.9]),
    "free_rotation": ({}, 3, [0.9, 0.9]),
    "texture": ({"sizes": [1, 3, 5]}, 3, [0.9] * (3 + 9 * 25)),
    "stylized": ({}, 6, None),  # of two pictures, one is left
    "blur": ({}, 3, [0.9, 0.9]),
    "solarize": ({}, 3, [0.9]),
    "puzzle": ({"cells": 2, "patch": 5, "permutations": 6}, 3, None),  # of each cell something is left out
    "patch_grid": ({"cells": 2, "patch": SIZE // 2}, 3, []),  # beside each other, as they lie
    "patch_color": ({"cells": 2, "hue": 0.5}, 3, 4 * [0.95, 0.1, 0.1, 0.1, 0.1, 0.1, 0.95]),
}
every = pytest.mark.parametrize("name", CASES)


def layer(name: str, **settings) -> Augmentation:
    return AUGMENTATIONS[name](**{**CASES[name][0], **settings})


def pictures(name: str) -> tf.Tensor:
    return tf.random.stateless_uniform([BATCH, SIZE, SIZE, CASES[name][1]], seed=(1, 2))


def uniform(augmentation: Augmentation, seed: int = 0) -> tf.Tensor:
    return tf.random.stateless_uniform([BATCH, augmentation.numbers], seed=(seed, 5))


def test_every_augmentation_is_in_the_table():
    assert set(CASES) == set(AUGMENTATIONS)


@every
def test_a_draw_is_a_pure_function_of_its_own_row(name):
    augmentation = layer(name)
    u = uniform(augmentation)
    once, again, reverse = augmentation.sample(u), augmentation.sample(u), augmentation.sample(u[::-1])
    for key, value in once.items():
        assert value.shape[0] == BATCH
        np.testing.assert_array_equal(value, again[key])
        np.testing.assert_array_equal(value, reverse[key][::-1])


@every
def test_bounds_of_the_numbers_give_finite_parameters_and_pixels_in_range(name):
    augmentation, images = layer(name), pictures(name)
    for bound in (0.0, np.nextafter(np.float32(1), np.float32(0))):
        views = augmentation.apply(images, augmentation.sample(tf.fill([BATCH, augmentation.numbers], bound))).numpy()
        assert np.isfinite(views).all()
        assert views.min() >= 0
        assert views.max() <= 1


@every
def test_same_parameters_same_pixels_and_tf_data_equals_eager(name):
    augmentation, images = layer(name), pictures(name)
    u = uniform(augmentation)
    views = augmentation.apply(images, augmentation.sample(u))
    assert views.dtype == tf.float32
    side = augmentation.side(SIZE)
    assert views.shape == [BATCH, side, side, 3]
    data = tf.data.Dataset.from_tensors((images, u)).map(lambda x, u: augmentation.apply(x, augmentation.sample(u)))
    lanes.same_in_a_graph(views, next(iter(data)))


@every
def test_each_image_reads_only_its_own_parameters(name):
    augmentation, images = layer(name), pictures(name)
    parameters = augmentation.sample(uniform(augmentation))
    views = augmentation.apply(images, parameters)
    order = np.random.default_rng(0).permutation(BATCH)
    moved = augmentation.apply(tf.gather(images, order), {key: tf.gather(p, order) for key, p in parameters.items()})
    np.testing.assert_array_equal(views.numpy()[order], moved)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case[2] is not None])
def test_a_draw_that_is_off_changes_no_bit(name):
    augmentation, images = layer(name), pictures(name)
    parameters = augmentation.sample(tf.constant([CASES[name][2]] * BATCH, tf.float32))
    np.testing.assert_array_equal(augmentation.apply(images, parameters), images)


@every
def test_works_as_a_keras_cv_layer(name):
    images = pictures(name)
    views = layer(name, seed=0)(images)
    assert views.shape == [BATCH, layer(name).side(SIZE), layer(name).side(SIZE), 3]
    np.testing.assert_array_equal(views, layer(name, seed=0)(images))  # 0 seeds, unlike in keras-cv
    bytes_views = layer(name, seed=0, value_range=(0, 255))({"images": 255 * images})["images"]
    np.testing.assert_allclose(bytes_views, 255 * views, atol=0.01)


@every
def test_is_rebuilt_from_its_config(name):
    original = layer(name, seed=3)
    rebuilt = type(original).from_config(original.get_config())
    u = uniform(original)
    for key, value in original.sample(u).items():
        np.testing.assert_array_equal(value, rebuilt.sample(u)[key])


@every
def test_stays_in_float32_under_mixed_precision(name):
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    assert layer(name)(pictures(name)).dtype == tf.float32


def test_unknown_names_and_settings_list_the_known_ones():
    with pytest.raises(UserError, match=r"Unknown augmentation 'colour'. Did you mean 'color'\? Expected one of crop"):
        build("colour")
    with pytest.raises(UserError, match=r"'color' has no setting 'hues'. Did you mean 'hue'\?"):
        build("color", hues=0.1)


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("crop", "area", [0.0, 1.0]),
        ("crop", "area", 0.5),
        ("crop", "flip", 2),
        ("color", "hue", 0.7),
        ("color", "brightness", "much"),
        ("free_rotation", "angle", 270),
        ("texture", "sizes", [2]),
        ("texture", "mixing", [0.9, 0.1]),
        ("blur", "sigma", [0, 2]),
        ("solarize", "threshold", None),
    ],
)
def test_a_bad_setting_is_a_user_error_that_names_it(name, setting, value):
    with pytest.raises(UserError, match=f"{name}.{setting}.*Received"):
        layer(name, **{setting: value})


def test_a_chain_is_built_in_order_and_crops_to_the_view_size():
    chain = build_chain({"color": None, "crop": {"flip": 0.0}}, size=20)
    assert list(chain) == ["color", "crop"]
    assert chain["crop"].size == 20
    assert chain["crop"].flip == 0


class Shift(Augmentation):
    """Somebody's own: brighter by up to `most`."""

    numbers = 1
    settings = ("most",)

    def __init__(self, most: float = 0.5, **options):
        super().__init__(**options)
        self.most = most

    def sample(self, u):
        return {"shift": u[:, 0] * self.most}

    def apply(self, images, parameters):
        return tf.clip_by_value(unit_range(images) + parameters["shift"][:, None, None, None], 0, 1)


def test_one_of_somebodys_own_is_named_in_a_config(monkeypatch):
    monkeypatch.setitem(AUGMENTATIONS, "shift", Shift)
    text = "views: {chain: {crop: {}, shift: {most: 0.25}}}\ntraining: {steps: 1}\nmethod: {spaces: [{name: all}]}"
    plan = methods.build_plan(experiments.from_text(text))
    views, drawn = plan(tf.zeros([4, 64, 64, 3], tf.uint8), tf.ones([4, plan.numbers]))
    np.testing.assert_allclose(views["query"], 0.25)
    assert "shift" in drawn["all"]
    with pytest.raises(UserError, match=r"has no setting 'least'\. Expected some of most"):
        build("shift", least=1)
