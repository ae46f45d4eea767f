"""Which statistics the BatchNorm of a slow copy takes, so that a key cannot be told from its query's batch."""

from __future__ import annotations

from looc_tf.config import Experiment, whole_batch
from looc_tf.distribute import replicas
from looc_tf.errors import UserError, unknown
from looc_tf.models import Encoder
from looc_tf.models.normalization import KEY_NORMALIZATIONS, Normalization, for_keys, for_queries, is_normalized
from looc_tf.models.resnet import RESNETS


def check_key_batches(experiment: Experiment, devices: int | None = None) -> None:
    """Sees that the batch can be cut as `method.key_batch_norm` and `method.key_groups` say.

    Raises:
        UserError: it cannot, or the backbone brings a BatchNorm of its own.
    """
    settings, training = experiment.method, experiment.training
    if settings.key_batch_norm not in KEY_NORMALIZATIONS:
        raise unknown("method.key_batch_norm", settings.key_batch_norm, KEY_NORMALIZATIONS)
    if settings.key_batch_norm == "shuffled" and devices == 1:
        raise UserError(
            "method.key_batch_norm 'shuffled' puts keys on other devices than their queries, and there is one device. "
            "Set it to 'auto' or 'split', or train on more: --devices 2."
        )
    if settings.key_batch_norm in ("auto", "split"):
        if training.batch % settings.key_groups:
            raise UserError(
                f"training.batch of {training.batch} cannot be split into method.key_groups of {settings.key_groups}. "
                "Use a multiple, or other key_groups."
            )
        if settings.key_groups % training.accumulate:
            raise UserError(
                f"method.key_groups of {settings.key_groups} cannot be dealt to training.accumulate of "
                f"{training.accumulate} parts. Use a multiple."
            )
    if training.accumulate > 1 and settings.key_batch_norm == "sync":
        raise whole_batch("method.key_batch_norm 'sync'", training.accumulate, "Use 'plain' or 'split'")
    if "/" in experiment.model.backbone:  # of another library
        _check_own_norm(experiment, f"Backbone {experiment.model.backbone!r}")


def check_trunk(experiment: Experiment, encoder: Encoder) -> None:
    """The same for a backbone of somebody's own, of which only now is known whether it has any BatchNorm."""
    own = encoder.has_own or experiment.model.backbone not in RESNETS
    if own and is_normalized(encoder.shared):
        _check_own_norm(experiment, "The backbone")


def _check_own_norm(experiment: Experiment, what: str) -> None:
    received = experiment.method.key_batch_norm
    if received not in ("plain", "shuffled"):
        raise UserError(
            f"{what} brings its own BatchNorm, which is of each device. Received method.key_batch_norm={received!r}; "
            f"set it to 'shuffled' on several devices, to 'plain' on one (method.key_batch_norm=plain), or use one of "
            f"{', '.join(RESNETS)}."
        )


def rows_of_keys(experiment: Experiment, devices: int) -> tuple[int, str]:
    """Of how many keys `key_normalization` takes a statistic on so many devices, and a setting that makes it more."""
    settings, training = experiment.method, experiment.training
    pieces = devices * training.accumulate
    if settings.key_batch_norm == "sync":
        return training.batch, ""
    if settings.key_batch_norm == "split" or (settings.key_batch_norm == "auto" and settings.key_groups % pieces == 0):
        return training.batch // settings.key_groups, f"lower method.key_groups (of {settings.key_groups})"
    return training.batch // pieces, ""


def key_normalization(experiment: Experiment) -> Normalization:
    """The normalization of keys on the devices of the strategy in scope.

    Raises:
        UserError: the groups cannot be dealt to them.
    """
    settings, training = experiment.method, experiment.training
    if experiment.model.batch_norm == "layer":  # it has no statistics that could tell a key
        return for_queries("layer")
    pieces = replicas() * training.accumulate
    if settings.key_batch_norm == "split" and settings.key_groups % pieces:
        raise UserError(
            f"method.key_groups of {settings.key_groups} cannot be dealt to {replicas()} devices in "
            f"{training.accumulate} parts each. Use a multiple of {pieces}, or method.key_batch_norm=auto."
        )
    return for_keys(settings.key_batch_norm, settings.key_groups, training.accumulate, apart=not training.xla)
