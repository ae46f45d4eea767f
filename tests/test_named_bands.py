"""Deep pictures and named bands from file to embedding: training, record, `looc embed`, the served signatures."""

import json
import logging

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from helpers import tiny
from helpers.deep import DEFLATE, LZW, png16, ramp, tiff, write
from helpers.see_through import SeeThrough, seen

import looc_tf
from looc_tf.cli import cli
from looc_tf.data import Pixels, open_parts, open_source
from looc_tf.data.raw import read_raw
from looc_tf.errors import UserError
from looc_tf.evaluate.probes import PROBES
from looc_tf.export import Embedder, embed_files, export
from looc_tf.report import evaluate_run, export_run
from looc_tf.training import train

SIZE = 24


def _pictures(kind, count=40):
    random = np.random.default_rng(3)
    for _ in range(count):
        if kind == "xrays":
            yield png16(ramp(40, 1, 0, 4095 * random.uniform(0.7, 1)))
        elif kind == "xrays-tiff":
            yield tiff(ramp(40, 1, 0, 4095 * random.uniform(0.7, 1)).astype(np.uint16), compression=LZW)
        elif kind == "four":
            yield tiff(ramp(40, 4, 200, 3000 * random.uniform(0.7, 1)).astype(np.uint16), extra=2, compression=LZW)
        elif kind == "naip":
            yield tiff((ramp(40, 4, 0, 255) * random.uniform(0.7, 1)).astype(np.uint8), extra=2)
        elif kind in ("thirteen", "three-of-thirteen"):
            yield tiff(ramp(40, 13, 0, 9000 * random.uniform(0.7, 1)).astype(np.uint16), planar=2, tile=(16, 16))
        else:
            values = ramp(40, 4, 0, random.uniform(0.3, 0.4)).astype(np.float32)
            values[:6, :, random.integers(4)] = np.nan
            yield tiff(values, compression=DEFLATE, predictor=3, rows=8)


KINDS = {
    "xrays": None,
    "xrays-tiff": None,
    "four": (0, 1, 2, 3),
    "naip": (3, 0, 1, 2),
    "thirteen": tuple(range(13)),
    "three-of-thirteen": (3, 2, 1),
    "reflectance": (0, 1, 3),
    "one-of-reflectance": (2,),
}


@pytest.fixture(scope="module", params=KINDS)
def held(request, tmp_path_factory):
    """A folder, its source, and an export of an encoder that gives back the pictures."""
    root = tmp_path_factory.mktemp(request.param)
    folder = write(root / "pictures", _pictures(request.param, 16))
    source = open_source(folder, size=SIZE, bands=KINDS[request.param])
    encoder = SeeThrough(SIZE, source.pixels.channels)
    embedder = Embedder(encoder, data_size=SIZE, view_size=SIZE, rule=source.pixels)
    return folder, source, export(embedder, root / "export")


def _of_source(source):
    batch = source.fetch(list(range(len(source))))
    return dict(zip(source.ids, batch["image"].numpy()))


def test_embedding_files_sees_what_training_saw(held, tmp_path):
    folder, source, exported = held
    done = embed_files(exported, folder, tmp_path / "out.npz", batch=5)
    assert not done.skipped and done.count == 16
    table = np.load(done.path)
    rows = dict(zip(table["id"], seen(table["trunk"], SIZE, source.pixels.channels)))
    for name, image in _of_source(source).items():
        np.testing.assert_array_equal(rows[name], image)


def test_every_signature_sees_what_training_saw(held):
    folder, source, exported = held
    signatures = tf.saved_model.load(str(exported)).signatures
    assert set(signatures) == {"serving_default", "images", "squares", "examples", "intensities"}
    for name, image in list(_of_source(source).items())[:4]:
        data = (folder / name).read_bytes()
        values = read_raw(data, 1 << 20, named=True).values.astype(np.float32)
        whole = source.pixels.eight_bits(read_raw(data, 1 << 20, named=True).values)
        answers = [
            signatures["intensities"](intensities=tf.constant(values[None])),
            signatures["images"](images=tf.constant(whole[None])),
            signatures["images"](images=tf.constant(image[None])),
        ]
        if name.endswith(".png"):
            answers.append(signatures["serving_default"](image_bytes=tf.constant([data])))
        for answer in answers:
            np.testing.assert_array_equal(seen(answer["trunk"], SIZE, source.pixels.channels)[0], image)


