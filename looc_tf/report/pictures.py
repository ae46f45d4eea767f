"""A picture by itself: by which rule its pixels become 8 bits."""

from __future__ import annotations

from pathlib import Path

from looc_tf.config import Experiment
from looc_tf.data import Pixels, read_table
from looc_tf.data.listing import a_picture
from looc_tf.data.survey import find, find_of_one
from looc_tf.errors import UserError
from looc_tf.files import typed
from looc_tf.run.about import recorded_pixels


def check_one(image: Path) -> None:
    """Raises a `UserError` where a folder is named in the place of one picture."""
    if image.is_dir():
        found = a_picture(image)
        remedy = f"Name one of its pictures, such as {typed(found)}" if found else "It holds no picture"
        raise UserError(f"Expected one picture file. Received the folder {typed(image)}. {remedy}.")


def rule_for(experiment: Experiment, image: Path, data: bytes, run: Path) -> tuple[Pixels, str]:
    """The rule for a picture, and a line that says it where it is not the plain one.

    That of the run whose config is used; else that of the data set in whose folder the picture lies; else one that is
    found from this picture alone.

    Args:
        experiment: the config.
        image: the file.
        data: its bytes.
        run: the folder of the config.

    Raises:
        UserError: its bands must be named.
    """
    settings = experiment.data
    if (run / "run.json").is_file() and (run / "config.yaml").is_file():
        rule = recorded_pixels(run)
        return rule, "" if rule.plain else f"pixels: by the rule of {run}"
    folder = Path(settings.name).expanduser()
    if folder.is_dir() and folder.resolve() in image.resolve().parents:
        rule, remarks = find(read_table(folder), str(folder), settings.bands, settings.range)
    else:
        rule, remarks = find_of_one(data, str(image), settings.bands, settings.range)
    return rule, "; ".join(line for _, line in remarks)
