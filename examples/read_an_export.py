"""An export without this library: in TensorFlow, in Keras, in TFLite, and as the JSON that a server takes.

python examples/read_an_export.py                    # a small untrained encoder, exported here
python examples/read_an_export.py exports/looc/1     # yours: looc export RUN --out exports/looc
"""

import base64
import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow import keras


def untrained() -> str:
    """A small export; the only lines that need looc_tf."""
    import looc_tf
    from looc_tf import config, export

    encoder = looc_tf.Encoder(config.Model(width=8, hidden=32), ["all", "color"])
    return str(export.export(looc_tf.Embedder(encoder, data_size=32, view_size=24), tempfile.mkdtemp()))


path = sys.argv[1] if len(sys.argv) > 1 else untrained()
about = json.loads(Path(path, "assets.extra", "looc.json").read_text())
print(about["signatures"], about["representations"])
size = about["preprocessing"]["data_size"]
pictures = np.random.default_rng(0).integers(0, 256, (4, size, size, 3), np.uint8)

# 1. TensorFlow. `images` takes pixels of any size in 0..255, `serving_default` the bytes of picture files.
loaded = tf.saved_model.load(path)
rows = loaded.signatures["images"](images=tf.constant(pictures))
files = [tf.io.encode_png(picture).numpy() for picture in pictures]
same = loaded.signatures["serving_default"](image_bytes=tf.constant(files))
print("files and pixels differ by", float(tf.reduce_max(tf.abs(rows["trunk"] - same["trunk"]))))

# 2. Keras: a layer for a model of your own, which predicts, and trains with the gradients of the encoder.
from keras.src.export.export_lib import ReloadedLayer  # noqa: E402 - Keras 2.15 gives it no public name

inputs = keras.Input([None, None, 3], dtype="uint8")
classifier = keras.Model(inputs, keras.layers.Dense(10)(ReloadedLayer(path, call_endpoint="images")(inputs)["trunk"]))
print("Keras predicts", classifier.predict(pictures, verbose=0).shape, len(classifier.trainable_variables), "variables")

# 3. TFLite: `squares` takes squares of `data_size` and has TFLite's own operations alone.
converter = tf.lite.TFLiteConverter.from_saved_model(path, signature_keys=["squares"])
run = tf.lite.Interpreter(model_content=converter.convert()).get_signature_runner("squares")
print("TFLite differs by", float(np.abs(run(squares=pictures)["trunk"] - rows["trunk"]).max()))

# 4. TensorFlow Serving over REST: POST this to http://HOST:8501/v1/models/NAME:predict
request = {"instances": [{"image_bytes": {"b64": base64.b64encode(file).decode()}} for file in files]}
print("REST:", json.dumps(request)[:60], "...")
