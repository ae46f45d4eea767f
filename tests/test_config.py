"""Configs: what is read, what is refused and in which words."""

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from looc_tf import config
from looc_tf.config import Experiment
from looc_tf.errors import UserError
from looc_tf.experiments import load
from looc_tf.methods.looc import Settings, Space

SMALL = "cifar10/looc-rotation"


@pytest.fixture
def write(tmp_path):
    """Writes a config file and returns its path."""

    def write(text, name="mine"):
        path = tmp_path / f"{name}.yaml"
        path.write_text(text, encoding="utf8")
        return path

    return write


def refusal(act, *arguments):
    with pytest.raises(UserError) as caught:
        act(*arguments)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", config.names())
def test_a_shipped_config_loads_and_survives_yaml_and_json(name, write):
    experiment = load(name)
    assert experiment.name == name
    assert experiment.about.strip()
    assert load(write(config.to_yaml(experiment))) == experiment
    assert json.loads(json.dumps(config.to_dict(experiment))) == config.to_dict(experiment)


@pytest.mark.parametrize("name", [name for name in config.names() if name.startswith(("imagenet100/", "imagenet/"))])
def test_a_row_that_was_not_run_says_so_and_names_its_paper(name):
    about = load(name).about
    assert about.startswith("Not run here.")
    assert all(word in about for word in ("arXiv", "Hardware:", f"looc train {name} "))
    assert "Expected, linear top-1: " in about or name.startswith("imagenet100/")


@pytest.mark.parametrize("name", ["simclr", "byol", "simsiam", "swav", "dino"])
def test_a_small_recipe_says_whose_it_is_and_what_it_gave_there(name):
    about = load(f"cifar10/{name}").about
    assert all(word in about for word in ("arXiv", "benchmark", "Expected there, kNN: ", "Not run here"))


def test_rows_of_the_paper_follow_its_recipe():
    experiment = load("imagenet100/looc-color-rotation")
    assert experiment.training.epochs == 500 and experiment.training.batch == 256
    assert [share * 500 for share in experiment.optimizer.milestones] == [300, 400]
    assert [space.shares for space in experiment.method.spaces] == [(), ("color",), ("rotation",)]
    assert {space.queue for space in experiment.method.spaces} == {16384}


def test_the_demo_gives_both_methods_the_same_views_and_as_many_forwards():
    looc, moco = load("factors/looc"), load("factors/moco")
    assert (looc.views, looc.model, looc.optimizer, looc.data) == (moco.views, moco.model, moco.optimizer, moco.data)
    forwards = [(1 + len(each.method.spaces)) * each.training.steps for each in (looc, moco)]
    assert forwards[0] == forwards[1]


@pytest.mark.parametrize(
    ("override", "field", "value"),
    [
        ("method.spaces.1.temperature=0.5", lambda e: e.method.spaces[1].temperature, 0.5),
        ("optimizer.learning_rate=1e-4", lambda e: e.optimizer.learning_rate, 1e-4),
        ("optimizer.learning_rate=1", lambda e: e.optimizer.learning_rate, 1.0),
        ("views.chain.color.hue=0.5", lambda e: e.views.chain["color"], {"hue": 0.5}),
        ("views.chain.blur=", lambda e: list(e.views.chain), ["crop", "color", "rotation", "blur"]),
        ("views.chain={rotation: {}, crop: {}}", lambda e: list(e.views.chain), ["rotation", "crop"]),
        ("optimizer.milestones=[0.5]", lambda e: e.optimizer.milestones, (0.5,)),
        ("data.limit=null", lambda e: e.data.limit, None),
        ("data.name=a=b", lambda e: e.data.name, "a=b"),
        ("method.branch_per_space=true", lambda e: e.method.branch_per_space, True),
    ],
)
def test_override(override, field, value):
    assert field(load(SMALL, [override])) == value


def test_brackets_reach_a_field_too():
    assert load(SMALL, ["method[spaces][1][temperature]=0.5"]).method.spaces[1].temperature == 0.5


