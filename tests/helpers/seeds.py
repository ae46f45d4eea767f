"""TensorFlow's random state as at the start of a process, for each test."""

import gc
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
    """A graph, and those of the functions around it; around them all there is one of the process, which nobody runs."""
    yield graph
    around = getattr(graph, "outer_graph", None)
    if hasattr(around, "outer_graph"):
        yield from _and_around(around)


_draws = _Draws()
random_seed.get_seed = _draws.get_seed  # what each operation with a random state asks for its seed


def restart():
    """`tf.random.set_seed`, where it changes anything.

    It throws away every kernel and every compiled function of the process, since some of them may hold a random
    state; to make them again took a quarter of the time of a test that trains. Our own draws are stateless, so few
    tests leave anything behind.
    """
    if _draws.any and _draws.graphs:
        gc.collect()  # the graphs of a test that is over are part of cycles
    if _draws.any or _draws.graphs or context.global_seed() != SEED:
        tf.random.set_seed(SEED)
        _draws.any = False


def graphs_alive():
    """How many graphs with a random state there are."""
    return len(_draws.graphs)
