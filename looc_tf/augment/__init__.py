"""Augmentations by name. Each one splits into `sample` and `apply`, so that views can share a draw.

>>> import tensorflow as tf
>>> from looc_tf import augment
>>> sorted(augment.build("rotation").sample(tf.constant([[0.9, 0.5]])))
['quarters']
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from looc_tf.augment.base import Augmentation
from looc_tf.augment.blur import Blur
from looc_tf.augment.color import Color, Solarize
from looc_tf.augment.geometry import Crop, Flip, FreeRotation, Rotation
from looc_tf.augment.patches import PatchColor, Patches, PatchGrid, Puzzle, cut_up
from looc_tf.augment.texture import Stylized, Texture
from looc_tf.errors import UserError, nearest, shown
from looc_tf.registry import Registry
from looc_tf.representations import KEYS, LOCAL, QUERY

__all__ = [
    "AUGMENTATIONS",
    "KINDS",
    "RECOLORING",
    "Augmentation",
    "Blur",
    "Color",
    "Crop",
    "Flip",
    "FreeRotation",
    "PatchColor",
    "PatchGrid",
    "Patches",
    "Puzzle",
    "Rotation",
    "Solarize",
    "Stylized",
    "Texture",
    "build",
    "build_chain",
    "cut_up",
]

KINDS = (QUERY, KEYS, LOCAL)  # of views
RECOLORING = (Color, Solarize, Texture, Stylized)  # after which colors are not those of the picture

AUGMENTATIONS: Registry[type[Augmentation]] = Registry(
    "augmentation",
    "looc_tf.augment.AUGMENTATIONS",
    {
        "crop": Crop,
        "color": Color,
        "flip": Flip,
        "rotation": Rotation,
        "free_rotation": FreeRotation,
        "texture": Texture,
        "stylized": Stylized,
        "blur": Blur,
        "solarize": Solarize,
        "puzzle": Puzzle,
        "patch_grid": PatchGrid,
        "patch_color": PatchColor,
    },
)


def build(kind: str, **settings: Any) -> Augmentation:
    """The augmentation of a kind, e.g. `build("color", hue=0.5)`.

    Raises:
        UserError: for a kind or a setting that does not exist; the message lists those that do.
    """
    return _build(kind, kind, settings)


def _build(name: str, kind: Any, settings: Mapping[str, Any]) -> Augmentation:
    if not isinstance(kind, str) or kind not in AUGMENTATIONS:
        raise AUGMENTATIONS.missing(str(kind))
    accepted = AUGMENTATIONS[kind].settings
    for setting in settings:
        if setting not in accepted:
            expected = f"Expected some of {', '.join(accepted)}." if accepted else "It has none."
            raise UserError(
                f"Augmentation {name!r} has no setting {shown(setting)}. {nearest(setting, accepted)}{expected}"
            )
    try:
        return AUGMENTATIONS[kind](name=name, **settings)
    except UserError as error:  # which says what is wrong with the kind, and a chain may hold two of them
        raise error if name == kind else UserError(f"views.chain.{name}: {error}") from error


def build_chain(chain: Mapping[str, Mapping[str, Any] | None], size: int, channels: int = 3) -> dict[str, Augmentation]:
    """The augmentations of a config's `views.chain`, in its order.

    An entry's name is also the kind of its augmentation, unless the entry says `kind`: so a chain may hold an
    augmentation twice. `only` says which kinds of views use it, some of `KINDS`; by default all do. A crop that names
    no `size` gives views of `size` pixels. `resample_collisions: true` draws again, for a key, what by chance does the
    same as the query's draw. Of pictures of other channels than RGB, `color` changes brightness and contrast alone:
    there is no saturation, hue or gray.

    >>> chain = build_chain({"crop": {}, "local": {"kind": "crop", "size": 18}}, size=32)
    >>> {name: (type(augmentation).__name__, augmentation.size) for name, augmentation in chain.items()}
    {'crop': ('Crop', 32), 'local': ('Crop', 18)}
    """
    built = {}
    for name, settings in chain.items():
        settings = dict(settings or {})
        kind, only = settings.pop("kind", name), _kinds(name, settings.pop("only", ()))
        again = _yes_or_no(name, settings.pop("resample_collisions", False))
        built[name] = _build(name, kind, {"size": size, **settings} if kind == "crop" else settings)
        if channels != 3 and kind in OF_BANDS:
            built[name] = _build(name, kind, {**_own_settings(built[name]), **OF_BANDS[kind](channels)})
        built[name].only, built[name].resample_collisions = only, again
    return built


# What the settings of a kind become where pictures are no RGB.
OF_BANDS: dict[str, Callable[[int], dict[str, Any]]] = {
    **dict.fromkeys(("color", "patch_color"), lambda channels: {"saturation": 0.0, "hue": 0.0, "grayscale": 0.0}),
    "texture": lambda channels: {"channels": channels},
}


def _own_settings(augmentation: Augmentation) -> dict[str, Any]:
    return {name: getattr(augmentation, name) for name in augmentation.settings}


def _yes_or_no(name: str, given: Any) -> bool:
    if not isinstance(given, bool):
        raise UserError(f"views.chain.{name}.resample_collisions is true or false. Received {shown(given)}.")
    return given


def _kinds(name: str, only: Any) -> tuple[str, ...]:
    """The kinds of views that an entry names, one or several."""
    kinds = (only,) if isinstance(only, str) else tuple(only) if isinstance(only, (list, tuple)) else (only,)
    for kind in kinds:
        if kind not in KINDS:
            raise UserError(
                f"views.chain.{name}.only names kinds of views, {', '.join(KINDS)}. Received {shown(kind)}."
            )
    return kinds
