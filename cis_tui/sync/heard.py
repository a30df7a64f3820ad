"""From whom each version was heard lately, so that it is not given back: a peer, or another way, such as a room.

A mark that saves traffic, and no more: what is forgotten here is sent once too often, and known there.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from threading import Lock

from cis_tui.memory.dots import Dot

KEPT = 8_192
"""Of each source."""
SOURCES = 256


class Heard:
    """The last dots of each source; for any number of threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._dots: OrderedDict[str, OrderedDict[Dot, None]] = OrderedDict()

    def note(self, source: str, dots: Iterable[Dot]) -> None:
        """`source` has the versions `dots`."""
        with self._lock:
            known = self._dots.setdefault(source, OrderedDict())
            self._dots.move_to_end(source)
            for dot in dots:
                known[dot] = None
                known.move_to_end(dot)
            while len(known) > KEPT:
                known.popitem(last=False)
            while len(self._dots) > SOURCES:
                self._dots.popitem(last=False)

    def forget(self, source: str) -> None:
        """`source` has lost what it had."""
        with self._lock:
            self._dots.pop(source, None)

    def has(self, source: str, dot: Dot) -> bool:
        """Whether `source` is known to have a version: it gave it, or has made it itself."""
        if dot.origin == source:
            return True
        with self._lock:
            return dot in self._dots.get(source, ())
