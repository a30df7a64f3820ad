"""How the layers of memory do: how often each answered, and how long it took (spec, Caching Strategy)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

_KEPT = 1024
"""Answers of a layer whose times are kept."""


class Layer(StrEnum):
    """What answers, from the nearest to the farthest."""

    CACHE = "L1"
    """The entries read last."""
    VECTORS = "L2"
    """Search by meaning."""
    LOGS = "L3"
    """The weekly logs, by exact key."""
    ARCHIVES = "L4"
    """The archived weeks, by exact key."""


@dataclass(frozen=True, slots=True)
class LayerStats:
    """One layer, since the process began."""

    layer: Layer
    asked: int
    """Questions that came to it."""
    answered: int
    """Questions that it answered; the others went on to the next."""
    p50: float
    """Seconds that half of the latest answers took at most; 0 when there are none."""
    p95: float


class Meter:
    """Counts and times the answers of one layer."""

    __slots__ = ("answered", "asked", "times")

    def __init__(self) -> None:
        self.asked = 0
        self.answered = 0
        self.times: deque[float] = deque(maxlen=_KEPT)

    def hit(self, seconds: float) -> None:
        """An answer, and what it took."""
        self.asked += 1
        self.answered += 1
        self.times.append(seconds)

    def miss(self) -> None:
        """A question that had to go on."""
        self.asked += 1

    def count(self, *, answered: bool, seconds: float) -> None:
        """A question, and whether it was answered here."""
        if answered:
            self.hit(seconds)
        else:
            self.miss()

    def stats(self, layer: Layer) -> LayerStats:
        """The figures now."""
        ordered = sorted(self.times)
        half, most = (ordered[int(len(ordered) * part)] if ordered else 0.0 for part in (0.5, 0.95))
        return LayerStats(layer, self.asked, self.answered, half, most)


class Meters(dict[Layer, Meter]):
    """The meters of all layers."""

    def __init__(self) -> None:
        super().__init__((layer, Meter()) for layer in Layer)

    def stats(self) -> tuple[LayerStats, ...]:
        """The figures of all layers, from the nearest to the farthest."""
        return tuple(meter.stats(layer) for layer, meter in self.items())
