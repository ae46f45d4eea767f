"""The commands as a user types them, one after the other on one small training."""

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from helpers import tiny

import looc_tf
from looc_tf.cli import cli
from looc_tf.data import Census
from looc_tf.evaluate import Reading
from looc_tf.results.levels import LEVELS
from looc_tf.results.records import KEYS

KNOWN = {
    *LEVELS,
    "config",
    "data",
    "pictures",
    "pictures_sha256",
    "checkpoint",
    "step",
    "version",
    "commit",
    "training",
}
FILES = ("results.json", "probes.json", "matrix.png", "report.html")


def looc(*arguments):
    """What a command printed: (exit code, standard output, standard error)."""
    answer = CliRunner().invoke(cli, [str(argument) for argument in arguments], prog_name="looc")
    if answer.exception and not isinstance(answer.exception, SystemExit):
        raise answer.exception
    return answer.exit_code, answer.stdout, answer.stderr


def done(*arguments):
    code, out, error = looc(*arguments)
    assert code == 0, error
    return out


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with pictures, others of the same name, and a config."""
    place = tmp_path_factory.mktemp("place")
    tiny.draw(place / "pictures", each=20)
    tiny.draw(place / "other [2]" / "pictures", classes=("disc", "bar"), each=24)
    settings = {"evaluation": {"neighbors": [5], "strengths": [0.1]}, "training": {**tiny.EXPERIMENT["training"]}}
    settings["training"].update(steps=4, log_every=2, checkpoint_every=2, monitor_every=2)
    content = {**tiny.EXPERIMENT, **settings, "name": "little/tiny", "about": "Little."}
    (place / "tiny.yaml").write_text(yaml.safe_dump(content))
    return place


@pytest.fixture(scope="module")
def trained(place):
    """RUN, and what `looc train` printed."""
    answer = looc("train", place / "tiny.yaml", "--data", place / "pictures", "--out", place / "run-0")
    assert answer[0] == 0, answer
    return place / "run-0", answer


@pytest.fixture(scope="module")
def evaluated(trained, place):
    """RUN, and what `looc evaluate` printed: plain, then on other pictures, then of other checkpoints."""
    run = trained[0]
    said = {"": looc("evaluate", run)}
    own = {name: (run / name).read_bytes() for name in FILES}
    said["on-pictures"] = looc("evaluate", run, "--data", place / "other [2]" / "pictures")
    said["best"] = looc("evaluate", run, "--checkpoint", "best")
    return run, said, own


@pytest.fixture
def run(evaluated):
    return evaluated[0]


def results(folder):
    return json.loads((folder / "results.json").read_text())


def test_train_says_what_comes_next_and_keeps_the_config_off_the_screen(trained):
    run, (_, out, error) = trained
    assert out == f"trained: {run}. Next: looc evaluate {run}, looc export {run} --out exports/{run.name}\n"
    log = (run / "train.log").read_text()
    assert "temperature: 0.2" in log and "backbone: plain6" in log
    assert "temperature: 0.2" not in error and "backbone" not in error
    assert [line for line in error.splitlines() if "config" in line] == [
        f"The whole config is in {run / 'config.yaml'}"
    ]


def test_train_begins_with_how_many_pictures_are_for_what(trained, place):
    run, (_, _, error) = trained
    line = error.splitlines()[0]
    assert line.startswith(f"{place / 'pictures'}: ")
    assert re.search(
        r": \d\d training pictures \(3 classes: bar, disc, noise\), \d validation, \d test, "
        r"0 skipped so far \(validation and test pictures are looked at when they are read\)$",
        line,
    )
    assert line in (run / "train.log").read_text().splitlines()[0]
    about = json.loads((run / "run.json").read_text())
    assert str(Census.read(about["census"])) == line and about["census"]["training"] == about["pictures"]
    assert about["skipped"] == 0


def test_train_refuses_a_folder_that_is_in_use(trained, place):
    code, _, error = looc("train", place / "tiny.yaml", "--data", place / "pictures", "--out", trained[0])
    assert code == 2 and error.startswith("looc: error: ") and "--resume" in error and error.count("\n") == 1


def test_evaluate_writes_results_and_shows_them(evaluated):
    run, said, _ = evaluated
    code, out, error = said[""]
    assert code == 0, error
    assert {*FILES} <= {path.name for path in run.iterdir()}
    assert all(word in out for word in ("trunk", "rotation", "object", "chance", "33.3")), out
    assert out.endswith(f"evaluated: {run}\n")
    assert {(r["representation"], r["probe"]) for r in results(run)} == {
        (name, probe)
        for name in ("trunk", "all", "rotation", "concat")
        for probe in ("object", "rotation", "hue", "knn")
    }


def test_evaluate_reads_what_is_asked_for_by_name_as_well(evaluated, place):
    """The draws' interval stands in the table and in results.json, and the rest is read as before."""
    run = place / "asked"
    shutil.copytree(evaluated[0], run)
    names = [part for name in ("few_shot", "subsets", "draws_on", "object_top5") for part in ("--probe", name)]
    code, out, error = looc("evaluate", run, *names, "--set", "evaluation.shots=[2]", "--set", "evaluation.draws=3")
    assert code == 0, error
    found = {(one["representation"], one["probe"]): one for one in results(run)}
    assert found["trunk", "few_shot@2"]["half"] >= 0 and "half" not in found["trunk", "object"]
    assert {("all+rotation", "subsets"), ("rotation", "draws_on"), ("all", "draws_on@disc")} <= set(found)
    before = {(one["representation"], one["probe"]): one["value"] for one in results(evaluated[0])}
    assert before.items() <= {key: one["value"] for key, one in found.items()}.items()
    assert "few_shot@2" in out and "over the draws of the evaluation" in out
    assert "object_top5: it needs more than 5 classes" in out
    assert (run / "matrix.png").stat().st_size > 0


