"""Configs gone wrong in every way that occurs to one: the shipped files and overrides, changed by chance.

As a program, `python tests/helpers/mutations.py [COUNT] [FIRST]` tries so many of them and counts what becomes of them.
"""

import collections
import copy
import functools
import os
import random as chance
import sys
import tempfile
import time
from pathlib import Path
from typing import ClassVar

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import yaml

from looc_tf import config
from looc_tf.errors import UserError
from looc_tf.experiments import load

SHIPPED = Path(__file__).parents[2] / "configs"
FILES = {path.relative_to(SHIPPED).as_posix(): path.read_text() for path in sorted(SHIPPED.rglob("*.yaml"))}
NUMBERS = (0, -1, 1, 2, 3, 7, 10**6, 2**31, 2**63, 2**64, -(10**30), 10**400, 1e308, -1e308, 1e-308, 5e-324, 0.5, -0.0)
NUMBERS += (float("inf"), float("-inf"), float("nan"))
TEXTS = ("", " ", "\0", "a\nb", "\x1b[2J", "\u202e", "\U0001f600", "x" * 5000, "../..", "/", "~", "null", "true", "1e3")
TEXTS += (
    "${oc.env:HOME}",
    "${",
    "???",
    "$",
    "2020-01-01",
    "=",
    "<<",
    "&a",
    "*a",
    "!",
    "%",
    "0x10",
    "1_000",
    "looc",
    "all",
)
VALUES = (*NUMBERS, *TEXTS, None, True, False, [], {}, [[]], {"": {}}, [None], {"a": {"b": {}}}, [1, "a", {}], {1: 2})
FIELDS = (
    "0",
    "1",
    "7",
    "-1",
    "name",
    "spaces",
    "chain",
    "crop",
    "area",
    "",
    "size",
    "[0]",
    "x.y",
    "shares",
    "${x}",
    "*",
)
DEEP = 3000
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i + 1}: &a{i + 1} [{', '.join([f'*a{i}'] * 9)}]\n" for i in range(12)
)
SNIPPETS = (
    "!!python/object/apply:os.system ['touch owned']\n",
    "name: !!python/name:os.system\n",
    "model: !!binary aGVsbG8=\n",
    "data: !!set {a, b}\n",
    "training: !!omap [steps: 1]\n",
    "seed: !!timestamp 2020-01-01\n",
    "seed: !!timestamp x\n",
    "seed: !!timestamp 2020-99-99\n",
    'seed: !!int ""\n',
    "seed: !!int x\n",
    "seed: !!float x\n",
    "seed: !!bool x\n",
    "seed: !!binary x\n",
    "seed: !!null x\n",
    "data: !!pairs [a: 1]\n",
    "data: !!map []\n",
    "data: !!seq {}\n",
    "views: &v {chain: *v}\n",
    "views: &v {chain: {crop: {area: &a [0.1, 1.0]}, blur: {sigma: *a}}}\n",
    "name: &n looc\nabout: *n\n",
    "<<: {seed: 1}\n",
    "data: *nobody\n",
    "base: above\n",
    "base: loop\n",
    "base: ../../../etc/passwd\n",
    "base: [above]\n",
    f"base: {'x' * 300}\n",
    'base: "\\0"\n',
    "seed: 1\nseed: 2\n",
    "? [a, b]\n: 1\n",
    "? {a: b}\n: 1\n",
    "null: 1\ntrue: 2\n1.5: 3\n",
    "--- 1\n--- 2\n",
    "\t- x\n",
    "%YAML 9.9\n---\n",
    "\ufeff\u2028\n",
    "\x07: 1\n",
    "seed: 1__0\ndata: {size: 1:30:00}\n",
    "[" * DEEP + "\n",
    "name: " + "[" * DEEP + "]" * DEEP + "\n",
    "name: " + "{a: " * DEEP + "}" * DEEP + "\n",
    "about: " + "a" * 300_000 + "\n",
    "seed: " + "9" * 5000 + "\n",
    LAUGHS,
)


class _Plain(yaml.SafeDumper):
    """Writes no anchors where one value stands in two places."""

    def ignore_aliases(self, data):
        return True


