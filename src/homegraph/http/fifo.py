"""What is worked out once and then known: a dictionary that holds so much and no more.

The oldest entry makes place for a new one, however often it was asked for (first in, first out): to look something up costs what it costs
in any dictionary, and nothing is moved. What is found here could be worked out again, so it never matters what has gone.
"""

from __future__ import annotations

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class FifoCache(dict[K, V]):
    """At most ``most`` entries. Only ``cache[key] = value`` keeps to that, so nothing else may put anything in."""

    __slots__ = ("_most",)

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        if len(self) >= self._most and key not in self:
            del self[next(iter(self))]
        super().__setitem__(key, value)
