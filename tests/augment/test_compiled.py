"""XLA is used without a word of it on the screen."""

import subprocess
import sys

CODE = """
import tensorflow as tf
from looc_tf.augment import Color
color = Color()
images = tf.data.Dataset.from_tensors(tf.ones([2, 8, 8, 3]))
next(iter(images.map(lambda batch: color.apply(batch, color.sample(tf.zeros([2, 7]))))))
"""


def test_the_first_compilation_of_a_process_writes_nothing():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
