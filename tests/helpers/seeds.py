"""TensorFlow's random state as at the start of a process, for each test."""

import weakref

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import random_seed

SEED = 0


class _Draws:
    """What has a random state: operations that were made since the last `restart`, and graphs that hold some."""

    def __init__(self):
        self.any = True
        self.graphs = weakref.WeakSet()  # as long as one lives, it may be run again without asking for a seed
        self._get_seed = random_seed.get_seed

    def get_seed(self, op_seed):
        self.any = True
        if not tf.executing_eagerly():
            self.graphs.update(_and_around(tf.compat.v1.get_default_graph()))
        return self._get_seed(op_seed)


def _and_around(graph):
    while graph is not None:
        yield graph
        graph = getattr(graph, "outer_graph", None)


_draws = _Draws()
random_seed.get_seed = _draws.get_seed  # what each operation with a random state asks for its seed


def restart():
    """`tf.random.set_seed`, where it changes anything.

    It throws away every kernel and every compiled function of the process, since some of them may hold a random
    state; to make them again took a quarter of the time of a test that trains. Our own draws are stateless, so few
    tests leave anything behind.
    """
    if _draws.any or _draws.graphs or context.global_seed() != SEED:
        tf.random.set_seed(SEED)
        _draws.any = False
