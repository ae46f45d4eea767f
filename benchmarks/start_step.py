"""Draw many pictures, or start a training on them and stop behind its first step; print what was measured as JSON.

python -m benchmarks.start_step draw FOLDER --pictures 10000
python -m benchmarks.start_step start PICTURES --began $(date +%s.%N)
"""

from __future__ import annotations

import argparse
import io
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

SIDE, DISTINCT, CLASSES = 256, 16, 100
BATCH, READ = 128, 32  # pictures of a fetch, and how many of these are timed


def draw(folder: Path, pictures: int) -> None:
    """So many JPEGs of 256 px in a hundred class folders: 16 random pictures, each time with another corner."""
    import numpy as np
    from PIL import Image

    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (DISTINCT, 16, 16, 3), np.uint8)
    bases = [np.array(Image.fromarray(each).resize((SIDE, SIDE), Image.Resampling.BICUBIC)) for each in coarse]
    for number in range(pictures):
        pixels, out = bases[number % DISTINCT], io.BytesIO()
        pixels[:16, :16] = number % 251, number // 251 % 251, number % 7
        Image.fromarray(pixels).save(out, "JPEG", quality=85)
        place = folder / f"class-{number % CLASSES:03}" / f"{number:07}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(out.getvalue())


def start(pictures: Path, began: float, size: int) -> dict[str, Any]:
    """Seconds from the start of the process to the end of the first step, MB held then, pictures read per second."""
    from looc_tf.distribute import configure_devices, configure_threads

    configure_threads(None)
    configure_devices(None)
    import numpy as np
    from tensorflow import keras

    from looc_tf import open_source
    from looc_tf.experiments import load
    from looc_tf.training import train

    class First(keras.callbacks.Callback):
        found: dict[str, float] = {}  # noqa: RUF012 - one training a process

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.found.setdefault("seconds", time.time() - began)
            self.found.setdefault("peak_mb", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)

    given = (f"data.size={size}", "training.steps=1", "training.monitor_every=0")
    with tempfile.TemporaryDirectory() as out:
        train(load("factors/looc", given, data=str(pictures)), Path(out, "run"), callbacks=[First()])
    source = open_source(pictures, size=size)
    rows = np.random.default_rng(0).permutation(len(source))[: BATCH * READ]
    source.fetch(rows[:BATCH])
    clock = time.perf_counter()
    for place in range(BATCH, len(rows), BATCH):
        source.fetch(rows[place : place + BATCH])
    return {**First.found, "read_per_second": (len(rows) - BATCH) / (time.perf_counter() - clock)}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("step", choices=["draw", "start"])
    arguments.add_argument("place", type=Path)
    arguments.add_argument("--pictures", type=int, default=10_000)
    arguments.add_argument("--began", type=float, help="when the process was started; by default now")
    arguments.add_argument("--size", type=int, default=64, help="data.size")
    given = arguments.parse_args()
    if given.step == "draw":
        draw(given.place, given.pictures)
        print(json.dumps({"pictures": given.pictures}))
    else:
        print(json.dumps(start(given.place, given.began or time.time(), given.size)))


if __name__ == "__main__":
    main()
