"""`cis memory stats`: what memory holds, where it lies, and how its layers do."""

from __future__ import annotations

import os

from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json, table
from cis_tui.cli.store import open_store
from cis_tui.memory.layers import Layer, LayerStats
from cis_tui.memory.stats import DomainStats

_NAMES = {
    Layer.CACHE: "entries read last",
    Layer.VECTORS: "search by meaning",
    Layer.LOGS: "weekly logs",
    Layer.ARCHIVES: "archives",
}


def stats(context: Context) -> int:
    """`cis memory stats`."""
    from cis_tui.cli.memory_keys import described

    live = os.path.exists(context.socket_path)
    with open_store(context) as store:
        found = store.stats()
    if context.json:
        show_json(found)
        return 0
    for domain in found.domains:
        _show_domain(domain)
    show(f"private memory: {described(found.private_key)}")
    if not live:
        note("no engine is live: its layers count only what this command did")
    rows = [(f"{stats.layer} {_NAMES[stats.layer]}", *_figures(stats)) for stats in found.layers]
    table(("LAYER", "ASKED", "ANSWERED", "P50", "P95"), rows)
    return 0


def _show_domain(domain: DomainStats) -> None:
    archived = (
        f", {_count(domain.archives, 'archive', 'archives')} of {size(domain.archive_bytes)}" if domain.archives else ""
    )
    show(f"{domain.domain}: {_entries(domain.entries)}{archived}")
    if domain.problem:
        note(f"  {domain.problem}")
    if domain.kinds:
        show("  " + ", ".join(f"{count} {kind}" for kind, count in domain.kinds.items()))
    for log in domain.logs:
        show(f"  {log.week}  {'?' if log.entries is None else log.entries:>8} current  {size(log.bytes):>9}")


def _entries(count: int | None) -> str:
    return "entries unknown" if count is None else _count(count, "entry", "entries")


def _count(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _figures(stats: LayerStats) -> tuple[object, ...]:
    answered = f"{stats.answered} ({stats.answered / stats.asked:.0%})" if stats.asked else "0"
    return stats.asked, answered, duration(stats.p50), duration(stats.p95)


def size(count: int) -> str:
    """Bytes for a person, such as `4.2 MB`."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def duration(seconds: float) -> str:
    """A time for a person, such as `3.1 us` or `12 ms`; `-` for none."""
    if not seconds:
        return "-"
    if seconds < 0.001:
        return f"{seconds * 1e6:.1f} us"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.1f} s"
