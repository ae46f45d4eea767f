"""Puzzles and what is told of them: orders, patches, Jigsaw, relative patch, PIRL."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from helpers import contract

from looc_tf import losses, methods
from looc_tf.augment import Color, PatchColor, PatchGrid, Puzzle, build_chain, cut_up
from looc_tf.augment.patches import orders
from looc_tf.errors import UserError
from looc_tf.experiments import from_text, load
from looc_tf.methods import build_plan, in_recipe
from looc_tf.objectives import Instances

B = [[0.8, 0.4, -0.3, 0.1], [-0.2, 1.0, 0.3, 0.4]]
C = [[0.9, -0.1, -0.4, 0.6], [-0.5, 0.7, -0.2, 0.8]]
BANK = [[1, 0, 0, 0.2], [0.2, 1, 0, 0], [0, 0.3, 1, 0], [0.5, 0, 0.5, 1], [-1, 0.4, 0.1, 0]]
PICTURES, DRAWN = [1, 3], [[0, 2, 4], [4, 1, 0]]


def unit(rows):
    return tf.math.l2_normalize(tf.constant(rows, tf.float32), axis=1)


def close(found, expected):
    np.testing.assert_allclose(np.array(found), expected, rtol=0, atol=1e-5)


def similarities(rows):
    near = tf.matmul(unit(rows), unit(BANK), transpose_b=True) / 0.5
    return tf.gather(near, [[own, *drawn] for own, drawn in zip(PICTURES, DRAWN)], batch_dims=1)


def drawn_for(augmentation, count=4, seed=0):
    return augmentation.sample(tf.random.stateless_uniform([count, augmentation.numbers], seed=(seed, 1)))


def test_orders_are_far_from_each_other_and_always_the_same():
    chosen = orders(9, 100)
    assert ["".join(map(str, order)) for order in chosen[:5]] == [
        "012345678", "103254786", "230167845", "321078564", "456780123",
    ]  # fmt: skip
    apart = (chosen[:, None] != chosen[None]).sum(axis=2)[np.triu_indices(100, 1)]
    assert apart.min() == 6 and round(apart.mean(), 2) == 8.03
    assert np.array_equal(orders(9, 10), chosen[:10])  # of a longer list the beginning
    assert sorted(map(tuple, orders(4, 24))) == sorted(set(map(tuple, orders(4, 24))))


@pytest.mark.parametrize("permutations", [None, 1, 50])
def test_a_puzzle_is_what_a_plain_loop_makes_of_its_draw(permutations):
    puzzle, images = Puzzle(3, 4, permutations), tf.random.stateless_uniform([4, 19, 19, 3], (1, 2))
    drawn = drawn_for(puzzle)
    made, cell = puzzle.apply(images, drawn).numpy(), 19 // 3
    for picture in range(4):
        for place in range(9):
            of = int(drawn["order"][picture, place])
            down, right = (int(shift * (cell - 4 + 1)) for shift in drawn["shift"][picture, place].numpy())
            top, left = of // 3 * cell + down, of % 3 * cell + right
            shown = made[picture, place // 3 * 4 : place // 3 * 4 + 4, place % 3 * 4 : place % 3 * 4 + 4]
            np.testing.assert_array_equal(shown, images[picture, top : top + 4, left : left + 4])
    assert all(sorted(order) == list(range(9)) for order in drawn["order"].numpy())
    if permutations:
        np.testing.assert_array_equal(drawn["order"], orders(9, permutations)[drawn["permutation"].numpy()])


def test_a_grid_is_what_a_plain_loop_makes_of_its_draw():
    grid, images = PatchGrid(cells=4, patch=8, jitter=2), tf.random.stateless_uniform([4, 20, 20, 3], (1, 2))
    drawn = drawn_for(grid)
    made = cut_up(grid.apply(images, drawn), across=4).numpy()
    assert np.abs(drawn["shift"]).max() == 2
    for picture in range(4):
        for place in range(16):
            moved = np.array([place // 4, place % 4]) * 4 + drawn["shift"][picture, place].numpy()
            top, left = np.clip(moved, 0, 12)
            np.testing.assert_array_equal(made[4 * place + picture], images[picture, top : top + 8, left : left + 8])


def test_patches_without_a_gap_between_them_are_refused():
    with pytest.raises(UserError, match=r"^puzzle of 3 x 3 patches of 16 px takes .* 51 px or more. Received 48"):
        Puzzle(3, 16).side(48)
    assert Puzzle(3, 15).side(48) == 45
    with pytest.raises(UserError, match=r"at most 9 patches. Received 20 with 16"):
        Puzzle(4, 2, 20)
    with pytest.raises(UserError, match=r"puzzle.permutations must be .* from 1 to 24. Received 25"):
        Puzzle(2, 2, 25)


def test_pirls_loss_and_bank():
    of_puzzle, of_picture = (losses.softmax_nce(similarities(rows)) for rows in (C, B))
    close(of_puzzle, [3.371332, 2.457504])
    close(of_picture, [2.046117, 2.776157])
    close(tf.reduce_mean(0.5 * of_puzzle + 0.5 * of_picture), 2.662778)
    close(sum(tf.reduce_mean(losses.info_nce(similarities(rows))) for rows in (B, C)) / 2, 1.553810)
    bank = Instances("all", pictures=5, dimension=4, momentum=0.5, kind="pirl", negatives=3)
    bank.bank.value.assign(unit(BANK))
    bank.commit(tf.constant(PICTURES), unit(B))
    rows = [[0.584919, 0.789102, -0.177958, 0.059319], [0.142694, 0.541163, 0.413276, 0.718320]]
    close(bank.bank.rows(tf.constant(PICTURES)), rows)
    close(tf.gather(bank.bank.everything(), [0, 2, 4]), tf.gather(unit(BANK), [0, 2, 4]))


def test_no_puzzle_enters_the_bank_and_the_loss_is_of_the_bank_before_the_step():
    method, batch = contract.rewound("pirl").rewind(), contract.make_batch(contract.CASES["pirl"])
    bank, pictures = method.banks["all"], batch["picture"]
    before = bank.bank.rows(pictures)
    image = method.encoder(batch["views"]["query"], training=True)["all"]
    puzzle = method.of_puzzle(batch["views"]["puzzle"])
    each = [bank(rows, pictures, method.optimizer.iterations)[0] for rows in (image, puzzle)]
    logs = contract.step(method, batch)
    assert logs["loss"] == pytest.approx(float(tf.reduce_mean(each[0] + each[1]) / 2), rel=1e-4)
    assert logs["puzzle/loss"] == pytest.approx(float(tf.reduce_mean(each[1])), rel=1e-4)
    np.testing.assert_allclose(bank.bank.rows(pictures), unit(0.5 * before + 0.5 * image), rtol=1e-4, atol=1e-5)


def test_jigsaw_reads_its_towers_in_the_order_in_which_the_patches_lie():
    case = contract.CASES["jigsaw"]
    method, batch = contract.rewound("jigsaw").rewind(), contract.make_batch(case)
    rows, answers = method.asked(batch)
    np.testing.assert_array_equal(answers, batch["parameters"]["query"]["puzzle"]["permutation"])
    patches = cut_up(batch["views"]["query"], 3)
    towers = method.tower(method.encoder(patches, training=True)["trunk"])  # the first patch of each picture first
    for picture in range(contract.BATCH):
        in_order = tf.concat([towers[place * contract.BATCH + picture] for place in range(9)], axis=0)
        np.testing.assert_allclose(rows[picture], method.joined(in_order[None])[0], rtol=1e-4, atol=1e-5)
    with pytest.raises(UserError, match="reads what was drawn"):
        method.asked({"views": batch["views"]})


def test_relative_patch_asks_for_all_eight_places_around_the_middle():
    method, batch = contract.rewound("relative_patch").rewind(), contract.make_batch(contract.CASES["relative_patch"])
    rows, answers = method.asked(batch)
    towers = method.towers(batch)
    for question, place in enumerate([0, 1, 2, 3, 5, 6, 7, 8]):
        pair = method.joined(tf.concat([towers[4], towers[place]], axis=1))
        part = slice(question * contract.BATCH, (question + 1) * contract.BATCH)
        np.testing.assert_allclose(rows[part], pair, rtol=1e-4, atol=1e-5)
        assert set(answers[part].numpy()) == {question}


@pytest.mark.parametrize(
    ("method", "chain", "said"),
    [
        ("jigsaw", "{crop: {}}", r"takes one puzzle in views.chain. Received none. .* add --method jigsaw"),
        ("jigsaw", "{crop: {size: 96}, puzzle: {}}", r"Received views.chain.puzzle.permutations=None. Set it to 2 or"),
        ("jigsaw", "{crop: {size: 36}, puzzle: {permutations: 9}}", r"takes pictures of 39 px or more. Received 36 px"),
        ("relative_patch", "{crop: {size: 96}, puzzle: {cells: 2, permutations: 1}}", r"Set them to 3 and 1\."),
        (
            "jigsaw",
            "{crop: {size: 96}, puzzle: {permutations: 9, only: keys}}",
            r"is to cut the query. Received only: k",
        ),
        ("cpc", "{crop: {}, patch_grid: {only: keys}}", r"views.chain.patch_grid is to cut the query"),
        ("jigsaw", "{puzzle: {permutations: 9}, crop: {}}", r"views.chain.crop would move patches .* before 'puzzle'"),
        ("cpc", "{crop: {}, patch_grid: {}, rotation: {}}", r"views.chain.rotation would move patches"),
        ("pirl", "{crop: {}, puzzle: {}}", r"views.chain.puzzle with only: all views. Set it to keys"),
        ("looc", "{crop: {}, puzzle: {patch: 6}}", r"Views are made 18 px wide and measured at views.size of 64"),
    ],
)
def test_a_chain_in_which_there_is_nothing_to_tell_is_refused(method, chain, said):
    with pytest.raises(UserError, match=said) as caught:
        from_text(f"method: {{name: {method}}}\nviews: {{chain: {chain}}}\ntraining: {{steps: 1}}")
    assert "\n" not in str(caught.value)


def test_a_recipe_brings_its_puzzle_and_takes_it_away_again():
    before = load("cifar10/moco-color")
    made = in_recipe(before, "jigsaw")
    assert made.views.chain["puzzle"] == {"cells": 3, "patch": 12, "permutations": 100}
    assert made.views.chain["crop"] == {"area": (0.2, 1.0), "size": 48}
    beside = in_recipe(made, "pirl")
    assert list(beside.views.chain) == ["crop", "pieces", "color", "puzzle"]
    assert beside.views.chain["crop"] == {"area": (0.2, 1.0), "only": "query"}
    assert in_recipe(beside, "simclr").views.chain == before.views.chain
    assert in_recipe(made, "looc").views.chain == before.views.chain
    views = {view.name: view for view in build_plan(beside).views}
    assert list(build_plan(beside).used(views["puzzle"])) == ["pieces", "color", "puzzle"]
    assert build_plan(beside).used(views["query"]) == {"crop": 0, "color": 0}


def test_each_patch_has_a_color_of_its_own():
    color, of_one, images = PatchColor(3), Color(), tf.random.stateless_uniform([2, 12, 12, 3], (1, 2))
    u = tf.random.stateless_uniform([2, color.numbers], (3, 4))
    made = color.apply(images, color.sample(u)).numpy()
    for picture in range(2):
        for number in range(9):
            row, column = (slice(4 * place, 4 * place + 4) for place in divmod(number, 3))
            drawn = of_one.sample(u[picture : picture + 1, 7 * number : 7 * number + 7])
            expected = of_one.apply(images[picture : picture + 1, row, column], drawn)[0]
            np.testing.assert_allclose(made[picture, row, column], expected, atol=1e-6)


def test_two_draws_of_the_color_of_patches_are_the_same_where_those_of_all_patches_are():
    color = PatchColor(2, probability=0.5)
    on, off = [0.1, *6 * [0.5]], [0.9, *6 * [0.5]]
    one = color.sample(tf.constant([on + 3 * off, on + 3 * off, 4 * off]))
    other = color.sample(tf.constant([on + 3 * off, 2 * on + 2 * off, 3 * off + off[:1] + 6 * [0.7]]))
    assert color.same(one, other).numpy().tolist() == [True, False, True]  # the last: off, whatever it would have done
    assert color.vector(one).shape == [3, 20]
    with pytest.raises(UserError, match=r"patch_color of 2 x 2 .* equal patches. Received 25 px. Put it behind what"):
        color.side(25)
    with pytest.raises(UserError, match=r"^patch_color.hue .* must be a number from 0 to 0.5. Received 2"):
        PatchColor(hue=2)


def test_the_patches_of_a_puzzle_can_have_colors_of_their_own():
    case = contract.CASES["pirl"]
    chain = {**case.views.chain, "patch_color": {"cells": 3, "only": "keys"}}
    plan = build_plan(replace(case, views=replace(case.views, chain=chain)))
    views = {view.name: view for view in plan.views}
    assert [name for name, view in views.items() if "patch_color" in plan.used(view)] == ["puzzle"]


def test_the_color_of_patches_becomes_that_of_views_again():
    before = load("cifar10/moco-color", ["views.chain.color.hue=0.3"])
    made = in_recipe(before, "cpc")
    assert made.views.chain["patch_color"] == {"cells": 5, "hue": 0.3}
    assert "color" not in made.views.chain
    assert in_recipe(made, "simclr").views.chain == before.views.chain


def test_patches_count_by_their_pixels():
    assert methods.forwards(load("cifar10/jigsaw")) == pytest.approx(9 * 12**2 / 32**2)
    assert methods.forwards(load("cifar10/pirl")) == pytest.approx(1 + 9 * 12**2 / 32**2)


def test_every_shown_setting_of_a_puzzle_can_be_described():
    chain = build_chain({"puzzle": {"permutations": 5}, "patch_grid": {"cells": 2, "patch": 8}}, size=32)
    one = {key: value[0].numpy() for key, value in drawn_for(chain["puzzle"]).items()}
    assert chain["puzzle"].describe(one).startswith(f"no. {1 + one['permutation']}: ")
    assert chain["patch_grid"].describe({}) == "2 x 2 patches of 8 px"
    assert PatchColor(2).describe({}) == "4 patches, each its own"
