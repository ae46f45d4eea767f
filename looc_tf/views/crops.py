"""Views that share nothing: a pair of crops and, where wanted, small ones beside it (multi-crop)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from looc_tf.augment import Augmentation
from looc_tf.errors import UserError
from looc_tf.views.leave_one_out import Shares, Space, crops_of, leave_one_out
from looc_tf.views.plan import ViewPlan

OTHER = "all"  # the second large view


def multicrop(
    chain: Mapping[str, Augmentation], local: int = 0, spaces: Sequence[Shares] = (Space(OTHER),)
) -> ViewPlan:
    """Two large views, `query` and `all`, and `local` small ones, `local1` and so on (Caron et al. 2020, section 4.2).

    With other spaces there is a large view for each of them, see `leave_one_out`, and nothing is shuffled.

    The chain's first crop makes the large views and its second one the small ones; each view leaves the other crop's
    cell blank. All other augmentations are drawn afresh for each view.

    Args:
        chain: name -> augmentation in the order of application, with one crop, or two where there are small views.
        local: how many small views.
        spaces: which share nothing by default.

    Raises:
        UserError: the chain has another number of crops.

    >>> from looc_tf.augment import build_chain
    >>> chain = {"crop": {}, "local": {"kind": "crop", "size": 18, "area": [0.05, 0.4]}, "color": {}}
    >>> for view in multicrop(build_chain(chain, size=32), local=2).views:
    ...     print(f"{view.name:7}", view.draws)
    query   (0, None, 0)
    all     (1, None, 1)
    local1  (None, 0, 2)
    local2  (None, 1, 3)
    """
    crops = crops_of(chain)
    expected = 2 if local else 1
    if len(crops) != expected:
        more = (
            "Add local: {kind: crop, size: 18, area: [0.05, 0.4]}." if local else "Leave one, or ask for small views."
        )
        raise UserError(
            f"Large views{f' and {local} small ones' * bool(local)} take {expected} crop{'s' * bool(local)} in "
            f"views.chain. Received {', '.join(crops) or 'none'}. {more}"
        )
    if local and chain[crops[1]].size >= chain[crops[0]].size:
        raise UserError(
            f"The second crop makes the small views. Received {crops[0]!r} of {chain[crops[0]].size} px and "
            f"{crops[1]!r} of {chain[crops[1]].size} px. Give {crops[1]!r} a smaller `size`, or let them trade places."
        )
    return leave_one_out(chain, spaces, shuffled=False, local=local)
