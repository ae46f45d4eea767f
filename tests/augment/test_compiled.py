"""XLA is used without a word of it on the screen."""

import subprocess
import sys

from helpers import lanes

CODE = """
import tensorflow as tf
from looc_tf.augment import Color
color = Color()
images = tf.data.Dataset.from_tensors(tf.ones([2, 8, 8, 3]))
next(iter(images.map(lambda batch: color.apply(batch, color.sample(tf.zeros([2, 7]))))))
"""


def test_the_first_compilation_of_a_process_writes_nothing():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", CODE], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, lanes.without_remarks(done.stderr)) == (0, "", "")


OTHERS = """
import os, sys, threading, time
import tensorflow as tf
from looc_tf.augment import compiled

done, said = threading.Event(), 0
def talk():
    global said
    while not done.is_set():
        os.write(2, b"line %d\\n" % said)
        said += 1
        time.sleep(0.001)
thread = threading.Thread(target=talk)
thread.start()
compiled.compiled()(lambda x: x + 1)(tf.constant(1.0))
done.set()
thread.join()
print(said)
"""


def test_what_other_threads_write_meanwhile_is_not_lost():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", OTHERS], capture_output=True, text=True, check=True)
    written = lanes.without_remarks(done.stderr).splitlines()
    said = sorted(written, key=lambda line: int(line.split()[-1]))  # their order is not promised
    assert said == [f"line {number}" for number in range(int(done.stdout))]


CLOSED = """
import os
import tensorflow as tf
from looc_tf.augment import compiled
os.close(2)
assert compiled.compiled()(lambda x: x + 1)(tf.constant(1.0)).numpy() == 2.0
"""


def test_a_process_without_a_screen_compiles_too():
    assert (
        subprocess.run([sys.executable, "-W", "ignore", "-c", CLOSED], capture_output=True, check=False).returncode == 0
    )
