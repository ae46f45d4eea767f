"""TensorFlow's random state as at the start of a process, for each test."""

import tensorflow as tf
from tensorflow.python.eager import context
from tensorflow.python.framework import random_seed

SEED = 0


class _Draws:
    """Whether an operation with a random state was made since the last `restart`."""

    def __init__(self):
        self.any = True
        self._get_seed = random_seed.get_seed

    def get_seed(self, op_seed):
        self.any = True
        return self._get_seed(op_seed)


_draws = _Draws()
random_seed.get_seed = _draws.get_seed  # what each operation with a random state asks for its seed


def restart():
    """`tf.random.set_seed`, where it changes anything.

    It throws away every kernel and every compiled function of the process, since some of them may hold a random
    state; to make them again took a quarter of the time of a test that trains. Our own draws are stateless, so few
    tests leave anything behind.
    """
    if _draws.any or context.global_seed() != SEED:
        tf.random.set_seed(SEED)
        _draws.any = False
