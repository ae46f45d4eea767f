"""The few places where the number of replicas matters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf


def configure_threads(threads: int | None) -> None:
    """Bound TensorFlow to so many threads; call before the first operation runs. None leaves the default, all cores."""
    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def strategy() -> tf.distribute.Strategy:
    """The caller's own where one is in scope, else one replica for each GPU that TensorFlow sees, else one device."""
    if tf.distribute.has_strategy() or len(tf.config.list_logical_devices("GPU")) < 2:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy()


def replicas() -> int:
    """How many replicas run this computation in step."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def workers() -> int:
    """How many machines do."""
    cluster = tf.distribute.get_strategy().cluster_resolver
    return len(cluster.cluster_spec().as_dict().get("worker", ())) or 1 if cluster else 1


def deal(batches: tf.data.Dataset) -> Any:
    """Global batches, for `fit` under the strategy in scope.

    One machine deals out the rows of a batch itself. Of several, each makes the whole batch and keeps its own rows:
    TensorFlow would give each machine other batches, and then a key's place in the global batch means nothing.
    """
    if workers() == 1:
        return batches
    local = replicas() // workers()

    def own(context: tf.distribute.InputContext) -> tf.data.Dataset:
        def rows(part: tf.Tensor) -> tf.Tensor:
            dealt = tf.reshape(part, tf.concat([[workers(), local, -1], tf.shape(part)[1:]], axis=0))
            static = part.shape[0] // replicas()
            return tf.ensure_shape(dealt[context.input_pipeline_id], [local, static, *part.shape[1:]])

        return batches.map(lambda batch: tf.nest.map_structure(rows, batch)).unbatch()

    return tf.distribute.get_strategy().distribute_datasets_from_function(own)


def gather(rows: tf.Tensor) -> tf.Tensor:
    """`[b, ...]` of this replica -> `[replicas * b, ...]` of all, in replica order: the global batch as dealt out."""
    if replicas() == 1:
        return rows
    placed = tf.identity(rows)  # a tensor without a device cannot be gathered
    return tf.distribute.get_replica_context().all_gather(placed, axis=0)


def own_rows(gathered: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """The rows of a gathered `[replicas * b, ...]` that belong to this replica, which holds `like` of `[b, ...]`."""
    if replicas() == 1:
        return gathered
    rows = tf.shape(like)[0]
    start = tf.distribute.get_replica_context().replica_id_in_sync_group * rows
    return gathered[start : start + rows]


def update_each(
    variables: Iterable[tf.Variable], values: Iterable[tf.Variable], rule: Callable[[tf.Variable, tf.Tensor], None]
) -> None:
    """Apply `rule(variable, value)` to each pair on every replica, from inside a replica function or outside of one.

    Mirrored variables refuse assignment from a replica without an aggregation; since every replica computes the same
    value here, the update is carried out once per replica from the cross-replica context instead.
    """
    pairs = list(zip(variables, values))

    def across(strategy: tf.distribute.Strategy) -> None:
        for variable, value in pairs:
            strategy.extended.update(variable, rule, args=(value,))

    if tf.distribute.in_cross_replica_context():
        across(tf.distribute.get_strategy())
    else:
        tf.distribute.get_replica_context().merge_call(across)
