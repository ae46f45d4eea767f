"""The encoder: pictures to the trunk's features and to a point in each embedding space."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import tensorflow as tf

from looc_tf import config
from looc_tf.errors import UserError, unknown
from looc_tf.keras2 import keras
from looc_tf.models import normalization
from looc_tf.models.backbones import check_backbone, is_portable, named_backbone
from looc_tf.models.heads import HEADS, UnitRows
from looc_tf.models.inputs import UnitImages, unit_images
from looc_tf.models.lab import lab_input
from looc_tf.models.normalization import QUERY_NORMALIZATIONS, Normalization, for_queries
from looc_tf.models.own_backbone import check_own, pooling
from looc_tf.models.precision import precision
from looc_tf.models.resnet import LAST, RESNETS, STEMS, tapped
from looc_tf.representations import TRUNK, branch

MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels, in [0, 1]


@keras.saving.register_keras_serializable(package="looc_tf")
class Encoder(UnitImages, keras.Model):
    """Shared trunk, one projection head per space; LooC++ gives each head its own last stage.

    It is saved, loaded, copied and nested like any model of Keras: `encoder.save("e.keras")`, then
    `keras.models.load_model("e.keras")` wherever this package is installed.

    Args:
        model: sizes and kinds, see `config.Model`.
        spaces: names of the spaces.
        branch_per_space: each space owns a copy of the last ResNet stage, and the representation `trunk` is the
            concatenation of the pooled branches (LooC++, Xiao et al. 2021, section 3).
        norm: BatchNorm of this encoder; by default the one that `model.batch_norm` names.
        channels: of the pictures. Others than RGB are scaled by the mean of ImageNet's three channels.
        channels_of: space -> channels of CIELAB, from the first to before the last: each space owns a whole network,
            which sees those alone (CMC, Tian et al. 2020), and `trunk` is the concatenation of all. `trunk` in the
            place of a space: the one network sees them.
        backbone: a network of one's own instead of the one that `model.backbone` names: a functional or Sequential
            model of `[B, H, W, C]`, with ImageNet's mean and deviation taken out, to features `[B, F]` or a map
            `[B, h, w, F]`, which is averaged. It becomes a part of the encoder; it is not copied.

    Example:
        >>> encoder = Encoder(config.Model(width=16, hidden=64), ["all", "color"])
        >>> outputs = encoder(tf.zeros([2, 32, 32, 3]))
        >>> {name: tuple(vectors.shape) for name, vectors in outputs.items()}
        {'trunk': (2, 128), 'all': (2, 128), 'color': (2, 128)}
    """

    def __init__(
        self,
        model: config.Model,
        spaces: Sequence[str],
        *,
        branch_per_space: bool = False,
        norm: Normalization | None = None,
        channels: int = 3,
        name: str = "encoder",
        backbone: keras.Model | None = None,
        channels_of: Mapping[str, Sequence[int]] | None = None,
    ):
        super().__init__(name=name)
        if not isinstance(model, config.Model):
            raise UserError(
                f"Expected Encoder(config.Model(...), spaces). Received a {type(model).__name__} as the first of them. "
                "A network of your own is the trunk: Encoder(config.Model(), spaces, backbone=network)."
            )
        branch_per_space = branch_per_space or TRUNK not in (channels_of or [TRUNK])
        check_model(model, branch_per_space, own=backbone is not None)
        # Not a dictionary: it would become a node of every checkpoint.
        self._channels_of = tuple((space, *channels) for space, channels in (channels_of or {}).items())
        object.__setattr__(self, "_tapped", {})  # of the same layers: no node of a checkpoint either
        self.built_from, self.norm, self.has_own = model, norm, backbone is not None
        norm = norm or for_queries(model.batch_norm)
        self.channels = channels
        if channels_of and branch_per_space:
            self.shared, stages = _build_of_channels(model, channels_of, norm)
        else:
            names = spaces if branch_per_space else [TRUNK]
            self.shared, stages = _build_backbone(model, names, norm, channels, backbone, channels_of)
        self.stages = dict(zip(spaces, stages)) if branch_per_space else {}
        self.last = None if branch_per_space else stages[0]
        self.heads = {space: HEADS[model.head](space, model.hidden, model.dimension, norm) for space in spaces}
        self.unit = UnitRows()
        height, width = self.shared.input_shape[1:3]
        self(tf.zeros([1, height or 32, width or 32, channels]))

    def dimension(self, name: str) -> int:
        """The length of the rows of a representation."""
        if name in self.heads:
            return int(self.heads[name].output_shape[-1])
        if self.last is not None and not isinstance(self.last, keras.Model):  # it pools, and has no shape of its own
            return int(self.shared.output_shape[-1])
        stages = [self.last] if self.last is not None else list(self.stages.values())
        return sum(int(stage.output_shape[-1]) for stage in stages)

    def map_channels(self, stage: str) -> int:
        """Of the feature map of a stage, see `call`."""
        return int(tapped(self.last if stage == LAST else self.shared, [stage]).output_shape[0][-1])

    def get_config(self) -> dict[str, Any]:
        """What `from_config` builds it of again, on a machine without a network and without `BACKBONES` too."""
        layers = self._flatten_layers(include_self=False)
        carried = self.has_own or not is_portable(self.built_from.backbone)
        return {
            "name": self.name,
            "trainable": self.trainable,
            "precision": self.dtype_policy.name,
            "model": dataclasses.asdict(dataclasses.replace(self.built_from, weights=None)),
            "spaces": list(self.heads),
            "branch_per_space": bool(self.stages),
            "channels_of": {space: channels for space, *channels in self._channels_of} or None,
            "channels": self.channels,
            "norm": normalization.to_config(self.norm) if self.norm else None,
            "backbone": keras.saving.serialize_keras_object(self.shared) if carried else None,
            "frozen": [number for number, layer in enumerate(layers) if not layer.trainable],
        }

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Encoder:
        """The inverse of `get_config`, with freshly drawn weights."""
        content = {key: value for key, value in config.items() if key not in ("trainable", "precision", "frozen")}
        norm, backbone = content.pop("norm"), content.pop("backbone")
        with precision(config["precision"]):
            encoder = cls(
                _model(content.pop("model")),
                content.pop("spaces"),
                norm=normalization.from_config(norm) if norm else None,
                backbone=keras.saving.deserialize_keras_object(backbone, custom_objects) if backbone else None,
                **content,
            )
        encoder.trainable = config["trainable"]
        for number, layer in enumerate(encoder._flatten_layers(include_self=False)):
            layer._trainable = number not in config["frozen"]  # of this layer alone: the setter reaches into it
        return encoder

    def call(
        self,
        images: tf.Tensor,
        training: bool = False,
        heads: Iterable[str] | None = None,
        raw: bool = False,
        maps: Sequence[str] = (),
    ) -> dict[str, tf.Tensor]:
        """Embed pictures.

        Args:
            images: `[B, H, W, C]`, floats in [0, 1] or uint8.
            training: BatchNorm uses, and follows, the statistics of this batch.
            heads: the spaces wanted; all by default.
            raw: give the heads' rows as they are, for a predictor that takes them so, and not of length 1.
            maps: stages of a ResNet whose feature maps are wanted too, some of `stage2` (Conv2) to `stage5`, the last
                one, which an encoder with a branch per space has none of.

        Returns:
            `trunk`: `[B, F]` pooled features, then a `[B, dimension]` of unit rows for each space; with a branch per
            space also the pooled `branch_<space>`, of which `trunk` is then the concatenation; of each map
            `[B, h, w, C]` under the name of its stage.
        """
        heads = list(self.heads if heads is None else heads)
        images = unit_images(images, self.compute_dtype)
        mean, deviation = (values if self.channels == 3 else sum(values) / 3 for values in (MEAN, DEVIATION))
        scaled = images if self._channels_of else (images - mean) / deviation
        features, found = self._mapped(self.shared, scaled, training, [stage for stage in maps if stage != LAST])
        if self.stages:
            pooled = {space: self.stages[space](features, training=training) for space in heads}
            outputs = {TRUNK: tf.concat(list(pooled.values()), axis=1)}
            outputs |= {branch(space): vectors for space, vectors in pooled.items()}
        else:
            last: Any = self.last  # which is there where no stages are
            trunk, late = self._mapped(last, features, training, [stage for stage in maps if stage == LAST])
            outputs, found = {TRUNK: trunk}, {**found, **late}
            pooled = dict.fromkeys(heads, outputs[TRUNK])
        return outputs | self._project(pooled, training, raw) | found

    def _mapped(
        self, part: keras.Model, inputs: tf.Tensor, training: bool, stages: Sequence[str]
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """What a part of the network gives, and feature maps of its stages."""
        if not stages:
            return part(inputs, training=training), {}
        key = (part.name, *stages)
        if key not in self._tapped:
            self._tapped[key] = tapped(part, stages)
        *maps, outputs = self._tapped[key](inputs, training=training)
        return outputs, dict(zip(stages, maps))

    def _project(self, pooled: Mapping[str, tf.Tensor], training: bool, raw: bool) -> dict[str, tf.Tensor]:
        rows = {space: self.heads[space](features, training=training) for space, features in pooled.items()}
        return {space: each if raw else self.unit(each) for space, each in rows.items()}

    def together(
        self, views: Mapping[str, tf.Tensor], training: bool = False, raw: bool = False, heads_at_once: bool = False
    ) -> dict[str, dict[str, tf.Tensor]]:
        """Embed several views of one batch, those of one size in one pass, so that they share BatchNorm's statistics.

        Args:
            views: name -> `[B, H, W, 3]` in [0, 1].
            training, raw: see `call`.
            heads_at_once: give the heads the features of all sizes in one pass, as the authors of multi-crop do (Caron
                et al. 2020); not of an encoder with a branch per space.

        Returns:
            name -> what `call` gives for this view alone.
        """
        sizes: dict[int, list[str]] = {}
        for name, images in views.items():
            sizes.setdefault(images.shape[1], []).append(name)
        heads: list[str] | None = [] if heads_at_once else None
        passes = [
            (alike, self(tf.concat([views[name] for name in alike], axis=0), training=training, raw=raw, heads=heads))
            for alike in sizes.values()
        ]
        if heads_at_once:
            features = tf.concat([outputs[TRUNK] for _, outputs in passes], axis=0)
            everywhere = {TRUNK: features, **self._project(dict.fromkeys(self.heads, features), training, raw)}
            passes = [([name for alike, _ in passes for name in alike], everywhere)]
        embedded: dict[str, dict[str, tf.Tensor]] = {name: {} for name in views}
        for alike, outputs in passes:
            for output, rows in outputs.items():
                for name, part in zip(alike, tf.split(rows, len(alike))):
                    embedded[name][output] = part
        return embedded


def _model(content: Mapping[str, Any]) -> config.Model:
    return config.Model(**content)


def _build_backbone(
    model: config.Model,
    stages: Sequence[str],
    norm: Normalization,
    channels: int,
    own: keras.Model | None,
    channels_of: Mapping[str, Sequence[int]] | None,
) -> tuple[keras.Model, list[keras.layers.Layer]]:
    """The shared part and one last stage for each name."""
    if own is None and model.backbone in RESNETS:
        resnet = RESNETS[model.backbone]
        last = [resnet.last_stage(model.width, norm, f"stage5_{name}") for name in stages]
        first, *rest = (channels_of or {}).get(TRUNK, (0,))
        sees = (first, rest[0]) if rest else None
        return resnet.trunk(model.stem, model.width, norm, channels, sees), last
    shared = named_backbone(model.backbone, channels) if own is None else check_own(own, channels=channels)
    return shared, [pooling(shared)]


def _build_of_channels(
    model: config.Model, channels_of: Mapping[str, Sequence[int]], norm: Normalization
) -> tuple[keras.Model, list[keras.layers.Layer]]:
    """CIELAB, and a network of its own for each space."""
    build = RESNETS[model.backbone].of_channels
    return lab_input(), [
        build(model.stem, model.width, norm, (first, last), f"network_{space}")
        for space, (first, last) in channels_of.items()
    ]


def check_model(model: config.Model, branch_per_space: bool = False, own: bool = False) -> None:
    """Sees that there is such a network, before any picture is opened; nothing is built.

    Args:
        model: the section of a config.
        branch_per_space: whether each space is to own a last stage.
        own: whether a network is given in the place of `model.backbone`.

    Raises:
        UserError: a name is unknown, or its parts do not go together.
    """
    for field, value, table in (
        ("model.stem", model.stem, STEMS),
        ("model.head", model.head, HEADS),
        ("model.batch_norm", model.batch_norm, QUERY_NORMALIZATIONS),
    ):
        if value not in table:
            raise unknown(field, value, table)
    if not own:
        check_backbone(model.backbone)
        if model.backbone in RESNETS:
            return
    received = "a network of your own" if own else f"model.backbone={model.backbone!r}"
    if branch_per_space:
        raise UserError(
            f"A branch per space needs a backbone with a separate last stage, one of {', '.join(RESNETS)}. "
            f"Received {received}."
        )
    if model.batch_norm != "plain":
        raise UserError(
            f"{'Your backbone' if own else f'Backbone {model.backbone!r}'} brings its own BatchNorm. Received "
            f"model.batch_norm={model.batch_norm!r}; "
            f"set it to 'plain', or use one of {', '.join(RESNETS)}."
        )
