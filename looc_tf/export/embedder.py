"""The query encoder with its preprocessing: what is exported, and what the evaluator measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf

from looc_tf.data.decode import decode_squares, square
from looc_tf.data.pixels import PLAIN, Pixels
from looc_tf.data.tfrecord import Keys
from looc_tf.errors import unknown
from looc_tf.export.given import checked_pixels, portions_of
from looc_tf.keras2 import keras
from looc_tf.representations import CONCAT, EMBEDDING, is_space, outputs_of

Embeddings = dict[str, tf.Tensor]  # representation -> float32 [B, D]

_PARALLEL = 8


class Embedder(tf.Module):
    """Pictures to the trunk's features and to a point in each embedding space, without gradients.

    Every way in ends in the same arithmetic: the largest centred square of a picture, resized to `data_size` and
    rounded to 8 bits as the training data are held, then resized to `view_size` and divided by 255.

    Args:
        encoder: `[B, H, W, C]` in [0, 1] -> {representation: `[B, D]`}; see `models.Encoder`.
        data_size: pixels of the side at which pictures are held (`data.size` of the config).
        view_size: pixels of the side that the encoder was trained on (`views.size`).
        about: what to write beside an export of it, such as the experiment's name.
        rule: by which raw intensities became the 8 bits that it was trained on.

    Example:
        >>> from looc_tf import config
        >>> from looc_tf.models import Encoder
        >>> embedder = Embedder(Encoder(config.Model(width=4), ["all"]), data_size=32, view_size=32)
        >>> {name: tuple(rows.shape) for name, rows in embedder(tf.zeros([2, 48, 64, 3], tf.uint8)).items()}
        {'trunk': (2, 32), 'all': (2, 128)}
    """

    def __init__(
        self,
        encoder: keras.Model,
        *,
        data_size: int,
        view_size: int,
        about: Mapping[str, Any] | None = None,
        rule: Pixels = PLAIN,
    ):
        super().__init__(name="embedder")
        self.data_size, self.view_size, self.rule = data_size, view_size, rule
        spec = tf.TensorSpec([None, None, None, rule.channels], tf.uint8, "images")
        self.pixels = tf.function(self._pixels, input_signature=[spec], autograph=False)
        # A dict would be tracked as a part of the model, in a wrapper that Python 3.13 cannot write as JSON.
        self.about: Mapping[str, Any] = MappingProxyType(dict(about or {}))
        self.state = list(encoder.weights)
        # Behind a function, since a SavedModel that tracks the Keras model carries a trace of every one of its layers.
        self._encode = lambda views: encoder(views, training=False)
        ready = tf.TensorSpec([None, data_size, data_size, rule.channels], tf.uint8, "squares")
        self.squares = tf.function(self._embed_ready, input_signature=[ready], autograph=False)

    @classmethod
    def from_run(cls, run: Any, stages: Sequence[str] = ()) -> Embedder:
        """The embedder of a trained run: of its query encoder, at the sizes of its config.

        Args:
            run: what `train.load_run` returns; has `experiment`, `method`, `step` and `pixels`.
            stages: some of `representations.STAGES` that it is to give too.
        """
        experiment = run.experiment
        about = {"experiment": experiment.name, "step": run.step, "seed": experiment.seed}
        if run.method.class_names:
            about["classes"] = list(run.method.class_names)  # what the columns of `probabilities` mean
        rule, sizes = getattr(run, "pixels", PLAIN), (experiment.data.size, experiment.views.size)
        final = _Staged(run.method.final, stages) if stages else run.method.final
        return cls(final, data_size=sizes[0], view_size=sizes[1], about=about, rule=rule)

    def answering(self, representation: str) -> Embedder:
        """The same encoder, that answers with one representation alone, under the name `embedding`.

        Args:
            representation: as tables of results name it: the trunk, a space, `concat` for all of these side by side, or
                some joined by "+", such as `all+color`.

        Raises:
            UserError: there is none of this name.
        """
        names = list(self.representations)
        parts = outputs_of(representation, names)
        if not parts or not set(parts) <= set(names):
            joined = [CONCAT] if any(map(is_space, names)) else []
            raise unknown("representation", representation, [*names, *joined, "or some of them joined by '+'"])
        about = {
            "name": representation,
            "parts": list(parts),
            "width": sum(self.representations[part] for part in parts),
        }
        return Embedder(
            _Joined(self, parts),
            data_size=self.data_size,
            view_size=self.view_size,
            about={**self.about, "representation": about},
            rule=self.rule,
        )

    def __call__(self, pictures: Any, batch: int = 64) -> Embeddings:
        """Embeds whatever pictures there are, in portions; of one picture the rows are one.

        Args:
            pictures: one picture or several: pixels in 0..255 [B, H, W, 3], [H, W, 3], or grey [B, H, W], [B, H, W, 1],
                [H, W]; a PIL picture; a path; a list of these, of any sizes; or a `Source`.
            batch: pictures of a portion.

        Returns:
            See `images`.

        Raises:
            UserError: something else, another range, or a file that cannot be read.
        """
        if tf.is_tensor(pictures) and not hasattr(pictures, "numpy"):  # in a graph: no value is known
            return self.images(pictures)
        parts = [self.pixels(part) for part in portions_of(pictures, self.data_size, batch, self.rule)]
        return {name: tf.concat([part[name] for part in parts], axis=0) for name in parts[0]}

    def images(self, images: tf.Tensor) -> Embeddings:
        """Embeds pixels.

        Args:
            images: `[B, H, W, C]`, RGB, or the bands of `data.bands`, in 0..255, uint8 or float (then rounded), of any
                height and width. Floats in [0, 1], which an `Encoder` takes, are refused here.

        Returns:
            float32 `[B, D]` for "trunk", for each "branch_<space>" of LooC++, and for each space.

        Raises:
            UserError: another shape or range.
        """
        return self.pixels(checked_pixels(images, self.rule.channels))

    def _pixels(self, images: tf.Tensor) -> Embeddings:
        """`images` for uint8 alone: one graph for all sizes."""
        return self._embed(self._squares(images))

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, None], tf.float32, "intensities")], autograph=False)
    def intensities(self, intensities: tf.Tensor) -> Embeddings:
        """Embeds pictures as their files hold them: `[B, H, W, bands]` in the files' units, NaN for "no data".

        Bands are picked and values brought to 8 bits by the rule of the training pictures.
        """
        return self.pixels(self.rule.graph(intensities))

    def _squares(self, images: tf.Tensor) -> tf.Tensor:
        """uint8 `[B, H, W, C]` -> `[B, data_size, data_size, C]`."""
        size = self.data_size
        spec = tf.TensorSpec([size, size, self.rule.channels], tf.uint8)

        def squares() -> tf.Tensor:
            return tf.map_fn(
                lambda image: square(image, size), images, fn_output_signature=spec, parallel_iterations=_PARALLEL
            )

        ready = tf.reduce_all(tf.shape(images)[1:3] == size)
        return tf.cond(ready, lambda: images, squares)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "image_bytes")], autograph=False)
    def encoded(self, image_bytes: tf.Tensor) -> Embeddings:
        """Embeds JPEG, PNG, GIF or BMP files, string `[B]`; each may have another size.

        Raises:
            tf.errors.InvalidArgumentError: one of them is broken, too large, or of another format.
        """
        return self._embed(decode_squares(image_bytes, self.data_size, self.rule))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")], autograph=False)
    def examples(self, examples: tf.Tensor) -> Embeddings:
        """Embeds serialized `tf.Example`s, string `[B]`, that hold a picture file in `image` or `image/encoded`.

        Raises:
            tf.errors.InvalidArgumentError: as `encoded`, or an Example holds no picture.
        """
        keys = Keys().image
        parsed = tf.io.parse_example(examples, {key: tf.io.FixedLenFeature([], tf.string, "") for key in keys})
        data = parsed[keys[-1]]
        for key in reversed(keys[:-1]):
            data = tf.where(tf.strings.length(parsed[key]) > 0, parsed[key], data)
        message = f"Expected tf.Examples with the bytes of a picture under {' or '.join(keys)}."
        with tf.control_dependencies([tf.debugging.Assert(tf.reduce_all(tf.strings.length(data) > 0), [message])]):
            return self.encoded(tf.identity(data))

    def functions(self) -> dict[str, Any]:
        """Signature of an exported model -> what answers it.

        `intensities` is among them where pictures are deeper than 8 bits or bands are named.
        """
        functions = {
            "serving_default": self.encoded,
            "images": self.pixels,
            "squares": self.squares,
            "examples": self.examples,
        }
        return functions if self.rule.plain else {**functions, "intensities": self.intensities}

    def signatures(self) -> dict[str, Any]:
        """The functions of an exported model, traced: files, pixels, pixels that are squares already, `tf.Example`s."""
        return {name: function.get_concrete_function() for name, function in self.functions().items()}

    @property
    def representations(self) -> dict[str, int]:
        """Name -> dimension of what is returned."""
        outputs = self.pixels.get_concrete_function().structured_outputs
        return {name: int(rows.shape[-1]) for name, rows in outputs.items()}

    def _embed(self, squares: tf.Tensor) -> Embeddings:
        """uint8 `[B, data_size, data_size, C]` -> embeddings."""
        with _some(squares):
            views = tf.ensure_shape(squares, [None, self.data_size, self.data_size, self.rule.channels])
        if self.view_size != self.data_size:
            views = tf.image.resize(views, [self.view_size, self.view_size], antialias=True)
        return self._embed_views(tf.cast(views, tf.float32))

    def _embed_ready(self, squares: tf.Tensor) -> Embeddings:
        """`_embed` with none but operations that TFLite has: the resize as two products of matrices."""
        with _some(squares):
            views = tf.cast(squares, tf.float32)
        if self.view_size != self.data_size:
            views = _resize(views, _resize_matrix(self.data_size, self.view_size))
        return self._embed_views(views)

    def _embed_views(self, views: tf.Tensor) -> Embeddings:
        outputs = self._encode(views / 255.0)
        return {name: tf.cast(rows, tf.float32) for name, rows in outputs.items()}


class _Staged:
    """An encoder that gives the pooled feature maps of some of its stages too."""

    def __init__(self, encoder: Any, stages: Sequence[str]):
        self.weights, self._encoder, self._stages = encoder.weights, encoder, tuple(stages)

    def __call__(self, views: tf.Tensor, training: bool = False) -> Embeddings:
        outputs = self._encoder(views, training=False, maps=self._stages)
        return {n: tf.reduce_mean(rows, axis=[1, 2]) if n in self._stages else rows for n, rows in outputs.items()}


class _Joined:
    """The encoder of an embedder, some of whose outputs stand side by side as its only one."""

    def __init__(self, embedder: Embedder, parts: Sequence[str]):
        self.weights, self._encode, self._parts = embedder.state, embedder._encode, parts

    def __call__(self, views: tf.Tensor, training: bool = False) -> Embeddings:
        outputs = self._encode(views)
        return {EMBEDDING: tf.concat([outputs[name] for name in self._parts], axis=1)}


def _some(squares: tf.Tensor) -> AbstractContextManager:
    """What is made within runs only where there are pictures."""
    message = "Expected at least one picture. Received an empty batch."
    return tf.control_dependencies([tf.debugging.Assert(tf.shape(squares)[0] > 0, [message])])


def _resize_matrix(size: int, target: int) -> np.ndarray:
    """float32 `[target, size]`: what the antialiased resize makes of a column, which is linear in it."""
    with tf.init_scope():  # a number of the graph, not a part of it
        columns = tf.eye(size)[None, ..., None]
        return tf.image.resize(columns, [target, size], antialias=True)[0, ..., 0].numpy()


def _resize(images: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
    """`[B, S, S, C]` -> `[B, V, V, C]`, the matrix `[V, S]` applied to columns and rows."""
    planes = tf.transpose(images, [0, 3, 1, 2])
    resized = tf.matmul(tf.matmul(matrix, planes), matrix, transpose_b=True)
    return tf.transpose(resized, [0, 2, 3, 1])
