"""An advice in sentences, as the console, the page and the JSON of `looc advise` say it."""

from __future__ import annotations

import math
from collections import Counter

from looc_tf.evaluate.advice import BETTER, NONE, PERHAPS, SAME, UNDECIDED, UNREADABLE, Advice
from looc_tf.representations import CONCAT, TRUNK
from looc_tf.results import Estimate


def sentences(found: Advice) -> tuple[str, ...]:
    """What a person is told: what to take, by how much, with how many labels, and on what they hang."""
    told = f"{found.pictures:,} labelled pictures of {found.classes} classes."
    if found.verdict == UNREADABLE:
        return (
            f"Nothing can be told of these labels: {called(found.best)} reads {found.accuracy[found.best]} %, always "
            f"the commonest class {found.majority:.1f} %. Which representation to take is undecided with "
            f"{found.pictures:,} test pictures.",
            told,
        )
    said = (_take(found), _chosen(found), _labels_needed(found), _hangs_on(found), told)
    return tuple(line for line in said if line)


def called(name: str) -> str:
    """A representation as a person may know it."""
    return {TRUNK: "the trunk", CONCAT: f"all spaces side by side ({CONCAT})"}.get(name, name)


def _take(found: Advice) -> str:
    """The advice, and how far what was compared is apart; every number is of the representation that is named."""
    trunk = found.accuracy[TRUNK]
    if found.verdict == BETTER:
        more = f"{found.gain} points more than the trunk, which reads {trunk} %"
        return f"Take {called(found.best)}: it reads {found.accuracy[found.best]} %, {more}."
    take = f"Take the trunk: it reads {trunk} %"
    if found.rival is None:
        return f"{take}. There is nothing to compare it with."
    other = f"the best beside it, {called(found.rival)}, reads {_more(found.differences[found.rival])}"
    if found.verdict == NONE:
        return f"{take}. No difference (less than {_up(found.bound)} points): {other}."
    if found.verdict == UNDECIDED:
        room = f"{found.pictures:,} test pictures, which leave room for a difference of {found.bound:.1f} points"
        return f"{take}. Undecided with {room}: {other}."
    if found.verdict == PERHAPS:
        luck = f"which may be the luck of the best of {len(found.differences)}"
        return f"{take}. Perhaps better: {other}, {luck}; what each fold would choose by itself is not surely better."
    return f"{take}, and {other}."


def _more(difference: Estimate) -> str:
    """Such as "12.4 ± 16.7 points more"."""
    size = Estimate(abs(difference.mean), difference.half, difference.count)
    return f"{size} points {'less' if difference.mean < 0 else 'more'}"


def _up(points: float) -> str:
    """Rounded away from zero, so that what is less than this is less than what is shown."""
    return f"{math.ceil(10 * points - 1e-6) / 10:.1f}"


def _chosen(found: Advice) -> str:
    """What single folds would have taken, where these do not agree: then the best may be the luckiest of several."""
    if found.choosing is None or set(found.chosen) <= {found.best}:
        return ""
    taken = ", ".join(f"{called(name)} in {count}" for name, count in Counter(found.chosen).most_common())
    by_itself = f"Chosen in each of {len(found.chosen)} folds by itself, it would be {taken}"
    return f"{by_itself}; together these read {_more(found.choosing)} than the trunk."


def _labels_needed(found: Advice) -> str:
    """How what is advised reads with fewer labels; whether more of them would pay, where that can be told."""
    steps = [f"{count:,} labels ({100 * share:.0f} %) {mean} %" for share, (count, mean) in found.learning.items()]
    (*_, (_, some), (_, every)) = found.learning.values()
    grown, doubt = every.mean - some.mean, max(some.half, every.half)
    more = "more labels would help" if grown > doubt else "more labels would help little"
    if grown <= doubt and abs(grown) + doubt > SAME:
        more = "whether more labels would help is undecided"
    return f"With fewer labels, {called(found.representation)} reads: {', '.join(steps)}; {more}."


def _hangs_on(found: Advice) -> str:
    losses = ", ".join(f"{name} {drop}" for name, drop in found.drops.items())
    certain = all(abs(drop.mean) + drop.half <= SAME for drop in found.drops.values())
    none = "The labels hang on none of color, orientation and texture alone"
    if found.factor is None and not certain:
        none = (
            f"On which of color, orientation and texture the labels hang is undecided with {found.pictures:,} pictures"
        )
    factor = f"The labels hang on {found.factor} most" if found.factor else none
    better = [name for name, drop in found.drops.items() if drop.mean + drop.half < 0]
    remark = f" (below 0: it reads better without {' and '.join(better)})" if better else ""
    return f"{factor}. Points that the trunk loses on pictures without it: {losses}{remark}."
