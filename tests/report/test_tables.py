"""Tables of a page: which values stand in which, and what stands below them."""

from helpers.pages import record

from looc_tf.report.tables import tables


def cells(table):
    return {(row[0], head): text for row in table.rows for head, text in zip(table.columns[1:], row[1:])}


def test_a_table_of_the_probes_and_one_of_each_evaluation_beside_them():
    records = [record("looc", name, "object", value) for name, value in {"trunk": 50.0, "all": 40.0}.items()]
    records += [record("looc", "trunk", "rotation", 60.0, chance=25.0, majority=31.0, balanced=58.0)]
    records += [record("looc", "all", "few_shot@5", 30.0, half=1.5), record("looc", "all", "few_shot@5 top-5", 70.0)]
    records += [record("looc", "all+rotation", "subsets", 55.0)]
    probes, few, subsets = tables(records)
    assert (probes.title, few.title, subsets.title) == ("Probes", "few_shot", "subsets")
    assert list(probes.columns) == ["representation", "object", "rotation", "rotation balanced"] and probes.words == 1
    assert probes.rows == [["trunk", "50.0", "60.0", "58.0"], ["all", "40.0", "–", "–"]]
    assert probes.best == {(0, 1)}  # of one value there is no best
    assert probes.foot == [["chance", "10.0", "25.0", "25.0"], ["majority class", "–", "31.0", "–"]]
    assert few.columns == ["representation", "5", "5 top-5"] and few.rows == [["all", "30.0 ± 1.5", "70.0"]]
    assert cells(subsets) == {("all+rotation", "subsets"): "55.0"}
    assert not any(table.long for table in (probes, few, subsets))


def test_several_methods_and_seeds():
    records = [record("looc", "trunk", "object", value, seed=seed) for seed, value in enumerate((50.0, 52.0, 54.0))]
    records += [record("moco", "trunk", "object", 40.0)]
    (table,) = tables(records)
    assert table.columns == ["method", "representation", "object"] and table.words == 2
    assert table.rows == [["looc", "trunk", "52.0 ± 5.0"], ["moco", "trunk", "40.0"]]
    assert table.foot == [["", "chance", "10.0"]]


def test_many_values_and_points_of_curves_stand_below_each_other():
    records = [record("looc", "all", f"draws_on@class {n}", float(n)) for n in range(20)]
    records += [record("looc", "all", "invariance@hue", 80.0), record("looc", "all", "invariance@hue/0.5 kept", 70.0)]
    draws, invariance, points = tables(records)
    assert draws.long and draws.columns == ["value", "all"] and draws.rows[3] == ["class 3", "3.0"]
    assert not invariance.long and invariance.rows == [["all", "80.0"]]
    assert points.long and points.title == "invariance, point by point" and points.rows == [["hue/0.5 kept", "70.0"]]


def test_where_more_is_not_better_nothing_is_the_best():
    records = [record("looc", name, "invariance@hue", value) for name, value in {"all": 90.0, "color": 40.0}.items()]
    assert not tables(records)[0].best


def test_levels_that_are_not_the_same_for_a_column_are_left_out():
    records = [record("looc", "trunk", "object", 50.0, chance=10.0), record("looc", "all", "object", 50.0, chance=12.0)]
    assert tables(records)[0].foot == []
    old = [{key: value for key, value in each.items() if key != "chance"} for each in records]
    assert tables(old)[0].foot == []


def test_two_data_sets_stand_apart():
    records = [
        record("looc", "trunk", "object", 50.0),
        record("old", "trunk", "object", 40.0, pictures_sha256="1" * 64),
    ]
    first, second = tables(records)
    assert first.rows == [["trunk", "50.0"]] and second.rows == [["trunk", "40.0"]]
    assert first.title != second.title and first.title.endswith(": Probes")


def test_nothing_was_read():
    assert tables([]) == []
