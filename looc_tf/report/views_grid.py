"""The views of one image as a labelled grid: what each key shares with the query is framed and written in color."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from looc_tf.augment import Patches
from looc_tf.errors import UserError
from looc_tf.files import write_atomically
from looc_tf.report.visible import visible
from looc_tf.representations import QUERY
from looc_tf.views import View, ViewPlan, try_own

INK, FAINT = "#222222", "#737373"
SHARED = ("#d1495b", "#00798c", "#8d5fb0", "#c77700", "#3d7a37", "#3b6fb6", "#7a6a58", "#b0307a")
INCHES, LINE = 1.75, 0.135  # of a picture, and of a line of text below it


Seen = Mapping[str, Callable[[tf.Tensor], tf.Tensor]]  # see `Method.seen`


def draw_views(
    plan: ViewPlan,
    image: np.ndarray,
    path: str | Path,
    seed: int = 0,
    rows: int = 3,
    seen: Seen = MappingProxyType({}),
) -> Path:
    """Writes the grid of `views_figure` to `path`, whole or not at all; the suffix says the format (.png, .pdf, .svg).

    Raises:
        UserError: the format is unknown, or the file cannot be written.
    """
    path = Path(path)
    try_own(plan, lambda: image.shape)
    figure = views_figure(plan, image, seed, rows, seen)
    kind = path.suffix.lstrip(".").lower() or "png"
    if kind not in figure.canvas.get_supported_filetypes():
        raise UserError(f"Expected a picture's name such as views.png, .pdf or .svg. Received {path.name!r}.")
    content = io.BytesIO()
    figure.savefig(content, format=kind, dpi=150, facecolor="white")
    write_atomically(path, content.getvalue())
    return path


def views_figure(
    plan: ViewPlan, image: np.ndarray, seed: int = 0, rows: int = 3, seen: Seen = MappingProxyType({})
) -> Figure:
    """The views of an image: a column for the reference, the query and each key, a row for each draw.

    Below each view stand its parameters; those copied from the query in the color of their augmentation, which also
    frames the view. A `Figure` draws itself: it needs no window, and leaves the backend as it is.

    Args:
        plan: the views of an experiment.
        image: uint8 [S, S, C].
        seed: of the draws.
        rows: how many times all views are drawn.
        seen: what a network is shown of the query beside the views, a column each.
    """
    u = tf.random.stateless_uniform([rows, plan.numbers], seed=(seed, 0))
    views, parameters = plan(tf.repeat(image[None], rows, axis=0), u)
    views = {name: view.numpy() for name, view in views.items()}
    drawn = tf.nest.map_structure(lambda value: value.numpy(), parameters)
    text = LINE * (len(plan.chain) + 0.8)
    columns = 1 + len(plan.views) + len(seen)
    figure = Figure(figsize=((INCHES + 0.22) * columns + 0.1, (INCHES + text) * rows + 0.62))
    grid = figure.add_gridspec(
        rows,
        columns,
        left=0.012,
        right=0.988,
        top=1 - 0.6 / figure.get_figheight(),
        bottom=text / figure.get_figheight(),
        wspace=0.12,
        hspace=text / INCHES,
    )
    _reference(figure.add_subplot(grid[0, 0]), image, plan)
    for column, view in enumerate(plan.views, start=1):
        for row in range(rows):
            axis = figure.add_subplot(grid[row, column])
            one = tf.nest.map_structure(lambda value: value[row], drawn[view.name])  # noqa: B023
            _view(axis, views[view.name][row], plan, view, one)
            if row == 0:
                sizes = {images.shape[1] for images in views.values()}
                _heading(axis, plan, view, f"{views[view.name].shape[1]} px" if len(sizes) > 1 else "")
    for column, (name, of_query) in enumerate(seen.items(), start=1 + len(plan.views)):
        for row, pixels in enumerate(of_query(tf.constant(views[QUERY])).numpy()):
            _encoded(figure.add_subplot(grid[row, column]), pixels, name if row == 0 else "")
    return figure


def shared_with_query(plan: ViewPlan, view: View) -> tuple[str, ...]:
    """The augmentations whose parameters a view copies from the query."""
    return () if view.name == QUERY else plan.shared(view, plan.views[0])


def _color(plan: ViewPlan, name: str) -> str:
    """The color of an augmentation; those that some space shares come first, where the colors differ most."""
    shared = {name: None for view in plan.views for name in shared_with_query(plan, view)}
    order = [*shared, *(name for name in plan.chain if name not in shared)]
    return SHARED[order.index(name) % len(SHARED)]


def _reference(axis: Axes, image: np.ndarray, plan: ViewPlan) -> None:
    axis.imshow(visible(image), interpolation="nearest")
    _bare(axis, "#cccccc", 1.0)
    axis.set_title("reference", fontsize=10, color=INK, pad=17)
    axis.text(0.5, 1.035, "every view is made from it", transform=axis.transAxes, ha="center", size=6.5, color=FAINT)
    shared = dict.fromkeys(name for view in plan.views for name in shared_with_query(plan, view))
    keys = [Patch(facecolor=_color(plan, name), label=f"{name}: the query's own draw") for name in shared]
    keys.append(Patch(facecolor="#dddddd", label="drawn afresh"))
    place = {"loc": "upper left", "bbox_to_anchor": (-0.03, -0.03)}
    axis.legend(handles=keys, frameon=False, fontsize=7, handlelength=1.0, labelcolor=INK, **place)


def _heading(axis: Axes, plan: ViewPlan, view: View, size: str) -> None:
    shared = shared_with_query(plan, view)
    axis.set_title(_named(view), fontsize=10, color=INK, pad=17)
    relation = f"= query's {' and '.join(shared)}" if shared else "shares nothing" if view.name != QUERY else ""
    note = ", ".join(filter(None, [size, relation]))
    style: dict[str, Any] = {"color": _color(plan, shared[0]), "weight": "bold"} if shared else {"color": FAINT}
    axis.text(0.5, 1.035, note, transform=axis.transAxes, ha="center", fontsize=7.5, **style)


def _named(view: View) -> str:
    """A space's own key has its name; small views are dealt to the spaces."""
    if not view.positive:
        return view.name
    (space,) = view.positive
    return f"key of space “{space}”" if view.name == space else f"{view.name}, of space “{space}”"


