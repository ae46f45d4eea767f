"""How many values BatchNorm takes a statistic over: none of one, and few are told of."""

import logging

import pytest
from helpers import tiny

from looc_tf.errors import UserError
from looc_tf.methods import few_values
from looc_tf.methods.few_values import ENOUGH
from looc_tf.models.normalization import plain
from looc_tf.models.resnet import RESNETS, last_side
from looc_tf.training import callbacks, train

SMALL = ("model.backbone=resnet18", "data.size=32", "views.size=32", "model.stem=imagenet")  # a last map of 1 x 1


def experiment(*overrides):
    return tiny.experiment("pictures", *SMALL, *overrides)


@pytest.mark.parametrize("stem", ["small", "imagenet"])
@pytest.mark.parametrize("backbone", RESNETS)
def test_the_last_map_is_that_of_the_network(backbone, stem):
    resnet = RESNETS[backbone]
    trunk = resnet.trunk(stem, 4, plain)
    last = resnet.last_stage(4, plain, "last")
    for size in (1, 7, 8, 9, 16, 31, 32, 33, 63, 64, 65, 96, 100, 127, 224):
        shape = trunk.compute_output_shape([1, size, size, 3])
        before_pool = last.layers[-2]
        assert before_pool.output.shape.rank == 4
        side = -(-shape[1] // 2)  # the last stage's stride
        assert side == last_side(stem, size), (backbone, stem, size)


@pytest.mark.parametrize(
    ("overrides", "devices", "said"),
    [
        (["method.key_groups=8"], 1, "of the keys over 1 value (1 picture x 1 x 1 pixels of the last map)"),
        (["method.key_groups=8", "method.key_batch_norm=split"], 1, "of the keys over 1 value"),
        (["training.batch=8", "method.key_batch_norm=shuffled"], 8, "over 1 value"),
        (["training.batch=8", "training.accumulate=8", "method.key_groups=8"], 1, "over 1 value"),
        (["method.key_batch_norm=plain", "training.batch=1"], 1, "over 1 value"),
        (["method={name: supervised}", "training.batch=1"], 1, "of the queries over 1 value"),
        (["method.key_groups=8", "model.stem=small", "model.head=batch_norm_mlp"], 1, "(1 picture in the head)"),
        (
            ["method={name: byol, predictor: 4}", "model.stem=small", "training.batch=1"],
            1,
            "(1 picture in the predictor)",
        ),
    ],
)
def test_one_value_is_refused(overrides, devices, said):
    with pytest.raises(UserError) as refusal:
        few_values(experiment(*overrides), devices)
    assert said in str(refusal.value) and "raise training.batch" in str(refusal.value).lower()
    assert said in few_values(experiment(*overrides), devices, resume=True)  # a run of before goes on


@pytest.mark.parametrize(
    ("overrides", "devices"),
    [
        (["method.key_groups=2"], 1),
        (["method.key_groups=8", "model.stem=small"], 1),
        (["method.key_groups=8", "views.size=224", "data.size=224"], 1),
        (["method.key_groups=2", "training.batch=8"], 2),
        (["method={name: simclr}", "training.batch=2"], 1),
        (["method.key_batch_norm=sync", "model.batch_norm=sync", "training.batch=8"], 8),
        (["method.key_groups=8", "training.steps=0"], 1),
        (["model.backbone=keras/MobileNetV2", "method.key_batch_norm=plain", "training.batch=1"], 1),
    ],
)
def test_enough_is_not_spoken_of(overrides, devices):
    assert few_values(experiment(*overrides), devices) == ""


def test_few_are_told_of_with_what_makes_them_more():
    said = few_values(experiment("method.key_groups=4"), 1)
    assert said == (
        "BatchNorm takes each statistic of the keys over 2 values (2 pictures x 1 x 1 pixels of the last map). Lower "
        "method.key_groups (of 4), or raise training.batch (of 8), or set model.stem=small, or raise views.size."
    )
    assert ENOUGH == 4


def test_small_views_of_simclr_count_for_themselves():
    small = experiment(
        "method={name: simclr, local_views: 1}", "training.batch=2", "model.stem=small",
        "views.chain={crop: {}, local: {kind: crop, size: 8}, color: {}}",
    )  # fmt: skip
    said = few_values(small, 1)
    assert said.startswith("BatchNorm takes each statistic of the views of 8 px over 2 values"), said


def test_a_training_of_one_value_is_refused_before_anything_is_written(tmp_path):
    pictures = tiny.draw(tmp_path / "pictures", size=32)
    with pytest.raises(UserError, match="Nothing can be learned from one value"):
        train(tiny.experiment(pictures, *SMALL, "method.key_groups=8"), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_training_of_few_says_so_and_the_alarm_gives_the_reason(tmp_path, capsys):
    pictures = tiny.draw(tmp_path / "pictures")
    few = tiny.experiment(
        pictures, "model.backbone=plain6", "model.stem=imagenet", "method.key_groups=4", "training.steps=1",
        "training.monitor_every=0",
    )  # fmt: skip
    said = []

    class Collapsed(callbacks.StepCallback):
        def on_step(self, step, logs):
            alarm = callbacks.CollapseAlarm(0, 1, 1, grace=0)
            alarm.set_model(self.model)
            alarm.on_step(1, {"all/effective_rank": 1.0, "all/spread": 0.0})
            said.append(self.model.against_collapse)

    train(few, tmp_path / "run", callbacks=[Collapsed(0, 1)])
    log = (tmp_path / "run" / "train.log").read_text()
    assert log.count("BatchNorm takes each statistic of the keys over 2 values") == 2, log
    assert "has collapsed" in log
    assert said[0].startswith("BatchNorm takes each statistic of the keys over 2 values")


def test_a_batch_that_the_groups_do_not_divide_is_told_of(tmp_path, caplog):
    import looc_tf
    from looc_tf.methods import build_plan
    from looc_tf.views import training_batches

    pictures = tiny.draw(tmp_path / "pictures")
    settings = tiny.experiment(pictures, "model.backbone=plain6", "method.key_groups=8")
    method = looc_tf.build_method(settings)
    method.compile(optimizer=looc_tf.build_optimizer(settings.optimizer, steps=1))
    source = looc_tf.open_source(pictures, size=16)
    with caplog.at_level(logging.WARNING, "looc_tf"):
        method.fit(training_batches(source, build_plan(settings), batch=7, steps=1), verbose=0)
    (said,) = [each.getMessage() for each in caplog.records if "groups" in each.getMessage()]
    assert "7 keys cannot be normalised in 8 equal groups: they are in 1." in said