def test_evaluate_begins_with_the_pictures_and_says_what_it_left_out(evaluated, place):
    run, said, _ = evaluated
    for name, pictures in {"": place / "pictures", "on-pictures": place / "other [2]" / "pictures"}.items():
        _, out, error = said[name]
        line = error.splitlines()[0]
        assert line.startswith(f"{pictures}: ") and line.endswith(" test, 0 skipped"), error
        assert "left out: texture: no such label\n" in out
        about = json.loads((run / name / "evaluated.json").read_text())
        assert str(Census.read(about["census"])) == line
        assert about["notes"] == ["left out: texture: no such label"]


@pytest.fixture(scope="module")
def small(place):
    """Few pictures in uneven classes, one of the test part broken."""
    folder = place / "small"
    for part, counts in {"train": {"disc": 24, "bar": 8}, "test": {"disc": 14, "bar": 8}}.items():
        for name, count in counts.items():
            tiny.draw(folder / part, classes=(name,), each=count)
    (folder / "test" / "bar" / "torn.png").write_bytes(b"\x89PNG no")
    return folder


def test_evaluate_names_what_it_could_not_read_and_says_how_little_few_pictures_tell(trained, small, place):
    run = place / "few"
    shutil.copytree(trained[0], run)
    code, out, error = looc("evaluate", run, "--data", small)
    assert code == 0, error
    assert ", 1 skipped as broken\n" in error and "1 picture skipped: test/bar/torn.png (" in error
    text = " ".join(out.split())
    assert "In percent, on 22 test pictures" in text and "majority" in text and "63.6" in text
    assert "22 test pictures: few. 95 % intervals (Wilson) of the highest values: object " in text
    page = (run / "on-small" / "report.html").read_text()
    assert "always the commonest class 63.6, chance 50.0" in page and ", 22 test pictures</div>" in page
    assert "22 test pictures: few. 95 % intervals (Wilson)" in page


def test_results_know_their_pictures_their_checkpoint_and_the_code(run, place):
    for record in results(run):
        assert set(record) == {*KEYS, *KNOWN}
        assert (record["run"], record["method"], record["config"]) == ("run-0", "tiny", "little/tiny")
        assert (record["data"], record["pictures"]) == (str(place / "pictures"), 60)
        assert re.fullmatch("[0-9a-f]{64}", record["pictures_sha256"])
        assert (record["checkpoint"], record["step"], record["version"]) == ("last", 4, looc_tf.__version__)
        assert record["commit"] == json.loads((run / "run.json").read_text())["commit"]


