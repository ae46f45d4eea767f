"""Every test starts from the same place: quiet TensorFlow, few threads, fixed seeds, no network."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # before anything imports TensorFlow
os.environ["NO_GCE_CHECK"] = "true"  # tensorflow-datasets would ask Google's metadata server
os.environ["TFDS_DISABLE_GCS"] = "1"
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["LOOC_CACHE"] = "none"  # no test finds what another one, or the user, has left
# A small picture costs less than waking many threads, and two runs on one machine should not starve each other. The
# processes of `make test` have one thread each.
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1" if "PYTEST_XDIST_WORKER" in os.environ else "2")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", os.environ["TF_NUM_INTRAOP_THREADS"])

import gc
import random
import socket
import sys

import numpy as np
import pytest
from helpers import left_out

# Building and tracing networks makes so many objects that Python looked for cycles every few milliseconds, through all
# that TensorFlow's modules hold as well: a tenth of the time of a test that trains. It looks less often, and not there.
gc.set_threshold(50_000, 10, 10)

LOCAL = ("127.0.0.1", "::1", "localhost", "0.0.0.0")


@pytest.fixture(autouse=True)
def _same_start():
    """Seeds; and TensorFlow's global settings as they were, for the tests that have brought it in."""
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - the legacy state is what libraries read
    tf = sys.modules.get("tensorflow")
    if tf:
        from helpers import seeds  # it brings TensorFlow in, which other tests are without

        seeds.restart()
    yield
    if tf:
        tf.keras.mixed_precision.set_global_policy("float32")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    """A test that reaches out fails at once and says so, instead of passing on machines with network."""
    connect = socket.socket.connect

    def refuse(self, address):
        if self.family == socket.AF_UNIX or str(address[0]) in LOCAL:
            return connect(self, address)
        raise OSError(f"tests run without network; something tried to reach {address[0]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)


def pytest_collection_modifyitems(items):
    for item in items:
        if left_out.is_left_out(item.nodeid):
            item.add_marker(pytest.mark.slow)


def pytest_configure(config):
    times = left_out.Times()
    if times.path and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(times)


def pytest_collection_finish(session):
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """A file's tests go to one process, since they share what its fixtures made; all of the pipeline's, its run."""
    from xdist.scheduler import LoadFileScheduling

    class ByFixtures(LoadFileScheduling):
        def _split_scope(self, nodeid):
            pipeline = "tests/pipeline/"
            return pipeline if nodeid.startswith(pipeline) else super()._split_scope(nodeid)

    return ByFixtures(config, log)
