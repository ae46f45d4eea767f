"""A batch taken in parts, one after another, to save memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


def map_in_parts(function: Callable[[Any], Any], rows: Any, parts: int) -> list[Any]:
    """The results of a function over equal parts of some rows, each part after the one before it is done.

    Args:
        function: takes what `rows` is, shorter.
        rows: a structure of tensors `[b, ...]`.
        parts: how many; they divide b.
    """
    if parts == 1:
        return [function(rows)]
    results: list[Any] = []
    for part in zip(*(tf.split(each, parts) for each in tf.nest.flatten(rows))):
        before = tf.nest.flatten(results[-1:])
        with tf.control_dependencies(before):  # or the graph would hold the activations of all parts at once
            waiting = [tf.identity(each) for each in part]
        results.append(function(tf.nest.pack_sequence_as(rows, waiting)))
    return results


def concat_parts(results: Sequence[Any]) -> Any:
    """The rows of all parts in one structure, as the function would have given them for all at once."""
    return results[0] if len(results) == 1 else tf.nest.map_structure(lambda *each: tf.concat(each, axis=0), *results)
