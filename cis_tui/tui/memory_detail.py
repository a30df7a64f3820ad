"""What the page of an entry of memory says, as lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from cis_tui.memory.records import Domain, IndexType, MemoryConflict, MemoryItem
from cis_tui.memory.versions import moment
from cis_tui.tui.detail import SHOWN_VALUE, labelled, text_lines
from cis_tui.tui.paint import Line, Piece, Tone, shown
from cis_tui.tui.words import calendar_time, count
from cis_tui.tui.writers import NOBODY, Names, node_name

if TYPE_CHECKING:
    from cis_tui.memory.queries import Hit

MASK = "••••••••"
"""What stands for a sensitive value."""
KINDS = {
    IndexType.SENSITIVE: "a secret: masked, never shared, never searched by meaning",
    IndexType.USER_PREFERENCE: "what a person likes or knows: kept",
    IndexType.PROJECT_CONFIG: "how a project is set up: kept",
    IndexType.IMPORTANT_DECISION: "a decision and its reasons: kept",
    IndexType.FREQUENTLY_QUERIED: "used often: kept as long as it is",
    IndexType.TEMPORARY: "goes with its week",
}
"""What each kind means, in a few words."""
PLACES = {
    Domain.PRIVATE: "private: encrypted, never leaves this machine",
    Domain.PUBLIC: "public: in clear, shared with the peers that you allow",
}


_SECRET_IN_PUBLIC = "public: in clear on this disk; no peer is given it"


def value_text(item: MemoryItem) -> str:
    """A value as text; bytes are described."""
    if isinstance(item.value, bytes):
        return f"{len(item.value)} bytes that are not text"
    return item.value


def preview(item: MemoryItem) -> str:
    """One line of a value, masked when it is sensitive."""
    if item.index_type is IndexType.SENSITIVE:
        return MASK
    return shown(value_text(item)[:500])


def version_text(item: MemoryItem) -> str:
    """What a version says, masked when it is sensitive."""
    if item.deleted:
        return "✗ deleted"
    return MASK if item.index_type is IndexType.SENSITIVE else value_text(item)


def found_pieces(hit: Hit) -> list[Piece]:
    """The part of a value that fits what was looked for, with its words marked."""
    pieces: list[Piece] = []
    done = 0
    for start, end in hit.marks:
        pieces += [(shown(hit.snippet[done:start]), Tone.PLAIN), (shown(hit.snippet[start:end]), Tone.LIVE)]
        done = end
    return [*pieces, (shown(hit.snippet[done:]), Tone.PLAIN)]


def hit_lines(hit: Hit) -> list[Line]:
    """Why an entry was found, and what its score is made of."""
    parts = hit.parts
    score = f"{hit.score:.3f}: meaning {parts.semantic:.2f}, words {parts.lexical:.2f}"
    boosts = f", use +{parts.access:.3f}, recency +{parts.recency:.3f}"
    return [labelled("found", shown(hit.why)), labelled("score", score + boosts)]


def memory_lines(
    item: MemoryItem,
    history: Sequence[MemoryItem],
    *,
    me: str = "",
    names: Names = NOBODY,
    revealed: bool = False,
    reveal: str = "s",
    hit: Hit | None = None,
    conflict: MemoryConflict | None = None,
) -> list[Line]:
    """One entry with its value, what is known about it, and its versions; `me` is the DID of this node, and `names`
    tells of others; `reveal` is the key that shows a secret."""
    masked = item.index_type is IndexType.SENSITIVE and not revealed
    value = (
        [labelled("value", f"{MASK}  {reveal} reveals it")] if masked else text_lines(pretty(value_text(item)), "value")
    )
    lines: list[Line] = [
        [(shown(item.key, limit=600), Tone.STRONG)],
        *(hit_lines(hit) if hit else ()),
        *value,
        *(conflict_lines(conflict, me=me, names=names, revealed=revealed) if conflict else ()),
        [],
        labelled("kind", f"{item.index_type.value}, {KINDS[item.index_type]}"),
        labelled("because", _why(item)),
        labelled("where", _place(item)),
    ]
    if item.category:
        lines.append(labelled("category", shown(item.category)))
    if item.pinned:
        lines.append(labelled("pinned", "kept however old it gets"))
    lines += [
        labelled("written", f"{calendar_time(item.created_at)} UTC, week {item.week}, {_by(item, me, names)}"),
        labelled("used", _usage(item)),
    ]
    return lines + history_lines(history, me=me, names=names, revealed=revealed)


def conflict_lines(
    conflict: MemoryConflict, *, me: str = "", names: Names = NOBODY, revealed: bool = False
) -> list[Line]:
    """The versions that stand against the one that is read, each by who wrote it."""
    lines: list[Line] = []
    for other in conflict.others:
        whose = "your own" if other.origin == me else f"{node_name(other.origin, names)}'s"
        said = f"conflict with {whose} version of {calendar_time(other.created_at)} UTC; C settles it"
        lines += [[("≠ ", Tone.ASK), (said, Tone.ASK)], [("  ", Tone.PLAIN), _version_value(other, revealed)]]
    return [[], *lines]


def history_lines(
    history: Sequence[MemoryItem], *, me: str = "", names: Names = NOBODY, revealed: bool = False
) -> list[Line]:
    """The versions of one entry, newest first, with what became of each; nothing when there is only one."""
    if len(history) < 2:
        return []
    undone = {moment(version.undoes) for version in history if version.undoes}
    lines: list[Line] = [[], [(count(len(history), "version"), Tone.DIM)]]
    for version in history:
        taken_back = version.created_at in undone
        mark, word = ("≠ ", "written without knowing the current one") if version.concurrent else ("  ", "")
        if taken_back:
            mark, word = "↶ ", "taken back"
        elif version.undoes:
            word = "takes a change back"
        said = " · ".join(
            filter(None, (calendar_time(version.created_at), version.domain, _by(version, me, names), word))
        )
        lines += [[(mark, Tone.ASK), (said, Tone.DIM)], [("    ", Tone.PLAIN), _version_value(version, revealed)]]
    return lines


def pretty(text: str) -> str:
    """JSON of several parts with a line for each; any other text as it is."""
    if text[:1] in ("{", "[") and len(text) <= SHOWN_VALUE:
        with suppress(ValueError, RecursionError):
            return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return text


def _place(item: MemoryItem) -> str:
    exposed = item.index_type is IndexType.SENSITIVE and item.domain is Domain.PUBLIC
    return _SECRET_IN_PUBLIC if exposed else PLACES[item.domain]


def _why(item: MemoryItem) -> str:
    if item.classed:
        return "a person said so"
    return shown(item.reason) or "not written down"


def _by(item: MemoryItem, me: str, names: Names) -> str:
    return "here" if item.origin == me else f"by {node_name(item.origin, names)}"


def _usage(item: MemoryItem) -> str:
    times = count(item.uses, "time")
    last = f", last fetched {calendar_time(item.last_accessed_at)} UTC" if item.last_accessed_at else ""
    return times + last


def _version_value(version: MemoryItem, revealed: bool) -> Piece:
    if version.deleted:
        return "✗ deleted", Tone.BAD
    if version.index_type is IndexType.SENSITIVE and not revealed:
        return MASK, Tone.PLAIN
    return shown(value_text(version)[:200]), Tone.PLAIN
