"""`python -m looc_tf.cli`: what `looc` does, under the Python that is named.

With LOOC_PARENT, the number of the process that started it, it ends when that one does, as after SIGTERM.
"""

from __future__ import annotations

import os
import signal
import threading
import time

from looc_tf.cli import main

SECONDS = 1.0


def end_with(parent: int) -> None:
    """Waits until this process is nobody's child any more, then ends it as SIGTERM does: what it trains is saved."""
    while os.getppid() == parent:
        time.sleep(SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    parent = os.environ.pop("LOOC_PARENT", "")
    if parent.isdecimal():
        threading.Thread(target=end_with, args=(int(parent),), daemon=True).start()
    main()
