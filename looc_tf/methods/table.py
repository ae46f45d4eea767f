"""The table of the methods."""

from __future__ import annotations

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.methods.amdim import AMDIM
from looc_tf.methods.augself import AugSelf
from looc_tf.methods.base import Method
from looc_tf.methods.byol import BYOL
from looc_tf.methods.cmc import CMC
from looc_tf.methods.colorize import Colorize
from looc_tf.methods.cpc import CPC
from looc_tf.methods.dim import DIM
from looc_tf.methods.dino import DINO
from looc_tf.methods.essl import ESSL, ESSLSimSiam
from looc_tf.methods.finetune import FineTune
from looc_tf.methods.instdisc import InstDisc
from looc_tf.methods.jigsaw import Jigsaw
from looc_tf.methods.joint import Joint
from looc_tf.methods.looc import LooC
from looc_tf.methods.pirl import PIRL
from looc_tf.methods.relative_patch import RelativePatch
from looc_tf.methods.rotnet import RotNet
from looc_tf.methods.simclr import SimCLR
from looc_tf.methods.simsiam import SimSiam
from looc_tf.methods.supervised import Supervised
from looc_tf.methods.swav import SwAV
from looc_tf.registry import Registry

METHODS: Registry[type[Method]] = Registry(
    "method",
    "looc_tf.methods.METHODS",
    {
        "looc": LooC,
        "simclr": SimCLR,
        "byol": BYOL,
        "simsiam": SimSiam,
        "swav": SwAV,
        "dino": DINO,
        "joint": Joint,
        "augself": AugSelf,
        "essl": ESSL,
        "essl_simsiam": ESSLSimSiam,
        "instdisc": InstDisc,
        "pirl": PIRL,
        "cmc": CMC,
        "cpc": CPC,
        "dim": DIM,
        "amdim": AMDIM,
        "rotnet": RotNet,
        "jigsaw": Jigsaw,
        "relative_patch": RelativePatch,
        "colorize": Colorize,
        "supervised": Supervised,
        "finetune": FineTune,
    },
)


def class_of(experiment: Experiment) -> type[Method]:
    """The class behind `method.name`.

    Raises:
        UserError: there is none, or the experiment was made without the settings that this method declares.
    """
    kind = named(experiment.method.name)
    if type(experiment.method) is not kind.Settings:
        raise UserError(
            f"Expected the settings of the method {experiment.method.name!r}, {kind.__name__}.Settings(...). Received "
            f"{type(experiment.method).__name__}. Give them as Experiment(method=...), or read it with load_config."
        )
    return kind


def settings_of(name: str) -> type[config.Method]:
    """The dataclass of the settings that a method declares; `UserError` with the nearest name where there is none."""
    return named(name).Settings


def named(name: str) -> type[Method]:
    """The method of a name; `UserError` with the nearest one where there is none."""
    if name not in METHODS:
        raise METHODS.missing(name)
    return METHODS[name]
