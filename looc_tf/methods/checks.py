"""What every method asks of an experiment: a batch that can be dealt out, views of the size that is measured."""

from __future__ import annotations

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.methods.base import Method
from looc_tf.models.resnet import RESNETS
from looc_tf.views import ViewPlan


def check_whole(kind: type[Method], experiment: Experiment) -> None:
    """Sees that a batch is taken in parts only where nothing needs it whole."""
    if kind.needs_whole_batch and experiment.training.accumulate > 1:
        raise config.whole_batch(
            f"The method {experiment.method.name!r} compares the pictures of a batch with each other and",
            experiment.training.accumulate,
            "Use a smaller batch",
        )
    if experiment.model.batch_norm == "sync" and experiment.training.accumulate > 1:
        raise config.whole_batch("model.batch_norm 'sync'", experiment.training.accumulate, "Use 'plain'")


def check_sizes(kind: type[Method], plan: ViewPlan, experiment: Experiment) -> None:
    """Sees that what is trained on is what is measured and exported; of a method of patches, whole pictures are."""
    for view in plan.views:
        if len(plan.crops(view)) > 1:
            raise UserError(
                f"View {view.name!r} would be cropped {len(plan.crops(view))} times ({', '.join(plan.crops(view))}). "
                f"Method {experiment.method.name!r} has views of one size: leave one crop in views.chain."
            )
    # Of all views: a part that cannot be made says so.
    size, *_ = [plan.size(view, experiment.data.size) for view in plan.views]
    if size != experiment.views.size and not kind.encodes_patches:
        raise UserError(
            f"Views are made {size} px wide and measured at views.size of {experiment.views.size}. "
            f"Set views.size={size}, or let a crop without `size` in views.chain make them."
        )


def check_several(experiment: Experiment) -> None:
    """Sees that a method which contrasts the pictures of a batch has some to contrast."""
    if experiment.training.batch < 2:
        raise UserError(
            f"The method {experiment.method.name!r} contrasts the pictures of a batch. Received training.batch of "
            f"{experiment.training.batch}. Set it to 2 or more."
        )


def check_rgb(experiment: Experiment) -> None:
    """Sees that pictures have a lightness and a color that can be taken apart."""
    if experiment.data.channels != 3:
        raise UserError(
            f"The method {experiment.method.name!r} takes lightness and color of RGB apart. Received "
            f"{experiment.data.channels} bands. Name three in data.bands, or use another method."
        )


def check_resnet(experiment: Experiment, what: str) -> None:
    """Sees that there is a ResNet of looc_tf where a method takes more of it than its features."""
    if experiment.model.backbone not in RESNETS:
        raise UserError(
            f"The method {experiment.method.name!r} takes {what} of a ResNet of looc_tf. Received model.backbone="
            f"{experiment.model.backbone!r}. Use one of {', '.join(RESNETS)}."
        )


def check_stages(kind: type[Method], experiment: Experiment) -> None:
    """Sees that there is one trunk with the stages that an evaluation reads."""
    stages, backbone = experiment.evaluation.stages, experiment.model.backbone
    if stages and (backbone not in RESNETS or len(kind.channels(experiment)) > 1):
        raise UserError(
            f"evaluation.stages are those of one trunk, a ResNet of looc_tf. Received {', '.join(stages)} with "
            f"model.backbone={backbone!r} and the method {experiment.method.name!r}. Leave them out."
        )


def check_devices(experiment: Experiment, devices: int) -> None:
    """Sees that a batch can be dealt to so many devices."""
    training = experiment.training
    if training.batch % (devices * training.accumulate):
        raise UserError(
            f"training.batch of {training.batch} cannot be dealt to {devices} devices in {training.accumulate} equal "
            f"parts each. Use a multiple of {devices * training.accumulate}."
        )
    if training.xla and devices > 1:
        raise UserError(f"training.xla compiles the step of one device. Received {devices} devices; set it to false.")
