"""The table of all methods, in their smallest form, and what the contract checks share.

`CASES` maps a name to one experiment per method and per shape of it. A method that is in `looc_tf.methods.METHODS` and
not in this table fails `test_every_method_is_in_the_table`: a new method passes through every check or does not enter.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from looc_tf import methods, optim
from looc_tf.config import Experiment, Model, Optimizer, Training
from looc_tf.methods import Facts
from looc_tf.methods.looc import Settings, Space
from looc_tf.models.normalization import Normalization
from looc_tf.models.resnet import RESNETS, ResNet


def plain_block(x, width: int, stride: int, norm: Normalization, name: str):
    """One 3x3 convolution and no shortcut: a third of ResNet-10's graph to trace."""
    x = tf.keras.layers.Conv2D(width, 3, stride, "same", use_bias=False, name=f"{name}_conv")(x)
    return tf.keras.layers.ReLU(name=f"{name}_relu")(norm(f"{name}_norm")(x))


RESNETS["tiny"] = ResNet(plain_block, 1, (1, 1, 1, 1))

BATCH, QUEUE, PIXELS, CLASSES = 8, 12, 16, 3  # the batch does not divide the queue
MODEL = Model(backbone="tiny", width=4, hidden=32, dimension=8)  # a narrower head gives some pictures the zero vector
CHAIN = ("crop", "color", "rotation", "texture")
SPACES = tuple(Space(name, shares, queue=QUEUE) for name, shares in [("all", ()), *((c, (c,)) for c in CHAIN[1:])])


def experiment(spaces: tuple[Space, ...], model: Model = MODEL, seed: int = 3, **method) -> Experiment:
    """A tiny experiment; batches do not come from its data, so that part is left at its default."""
    settings = Settings(spaces=spaces, **{"momentum": 0.9, "key_groups": 4, **method})
    return Experiment(seed=seed, model=model, method=settings, training=Training(batch=BATCH, steps=100))


CASES: dict[str, Experiment] = {
    "moco": experiment(SPACES[:1]),  # LooC with n = 0
    "moco_v1": experiment(SPACES[:1], replace(MODEL, head="linear")),
    "moco_same_rotation": experiment((replace(SPACES[2], name="same"),)),
    "moco++": experiment(tuple(replace(SPACES[0], name=f"all_{i}") for i in range(2)), branch_per_space=True),
    "looc_1": experiment(SPACES[:2]),
    "looc_2": experiment(SPACES[:3]),
    "looc_3": experiment(SPACES),
    "looc++": experiment(SPACES[:3], branch_per_space=True),
    "supervised": replace(experiment(()), method=methods.Supervised.Settings()),
}
CONTRASTIVE = [name for name, case in CASES.items() if case.method.name == "looc"]


def build(
    case: Experiment, precision: str = "float32", rate: float = 0.03, eager: bool = True, decay: float = 1e-4
) -> methods.Method:
    """The method of a case, compiled; steps run eagerly unless asked otherwise: a trace costs more than a step."""
    case = replace(case, training=replace(case.training, precision=precision))
    method = methods.build(case, Facts(classes=CLASSES))
    method.compile(
        optim.build(Optimizer(learning_rate=rate, weight_decay=decay, schedule="constant"), 100), run_eagerly=eager
    )
    return method


def make_batch(case: Experiment, seed: int = 0, size: int = BATCH, pixels: int = PIXELS) -> dict:
    """Random pictures as the views of one batch, keys in a shuffled order, as `looc_tf.batches` gives them."""
    random = np.random.default_rng(seed)
    names = ["query", *methods.METHODS[case.method.name].heads(case)]
    views = {name: tf.constant(random.random([size, pixels, pixels, 3], np.float32)) for name in names}
    label = tf.constant(random.integers(CLASSES, size=size))
    return {"views": views, "order": tf.constant(random.permutation(size).astype(np.int32)), "label": label}


def make_dataset(case: Experiment, steps: int, size: int = BATCH) -> tf.data.Dataset:
    """`steps` batches of `make_batch` with seeds 0, 1, ..."""
    made = [make_batch(case, seed, size) for seed in range(steps)]
    return tf.data.Dataset.from_tensor_slices(tf.nest.map_structure(lambda *rows: tf.stack(rows), *made))


def arrays(variables) -> list[np.ndarray]:
    """Copies of the values."""
    return [np.array(variable) for variable in variables]


def state(method: methods.Method) -> list[np.ndarray]:
    """Everything a step may change but the running means: weights, statistics, queues, optimizer."""
    return arrays([*method.encoder.variables, *_memory(method), *method.optimizer.variables])


def _memory(method: methods.Method) -> list[tf.Variable]:
    if not isinstance(method, methods.LooC):
        return []
    queues = [variable for space in method.spaces.values() for variable in space.variables]
    return [*method.key_encoder.variables, *queues]


@dataclass
class Rewound:
    """A built method that is put back to its first state for each test: building costs more than most checks."""

    case: Experiment
    method: methods.Method

    def __post_init__(self):
        self.method.optimizer.build(self.method.learned())
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
