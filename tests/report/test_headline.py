"""The statements at the head of a report."""

from looc_tf.report.headline import finding, headline


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


def test_guessing_is_told_where_it_is_one_for_all():
    looc, moco = ({**record(method, "trunk", "hue", 90.0), "chance": 12.5} for method in ("looc", "moco"))
    assert headline([looc, moco])[0].chance == 12.5
    assert headline([looc, {**moco, "chance": 16.7}])[0].chance is None
    assert headline([record("looc", "trunk", "hue", 90.0)])[0].chance is None


def test_the_larger_of_chance_and_the_commonest_class_is_what_a_value_is_told_beside():
    """54.5 stood beside a chance of 33.3 alone, where always the commonest class reads 63.6."""
    known = {"chance": 33.3333, "majority": 63.6364}
    looc, moco = (
        {**record("looc", "trunk", "object", 54.5), **known},
        {**record("moco", "trunk", "object", 90.9), **known},
    )
    (row,) = headline([looc, moco], {"object": 22})
    assert list(row.levels.items()) == [("always the commonest class", 63.6364), ("chance", 33.3333)]
    assert row.said("looc") == "the trunk knows the object no better than always answering the commonest class"
    assert row.said("moco") == "the trunk knows the object"
    (even,) = headline([{**looc, "majority": 33.3333}])
    assert even.majority is None and even.said("looc") == "the trunk knows the object" and even.interval("looc") == ""
    (low,) = headline([{**looc, "majority": None, "value": 33.3}])
    assert low.said("looc") == "the trunk knows the object no better than guessing"
    assert headline([looc, {**moco, "majority": 60.0}])[0].majority is None


def test_few_test_pictures_have_an_interval_and_a_small_gain_by_them_is_not_sure():
    one = {**record("looc", "trunk", "object", 71.4286), "chance": 33.3333, "majority": 63.6364}
    (row,) = headline([one], {"object": 14})
    assert row.interval("looc") == "95 % interval 45.4 to 88.3, 14 test pictures"
    unsure = "but on 14 test pictures not surely better than always answering the commonest class"
    assert row.said("looc") == f"the trunk knows the object, {unsure}"
    (many,) = headline([one], {"object": 2000})
    assert many.interval("looc") == "" and many.said("looc") == "the trunk knows the object"


def test_the_finding_is_the_difference_of_the_first_two_trunks():
    both = [record("looc", "trunk", "hue", 90.0), record("looc", "trunk", "object", 50.0)]
    both += [record("looc", "all", "hue", 1.0)]  # no trunk
    both += [record("moco", "trunk", "hue", 40.5), record("moco", "trunk", "object", 52.0)]
    said = "The trunk of looc minus that of moco: object"
    assert finding(both) == f"{said} −2.0, hue +49.5 points (one seed, no interval)."
    again = [{**each, "seed": 1, "value": each["value"] + (each["method"] == "looc")} for each in both]
    assert finding([*both, *again]) == f"{said} −1.5 ± 6.4, hue +50.0 ± 6.4 points."


def test_where_nothing_can_be_compared_nothing_is_found():
    one = [record("looc", "trunk", "hue", 90.0)]
    assert finding([]) == finding(one) == ""
    other = {**record("moco", "trunk", "hue", 40.0), "pictures_sha256": "1"}
    assert finding([*one, other]) == ""  # of other pictures
    assert finding([*one, {**record("moco", "trunk", "hue", 40.0), "seed": 1}]) == ""
    assert finding([*one, record("moco", "trunk", "object", 40.0)]) == ""
