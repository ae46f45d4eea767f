"""The statements at the head of a report."""

from looc_tf.report.headline import headline


def record(method, representation, probe, value):
    return {
        "run": method,
        "method": method,
        "seed": 0,
        "representation": representation,
        "probe": probe,
        "value": value,
    }


def test_each_statement_has_a_value_of_each_method_that_can_make_it():
    rows = headline(
        [
            record("looc", "trunk", "hue", 90.0),
            record("looc", "color", "hue", 95.0),
            record("looc", "color", "rotation", 1.0),  # nothing asks for it
            record("moco", "trunk", "hue", 40.0),
            record("supervised", "trunk", "object", 99.0),
        ]
    )
    assert [(row.text, dict(row.values)) for row in rows] == [
        ("the trunk knows the hue", {"looc": 90.0, "moco": 40.0}),
        ("the trunk knows the object", {"supervised": 99.0}),
        ("space color knows the hue", {"looc": 95.0}),
    ]


def test_without_results_nothing_is_said():
    assert headline([]) == []


def test_another_checkpoint_does_not_take_the_place_of_the_last():
    both = [{**record("looc", "trunk", "hue", 90.0), "checkpoint": "last"}]
    both.append({**record("looc", "trunk", "hue", 80.0), "checkpoint": "best"})
    assert headline(both)[0].values == {"looc": 90.0, "looc@best": 80.0}
