"""Slow twins in NumPy float64, written from the papers' formulas and not from the library.

Loops over images and keys, so that each line can be held against the paper; and MoCo v2 after its own Algorithm 1.
"""

from __future__ import annotations

from collections import deque

import numpy as np
import tensorflow as tf


def log_sum_exp(values) -> float:
    """log of the sum of exponentials, shifted by the largest."""
    top = max(values)
    return float(top + np.log(sum(np.exp(value - top) for value in values)))


def looc_loss(query, positive, siblings, queue, temperature) -> float:
    """L_i of one image (Xiao et al. 2021, section 3): query [D], positive [D], siblings [S][D], queue [K][D]."""
    positive_logit = float(query @ positive) / temperature
    others = [float(query @ key) / temperature for key in [*siblings, *queue]]
    return log_sum_exp([positive_logit, *others]) - positive_logit


def looc_gradient(query, positive, siblings, queue, temperature) -> np.ndarray:
    """dL_i / dquery [D]: the softmax-weighted mean of all keys minus the positive, over the temperature."""
    keys = [positive, *siblings, *queue]
    logits = [float(query @ key) / temperature for key in keys]
    weights = [np.exp(logit - log_sum_exp(logits)) for logit in logits]
    return (sum(weight * key for weight, key in zip(weights, keys)) - positive) / temperature


def finite_difference(function, point: np.ndarray, step: float = 1e-6) -> np.ndarray:
    """Gradient of a scalar function by central differences."""
    gradient = np.zeros_like(point)
    for index in np.ndindex(point.shape):
        shift = np.zeros_like(point)
        shift[index] = step
        gradient[index] = (function(point + shift) - function(point - shift)) / (2 * step)
    return gradient


def is_sibling_negative(space_shares, key_shares) -> bool:
    """Whether a key varies something that the space must notice (the paper's rule, for sets of names)."""
    return any(shared not in key_shares for shared in space_shares)


def looc_losses(queries, keys, shares, queues, temperatures) -> dict[str, np.ndarray]:
    """L_i of every image in every space.

    Args:
        queries: space -> [B, D], its view of the query.
        keys: space -> key -> [B, D], the space's view of that space's key, in the order of the queries.
        shares: space -> what its key shares with the query.
        queues: space -> [K, D].
        temperatures: space -> temperature.
    """
    losses = {}
    for space in shares:
        negative = [key for key in shares if key != space and is_sibling_negative(shares[space], shares[key])]
        losses[space] = np.array(
            [
                looc_loss(
                    np.float64(queries[space][row]),
                    np.float64(keys[space][space][row]),
                    [np.float64(keys[space][key][row]) for key in negative],
                    np.float64(queues[space]),
                    temperatures[space],
                )
                for row in range(len(queries[space]))
            ]
        )
    return losses


class Fifo:
    """A queue whose slot 0 is written first, as rows of an array; one row enters at a time."""

    def __init__(self, rows: np.ndarray):
        self.rows = np.array(rows)
        self.oldest = deque(range(len(rows)))

    def push(self, keys: np.ndarray) -> None:
        for key in keys:
            slot = self.oldest.popleft()
            self.rows[slot] = key
            self.oldest.append(slot)


def in_query_order(rows: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Row r of `rows` belongs to the query in row order[r]: put it there."""
    placed = np.empty_like(rows)
    for row, place in enumerate(order):
        placed[place] = rows[row]
    return placed


def batch_norm_by_groups(inputs, groups, gamma, beta, epsilon):
    """[B, ..., C] normalised in `groups` equal parts of the batch; also the means and variances [groups, C]."""
    outputs, means, variances = np.empty_like(inputs), [], []
    size = len(inputs) // groups
    for start in range(0, len(inputs), size):
        part = inputs[start : start + size]
        axes = tuple(range(part.ndim - 1))
        means.append(part.mean(axes))
        variances.append(part.var(axes))
        outputs[start : start + size] = (part - means[-1]) / np.sqrt(variances[-1] + epsilon) * gamma + beta
    return outputs, np.array(means), np.array(variances)


def sgd(weight, gradients, rates, momentum, decay) -> np.ndarray:
    """PyTorch's SGD: the decay joins the gradient, then momentum; the rate is applied to the sum."""
    buffer = np.zeros_like(weight)
    for gradient, rate in zip(gradients, rates):
        buffer = momentum * buffer + gradient + decay * weight
        weight = weight - rate * buffer
    return weight


def lamb(weight, gradients, rate, decay, beta_1=0.9, beta_2=0.999, epsilon=1e-6) -> np.ndarray:
    """You et al. 2020, algorithm 2, for one layer."""
    first, second = np.zeros_like(weight), np.zeros_like(weight)
    for step, gradient in enumerate(gradients, 1):
        first = beta_1 * first + (1 - beta_1) * gradient
        second = beta_2 * second + (1 - beta_2) * gradient**2
        ratio = first / (1 - beta_1**step) / (np.sqrt(second / (1 - beta_2**step)) + epsilon)
        direction = ratio + decay * weight
        weight = weight - rate * np.linalg.norm(weight) / np.linalg.norm(direction) * direction
    return weight


class PlainMoCo:
    """MoCo v2 on one device, from Algorithm 1 of He et al. 2020, with a queue pointer and no notion of spaces.

    Args:
        f_q, f_k: functions of (images, training) with `trainable_variables`; f_k starts as a copy of f_q.
        queue: [K, C] rows, K a multiple of the batch.
        t, m: temperature and momentum, in the paper's letters.
        optimizer: of f_q.
    """

    def __init__(self, f_q, f_k, queue: np.ndarray, t: float, m: float, optimizer):
        self.f_q, self.f_k, self.t, self.m, self.optimizer = f_q, f_k, t, m, optimizer
        self.queue, self.pointer = tf.Variable(queue), tf.Variable(0)

    @tf.function
    def step(self, x_q: tf.Tensor, x_k: tf.Tensor, shuffle: tf.Tensor) -> tf.Tensor:
        """One iteration, which returns the loss; row r of x_k belongs to query shuffle[r] (shuffling BatchNorm)."""
        n = x_q.shape[0]
        with tf.GradientTape() as tape:
            q = self.f_q(x_q)
            k = tf.stop_gradient(tf.gather(self.f_k(x_k), tf.math.invert_permutation(shuffle)))
            l_pos = tf.reduce_sum(q * k, axis=1, keepdims=True)
            l_neg = tf.matmul(q, self.queue, transpose_b=True)
            logits = tf.concat([l_pos, l_neg], axis=1) / self.t
            # Cross-entropy with label 0, spelled out: TensorFlow's fused operation rounds in another order.
            loss = tf.reduce_sum(tf.reduce_logsumexp(logits, axis=1) - logits[:, 0]) / n
        weights = self.f_q.variables_learned
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights))
        for slow, quick in zip(self.f_k.variables_learned, weights):
            slow.assign(self.m * slow + (1 - self.m) * quick)
        self.queue[self.pointer : self.pointer + n].assign(k)
        self.pointer.assign((self.pointer + n) % len(self.queue))
        return loss


def nt_xent(one, two, temperature):
    """[B, D] unit rows of two views -> the losses of both directions, [2 B], row by row (SimCLR, eq. 1)."""
    rows, count, losses = np.concatenate([one, two]), len(one), []
    for i, row in enumerate(rows):
        logits = {k: row @ rows[k] / temperature for k in range(2 * count) if k != i}
        losses.append(np.log(sum(np.exp(each) for each in logits.values())) - logits[(i + count) % (2 * count)])
    return np.array(losses)