def test_an_export_says_by_which_rule(held):
    _, source, exported = held
    about = json.loads((exported / "assets.extra" / "looc.json").read_text())
    assert Pixels.recorded(about["preprocessing"]["pixels"]) == source.pixels
    assert about["signatures"]["intensities"] == "intensities"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A training on four bands of reflectance."""
    root = tmp_path_factory.mktemp("run")
    for name in ("a", "b"):
        write(root / "pictures" / name, _pictures("four", 24))
    bands = ("data.bands=[0,1,2,3]", "views.chain={crop: {}, color: {}, rotation: {}, blur: {}, texture: {}}")
    experiment = tiny.experiment(root / "pictures", *bands)
    train(experiment, root / "run")
    return root, experiment


def test_a_training_says_and_records_the_rule(run):
    root, _ = run
    log = (root / "run" / "train.log").read_text()
    assert "pixels: uint16, band 0: 200 to" in log and "-> 0 to 255" in log
    assert log.count("no saturation, hue or gray") == 1
    rule = Pixels.recorded(json.loads((root / "run" / "run.json").read_text())["pixels"])
    assert rule == open_source(root / "pictures", size=16, bands=[0, 1, 2, 3]).pixels
    assert looc_tf.load_run(root / "run").pixels == rule


def test_other_pictures_are_measured_by_the_runs_rule(run, tmp_path, monkeypatch, caplog):
    root, _ = run
    for name in ("a", "b"):
        write(tmp_path / "dark" / name, [tiff(ramp(40, 4, 200, 900).astype(np.uint16)) for _ in range(20)])
    opened = []
    monkeypatch.setattr(
        "looc_tf.report.runs.open_parts", lambda *a, **k: opened.append(open_parts(*a, **k)) or opened[-1]
    )
    with caplog.at_level(logging.INFO, "looc_tf"):
        done = evaluate_run(root / "run", data=str(tmp_path / "dark"))
    assert opened[0]["train"].pixels == looc_tf.load_run(root / "run").pixels
    assert opened[0]["train"].fetch([0])["image"].numpy().max() < 120  # dark stays dark
    assert {record["probe"] for record in done.records} == {"object", "rotation", "knn"}
    assert "The hue probe is left out: pictures of 4 bands have no hue." in caplog.text


def test_a_run_goes_on_by_the_rule_with_which_it_began(run, tmp_path):
    import shutil

    root, experiment = run
    shutil.copytree(root / "run", tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    about["pixels"]["ranges"] = [[0, 1000]] * 4
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    (tmp_path / "run" / "checkpoints" / "ckpt-6.index").unlink()
    seen_by = []
    import looc_tf.training.fit as fit

    opened, fit.open_source = fit.open_source, lambda *a, **k: seen_by.append(k["pixels"]) or opened(*a, **k)
    try:
        train(experiment, tmp_path / "run", resume=True)
    finally:
        fit.open_source = opened
    assert seen_by[0].ranges == ((0.0, 1000.0),) * 4
    assert json.loads((tmp_path / "run" / "run.json").read_text())["pixels"]["ranges"] == [[0, 1000]] * 4


def test_an_export_of_a_run_embeds_its_pictures(run, tmp_path):
    root, _ = run
    exported = export_run(root / "run", tmp_path / "export")
    table = np.load(embed_files(exported, root / "pictures", tmp_path / "out.npz").path)
    trained = looc_tf.load_run(root / "run")
    source = open_source(root / "pictures", size=16, pixels=trained.pixels)
    rows = dict(zip(table["id"], table["all"]))
    images = _of_source(source)
    right = trained.embedder.images(np.stack(list(images.values())))["all"].numpy()
    np.testing.assert_allclose(np.stack([rows[name] for name in images]), right, rtol=0, atol=1e-5)


def test_views_are_drawn_by_the_rule_of_the_run_or_of_the_set(run, tmp_path):
    root, _ = run
    picture = str(next((root / "pictures" / "a").iterdir()))
    drawn = CliRunner().invoke(
        cli, ["views", str(root / "run" / "config.yaml"), picture, "-o", str(tmp_path / "v.png")]
    )
    assert drawn.exit_code == 0, drawn.output
    assert "by the rule of" in drawn.output and (tmp_path / "v.png").stat().st_size > 10_000


def test_labels_called_hue_are_still_read_from_bands():
    class Source:
        pixels, fields, labels = Pixels(bands=(0, 1)), {"hue": ("a", "b")}, {"hue": np.array([0, 1])}

    assert PROBES["hue"]({"train": Source}) is not None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.bands=[]", "1 to 1024 different bands"),
        ("data.bands=[1,1]", "different bands"),
        ("data.bands=[-1]", "counted from 0"),
        ("data.bands=3", "should be a list"),
        ("data.range=[5]", "two numbers in order"),
        ("data.range=[5,5]", "two numbers in order"),
        ("data.range=[a,b]", "two numbers in order"),
        ("data.range=[[0,1],[0,2]]", "a pair for each channel"),
    ],
)
def test_a_config_that_cannot_be_meant_is_refused(override, message):
    with pytest.raises(UserError, match=message.replace("[", r"\[")):
        tiny.experiment("pictures", override)


def test_a_config_may_name_bands_and_range():
    experiment = tiny.experiment("pictures", "data.bands=[3,2]", "data.range=[[0,1],[0.5,2]]")
    assert experiment.data.channels == 2 and experiment.data.range == ((0, 1), (0.5, 2))
    assert tiny.experiment("pictures").data.channels == 3
