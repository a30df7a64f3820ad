"""What the page about memory's layers says: how much lies where, and how fast it answers."""

from __future__ import annotations

from cis_tui.memory.layers import Layer, LayerStats
from cis_tui.memory.stats import DomainStats, MemoryStats
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.words import count, size

NAMES = {
    Layer.CACHE: "the entries read last",
    Layer.VECTORS: "search by meaning",
    Layer.LOGS: "the weekly logs",
    Layer.ARCHIVES: "archived weeks",
}
BAR = 20
"""Cells of a bar."""


def layers_lines(stats: MemoryStats) -> list[Line]:
    """The four layers and the two domains."""
    lines: list[Line] = [[("Layers, since the engine started", Tone.DIM)]]
    for layer in stats.layers:
        lines += _layer(layer)
    lines += [[], [(f"L1 holds {_entries(stats.cached)}", Tone.DIM)]]
    for domain in stats.domains:
        lines += [[], *_domain(domain)]
    return lines


def _layer(stats: LayerStats) -> list[Line]:
    rate = stats.answered / stats.asked if stats.asked else 0.0
    full = round(rate * BAR)
    head: Line = [
        (fit(stats.layer.value, 4), Tone.STRONG),
        (fit(NAMES.get(stats.layer, ""), 24), Tone.PLAIN),
        ("█" * full + "░" * (BAR - full), Tone.LIVE if full else Tone.DIM),
        (f" {rate:>4.0%}" if stats.asked else "    –", Tone.STRONG),
    ]
    said = f"{stats.answered:,} of {stats.asked:,} answered"
    if stats.answered:
        said += f", half within {_time(stats.p50)}, 95 of 100 within {_time(stats.p95)}"
    return [head, [("    ", Tone.PLAIN), (said if stats.asked else "not asked yet", Tone.DIM)]]


def _domain(stats: DomainStats) -> list[Line]:
    lines: list[Line] = [
        [
            (fit(stats.domain.value, 9), Tone.STRONG),
            (f"{_entries(stats.entries)}, {count(len(stats.logs), 'open week')}", Tone.PLAIN),
            (f", {count(stats.archives, 'archive')} of {size(stats.archive_bytes)}", Tone.DIM),
        ]
    ]
    if stats.problem:
        lines.append(_under(f"✗ {shown(stats.problem)}", Tone.BAD))
    if stats.kinds:
        lines.append(_under(", ".join(f"{number:,} {shown(kind)}" for kind, number in sorted(stats.kinds.items()))))
    lines += [_under(f"{log.week}  {_current(log.entries)}{size(log.bytes)}") for log in stats.logs]
    return lines


def _entries(number: int | None) -> str:
    if number is None:
        return "entries unknown"
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def _current(number: int | None) -> str:
    return "" if number is None else f"{number:,} current, "


def _under(text: str, tone: Tone = Tone.DIM) -> Line:
    return [(" " * 9, Tone.PLAIN), (text, tone)]


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.0f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
