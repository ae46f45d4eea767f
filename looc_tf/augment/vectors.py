"""What some augmentations of a chain drew, as numbers side by side, for a network to predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

from looc_tf.augment.base import Augmentation, Parameters
from looc_tf.errors import UserError

Chosen = Mapping[str, Augmentation]  # in the order in which their numbers stand


def with_vectors(chain: Mapping[str, Augmentation], names: Sequence[str], field: str) -> dict[str, Augmentation]:
    """The named augmentations of a chain.

    Args:
        chain: name -> augmentation.
        names: of those that are wanted.
        field: of the config that names them, for the message.

    Raises:
        UserError: none is named, or one is not in the chain or does not put its parameters into numbers.
    """
    able = [name for name, each in chain.items() if type(each).vector is not Augmentation.vector]
    listed = ", ".join(able) or "none here"
    if not names:
        raise UserError(f"{field} is empty. Expected some of views.chain that have numbers, {listed}.")
    for name in names:
        if name not in able:
            raise UserError(
                f"{field} names augmentations of views.chain that put their parameters into numbers, "
                f"{listed}. Received {name!r}."
            )
    return {name: chain[name] for name in names}


def widths(augmentations: Chosen) -> list[int]:
    """How many numbers each augmentation has."""
    drawn = [each.vector(each.sample(tf.zeros([1, each.numbers]))) for each in augmentations.values()]
    return [each.shape[1] for each in drawn]


def vectors(augmentations: Chosen, parameters: Mapping[str, Parameters]) -> tf.Tensor:
    """What a view's augmentations drew, in [0, 1]: name -> parameters of `[B]` pictures -> `[B, sum of widths]`."""
    return tf.concat([each.vector(parameters[name]) for name, each in augmentations.items()], axis=1)
