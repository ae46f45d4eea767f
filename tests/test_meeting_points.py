"""Where pieces meet: deep pictures and an encoder of 8 bits, runs on pictures in memory, few labels, grey pictures."""

import json

import numpy as np
import pytest
from click.testing import CliRunner
from helpers import tiny
from PIL import Image
from tensorflow import keras

import looc_tf
from looc_tf.cli import cli
from looc_tf.data import open_parts
from looc_tf.errors import UserError
from looc_tf.evaluate.probes import PROBES, lacking
from looc_tf.export import embed_files
from looc_tf.report import evaluate_run, export_run
from looc_tf.training.finetune import finetuning

SHORT = ("training.batch=8", "training.log_every=1", "training.monitor_every=1", "optimizer.warmup_steps=0")


def looc(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="looc")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Pictures, a run on them and its export; the same pictures in memory, with a run of 16 bits on those."""
    place = tmp_path_factory.mktemp("place")
    tiny.draw(place / "pictures")
    looc_tf.train(tiny.experiment(place / "pictures"), place / "run")
    export_run(place / "run", place / "export")
    deep = place / "deep"
    deep.mkdir()
    for number, values in enumerate(arrays()):
        Image.fromarray(values).save(deep / f"{number:02}.png")
    looc_tf.train(tiny.experiment("x"), place / "memory", source=in_memory())
    return place


def arrays():
    random = np.random.default_rng(0)
    return [(random.random((16, 16)) * 4095).astype(np.uint16) for _ in range(24)]


def in_memory():
    return looc_tf.source_of(arrays(), [0, 1, 2] * 8, range=(0, 4095), name="mine")


def test_deep_files_under_an_encoder_of_8_bits_are_told_of(place, tmp_path):
    done = embed_files(place / "export", place / "deep", tmp_path / "rows.npz")
    assert done.deep == 24 and done.remark.startswith("24 of the pictures have more than 8 bits a value")
    answer = looc("embed", place / "export", place / "deep", "-o", tmp_path / "rows.npz")
    assert answer.exit_code == 0 and "looc: warning: 24 of the pictures have more than 8 bits" in answer.stderr
    assert not embed_files(place / "export", place / "pictures", tmp_path / "rows.npz").remark
    with pytest.raises(UserError, match=r"of more. An encoder .* takes them: .*rule=source.pixels"):
        looc_tf.load_run(place / "run").embedder(place / "deep" / "00.png")
    with pytest.raises(UserError, match=r"uint16.*rule=source.pixels"):
        looc_tf.load_run(place / "run").embedder(np.stack(arrays()))


def test_a_run_on_arrays_of_16_bits_embeds_them_as_files_too(place):
    run = looc_tf.load_run(place / "memory")
    assert run.pixels == in_memory().pixels and run.pixels.ranges == ((0.0, 4095.0),)
    stacked, listed = run.embedder(np.stack(arrays())), run.embedder(arrays())
    files = run.embedder(sorted((place / "deep").iterdir()))
    for other in (listed, files, run.embedder(np.stack(arrays())[..., None]), run.embedder(in_memory())):
        np.testing.assert_array_equal(stacked["trunk"], other["trunk"])
    own = looc_tf.Embedder(run.method.encoder, data_size=16, view_size=16, rule=in_memory().pixels)
    np.testing.assert_array_equal(own(arrays())["trunk"], stacked["trunk"])


def test_a_run_on_pictures_in_memory_says_where_others_come_from(place, tmp_path):
    for command in (("evaluate", place / "memory"), ("finetune", place / "memory", "--out", tmp_path / "out")):
        answer = looc(*command)
        assert answer.exit_code == 2 and answer.stderr.count("\n") == 1
        assert (
            "was trained on pictures that were given as an open source" in answer.stderr and "--data" in answer.stderr
        )
    parts = {"train": in_memory(), "test": in_memory()}
    assert evaluate_run(place / "memory", sources=parts).records
    tuned = looc_tf.finetune(place / "memory", tmp_path / "tuned", source=in_memory(), overrides=["training.steps=2"])
    assert json.loads((tuned / "run.json").read_text())["pixels"]["ranges"] == [[0.0, 4095.0]]


def test_fine_tuning_takes_the_batch_that_few_labels_fill(place, tmp_path):
    few = looc_tf.finetune(place / "run", tmp_path / "few", fraction=0.2, overrides=["training.steps=2"])
    assert looc_tf.load_config(few / "config.yaml").training.batch == 8  # of 37 pictures
    with pytest.raises(UserError, match="Lower training\\.batch"):
        looc_tf.finetune(place / "run", tmp_path / "own", fraction=0.2, overrides=["training.batch=32"])


def test_grey_pictures_have_no_hue(tmp_path):
    random = np.random.default_rng(0)
    for name in "ab":
        (tmp_path / name).mkdir()
        for number in range(12):
            Image.fromarray(random.integers(0, 255, (16, 16), np.uint8)).save(tmp_path / name / f"{number}.png")
    sources = open_parts(tmp_path, size=16)
    assert PROBES["hue"](sources) is None and lacking("hue", sources) == "the pictures are grey"


def test_a_run_folder_is_a_config(place, tmp_path):
    picture = next((place / "pictures").rglob("*.png"))
    answer = looc("views", place / "run", picture, "-o", tmp_path / "views.png", "--rows", 1)
    assert answer.exit_code == 0 and (tmp_path / "views.png").stat().st_size > 1000


class Stop(keras.callbacks.Callback):
    def __init__(self, after):
        super().__init__()
        self.after = after

    def on_train_batch_end(self, batch, logs=None):
        self.model.stop_training = batch + 1 >= self.after


def test_fine_tuning_that_a_callback_stops_goes_on(place, tmp_path):
    experiment = finetuning(place / "run", overrides=[*SHORT, "training.steps=6"])
    straight = looc_tf.train(experiment, tmp_path / "straight", warm=place / "run")
    stopped = looc_tf.train(experiment, tmp_path / "stopped", warm=place / "run", callbacks=[Stop(4)])
    assert looc_tf.load_run(stopped).step == 4
    looc_tf.train(experiment, stopped, resume=True)
    run, other = looc_tf.load_run(stopped), looc_tf.load_run(straight)
    assert run.step == other.step == 6
    for mine, its in zip(run.method.get_weights(), other.method.get_weights()):
        np.testing.assert_allclose(mine, its, rtol=1e-3, atol=1e-4)  # threads round otherwise


def test_fine_tuning_keeps_the_bands_and_the_rule_of_the_run(place, tmp_path):
    bands = np.stack([np.stack(arrays())] * 4, axis=-1)
    source = looc_tf.source_of(bands, [0, 1, 2] * 8, bands=[3, 2, 1, 0], range=(0, 4095))
    banded = looc_tf.train(tiny.experiment("x"), tmp_path / "banded", source=source)  # takes on the source's bands
    assert looc_tf.load_run(banded).experiment.data.bands == (3, 2, 1, 0)
    with pytest.raises(UserError, match=r"data.bands=\[0, 1, 2, 3\]. Received a source of \[3, 2, 1, 0\]"):
        looc_tf.train(tiny.experiment("x", "data.bands=[0,1,2,3]"), tmp_path / "other", source=source)
    tuned = looc_tf.finetune(banded, tmp_path / "tuned", source=source, overrides=["training.steps=2"])
    assert looc_tf.load_run(tuned).experiment.data.bands == (3, 2, 1, 0)
    darker = tmp_path / "darker"
    for number, values in enumerate(arrays()):
        place_of = darker / "ab"[number % 2]
        place_of.mkdir(parents=True, exist_ok=True)
        Image.fromarray(values // 4).save(place_of / f"{number:02}.png")
    tuned = looc_tf.finetune(
        place / "memory", tmp_path / "darker-tuned", data=str(darker), overrides=["training.steps=2"]
    )
    assert looc_tf.load_run(tuned).pixels == looc_tf.load_run(place / "memory").pixels


def test_a_source_of_another_rule_is_refused(place):
    run, other = looc_tf.load_run(place / "memory"), looc_tf.source_of(arrays(), [0, 1, 2] * 8, range=(0, 9000))
    with pytest.raises(UserError, match="by the rule of the training"):
        run.embedder(other)
    with pytest.raises(UserError, match="by the rule of the training"):
        evaluate_run(place / "memory", sources={"train": other, "test": other})
    held = looc_tf.source_of(arrays(), pixels=run.pixels)
    np.testing.assert_array_equal(run.embedder(held)["trunk"], run.embedder(arrays())["trunk"])


def test_grey_batches_have_no_bands_to_choose_from(tmp_path):
    source = looc_tf.source_of(np.zeros([8, 16, 16, 5], np.uint16), bands=[3, 1])
    encoder = looc_tf.Encoder(looc_tf.config.Model(width=4, backbone="plain6"), ["all"], channels=2)
    embed = looc_tf.Embedder(encoder, data_size=16, view_size=16, rule=source.pixels)
    assert embed(np.zeros([16, 16, 5], np.uint16))["trunk"].shape[0] == 1
    assert embed(np.zeros([7, 16, 16, 5], np.uint16))["trunk"].shape[0] == 7
    with pytest.raises(UserError, match=r"Received \[60, 16, 16\]\. Of grey ones"):
        embed(np.zeros([60, 16, 16], np.uint16))