def places(tree):
    """(holder, key) of everything in nested dicts and lists."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        yield tree, key
        if isinstance(tree[key], (dict, list)):
            yield from places(tree[key])


def typo(random, word):
    """A key with a letter lost, doubled, swapped or changed."""
    word, at = str(word), random.randrange(len(str(word)) + 1)
    return random.choice(
        [word[:at] + word[at + 1 :], word[:at] + "x" + word[at:], word[:at][::-1] + word[at:], word.upper(), word + " "]
    )


def change(random, tree):
    """One change of the parsed file, in place."""
    holder, key = random.choice([*places(tree)] or [(tree, "seed")])
    value = holder[key] if not isinstance(holder, dict) or key in holder else None
    kind = random.choice(["drop", "replace", "replace", "rename", "nest", "move", "near", "repeat"])
    if kind == "replace" or (kind == "rename" and not isinstance(holder, dict)):
        holder[key] = copy.deepcopy(random.choice(VALUES))
    elif kind == "rename":
        holder[typo(random, key)] = holder.pop(key, value)
    elif kind == "drop":
        holder.pop(key) if isinstance(holder, list) else holder.pop(key, None)
    elif kind == "nest":
        holder[key] = random.choice([[value], {"value": value}, {str(key): value}])
    elif kind == "move":
        other, place = random.choice([*places(tree)])
        other[place] = copy.deepcopy(value)
    elif kind == "near":
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        holder[key] = random.choice([value + 1, value * 2, value / 3, -value, str(value)]) if number else str(value)
    elif isinstance(value, list):
        holder[key] = value * random.choice([0, 2, 50])


def spoil(random, text):
    """One change of the file's text."""
    lines = text.splitlines(keepends=True)
    at = random.randrange(len(lines) + 1)
    kind = random.choice(["snippet", "snippet", "cut", "double", "swap", "noise"])
    if kind == "snippet":
        return (
            "".join([*lines[:at], random.choice(SNIPPETS), *lines[at:]])
            if random.random() < 0.5
            else (random.choice(SNIPPETS))
        )
    if kind == "cut":
        return text[: random.randrange(len(text) + 1)]
    if kind == "double":
        return "".join([*lines[: at + 1], *lines[at:]])
    if kind == "swap":
        random.shuffle(lines)
        return "".join(lines)
    at = random.randrange(len(text) + 1)
    return text[:at] + random.choice("\0\t\x1b:-{}[],&*#?|>'\"%@`!\u2028\ud7ff\U0001f600") + text[at + 1 :]


@functools.cache
def fields():
    """Every dotted field of the shipped configs."""
    found = {"base", "method.spaces", "views.chain", "gate.floors.trunk.hue", "views.chain.texture.sizes"}
    for name in config.names():
        found |= set(_dotted(config.to_dict(load(name))))
    return sorted(found)


def _dotted(tree, at=""):
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        where = f"{at}.{key}" if at else str(key)
        yield where
        if isinstance(value, (dict, list)):
            yield from _dotted(value, where)


def override(random):
    """One text for `--set`."""
    field = random.choice(fields())
    if random.random() < 0.3:
        field = random.choice(
            [typo(random, field), f"{field}.{random.choice(FIELDS)}", random.choice(FIELDS), "a." * DEEP]
        )
    value = random.choice(VALUES)
    text = value if isinstance(value, str) else yaml.dump(value, Dumper=_Plain, default_flow_style=True).strip()
    return (
        f"{field}{random.choice(['=', '=', '=', '=', '', '=='])}{random.choice([text, text, random.choice(SNIPPETS)])}"
    )


def mutated(random, folder):
    """A config file in `folder`, and overrides, that somebody may have written.

    Args:
        random: a `random.Random`.
        folder: a directory; siblings that can be a base are laid beside the file.

    Returns:
        Path of the file, list of overrides.
    """
    name, text = random.choice([*FILES.items()])
    beside = folder / name.partition("/")[0]
    if not beside.is_dir():
        beside.mkdir()
        for sibling in (SHIPPED / beside.name).iterdir():
            (beside / sibling.name).symlink_to(sibling)
        (beside / "loop.yaml").write_text("base: mutated\n")
        (beside / "above.yaml").write_text("training: {steps: 5, batch: 8}\n")
    if random.random() < 0.6:
        tree = yaml.safe_load(text)
        for _ in range(random.choice([1, 1, 1, 2, 5])):
            change(random, tree)
        text = yaml.dump(tree, Dumper=_Plain, sort_keys=False)
    elif random.random() < 0.7:
        text = spoil(random, text)
    path = beside / "mutated.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    return path, [override(random) for _ in range(random.choice([0, 0, 0, 1, 1, 3]))]


class Million:
    """So many pictures, for what counts them."""

    fields: ClassVar = {}

    def __len__(self):
        return 10**6


def outcome(path, overrides):
    """ "valid" where a run could be planned, "refused" where one line says why not; whatever else happens is raised."""
    from looc_tf import optim
    from looc_tf.methods import Facts, build_plan

    try:
        experiment = load(path, overrides)
        steps = Facts.of(experiment, Million()).steps
        assert build_plan(experiment).views
        rate = optim.build(experiment.optimizer, steps, experiment.training.batch)._learning_rate
    except UserError as error:
        message = str(error)
        assert message.isprintable() and 20 < len(message) <= 2000, message
        return "refused"
    assert all(np.isfinite(float(rate(step))) for step in (0, 1, steps // 2, steps))
    assert not Path("owned").exists()  # what a tag of Python would have made
    return "valid"


def main(count=5000, first=0):
    """Counts what becomes of so many mutated configs, and names each that is neither valid nor refused."""
    counts, slowest = collections.Counter({"valid": 0, "refused": 0, "other": 0}), 0.0
    outcome("factors/looc", [])  # imports TensorFlow
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, first + count):
            path, overrides = mutated(chance.Random(seed), Path(folder))
            started = time.process_time()
            try:
                counts[outcome(path, overrides)] += 1
            except Exception as error:
                counts["other"] += 1
                print(f"{seed}: {type(error).__name__}: {str(error)[:300]}")
            slowest = max(slowest, time.process_time() - started)
    print(
        ", ".join(f"{kind} {number:,}" for kind, number in counts.items()),
        f"(slowest {slowest:.1f} s of processor time)",
    )
    return counts["other"]


if __name__ == "__main__":
    sys.exit(bool(main(*map(int, sys.argv[1:]))))