def test_a_section_left_empty_states_nothing(write):
    write("training: {steps: 5, batch: 8}\nmethod: {name: simclr, temperature: 0.3}", "below")
    assert load(write("base: below\nmethod:\n", "above")).method.temperature == 0.3


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["views.chain.local={kind: crop, size: 8}"], "View 'query' would be cropped 2 times (crop, local)."),
        (["views.chain.crop.size=16"], "Views are made 16 px wide and measured at views.size of 32. Set views.size=16"),
        (
            ["views.chain={color: {}, rotation: {}}", "views.size=24"],
            "made 32 px wide and measured at",
        ),
    ],
)
def test_what_is_trained_on_is_what_is_measured(overrides, words):
    assert words in refusal(load, SMALL, overrides)


def test_overrides_apply_in_order():
    experiment = load(SMALL, ["method.spaces=[{name: one, queue: 512}]", "method.spaces.0.name=two"])
    assert experiment.method.spaces == (Space("two", queue=512),)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("method.spaces.1.temprature=1", "unknown key 'method.spaces.1.temprature'. Did you mean 'temperature'?"),
        ("trainin.steps=1", "unknown key 'trainin'. Did you mean 'training'?"),
        ("training.steps=many", "training.steps should be a whole number. Received 'many' (str)."),
        ("training.steps=1.5", "training.steps should be a whole number. Received 1.5 (float)."),
        ("training.steps=true", "training.steps should be a whole number. Received True (bool)."),
        ("optimizer.learning_rate=.nan", "optimizer.learning_rate should be a number. Received nan"),
        ("method.branch_per_space=1", "method.branch_per_space should be true or false. Received 1 (int)."),
        ("data.name=3", "data.name should be a text. Received 3 (int)."),
        ("views.chain=[crop]", "views.chain should be a mapping of names."),
        ("method.spaces=all", "method.spaces should be a list. Received 'all' (str)."),
        ("method=looc", "method should be the fields name, spaces,"),
        ("method.spaces=[{shares: []}]", "'method.spaces.0.name' is missing"),
        ("method=", "method should be the fields name, spaces,"),
        ("method=null", "method should be the fields name, spaces,"),
        ("method[bogus]=1", "unknown key 'method.bogus'"),
        ("method.spaces.7.queue=1", "cannot be set"),
        ("method.spaces.one.queue=1", "cannot be set"),
        ("data.name=${oc.env:HOME}", "data.name holds an interpolation"),
        ("views.chain.color.hue=${", "cannot be set"),
        ("training.steps", "expected field=value"),
        ("=1", "expected field=value"),
        ("data.size={a", "cannot be set"),
    ],
)
def test_an_override_that_cannot_be_is_named(override, words):
    message = refusal(load, SMALL, [override])
    assert message.startswith(f"--set {override}: ") and words in message


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("training.epochs=1", "exactly one of steps and epochs. Received steps=3000, epochs=1.0."),
        ("training.steps=null", "exactly one of steps and epochs. Received steps=None, epochs=None. Set one of them"),
        ("training.steps=-1", "training.steps should be 0 or more. Received -1."),
        ("training.batch=0", "training.batch should be above 0. Received 0."),
        ("training.batch=100", "training.batch of 100 cannot be split into method.key_groups of 8."),
        ("training.accumulate=3", "training.batch of 128 cannot be cut into training.accumulate of 3 parts."),
        ("training.accumulate=16", "method.key_groups of 8 cannot be dealt to training.accumulate of 16 parts."),
        ("training.accumulate=0", "training.accumulate should be above 0. Received 0."),
        ("method.key_batch_norm=shuffle", "Unknown method.key_batch_norm 'shuffle'. Did you mean 'shuffled'?"),
        ("optimizer.reference_batch=0", "optimizer.reference_batch should be above 0. Received 0."),
        ("views.size=-1", "views.size should be above 0"),
        ("data.limit=0", "data.limit should be above 0"),
        ("seed=-1", "seed should be 0 or more"),
        ("method.momentum=1.5", "method.momentum should lie between 0 and 1"),
        ("optimizer.milestones=[0.8,0.6]", "rising fractions"),
        ("optimizer.milestones=[300]", "rising fractions"),
        ("evaluation.neighbors=[]", "evaluation.neighbors should list at least one number"),
        ("model.head=mpl", "Unknown model.head 'mpl'. Did you mean 'mlp'?"),
        ("optimizer.schedule=cosin", "Unknown optimizer.schedule 'cosin'. Did you mean 'cosine'?"),
        ("training.precision=float16", "Expected one of float32, mixed_bfloat16, mixed_float16."),
        ("evaluation.probes=[objekt]", "Unknown probe 'objekt'. Did you mean 'object'?"),
        ("data.name=''", "data.name is empty"),
        ("views.chain={}", "views.chain is empty"),
        ("method.spaces=[]", "method.spaces is empty"),
        ("method.spaces.1.queue=64", "Space 'rotation' has a queue of 64 rows, smaller than the batch of 128."),
        ("method.spaces.1.temperature=0", "Space 'rotation' has a temperature of 0.0. It should be above 0."),
        ("method.spaces.1.name=all", "Two spaces are called 'all'."),
        ("method.spaces.1.name=trunk", "A space cannot be called 'trunk'"),
        ("method.spaces.1.name=branch_all", "A space cannot be called 'branch_all'"),
        ("method.spaces.1.name=a b", "A space's name should be letters, digits and _."),
        (
            "method.spaces.1.shares=[rotatoin]",
            "Space 'rotation' shares 'rotatoin', which is not in the chain (crop, color, rotation). "
            "Did you mean 'rotation'?",
        ),
        ("method.spaces.1.shares=[color,color]", "shares 'color' twice"),
    ],
)
def test_an_experiment_that_cannot_work_is_refused_before_any_work(override, words):
    message = refusal(load, SMALL, [override])
    assert words in message and f"--set {override}: " in message


