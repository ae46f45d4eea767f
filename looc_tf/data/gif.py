"""Where the first frame of a GIF ends, found with TensorFlow operations alone.

TensorFlow's decoder unpacks every frame even when it is asked for one, at the size that each frame claims: a file of
600 kB can hold a gigabyte of frames, and a GIF of 10 x 10 a frame of 20,000 x 20,000.
"""

from __future__ import annotations

import tensorflow as tf

_EXTENSION, _IMAGE = 0x21, 0x2C  # the first byte of a block (GIF89a, sections 20 and 23)
_BLOCK, _WITHIN, _FRAME, _END, _NONE = range(5)  # at a block, in an extension, in a frame, behind it, there is none
_RUN = 1024  # pieces of one length that are passed at a time; writers make all but the last of 254 or 255 bytes
_STEPS = 4096  # after so many it is not a GIF that any program has written


def first_frame(data: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Cuts a GIF behind its first frame.

    Args:
        data: scalar string, the bytes of a GIF.

    Returns:
        The bytes of a GIF of that frame alone, which no decoder accepts if there is none or it is cut short; int64
        [height, width] that the frame claims.
    """
    raw = tf.concat([tf.io.decode_raw(data, tf.uint8), tf.zeros([10], tf.uint8)], axis=0)
    size = tf.size(raw)

    def at(places: tf.Tensor) -> tf.Tensor:
        return tf.cast(tf.gather(raw, tf.minimum(places, size - 1)), tf.int32)

    def step(place: tf.Tensor, state: tf.Tensor, frame: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        head = at(place + tf.range(10))
        alike = at(place + (head[0] + 1) * tf.range(_RUN)) == head[0]
        run = tf.maximum(1, tf.reduce_sum(tf.math.cumprod(tf.cast(alike & (head[0] > 0), tf.int32))))
        begins = state == _BLOCK
        image, extension = begins & (head[0] == _IMAGE), begins & (head[0] == _EXTENSION)
        place += tf.where(image, 11 + _colors(head[9]), tf.where(extension, 2, run * (head[0] + 1)))
        after = tf.where(head[0] > 0, state, tf.where(state == _FRAME, _END, _BLOCK))  # a piece of no bytes is the last
        opened = tf.where(image, _FRAME, tf.where(extension, _WITHIN, _NONE))
        return place, tf.where(begins, opened, after), tf.where(image, head[5:9], frame)

    start = 13 + _colors(at(tf.constant([10]))[0])
    end, state, frame = tf.while_loop(
        lambda place, state, _: (place < size - 10) & (state < _END),
        step,
        (start, tf.constant(_BLOCK), tf.zeros([4], tf.int32)),
        maximum_iterations=_STEPS,
        parallel_iterations=1,
    )
    end = tf.where(state == _END, end, tf.minimum(start, size - 10))
    return tf.strings.join([tf.strings.substr(data, 0, end), b";"]), tf.cast(
        tf.stack([frame[2] + 256 * frame[3], frame[0] + 256 * frame[1]]), tf.int64
    )


def _colors(flags: tf.Tensor) -> tf.Tensor:
    """Bytes of the color table that these flags announce (GIF89a, sections 18 and 20)."""
    return tf.where(flags >= 0x80, 3 * tf.bitwise.left_shift(2, flags % 8), 0)
