"""A program in the place of a server: answers requests with an exported model, and imports TensorFlow alone.

    python server_process.py MODEL REQUESTS.json OUT.npz

REQUESTS.json is a list of `{"signature", "inputs": {name: {"b64": [...]} or {"values", "dtype"}}}`; OUT.npz gets
`<number>/<output>`.
"""

import base64
import json
import sys

import numpy as np
import tensorflow as tf


def main(model, requests, out):
    """Calls the signatures of a SavedModel with what the file holds."""
    loaded = tf.saved_model.load(model, tags=["serve"])
    with open(requests, encoding="utf-8") as file:
        asked = json.load(file)
    answers = {}
    for number, request in enumerate(asked):
        inputs = {name: tensor(value) for name, value in request["inputs"].items()}
        for name, value in loaded.signatures[request["signature"]](**inputs).items():
            answers[f"{number}/{name}"] = value.numpy()
    np.savez(out, **answers)


def tensor(value):
    """A tensor from JSON: strings in base64, numbers with their type."""
    if "b64" in value:
        return tf.constant([base64.b64decode(one) for one in value["b64"]])
    return tf.constant(np.array(value["values"], value["dtype"]))


if __name__ == "__main__":
    main(*sys.argv[1:])
