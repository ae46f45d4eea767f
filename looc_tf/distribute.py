"""The few places where the number of replicas matters."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from looc_tf.errors import UserError


def configure_threads(threads: int | None) -> None:
    """Bound TensorFlow to so many threads; call before the first operation runs. None leaves the default, all cores."""
    if threads:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)


def threads() -> int:
    """The number that `configure_threads` was given; 0 where it was not."""
    return tf.config.threading.get_intra_op_parallelism_threads()


def configure_devices(count: int | None) -> None:
    """Train on so many GPUs or, on a machine without, as many logical devices of the CPU; call before the first
    operation runs. None leaves the default: all GPUs, else the CPU as one device.

    Raises:
        UserError: there are fewer GPUs.
    """
    if not count:
        return
    gpus, cpu = tf.config.list_physical_devices("GPU"), tf.config.list_physical_devices("CPU")[0]
    if gpus and count > len(gpus):
        raise UserError(f"Expected {count} GPUs. TensorFlow sees {len(gpus)}. Ask for at most {len(gpus)} devices.")
    if gpus:
        tf.config.set_visible_devices(gpus[:count], "GPU")
    else:
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * count)


def strategy() -> tf.distribute.Strategy:
    """The caller's own where one is in scope; the workers of TF_CONFIG; else a replica for each device of this machine.

    Where TF_CONFIG names workers, call it before the first operation runs; it waits until all of them have come.
    """
    return tf.distribute.get_strategy() if tf.distribute.has_strategy() else _strategy()


@functools.cache  # a second one in a process would mix up the collective operations of the two
def _strategy() -> tf.distribute.Strategy:
    try:
        machines = _members(tf.distribute.cluster_resolver.TFConfigClusterResolver())
    except ValueError as error:
        raise UserError(f"TF_CONFIG should be JSON with `cluster` and `task`. It cannot be read: {error}.") from error
    if len(machines) > 1:
        return tf.distribute.MultiWorkerMirroredStrategy()
    devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    return (
        tf.distribute.MirroredStrategy([d.name for d in devices]) if len(devices) > 1 else tf.distribute.get_strategy()
    )


def replicas() -> int:
    """How many replicas run this computation in step."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def workers() -> int:
    """How many machines do."""
    return len(_members(tf.distribute.get_strategy().cluster_resolver)) or 1


def is_chief() -> bool:
    """Whether this machine writes what a run leaves behind."""
    resolver = tf.distribute.get_strategy().cluster_resolver
    return workers() == 1 or (resolver.task_type, resolver.task_id) == _members(resolver)[0]


def _members(resolver: tf.distribute.cluster_resolver.ClusterResolver | None) -> list[tuple[str, int]]:
    """(type, index) of the machines that train, the chief first."""
    cluster = resolver.cluster_spec().as_dict() if resolver else {}
    return [(kind, index) for kind in ("chief", "worker") for index in range(len(cluster.get(kind, ())))]


@contextlib.contextmanager
def chief_folder(folder: Path) -> Iterator[Path]:
    """The folder on the chief; on another machine one that goes when the run has ended.

    All machines must write, since a checkpoint collects statistics from each of them.
    """
    if is_chief():
        yield folder
    else:
        with tempfile.TemporaryDirectory() as scratch:
            yield Path(scratch) / folder.name


def gather_from_workers(number: int) -> list[int]:
    """The whole number that each machine calls this with, the chief's first; waits until all of them have called."""
    if workers() == 1:
        return [int(number)]
    strategy = tf.distribute.get_strategy()
    found = strategy.experimental_local_results(_gathered(strategy)(tf.constant([int(number)], tf.int64)))[0].numpy()
    return [int(each) for each in found[:: replicas() // workers()]]


@functools.cache
def _gathered(strategy: tf.distribute.Strategy) -> Callable[[tf.Tensor], Any]:
    return tf.function(lambda rows: strategy.run(gather, args=(rows,)))


def shard_batches(batches: tf.data.Dataset) -> Any:
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


def sum_over_replicas(values: list[tf.Tensor]) -> list[tf.Tensor]:
    """The sums of each over all replicas, in every one of them."""
    if replicas() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, values)


def own_rows(gathered: tf.Tensor, like: tf.Tensor) -> tf.Tensor:
    """The rows of a gathered `[replicas * b, ...]` that belong to this replica, which holds `like` of `[b, ...]`."""
    if replicas() == 1:
        return gathered
    rows = tf.shape(like)[0]
    start = tf.distribute.get_replica_context().replica_id_in_sync_group * rows
    return gathered[start : start + rows]


def update_each(
    variables: Iterable[tf.Variable], values: Iterable[tf.Variable], rule: Callable[..., None], *given: tf.Tensor
) -> None:
    """Apply `rule(variable, value, *given)` to each pair on every replica, from inside a replica function or outside.

    What a replica function has computed is handed over as `given`: a rule that captured it would belong to one replica.

    Mirrored variables refuse assignment from a replica without an aggregation; since every replica computes the same
    value here, the update is carried out once per replica from the cross-replica context instead.
    """
    pairs = list(zip(variables, values))

    def across(strategy: tf.distribute.Strategy, *given: tf.Tensor) -> None:
        for variable, value in pairs:
            strategy.extended.update(variable, rule, args=(value, *given))

    if tf.distribute.in_cross_replica_context():
        across(tf.distribute.get_strategy(), *given)
    else:
        tf.distribute.get_replica_context().merge_call(across, args=given)


def update_from_replicas(
    variables: Iterable[tf.Variable],
    values: Iterable[tf.Tensor],
    rule: Callable[[tf.Variable, tf.Tensor], None],
) -> None:
    """Apply `rule(variable, value)` to each pair on every replica, from inside a replica function.

    Unlike those of `update_each` the values are tensors of the replica, equal on all of them.
    """
    pairs = list(variables)

    def across(strategy: tf.distribute.Strategy, given: list[tf.Tensor]) -> None:
        for variable, value in zip(pairs, given):
            strategy.extended.update(variable, rule, args=(value,))

    tf.distribute.get_replica_context().merge_call(across, args=(list(values),))
