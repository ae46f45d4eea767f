"""Values that several evaluations need, computed by the first that asks."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from concurrent.futures import Future
from threading import Lock
from typing import Any


class Once:
    """Computes each value once; whoever asks for it meanwhile, in another thread, waits for it.

    >>> once = Once()
    >>> once("six", lambda: 6), once("six", lambda: 7)
    (6, 6)
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: dict[Hashable, Future[Any]] = {}

    def __call__(self, key: Hashable, compute: Callable[[], Any]) -> Any:
        with self._lock:
            first = key not in self._values
            value = self._values.setdefault(key, Future())
        if first:
            try:
                value.set_result(compute())
            except BaseException as error:  # those who wait must hear of it, too
                value.set_exception(error)
                raise
        return value.result()
