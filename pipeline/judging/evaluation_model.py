"""The evaluation model: the encoder with its fitted linear probes, from serialized examples to probabilities."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from looc_tf.data import Source
from looc_tf.data.decode import decode_squares
from looc_tf.evaluate import Fitted, Reading
from looc_tf.export import Embedder
from looc_tf.representations import CONCAT, is_space
from pipeline.probes import COPIES, answer_feature, copy_shown, probe_of

log = logging.getLogger(__name__)

SIGNATURE = "probes"
NEVER = -1e9  # the logit of a class that no training picture had


def output_name(representation: str, probe: str) -> str:
    """How an output is called: `trunk.object`."""
    return f"{representation}.{probe}"


@dataclass(frozen=True)
class Question:
    """One output: a linear probe of one representation of one copy of the picture.

    Attributes:
        representation, probe: what is read, and with which probe.
        label: the feature that holds the right answer.
        classes: how many answers there are.
        names: of the answers, where they have some.
        fitted: the probe.
    """

    representation: str
    probe: str
    label: str
    classes: int
    names: tuple[str, ...]
    fitted: Fitted

    @property
    def output(self) -> str:
        return output_name(self.representation, self.probe)

    @property
    def copy(self) -> str:
        """Which copy of the picture is shown: the picture itself, or one that the question is about."""
        return copy_shown(self.label)

    def about(self) -> dict[str, Any]:
        """What the gate must know, ready for JSON."""
        about = {"representation": self.representation, "probe": self.probe, "label": self.label}
        return {**about, "classes": self.classes, "names": list(self.names)}


def questions(read: Sequence[Reading], sources: Mapping[str, Source]) -> list[Question]:
    """One for each reading of a linear probe; a kind of probe that examples cannot ask is left out, with a log line."""
    made, left_out = [], set()
    for reading in read:
        if reading.fitted is None:
            continue
        probe = probe_of(reading.probe, sources)
        label = answer_feature(probe)
        if label is None:
            left_out.add(reading.probe)
            continue
        names = sources["train"].fields.get(label, ())
        made.append(Question(reading.representation, reading.probe, label, probe.classes, names, reading.fitted))
    for name in sorted(left_out):
        log.warning("The %s probe is left out of the gate: pipeline.probes knows no copies of a picture for it.", name)
    return made


def save(embedder: Embedder, asked: Sequence[Question], path: str) -> None:
    """Writes a SavedModel with the signature `probes`: serialized examples, string [B] -> {output: float32 [B, C]}.

    The examples are those of `Pictures`: `image`, and the numbers of the copies that the probes are shown, see
    `pipeline.probes.COPIES`. Answers are probabilities.
    """
    encode = embedder.pixels
    readers = {question.output: _reader(question) for question in asked}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")], autograph=False)
    def probes(examples: tf.Tensor) -> dict[str, tf.Tensor]:
        spec = {feature: tf.io.FixedLenFeature([], tf.int64, 0) for feature in COPIES}
        parsed = tf.io.parse_example(examples, {"image": tf.io.FixedLenFeature([], tf.string), **spec})
        pictures = decode_squares(parsed["image"], embedder.data_size, embedder.rule)
        copies = {name: _copy(name, pictures, parsed) for name in sorted({question.copy for question in asked})}
        vectors = {name: _representations(encode(images)) for name, images in copies.items()}
        return at_least_two(
            {
                question.output: readers[question.output](vectors[question.copy][question.representation])
                for question in asked
            }
        )

    module = tf.Module(name="looc_probes")
    module.state = list(embedder.state)
    function = probes.get_concrete_function()
    tf.saved_model.save(module, path, signatures={SIGNATURE: function, "serving_default": function})


def at_least_two(answers: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Two outputs at least: TFMA takes the name off an only one, and then does not find it by its name."""
    return {**answers, "again": next(iter(answers.values()))} if len(answers) == 1 else answers


def _copy(name: str, pictures: tf.Tensor, parsed: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """uint8 [B, S, S, C]: of each picture the copy whose number its example carries, or the picture itself."""
    return COPIES[name].show(pictures, parsed[name]) if name in COPIES else pictures


def _representations(outputs: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """What can be probed, `concat` included, as `evaluate.features.Features` names it."""
    spaces = [rows for name, rows in outputs.items() if is_space(name)]
    return {**outputs, CONCAT: tf.concat(spaces, axis=1)} if spaces else dict(outputs)


def _reader(question: Question) -> Any:
    """float32 [B, D] -> probabilities [B, C]; standardisation is folded into weights and bias."""
    fitted = question.fitted
    weights = np.zeros((len(fitted.mean), question.classes))
    bias = np.full(question.classes, NEVER)
    scaled = fitted.weights / fitted.scale
    weights[:, fitted.classes] = scaled.T
    bias[fitted.classes] = fitted.bias - scaled @ fitted.mean
    kernel, offset = tf.constant(weights, tf.float32), tf.constant(bias, tf.float32)
    return lambda vectors: tf.nn.softmax(tf.matmul(vectors, kernel) + offset)
