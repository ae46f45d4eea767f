"""Noise-contrastive estimation over the pictures of a training set."""

from __future__ import annotations

import math

import tensorflow as tf


def nce(similarities: tf.Tensor, log_partition: tf.Tensor, pictures: int) -> tf.Tensor:
    """Telling a row's own picture from uniform noise (Gutmann, Hyvarinen 2010; Wu et al. 2018, equations 6 and 7).

    With `P = exp(s) / Z` and noise of density `1 / N`, of which there are m: `-log P / (P + m / N)` of the own picture,
    `-log (m / N) / (P + m / N)` of each drawn one, added up. It is computed from logarithms: `exp(s)` of a temperature
    of 0.07 is beyond 16 bits. Where all P are 1 / N it is `log(1 + m) + m log(1 + 1 / m)`.

    Args:
        similarities: s, `[B, 1 + m]`, divided by the temperature; column 0 is that to the own picture.
        log_partition: log Z, a constant of the model.
        pictures: N.

    Returns:
        `[B]`, in nats.

    Example:
        >>> nce(tf.zeros([1, 5]), math.log(10), pictures=10).numpy().round(4)  # log 5 + 4 log 1.25
        array([2.502], dtype=float32)
    """
    noise = math.log((similarities.shape[1] - 1) / pictures)
    odds = similarities - log_partition - noise  # log of P over the density of the noise
    return tf.math.softplus(-odds[:, 0]) + tf.reduce_sum(tf.math.softplus(odds[:, 1:]), axis=1)


def softmax_nce(similarities: tf.Tensor) -> tf.Tensor:
    """Noise contrast whose probabilities are those of one softmax (Misra, van der Maaten 2020, equations 3 to 5).

    With h the softmax over a row: `-log h` of the own picture, `-log (1 - h)` of each drawn one, added up.

    The paper's formula leaves open whether the h of a drawn picture has the same denominator; here it does. Where all
    are equal it is `log(1 + m) + m log(1 + 1 / m)`, as `nce`.

    Args:
        similarities: `[B, 1 + m]`, divided by the temperature; column 0 is that to the own picture.

    Returns:
        `[B]`, in nats.

    Example:
        >>> softmax_nce(tf.zeros([1, 5])).numpy().round(4)  # log 5 + 4 log 1.25
        array([2.502], dtype=float32)
    """
    shares = tf.nn.log_softmax(similarities)
    drawn = tf.minimum(tf.exp(shares[:, 1:]), 1 - 1e-6)  # one may round up to 1
    return -shares[:, 0] - tf.reduce_sum(tf.math.log1p(-drawn), axis=1)


def log_partition(similarities: tf.Tensor, pictures: int) -> tf.Tensor:
    """log of `Z = N * mean of exp(s)`, over all of the similarities, as the authors' code estimates it."""
    return tf.reduce_logsumexp(similarities) - tf.math.log(tf.cast(tf.size(similarities), tf.float32) / pictures)