def test_other_pictures_never_take_the_place_of_the_runs_own(evaluated, place):
    run, said, own = evaluated
    assert {name: (run / name).read_bytes() for name in FILES} == own
    assert said["on-pictures"][1].endswith(f"evaluated: {run / 'on-pictures'}\n")
    mine, its = results(run)[0], results(run / "on-pictures")[0]
    assert its["run"] == "run-0/on-pictures" and its["data"] == str(place / "other [2]" / "pictures")
    assert mine["pictures_sha256"] != its["pictures_sha256"] and (mine["pictures"], its["pictures"]) == (60, 48)


def test_where_results_go(evaluated, place, tmp_path, monkeypatch):
    """The same pictures into the same folder, others of the same name into another one, its own into the run's."""
    run = Path(shutil.copytree(evaluated[0], tmp_path / "run-0"))
    third = tiny.draw(tmp_path / "third" / "pictures", classes=("bar", "noise"), each=30)
    read = [Reading(**one) for one in json.loads((run / "probes.json").read_text())]
    monkeypatch.setattr("looc_tf.report.runs.readings", lambda *_: read)  # what they are is of no account here
    monkeypatch.chdir(place)
    for ending, options in {
        "run-0/on-pictures": ["--data", place / "other [2]" / "pictures"],
        r"run-0/on-pictures-[0-9a-f]{8}": ["--data", third],
        "run-0/step-2": ["--data", "pictures", "--checkpoint", "2"],
        "run-0": ["--data", "pictures"],
    }.items():
        before = {path: path.read_bytes() for path in run.rglob("results.json")}
        out = done("evaluate", run, *options)
        assert re.search(rf"/{ending}\n$", out), out
        written = Path(out.split("evaluated: ")[1].strip()) / "results.json"
        assert all(path.read_bytes() == content for path, content in before.items() if path != written)
    assert [len(list(run.glob(pattern))) for pattern in ("on-*", "on-pictures")] == [2, 1]


def test_compare_puts_each_data_set_into_a_table_of_its_own(run, tmp_path):
    first, second = (r["pictures_sha256"][:8] for r in (results(run)[0], results(run / "on-pictures")[0]))
    for markdown in ([], ["--markdown"]):
        out = " ".join(done("compare", run, run / "on-pictures", *markdown).split())
        assert 0 <= out.index(first) < out.index(second)
        assert out.count("trunk") == 2 and out.count("60 pictures") == 1 and out.count("48 pictures") == 1
    for baseline in ("tiny", "tiny/rotation"):
        out = done("compare", run, run / "on-pictures", "--markdown", "--minus", baseline)
        name = baseline.rpartition("/")[2].replace("tiny", "trunk")
        assert len(re.findall(rf"{name} \| (\**0\.0\** \| )+", out)) == 2, out
    done("compare", run, run / "on-pictures", "-o", tmp_path / "both.svg")
    assert (tmp_path / "both.svg").read_bytes().startswith(b"<?xml")


def test_the_best_checkpoint_stands_beside_the_last_one(evaluated):
    run, said, _ = evaluated
    assert said["best"][1].endswith(f"evaluated: {run / 'best'}\n")
    found = {r["checkpoint"]: r["step"] for part in ("", "best") for r in results(run / part)}
    assert found["last"] == 4 and found["best"] in (2, 4)
    out = done("compare", run, run / "best", "--markdown")
    rows = [line.split(" | ")[0] for line in out.splitlines() if "trunk" in line]
    assert rows == ["| tiny", "| tiny@best"]
    out = done("compare", run, run / "best", "--markdown", "--minus", "tiny@best/rotation")
    assert re.search(r"\| tiny@best .*\n(.*\n)*?\|  \| rotation \| (\**0\.0\** \| )+", out), out


def test_one_run_given_twice_stays_a_mistake(run):
    code, _, error = looc("compare", run, run)
    assert code == 2 and "received two of tiny/trunk/object with seed 0" in error and error.count("\n") == 1


def test_results_of_earlier_versions_are_read_and_mixed_with_no_others(run, tmp_path):
    old = [{key: record[key] for key in KEYS} for record in results(run)]
    for seed in (1, 2):
        folder = tmp_path / f"old-{seed}"
        folder.mkdir()
        records = [{**record, "run": folder.name, "seed": seed} for record in old]
        (folder / "results.json").write_text(json.dumps(records))
    alone = done("compare", tmp_path / "old-1", tmp_path / "old-2", "--markdown")
    assert alone.startswith("| method |") and "± 0.0" in alone
    both = done("compare", run, tmp_path / "old-1", "--markdown")
    assert both.count("| tiny | trunk |") == 2 and "±" not in both and "### pictures not recorded" in both


