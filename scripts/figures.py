"""Draws the figures of docs/methods.md again: the views of each method, by `looc views` on a generated picture.

Each is what its command prints, reduced to the colors that a small file holds:

    make figures
    python scripts/figures.py byol dino
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs" / "images"
COLORS, WIDTH = 96, 1500  # of a file, at most
PICTURE = 1  # of the generated set
SIZES = ("data.size=128", "views.size=96")
LARGE = "crop: {area: [0.4, 1.0]}"
COLOR = "color: {brightness: 0.2, contrast: 0.2, saturation: 0.2, hue: 0.5}"
SMALL = f"views.chain={{{LARGE}, local: {{kind: crop, size: 40, area: [0.1, 0.3]}}, {COLOR}}}"
ASYMMETRIC = (
    f"views.chain={{{LARGE}, {COLOR}, blur_query: {{kind: blur, probability: 1.0, only: query}}, "
    "solarize: {probability: 1.0, only: keys}}"
)
FIGURES = {  # figure -> method, config, settings; methods with the same views share one
    "looc": ("looc", "factors/looc", ()),
    "pair": ("simclr", "factors/moco", ()),
    "byol": ("byol", "factors/moco", (ASYMMETRIC,)),
    "swav": ("swav", "factors/moco", (SMALL, "method.local_views=4")),
    "dino": ("dino", "factors/looc", (SMALL.replace("}}", "}, rotation: {}}"), "method.local_views=3")),
    "essl": ("essl", "factors/moco", ()),
    "single": ("instdisc", "factors/moco", ()),
    "pirl": ("pirl", "factors/moco", ()),
    "cmc": ("cmc", "factors/moco", ()),
    "rotnet": ("rotnet", "factors/moco", ()),
    "jigsaw": ("jigsaw", "factors/moco", ()),
    "grid": ("cpc", "factors/moco", ()),
    "patches": ("relative_patch", "factors/moco", ()),
}


def main(*names: str) -> None:
    from looc_tf.cli import cli

    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "picture.png")
        _write_picture(picture)
        DOCS.mkdir(parents=True, exist_ok=True)
        for name in names or FIGURES:
            out = Path(folder, f"{name}.png")
            cli([*command(name), str(picture), "-o", str(out)], prog_name="looc", standalone_mode=False)
            (DOCS / f"views-{name}.png").write_bytes(reduced(out))


def command(name: str) -> list[str]:
    """What is typed behind `looc` for a figure, but for the picture and the file."""
    method, config, settings = FIGURES[name]
    sets = [word for text in (*SIZES, *settings) for word in ("--set", text)]
    return ["views", config, "--method", method, "--rows", "1", *sets]


def reduced(path: Path) -> bytes:
    """A drawing with few colors and no wider than a page."""
    from PIL import Image

    image = Image.open(path).convert("RGB")
    image.thumbnail((WIDTH, WIDTH), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    image.quantize(COLORS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _write_picture(path: Path) -> None:
    import tensorflow as tf
    from PIL import Image

    from looc_tf.data import open_source

    source = open_source("factors", "train", size=128)
    Image.fromarray(source.fetch(tf.constant([PICTURE], tf.int64))["image"][0].numpy()).save(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
