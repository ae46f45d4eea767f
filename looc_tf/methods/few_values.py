"""How many values a statistic of BatchNorm is taken over: of one there is none, and all embeddings become one point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.models.resnet import RESNETS, last_side

# With fewer values a training is warned of. Measured on a last map of 1 x 1 (ResNet-18 of width 4, 60 steps, two seeds
# and spaces): the mean cosine of the keys in a queue is 1.00 for 1 value, with the loss of guessing; 0.83 to 0.98 for
# 2; 0.69 to 0.93 for 4; 0.42 to 0.82 for 8.
ENOUGH = 4


@dataclass(frozen=True)
class Normalized:
    """Pictures that share a statistic of BatchNorm.

    Attributes:
        rows: how many there are.
        size: pixels of their side.
        remedy: a setting of the method by which there would be more of them, beside those that all methods have.
    """

    rows: int
    size: int
    remedy: str = ""


def rows_of_queries(experiment: Experiment, devices: int) -> int:
    """Of how many pictures the BatchNorm of the trained encoder takes a statistic: `model.batch_norm`."""
    training = experiment.training
    synchronized = experiment.model.batch_norm == "sync"
    return training.batch if synchronized else max(1, training.batch // (devices * training.accumulate))


def fewest(experiment: Experiment, normalized: dict[str, Normalized], on_rows: Sequence[str]) -> tuple[int, str]:
    """The fewest values that one statistic of a channel is taken over, and why so few, with the remedies.

    They are known of the networks that are built here: those of other libraries count as enough, and LayerNorm, which
    takes none.

    Args:
        experiment: the config.
        normalized: what passes BatchNorm together, see `Method.normalized`.
        on_rows: the networks with BatchNorm of rows without a map: heads, and what stands behind them.
    """
    model = experiment.model
    if model.backbone not in RESNETS or model.batch_norm == "layer":
        return ENOUGH, ""
    found = {}
    for what, part in normalized.items():
        side = last_side(model.stem, part.size)
        found[what, f"{_pictures(part)} x {side} x {side} pixels of the last map"] = (part.rows * side**2, part)
        for network in on_rows:
            found[what, f"{_pictures(part)} in the {network}"] = (part.rows, part)
    (what, where), (values, part) = min(found.items(), key=lambda item: item[1][0])
    return values, (
        f"BatchNorm takes each statistic of the {what} over {values} value{'s' if values != 1 else ''} "
        f"({where}). {_remedies(experiment, part, 'last map' in where)}"
    )


def _pictures(part: Normalized) -> str:
    return f"{part.rows} picture{'s' if part.rows != 1 else ''}"


def _remedies(experiment: Experiment, part: Normalized, has_map: bool) -> str:
    """What makes the values more, in the order in which it costs least."""
    training, model = experiment.training, experiment.model
    ways = [part.remedy] if part.remedy else []
    if training.accumulate > 1 and not part.remedy:
        ways.append(f"lower training.accumulate (of {training.accumulate})")
    ways.append(f"raise training.batch (of {training.batch})")
    if has_map and model.stem == "imagenet":
        ways.append("set model.stem=small")
    if has_map:
        ways.append("raise views.size")
    text = ", or ".join(ways)
    return f"{text[0].upper()}{text[1:]}."


def refuse_none(values: int, why: str) -> None:
    """Raises a `UserError` where each statistic would be of one value, which it makes 0."""
    if values <= 1:
        raise UserError(f"{why} Nothing can be learned from one value: normalised by itself it is 0.")
