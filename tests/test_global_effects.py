"""The library leaves the process as it finds it: warnings, logging, environment, matplotlib, signals, streams, ..."""

import importlib.util
import json
import subprocess
import sys

import pytest

START = """
import importlib, json, logging, os, pkgutil, random, signal, sys, warnings
import matplotlib, numpy, tensorflow

for name in {others!r}:  # what these do to the process at import is their own
    importlib.import_module(name)
{before}

def state():
    root = logging.getLogger()
    return {{
        "warnings": [str(rule) for rule in warnings.filters],
        "showwarning": str(warnings.showwarning),
        "logging": [root.level, [str(handler) for handler in root.handlers], logging.root.manager.disable],
        "library's logger": str([logging.getLogger("looc_tf").level, logging.getLogger("looc_tf").propagate]),
        "environment": dict(os.environ),
        "matplotlib": {{key: str(value) for key, value in matplotlib.rcParams.items() if key != "backend"}},
        "backend": str(dict.__getitem__(matplotlib.rcParams, "backend")),
        "numpy": str([numpy.geterr(), numpy.get_printoptions()]),
        "signals": [str(signal.getsignal(number)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE)],
        "streams": [str(sys.stdout), str(sys.stderr), str(sys.excepthook), os.readlink("/proc/self/fd/2")],
        "folder": os.getcwd(),
        "path": sys.path,
        "seeds": [str(random.getstate()), str(numpy.random.get_state())],
        "tensorflow": [
            tensorflow.keras.mixed_precision.global_policy().name,
            tensorflow.keras.backend.floatx(),
            tensorflow.keras.backend.image_data_format(),
            str(tensorflow.config.optimizer.get_jit()),
            tensorflow.config.functions_run_eagerly(),
            tensorflow.config.get_soft_device_placement(),
            tensorflow.get_logger().level,
        ],
        "limits": [sys.getrecursionlimit(), __import__("PIL.Image").Image.MAX_IMAGE_PIXELS],
    }}

before = state()
{act}
after = state()
def difference(one, other):
    if not isinstance(one, dict):
        return [one, other]
    return {{key: [one.get(key), other.get(key)] for key in {{*one, *other}} if one.get(key) != other.get(key)}}

print(json.dumps({{key: difference(before[key], after[key]) for key in before if before[key] != after[key]}}))
"""
OTHERS = (
    "keras_cv tensorflow_datasets sklearn.linear_model sklearn.exceptions scipy.optimize PIL.Image "
    "matplotlib.figure rich.progress jinja2 yaml pandas pyarrow.parquet threadpoolctl click omegaconf"
).split() + ["tensorflow_addons"] * (importlib.util.find_spec("tensorflow_addons") is not None)

IMPORT_ALL = """
import looc_tf
names = [module.name for module in pkgutil.walk_packages(looc_tf.__path__, "looc_tf.")]
assert len(names) > 50
for name in names:
    importlib.import_module(name)
"""
DRAW = """
import pathlib
from looc_tf.results import figure
from looc_tf.experiments import load
from looc_tf.methods import build_plan
from looc_tf.report import curves, views_grid
for module in pkgutil.iter_modules(importlib.import_module("looc_tf.report").__path__, "looc_tf.report."):
    importlib.import_module(module.name)
experiment = load("factors/looc")
image = numpy.zeros([64, 64, 3], numpy.uint8)
for kind in ("png", "svg", "pdf"):
    views_grid.draw_views(build_plan(experiment), image, {folder!r} + "/views." + kind, rows=1)
record = {{"run": "r", "method": "m", "seed": 0, "representation": "trunk", "probe": "knn", "value": 50.0}}
figure.matrix_figure([record], {folder!r} + "/matrix.png")
figure.render(curves.curves_figure({{"a": pathlib.Path("nowhere")}}))
"""
LOW_BOUNDS = """
from PIL import Image
from looc_tf.data import ingest
Image.MAX_IMAGE_PIXELS, ingest.LARGE = 100, 50
warnings.simplefilter("error", Image.DecompressionBombWarning)
"""
READ = """
import io
def encoded(kind):
    buffer = io.BytesIO()
    Image.new("L", (12, 12)).save(buffer, kind)  # Pillow warns of more than its bound
    return buffer.getvalue()
for kind in ("PNG", "TIFF", "WEBP", "BMP", "GIF"):
    assert ingest.transcode(encoded(kind))[1:4] == b"PNG"
    assert ingest.decode_one(encoded(kind), 8).shape == (8, 8, 3)
"""


def changed(act, before="", others=OTHERS):
    """What is different in a process after `act`: name -> [before, after]."""
    code = START.format(others=others, before=before, act=act)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1]), done.stderr


def test_importing_everything_changes_nothing():
    assert changed(IMPORT_ALL)[0] == {}


@pytest.mark.parametrize("backend", ["svg", "template", None])
def test_drawing_leaves_the_backend_of_a_notebook(backend, tmp_path):
    chosen = (
        f"matplotlib.use({backend!r})" if backend else "os.environ.pop('MPLBACKEND', None); matplotlib.rcdefaults()"
    )
    assert changed(DRAW.format(folder=str(tmp_path)), chosen)[0] == {}
    assert len(list(tmp_path.iterdir())) == 4


def test_reading_a_large_picture_changes_and_says_nothing():
    different, said = changed(READ, LOW_BOUNDS)
    assert different == {} and "DecompressionBomb" not in said


def test_a_change_is_seen():
    act = "warnings.simplefilter('ignore'); matplotlib.use('svg'); os.environ['X_Y'] = '1'; numpy.seterr(all='ignore')"
    assert set(changed(act, others=[])[0]) == {"warnings", "backend", "matplotlib", "environment", "numpy"}
