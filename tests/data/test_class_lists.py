"""Lists of classes: what is shipped, what a file may say, and which pictures they leave."""

import dataclasses
import re

import numpy as np
import pytest
from helpers import tiny

from looc_tf import config
from looc_tf.data import open_parts
from looc_tf.data.class_lists import IMAGENET_100, LISTS, OBJECTNET_13, class_names, of_classes, restriction
from looc_tf.errors import UserError
from looc_tf.evaluate import readings


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    return open_parts(tiny.draw(tmp_path_factory.mktemp("pictures")), size=16)


def test_the_shipped_lists_have_as_many_classes_as_their_names_say():
    assert len(set(IMAGENET_100)) == 100 and all(re.fullmatch(r"n\d{8}", name) for name in IMAGENET_100)
    assert len(OBJECTNET_13) == 13 and set(OBJECTNET_13) < set(IMAGENET_100)
    assert set(LISTS) == {"imagenet-100", "objectnet-13"}


def test_a_class_is_known_by_id_or_name_whatever_stands_between_its_words():
    names = class_names("objectnet-13")
    assert {"n04127249", "safety_pin", "laptop_open", "mixing_salad_bowl"} <= names


def test_a_file_names_a_class_a_line(tmp_path, sources):
    path = tmp_path / "classes.txt"
    path.write_text("# round things\nDisc   # the first\n\nBAR\n", encoding="utf8")
    assert class_names(str(path)) == {"disc", "bar"}
    kept = of_classes(sources, str(path))
    for part, source in kept.items():
        names = np.array(source.fields["label"])[source.labels["label"]]
        assert set(names) <= {"disc", "bar"} and source.fields == sources[part].fields
        whole = np.array(sources[part].fields["label"])[sources[part].labels["label"]]
        assert len(source) == (whole != "noise").sum()
    line = restriction(sources, kept, "classes.txt")[0]
    assert line.startswith("of the classes of classes.txt alone: ") and f"of {len(sources['test']):,} test" in line


def test_without_a_list_or_with_all_on_it_nothing_is_copied(tmp_path, sources):
    every = tmp_path / "every.txt"
    every.write_text("disc\nbar\nnoise\n", encoding="utf8")
    for classes in (None, str(every)):
        kept = of_classes(sources, classes)
        assert all(kept[part] is source for part, source in sources.items())
        assert restriction(sources, kept, classes) == []


def test_mistakes_are_one_line(tmp_path, sources):
    def told(classes, parts=sources):
        with pytest.raises(UserError) as error:
            of_classes(parts, classes)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert "none of which is on it" in told("objectnet-13") and "classes such as" in told("objectnet-13")
    assert "Did you mean 'objectnet-13'?" in told("objectnet13")
    (tmp_path / "empty.txt").write_text("# nothing\n", encoding="utf8")
    assert "names none" in told(str(tmp_path / "empty.txt"))
    (tmp_path / "odd.txt").write_bytes(b"\xff\xfe\x00")
    assert "a text file" in told(str(tmp_path / "odd.txt"))
    bare = tiny.draw(tmp_path / "bare", classes=("disc",)) / "disc"
    assert "no labels" in told("objectnet-13", open_parts(bare, size=16))


def test_probes_are_read_on_the_pictures_of_the_list_alone(tmp_path, sources):
    path = tmp_path / "two.txt"
    path.write_text("disc\nbar\n", encoding="utf8")
    settings = config.Evaluation(probes=("object",), strengths=(0.1,), classes=str(path))

    def embed(images):
        import tensorflow as tf

        return {"trunk": tf.reshape(tf.cast(images, tf.float32), [len(images), -1])}

    some = next(iter(readings(embed, sources, settings)))
    every = next(iter(readings(embed, sources, dataclasses.replace(settings, classes=None))))
    assert (some.chance, every.chance) == (50.0, 33.3333)
    assert some.rows["test"] < every.rows["test"]
