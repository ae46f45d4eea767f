"""The table of all methods, in their smallest form, and what the contract checks share.

`CASES` maps a name to one experiment per method and per shape of it. A method that is in `looc_tf.methods.METHODS` and
not in this table fails `test_every_method_is_in_the_table`: a new method passes through every check or does not enter.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf
from tensorflow import keras

from looc_tf import config, experiments, methods, optim, views
from looc_tf.augment import Patches
from looc_tf.config import Experiment, Method, Model, Optimizer, Training, Views
from looc_tf.methods import Facts, SimCLR
from looc_tf.methods.looc import Settings, Space
from looc_tf.views import View, ViewPlan

BATCH, QUEUE, PIXELS, CLASSES, PICTURES = 8, 12, 16, 3, 40  # the batch does not divide the queue
MODEL = Model(backbone="plain6", width=4, hidden=32, dimension=8)  # a narrower head gives some pictures the zero vector
CHAIN = ("crop", "color", "rotation", "texture")
SPACES = tuple(Space(name, shares, queue=QUEUE) for name, shares in [("all", ()), *((c, (c,)) for c in CHAIN[1:])])


def experiment(spaces: tuple[Space, ...], model: Model = MODEL, seed: int = 3, **method) -> Experiment:
    """A tiny experiment; batches do not come from its data, so that part is left at its default."""
    settings = Settings(spaces=spaces, **{"momentum": 0.9, "key_groups": 4, **method})
    return of_method(settings, model, seed)


def of_method(settings: Method, model: Model = MODEL, seed: int = 3, chain: tuple[str, ...] = CHAIN) -> Experiment:
    """A tiny experiment of any method."""
    shown = Views(size=PIXELS, chain={name: {} for name in chain})
    training = Training(batch=BATCH, steps=100)
    return Experiment(seed=seed, views=shown, model=model, method=settings, training=training)


SHARING = tuple(views.Space(space.name, space.shares) for space in SPACES[:3])  # for pair methods
MULTICROP = Views(size=PIXELS, chain={"crop": {}, "local": {"kind": "crop", "size": 8}, "color": {}})

CUT = {"crop": {"size": 24}, "color": {}, "puzzle": {"patch": 6, "permutations": 4}}
BESIDE = {
    "crop": {"only": "query"},
    "pieces": {"kind": "crop", "size": 24, "only": "keys"},
    "color": {},
    "puzzle": {"patch": 6, "only": "keys"},
}

CASES: dict[str, Experiment] = {
    "moco": experiment(SPACES[:1]),  # LooC with n = 0
    "moco_v1": experiment(SPACES[:1], replace(MODEL, head="linear")),
    "moco_same_rotation": experiment((replace(SPACES[2], name="same"),)),
    "moco++": experiment(tuple(replace(SPACES[0], name=f"all_{i}") for i in range(2)), branch_per_space=True),
    "looc_1": experiment(SPACES[:2]),
    "looc_2": experiment(SPACES[:3]),
    "looc_3": experiment(SPACES),
    "looc++": experiment(SPACES[:3], branch_per_space=True),
    "simclr": of_method(SimCLR.Settings(), replace(MODEL, head="batch_norm_mlp")),
    "simclr_multicrop": replace(
        of_method(SimCLR.Settings(local_views=2)),
        views=MULTICROP,
    ),
    "simclr_looc": of_method(SimCLR.Settings(spaces=SHARING), replace(MODEL, head="batch_norm_mlp")),
    "byol": of_method(methods.BYOL.Settings(predictor=16, rising=True), replace(MODEL, head="hidden_norm_mlp")),
    "byol_looc": of_method(
        methods.BYOL.Settings(spaces=SHARING, predictor=16, symmetric=False, rising=True, rank_siblings=0.3),
        replace(MODEL, head="hidden_norm_mlp"),
    ),
    "simsiam": of_method(methods.SimSiam.Settings(predictor=16), replace(MODEL, head="deep_norm_mlp")),
    "simsiam_looc": of_method(
        methods.SimSiam.Settings(spaces=SHARING, predictor=16), replace(MODEL, head="deep_norm_mlp")
    ),
    "swav": replace(
        of_method(
            methods.SwAV.Settings(prototypes=6, local_views=2, queue=12, queue_epochs=0, frozen_epochs=1),
            replace(MODEL, head="hidden_norm_mlp"),
        ),
        views=MULTICROP,
    ),
    "swav_pair": of_method(methods.SwAV.Settings(prototypes=6), replace(MODEL, head="hidden_norm_mlp")),
    "swav_looc": of_method(
        methods.SwAV.Settings(spaces=SHARING, prototypes=6, unlike_spaces=0.3), replace(MODEL, head="hidden_norm_mlp")
    ),
    "dino": replace(
        of_method(methods.DINO.Settings(prototypes=6, local_views=2), replace(MODEL, head="gelu_norm_mlp")),
        views=MULTICROP,
    ),
    "dino_pair": of_method(
        methods.DINO.Settings(prototypes=6, frozen_epochs=0, clip=0.5), replace(MODEL, head="gelu_norm_mlp")
    ),
    "dino_looc": of_method(
        methods.DINO.Settings(spaces=SHARING, prototypes=6, rank_siblings=0.3), replace(MODEL, head="gelu_norm_mlp")
    ),
    "joint": of_method(methods.Joint.Settings(), replace(MODEL, head="batch_norm_mlp")),
    "joint_looc": of_method(methods.Joint.Settings(spaces=SHARING), replace(MODEL, head="batch_norm_mlp")),
    "augself": of_method(
        methods.AugSelf.Settings(predictor=16, predicts=CHAIN[:3], hidden=8), replace(MODEL, head="deep_norm_mlp")
    ),
    "essl": replace(of_method(methods.ESSL.Settings(hidden=8), replace(MODEL, head="batch_norm_mlp")), views=MULTICROP),
    "essl_simsiam": replace(
        of_method(methods.ESSLSimSiam.Settings(predictor=16, hidden=8), replace(MODEL, head="deep_norm_mlp")),
        views=MULTICROP,
    ),
    "instdisc": of_method(methods.InstDisc.Settings(), replace(MODEL, head="linear")),
    "instdisc_nce": of_method(methods.InstDisc.Settings(objective="nce", negatives=12), replace(MODEL, head="linear")),
    "instdisc_info_nce": of_method(methods.InstDisc.Settings(objective="info_nce", negatives=12)),
    "pirl": replace(
        of_method(methods.PIRL.Settings(negatives=12), replace(MODEL, head="linear")), views=Views(PIXELS, BESIDE)
    ),
    "cmc": of_method(methods.CMC.Settings(), replace(MODEL, head="linear")),
    "cmc_nce": of_method(methods.CMC.Settings(objective="nce", negatives=12), replace(MODEL, head="linear")),
    "cpc": replace(
        of_method(methods.CPC.Settings(offsets=(1, 2)), replace(MODEL, batch_norm="layer")),
        views=Views(PIXELS, {"crop": {}, "color": {}, "patch_grid": {"cells": 3, "patch": 8}}),
    ),
    "dim": of_method(methods.DIM.Settings(hidden=16)),
    "dim_jsd": of_method(methods.DIM.Settings(hidden=16, objective="jsd", stage="stage2")),
    "amdim": of_method(methods.AMDIM.Settings(hidden=16), chain=("flip", *CHAIN[:2])),
    "rotnet": of_method(methods.RotNet.Settings()),
    "jigsaw": replace(of_method(methods.Jigsaw.Settings(hidden=16)), views=Views(PIXELS, CUT)),
    "relative_patch": replace(
        of_method(methods.RelativePatch.Settings(hidden=16)),
        views=Views(PIXELS, {**CUT, "puzzle": {"patch": 6, "permutations": 1}}),
    ),
    "colorize": of_method(methods.Colorize.Settings()),
    "supervised": of_method(methods.Supervised.Settings()),
    "finetune": of_method(methods.FineTune.Settings(trunk_rate=0.5)),
    "finetune_linear": of_method(methods.FineTune.Settings(trunk_rate=0.0)),
}
CONTRASTIVE = [name for name, case in CASES.items() if case.method.name == "looc"]


def build(
    case: Experiment,
    precision: str = "float32",
    rate: float = 0.03,
    eager: bool = True,
    decay: float = 1e-4,
    facts: Facts | None = None,
    loss_scale: float | None = None,
) -> methods.Method:
    """The method of a case, compiled; steps run eagerly unless asked otherwise: a trace costs more than a step."""
    case = replace(case, training=replace(case.training, precision=precision))
    method = methods.build(case, facts or Facts(classes=CLASSES, pictures=PICTURES, steps=100, epoch=1))
    optimizer = optim.build(Optimizer(learning_rate=rate, weight_decay=decay, schedule="constant"), 100)
    if loss_scale and precision == "mixed_float16":
        optimizer = keras.mixed_precision.LossScaleOptimizer(optimizer, initial_scale=loss_scale)
    method.compile(optimizer, run_eagerly=eager)
    return method


def make_batch(case: Experiment, seed: int = 0, size: int = BATCH, pixels: int = PIXELS) -> dict:
    """Random pictures as the views of one batch, in the order and of the sizes that the method's plan says."""
    random = np.random.default_rng(seed)
    rows = plan(case).views
    views = {row.name: random.random([size, *_shape(case, row, pixels)], np.float32) for row in rows}
    label = tf.constant(random.integers(CLASSES, size=size))
    drawn = {}
    if plan(case).recorded:
        drawn["parameters"] = plan(case).sample(tf.constant(random.random([size, plan(case).numbers]), tf.float32))
    order = random.permutation(size) if any(row.shuffled for row in rows) else np.arange(size)
    made = {"views": tf.nest.map_structure(tf.constant, views), "order": tf.constant(order.astype(np.int32))}
    picture = tf.constant(random.permutation(max(PICTURES, size))[:size], tf.int64)
    return {**made, **drawn, "label": label, "picture": picture}