@pytest.mark.parametrize("field", ["model.batch_norm", "method.key_batch_norm"])
def test_statistics_of_the_whole_batch_cannot_be_had_from_parts(field):
    message = refusal(load, SMALL, ["training.accumulate=2", f"{field}=sync"])
    assert f"{field} 'sync' needs the whole batch at once, training.accumulate of 2 cuts it." in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            "training: {steps: 1}\nmethod:\n  spaces:\n    - {name: all, temprature: 1}",
            "unknown key 'method.spaces.0.temprature'.",
        ),
        ("training: {steps: 1, steps: 2}", "cannot be read as YAML"),
        ("training: {steps: 1", "cannot be read as YAML"),
        ("!!python/object/apply:os.system ['true']", "cannot be read as YAML"),
        ("- 1", "expected sections"),
        ("name: ${oc.env:HOME}", "name holds an interpolation"),
        ("base: nothing", "Unknown base"),
        ("base: mine", "leads back to itself"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(text, words, write):
    path = write(text)
    message = refusal(load, path)
    assert str(path) in message and words in message


def test_a_base_lends_what_the_file_leaves_out_and_errors_name_the_guilty_file(write, tmp_path):
    write("training: {steps: 5, batch: 8}\nviews: {size: 16, chain: {crop: {}, color: {}}}", "below")
    above = write("base: below\ntraining: {steps: 7}\nviews:\n  chain: {crop: {}}", "above")
    experiment = load(above)
    assert (experiment.training.steps, experiment.training.batch, experiment.views.size) == (7, 8, 16)
    assert list(experiment.views.chain) == ["crop"]  # replaced whole, not merged
    write("training: {stepz: 5}", "below")
    assert refusal(load, above).startswith(f"{tmp_path / 'below.yaml'}: unknown key 'training.stepz'")


@pytest.mark.parametrize(
    "name", ["cifar10/looc-rotatoin", "cifar10/looc-rotatoin.yaml", "configs/cifar10/looc-rotatoin"]
)
def test_a_name_that_is_not_shipped_meets_the_nearest(name):
    assert "Did you mean 'cifar10/looc-rotation'?" in refusal(load, name)


def test_a_directory_or_a_broken_text_is_no_config(tmp_path):
    assert "There is no config" in refusal(load, tmp_path)
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as YAML" in refusal(load, tmp_path / "bytes.yaml")


@pytest.mark.parametrize(
    ("override", "fields"),
    [
        ("seed=0", []),
        ("method.spaces.1.temperature=0.5", ["method.spaces.1.temperature"]),
        ("views.chain.color.hue=0.5", ["views.chain.color.hue"]),
        ("views.chain.blur={}", ["views.chain.blur"]),
        ("views.chain={crop: {area: [0.2, 1.0]}, rotation: {}, color: {}}", ["views.chain"]),
        ("method.spaces=[{name: all, queue: 256}]", ["method.spaces"]),
    ],
)
def test_difference_names_the_fields(override, fields):
    assert config.difference(load(SMALL), load(SMALL, [override])) == fields


def test_an_experiment_is_frozen_all_the_way():
    experiment = load(SMALL)
    with pytest.raises(dataclasses.FrozenInstanceError):
        experiment.training.steps = 1
    assert isinstance(experiment.method.spaces, tuple)
    assert isinstance(experiment.views.chain["crop"]["area"], tuple)


@settings(deadline=None)
@given(
    name=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).filter(
        lambda t: "${" not in t
    ),
    rate=st.floats(min_value=1e-12, max_value=1e12),
    limit=st.none() | st.integers(1, 2**40),
    strengths=st.lists(st.floats(min_value=1e-9, max_value=1e9), min_size=1, max_size=4),
)
def test_yaml_round_trip_of_awkward_values(name, rate, limit, strengths, tmp_path_factory):
    start = load(SMALL)
    experiment = dataclasses.replace(
        start,
        about=name,
        data=dataclasses.replace(start.data, name=name, limit=limit),
        optimizer=dataclasses.replace(start.optimizer, learning_rate=rate),
        evaluation=dataclasses.replace(start.evaluation, strengths=tuple(strengths)),
    )
    path = tmp_path_factory.mktemp("round") / "trip.yaml"
    path.write_text(config.to_yaml(experiment), encoding="utf8")
    assert load(path) == experiment