def _view(axis: Axes, pixels: np.ndarray, plan: ViewPlan, view: View, parameters: Mapping) -> None:
    shared = shared_with_query(plan, view)
    axis.imshow(visible(np.clip(pixels, 0, 1)), interpolation="nearest")
    _bare(axis, *((INK, 1.6) if view.name == QUERY else ("#cccccc", 1.0)))
    for part in (plan.augmentations[name] for name in plan.used(view)):
        for patch in range(1, part.cells if isinstance(part, Patches) else 0):
            axis.axhline(patch * part.patch - 0.5, color="white", linewidth=1.5)
            axis.axvline(patch * part.patch - 0.5, color="white", linewidth=1.5)
    for place, name in enumerate(shared):  # one frame around the other
        width = 3.0 * (len(shared) - place)
        axis.add_patch(Rectangle((0, 0), 1, 1, transform=axis.transAxes, **_frame(_color(plan, name), width)))
    step = LINE / INCHES
    for line, name in enumerate(plan.chain):
        style: dict[str, Any] = {"color": _color(plan, name), "weight": "bold"} if name in shared else {"color": FAINT}
        used = plan.augmentations[name].describe(parameters[name]) if name in parameters else "–"
        text = f"{'= ' if name in shared else ''}{name}  {used}"
        axis.text(0.0, -0.03 - step * line, text, transform=axis.transAxes, va="top", fontsize=6, **style)


def _encoded(axis: Axes, pixels: np.ndarray, name: str) -> None:
    """What a network is shown of the query; no name: without a heading."""
    axis.imshow(visible(np.clip(pixels, 0, 1)), interpolation="nearest")
    _bare(axis, "#cccccc", 1.0)
    if name:
        axis.set_title(name, fontsize=10, color=INK, pad=17)
        axis.text(0.5, 1.035, "what is encoded", transform=axis.transAxes, ha="center", fontsize=7.5, color=FAINT)


def _frame(color: str, width: float) -> dict:
    return {"fill": False, "edgecolor": color, "linewidth": width, "clip_on": False, "zorder": 5}


def _bare(axis: Axes, color: str, width: float) -> None:
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set(color=color, linewidth=width)
