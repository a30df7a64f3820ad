"""`cis memory search` and `reindex`."""

from __future__ import annotations

from typing import cast

from cis_tui.cli.context import Context
from cis_tui.cli.failure import usage
from cis_tui.cli.output import note, paint, show, show_json
from cis_tui.cli.progress import Progress
from cis_tui.cli.store import open_store
from cis_tui.core.codec import encode
from cis_tui.core.text import clean_line
from cis_tui.memory.queries import Hit, IndexStatus, Query, SearchResult


def search(context: Context, query: Query) -> int:
    """`cis memory search`: best first.

    Raises:
        UsageError: nothing is asked for (CIS-CLI-003).
    """
    if not query.text.strip():
        raise usage("cis memory search: the question is empty", "cis memory list shows what there is")
    query.text.encode()  # what is no text is told as such, see `failure`
    with open_store(context) as store:
        result = store.search(query)
    tell(result)
    if context.json:
        show_json([_flat(hit) for hit in result.hits])
        return 0
    for rank, hit in enumerate(result.hits, start=1):
        _show(rank, hit)
    if not result.hits:
        note("nothing fits")
    return 0


def reindex(context: Context) -> int:
    """`cis memory reindex`: what was wrong, and how it goes on, to stderr."""
    progress = Progress("entries indexed", quiet=context.json)
    with open_store(context) as store:
        problems = list(store.reindex())
        for problem in problems:
            note(clean_line(problem))
        done = 0
        status = store.index_more()
        while _left(status) and not status.semantic:
            now = _found(status)
            progress.add(max(now - done, 0))
            done = max(done, now)
            status = store.index_more()
        progress.add(max(_found(status) - done, 0))
    progress.end()
    if status.semantic:
        note(f"search finds words only: {clean_line(status.semantic)}")
    if context.json:
        show_json({"problems": problems, **_fields(status)})
    return 0


def _left(status: IndexStatus) -> int:
    return sum(domain.behind + domain.waiting for domain in status.domains.values())


def _found(status: IndexStatus) -> int:
    return sum(domain.entries - domain.waiting for domain in status.domains.values())


def tell(result: SearchResult) -> None:
    """Say what the hits do not show."""
    if result.semantic:
        note(f"found by words only: {clean_line(result.semantic)}")
    if result.locked:
        note(f"{clean_line(result.locked)}; only public entries were searched")
    if result.waiting:
        what, them = ("1 entry is", "it") if result.waiting == 1 else (f"{result.waiting:,} entries are", "them")
        note(f"{what} found by words only as yet; cis memory reindex makes {them} ready")


def _flat(hit: Hit) -> dict[str, object]:
    """A hit in the shape of the contract."""
    item = _fields(hit.item)
    if hit.item.index_type == "Sensitive":
        item["value"] = None
    more = {"score": hit.score, "parts": hit.parts, "snippet": hit.snippet, "marks": hit.marks, "why": hit.why}
    return {**item, **more}


def _fields(value: object) -> dict[str, object]:
    return cast("dict[str, object]", encode(value))


def _show(rank: int, hit: Hit) -> None:
    parts = hit.parts
    boosts = f" · use +{parts.access:.2f} · recency +{parts.recency:.2f}"
    show(f"{rank:>2}  {paint(clean_line(hit.item.key), 'bold')}  {hit.score:.2f}  {hit.item.domain.value}")
    if hit.snippet:
        show(f"    {_marked(hit)}")
    scores = f"meaning {parts.semantic:.2f} · words {parts.lexical:.2f}{boosts}"
    reasons = [reason for reason in hit.why.split("; ") if not reason.startswith("meaning ")]
    show(f"    {paint(clean_line(' · '.join([scores, *reasons])), 'dim')}")


def _marked(hit: Hit) -> str:
    """The snippet, with the matches in bold on a terminal."""
    text, at = "", 0
    for start, end in hit.marks:
        text += clean_line(hit.snippet[at:start]) + paint(clean_line(hit.snippet[start:end]), "bold")
        at = end
    return text + clean_line(hit.snippet[at:])