def test_defaults_are_the_papers_recipe():
    assert Settings().spaces == (Space("all", temperature=0.2, queue=16384),)
    assert (Settings().momentum, Experiment().optimizer.learning_rate) == (0.999, 0.03)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("gate.floors.colour.object=1", "Did you mean 'color'?"),
        ("gate.drops.color.objects=1", "Did you mean 'object'?"),
        ("gate.floor=101", "gate.floor should lie between 0 and 100"),
        ("gate.drops.concat.hue=-1", "gate.drops.concat.hue"),
    ],
)
def test_thresholds_that_no_model_could_be_held_to(override, words):
    with pytest.raises(UserError) as error:
        load("factors/looc", [override])
    assert words in str(error.value)


def test_thresholds_survive_yaml(tmp_path):
    experiment = load("factors/looc", ["gate.floors.trunk.object=40", "gate.drop=2"])
    (tmp_path / "config.yaml").write_text(config.to_yaml(experiment))
    assert load(tmp_path / "config.yaml") == experiment


def test_what_a_base_says_of_itself_is_not_said_of_what_begins_from_it(tmp_path):
    """A run of photos was introduced as the demo."""
    (tmp_path / "mine.yaml").write_text("base: factors/looc\nname: mine\n")
    (tmp_path / "told.yaml").write_text("base: factors/looc\nname: told\nabout: our own\n")
    (tmp_path / "same.yaml").write_text("base: factors/looc\ntraining: {steps: 3}\n")
    abouts = [load(tmp_path / f"{name}.yaml").about for name in ("mine", "told", "same")]
    assert abouts == ["", "our own", load("factors/looc").about]
