"""Augmentations by name. Each one splits into `sample` and `apply`, so that views can share a draw."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from looc_tf.augment.base import Augmentation
from looc_tf.augment.blur import Blur
from looc_tf.augment.color import Color, Solarize
from looc_tf.augment.geometry import Crop, FreeRotation, Rotation
from looc_tf.augment.texture import Stylized, Texture
from looc_tf.errors import UserError, nearest, shown, unknown

AUGMENTATIONS: dict[str, type[Augmentation]] = {
    "crop": Crop,
    "color": Color,
    "rotation": Rotation,
    "free_rotation": FreeRotation,
    "texture": Texture,
    "stylized": Stylized,
    "blur": Blur,
    "solarize": Solarize,
}


def build(name: str, **settings: Any) -> Augmentation:
    """The augmentation called `name`, e.g. `build("color", hue=0.5)`.

    Raises:
        UserError: for a name or a setting that does not exist; the message lists those that do.
    """
    if name not in AUGMENTATIONS:
        raise unknown("augmentation", name, AUGMENTATIONS)
    accepted = AUGMENTATIONS[name].settings
    for setting in settings:
        if setting not in accepted:
            hint = nearest(setting, accepted)
            raise UserError(
                f"Augmentation {name!r} has no setting {shown(setting)}. {hint}Expected some of {', '.join(accepted)}."
            )
    return AUGMENTATIONS[name](name=name, **settings)


def build_chain(chain: Mapping[str, Mapping[str, Any] | None], size: int) -> dict[str, Augmentation]:
    """The augmentations of a config's `views.chain`, in its order; crop gives views of `size` pixels."""
    sizes = {"crop": {"size": size}}
    return {name: build(name, **{**sizes.get(name, {}), **(settings or {})}) for name, settings in chain.items()}