def test_export_and_embed(trained, place, tmp_path):
    assert done("export", trained[0], "--out", tmp_path / "exports") == f"exported: {tmp_path / 'exports' / '1'}\n"
    code, out, error = looc("embed", tmp_path / "exports" / "1", place / "pictures", "-o", tmp_path / "rows.npz")
    assert code == 0 and error.startswith(f"{place / 'pictures'}: 60 pictures\n"), error
    assert out == f"embedded: 60 pictures in {tmp_path / 'rows.npz'}\n"
    with np.load(tmp_path / "rows.npz", allow_pickle=False) as rows:
        assert sorted(rows) == ["all", "id", "rotation", "trunk"] and rows["rotation"].shape == (60, 8)


def test_export_of_what_was_advised(trained, place, tmp_path):
    out = done("export", trained[0], "--out", tmp_path / "exports", "--representation", "all+rotation")
    path = tmp_path / "exports" / "1"
    assert out == f"exported: {path}\nit answers with embedding, which is all+rotation, 16 numbers a picture\n"
    done("embed", path, place / "pictures", "-o", tmp_path / "rows.npz")
    with np.load(tmp_path / "rows.npz", allow_pickle=False) as rows:
        assert sorted(rows) == ["embedding", "id"] and rows["embedding"].shape == (60, 16)
    code, _, error = looc("export", trained[0], "--out", tmp_path / "exports", "--representation", "rotatio")
    assert code == 2 and error.count("\n") == 1
    assert "Unknown representation 'rotatio'. Did you mean 'rotation'? Expected one of trunk, all, rotation" in error
    assert sorted(each.name for each in (tmp_path / "exports").iterdir()) == ["1", "serving.md"]


def test_views_and_configs(place, tmp_path):
    picture = next((place / "pictures" / "disc").iterdir())
    assert done("views", place / "tiny.yaml", picture, "-o", tmp_path / "v.png") == f"drawn: {tmp_path / 'v.png'}\n"
    assert (tmp_path / "v.png").read_bytes().startswith(b"\x89PNG")
    assert "factors/looc" in done("configs")


def test_views_of_a_folder_name_a_picture_of_it(place, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder, remedy in {
        place / "pictures": f"Name one of its pictures, such as {place / 'pictures' / 'bar' / '00.png'}.",
        tmp_path / "empty": "It holds no picture.",
    }.items():
        code, _, error = looc("views", place / "tiny.yaml", folder, "-o", tmp_path / "v.png")
        assert code == 2 and not (tmp_path / "v.png").exists()
        assert error == f"looc: error: Expected one picture file. Received the folder {folder}. {remedy}\n"


def test_a_folder_of_pictures_is_no_place_for_a_run(place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pictures = place / "pictures"
    for command in (["evaluate"], ["export", "--out", "exports"]):
        code, _, error = looc(command[0], pictures, *command[1:])
        assert code == 2 and f"Train one: looc train CONFIG --data {pictures} --out runs/pictures\n" in error
    shutil.copytree(pictures, "runs/pictures")
    _, _, error = looc("evaluate", "runs/pictures")
    assert error.endswith("Train one: looc train CONFIG --data runs/pictures --out runs/pictures-run\n")
    Path("notes").mkdir()
    Path("notes/a.txt").write_text("a")
    assert looc("evaluate", "notes")[2].endswith("Train one: looc train CONFIG --out runs/notes\n")
    assert looc("evaluate", "runs/new")[2].endswith("Train one: looc train CONFIG --out runs/new\n")


@pytest.mark.parametrize("name", ["2019", "true", "a: b", "a #b", "[z"])
def test_the_demo_takes_a_path_as_it_is(name, monkeypatch, tmp_path):
    """It went through YAML once, where 2019 is a number and a # begins a comment."""
    tiny.draw(tmp_path / name, each=10)
    seen = []

    def train(experiment, out, resume=False):
        seen.append(experiment.data.name)
        raise SystemExit(130)

    monkeypatch.setattr("looc_tf.report.demo.train", train)
    monkeypatch.chdir(tmp_path)
    code, _, error = looc("demo", "--quick", "--data", name, "--out", "out")
    assert (code, seen) == (130, [name]), error
