"""Which views of a picture are made, what they share, and batches of them.

>>> from looc_tf import views
>>> plan = views.leave_one_out(["crop", "color"], [views.Space("all"), views.Space("color", ("color",))])
>>> [plan.shared(plan.views[0], key) for key in plan.views[1:]]
[(), ('color',)]
"""

from looc_tf.views.batches import training_batches
from looc_tf.views.crops import multicrop
from looc_tf.views.leave_one_out import Space, check_spaces, crops_of, leave_one_out, sibling_negatives, single
from looc_tf.views.plan import View, ViewPlan
from looc_tf.views.trial import try_own

__all__ = [
    "Space",
    "View",
    "ViewPlan",
    "check_spaces",
    "crops_of",
    "leave_one_out",
    "multicrop",
    "sibling_negatives",
    "single",
    "training_batches",
    "try_own",
]
