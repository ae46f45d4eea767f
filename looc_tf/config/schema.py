"""What an experiment consists of: one frozen dataclass per section of a config file, with the defaults.

`Optional[...]` and not `... | None`: the reader resolves these hints, which Python 3.9 cannot do for the latter.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional


@dataclass(frozen=True)
class Data:
    """Which pictures, and the square size at which they are held."""

    name: str = "factors"  # "factors", a TFDS name, a folder of images, or TFRecord files
    size: int = 64  # pixels; pictures are held as squares of this side
    limit: Optional[int] = None  # at most so many training pictures, chosen by a stable hash of their id
    labels: Optional[str] = None  # a CSV file, a row a picture; null: one in the folder that fits; "none": no such
    label_columns: tuple[str, ...] = ()  # its columns of files and of labels, or that of labels; empty: they are found
    rules: int = 2  # of reading folders and drawing parts, see docs/data.md; 1: as runs before there was this field
    bands: Optional[tuple[int, ...]] = None  # which bands are the channels, from 0; null: RGB, or grey repeated to it
    range: Optional[tuple[Any, ...]] = None  # [low, high] of what becomes 0 to 255, or a pair a band; null: found

    @property
    def channels(self) -> int:
        """Of the pictures that a model is given."""
        return 3 if self.bands is None else len(self.bands)


@dataclass(frozen=True)
class Views:
    """The augmentation chain in the order in which it is applied: name -> parameters of that augmentation."""

    size: int = 64  # pixels of a view; the encoder is measured and exported at this size
    chain: Mapping[str, Mapping[str, Any]] = field(
        default_factory=lambda: {"crop": {}, "color": {}, "rotation": {}, "blur": {}}
    )


@dataclass(frozen=True)
class Model:
    """Backbone and projection heads (one head per space)."""

    backbone: str = "resnet18"  # resnet18, resnet50; trunk only: "keras_cv/<preset>", "keras/<application>"
    stem: str = "small"  # "imagenet": 7x7 stride 2 and max-pool; "small": 3x3 stride 1
    width: int = 64  # channels of the first stage; 16 is the narrow variant for CPUs
    head: str = "mlp"  # "mlp" (MoCo v2), "linear" (MoCo v1), "batch_norm_mlp" (SimCLR)
    hidden: int = 2048
    dimension: int = 128
    batch_norm: str = "plain"  # of the query: "plain" (per replica), "sync", or "layer" (LayerNorm instead)
    # What the trunk begins with: a .keras, .h5 or SavedModel of such a network, a run, an export, or "imagenet"
    weights: Optional[str] = None


@dataclass(frozen=True)
class Method:
    """What is learned from the views: a name, and the settings that this method declares.

    Each method has a subclass of this, `looc_tf.methods.METHODS[name].Settings`.
    """

    name: str = "looc"


@dataclass(frozen=True)
class Optimizer:
    """Learning rate is the peak; `milestones` are fractions of the training at which it is multiplied by `decay`."""

    name: str = "sgd"  # sgd, lars, lamb, adam, adamw
    learning_rate: float = 0.03
    reference_batch: Optional[int] = None  # the rate is for this batch, and grows with training.batch; null: it stays
    momentum: float = 0.9
    weight_decay: float = 1e-4
    schedule: str = "step"  # step, cosine, constant
    milestones: tuple[float, ...] = (0.6, 0.8)
    decay: float = 0.1
    warmup_steps: int = 0


@dataclass(frozen=True)
class Training:
    """How long, how wide, in which precision. Exactly one of `steps` and `epochs` is set."""

    batch: int = 256  # global batch, over all devices
    accumulate: int = 1  # parts of each device's batch, one after another: less memory, the same step
    steps: Optional[int] = None  # 0 keeps the random weights: the baseline that every table needs
    epochs: Optional[float] = None
    precision: str = "float32"  # float32, mixed_bfloat16, mixed_float16
    xla: bool = False  # compile the step; meant for GPUs, on a CPU it is slower
    checkpoint_every: int = 500  # steps
    keep: int = 2  # checkpoints kept
    log_every: int = 50  # steps
    monitor_every: int = 500  # steps between kNN readings on the held-out part; 0 turns it off


@dataclass(frozen=True)
class Evaluation:
    """The frozen-feature protocol."""

    probes: tuple[str, ...] = ("object", "rotation", "hue", "texture", "knn")
    neighbors: tuple[int, ...] = (10, 20, 50)  # tried on the validation part
    strengths: tuple[float, ...] = (0.01, 0.1, 1.0, 10.0)  # inverse L2 penalties tried on the validation part
    stages: tuple[str, ...] = ()  # "stage2", "stage3", "stage4" of a ResNet, read beside its trunk and spaces
    limit: Optional[int] = 10000  # at most so many training pictures per probe
    batch: int = 256
    shots: tuple[int, ...] = (5, 10)  # labelled pictures of each class, of few_shot
    shares: tuple[float, ...] = (0.01, 0.1)  # of the labels of each class, of low_label and fine_tuned
    tunings: int = 1  # draws of labels that fine_tuned trains on
    tuned_steps: int = 600  # of fine_tuned, on each draw
    epochs: int = 100  # of object_sgd
    rate: float = 30.0  # of object_sgd at first, for batches of 256
    draws: int = 20  # of labelled pictures, whose mean and interval few_shot and low_label give
    classes: Optional[str] = None  # only pictures of these: "imagenet-100", "objectnet-13", or a file of class names
    retrieved: int = 10  # `retrieval`: nearest training pictures of each test picture
    moved: int = 500  # `invariance`: at most so many test pictures
    corrupted: int = 500  # `corruptions`: at most so many test pictures


@dataclass(frozen=True)
class Gate:
    """What a pipeline asks of a model before it is pushed, in points of probe accuracy (percent)."""

    floor: float = 0.0  # what every linear probe of every representation must reach
    drop: float = 5.0  # how far each may fall below the latest blessed model
    floors: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # representation -> probe -> its own floor
    drops: Mapping[str, Mapping[str, float]] = field(default_factory=dict)  # representation -> probe -> its own drop


@dataclass(frozen=True)
class Experiment:
    """Everything that a run depends on, besides the code and the pictures.

    Example:
        >>> experiment = Experiment(name="mine", data=Data(name="photos"), training=Training(steps=1000))
        >>> experiment.data.size, experiment.training.steps, experiment.evaluation.probes[:2]
        (64, 1000, ('object', 'rotation'))
    """

    name: str = "looc"
    about: str = ""  # what this file is: paper row, command, hardware, and whether a run of ours confirmed it
    seed: int = 0
    data: Data = field(default_factory=Data)
    views: Views = field(default_factory=Views)
    model: Model = field(default_factory=Model)
    method: Any = field(default_factory=Method)  # a `Method`: the settings that the method of this name declares
    optimizer: Optimizer = field(default_factory=Optimizer)
    training: Training = field(default_factory=Training)
    evaluation: Evaluation = field(default_factory=Evaluation)
    gate: Gate = field(default_factory=Gate)