@functools.cache
def _plan(text: str) -> ViewPlan:
    return methods.build_plan(experiments.from_text(text))


def plan(case: Experiment) -> ViewPlan:
    """The views of a case."""
    return _plan(config.to_yaml(case))


def _shape(case: Experiment, view: View, pixels: int) -> list[int]:
    """Of a view's pictures: as its crop, where the chain names a size, or its patches have it, else as asked."""
    for name in plan(case).used(view):
        part = plan(case).augmentations[name]
        pixels = case.views.chain[name].get("size", part.side(pixels) if isinstance(part, Patches) else pixels)
    return [pixels, pixels, 3]


def make_dataset(case: Experiment, steps: int, size: int = BATCH) -> tf.data.Dataset:
    """`steps` batches of `make_batch` with seeds 0, 1, ..."""
    made = [make_batch(case, seed, size) for seed in range(steps)]
    return tf.data.Dataset.from_tensor_slices(tf.nest.map_structure(lambda *rows: tf.stack(rows), *made))


def arrays(variables) -> list[np.ndarray]:
    """Copies of the values."""
    return [np.array(variable) for variable in variables]


def state(method: methods.Method) -> list[np.ndarray]:
    """Everything a step may change but the running means: weights, statistics, memory, optimizer."""
    means = {id(variable) for meter in method.metrics for variable in meter.variables}
    kept = [variable for variable in method.variables if id(variable) not in means]
    return arrays([*kept, *method.optimizer.variables])


@dataclass
class Rewound:
    """A built method that is put back to its first state for each test: building costs more than most checks."""

    case: Experiment
    method: methods.Method

    def __post_init__(self):
        self.method.optimizer.build(self.method.trained_variables())
        self._variables = [*self.method.variables, *self.method.optimizer.variables]
        self._first = arrays(self._variables)

    def rewind(self) -> methods.Method:
        for variable, value in zip(self._variables, self._first):
            variable.assign(value)
        self.method.reset_metrics()
        return self.method


@functools.cache
def rewound(name: str) -> Rewound:
    """The one built method of a case in this process; `rewound(name).rewind()` gives it fresh."""
    return Rewound(CASES[name], build(CASES[name]))


def step(method: methods.Method, batch: dict) -> dict[str, float]:
    """One step on its own, with what it logs."""
    method.reset_metrics()
    return {name: float(value) for name, value in method.train_step(batch).items()}


def same_bits(a, b) -> bool:
    """Whether two lists of arrays are equal to the bit."""
    return len(a) == len(b) and all(np.array_equal(x, y) for x, y in zip(a, b))
