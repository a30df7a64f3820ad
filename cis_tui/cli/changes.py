"""`cis memory pin`, `classify`, `undo`, `conflicts` and `resolve`: what is done to entries that are there."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import cast

from cis_tui.cli.context import Context
from cis_tui.cli.memory import missing, preview
from cis_tui.cli.output import note, question, show, show_json, table
from cis_tui.cli.store import Item, Store, named, open_store
from cis_tui.core.errors import CisError
from cis_tui.core.text import clean_line

_SENSITIVE = "Sensitive"


def pin(context: Context, key: str, *, pinned: bool) -> int:
    """`cis memory pin`."""
    with open_store(context) as store:
        item = store.pin(key, pinned)
    _tell(context, item, f"{clean_line(key)} is pinned" if pinned else f"{clean_line(key)} is not pinned")
    return 0


def classify(context: Context, key: str, kind: str | None, *, yes: bool) -> int:
    """`cis memory classify`: what the entry is and why, or what it is to be from now on."""
    with open_store(context) as store:
        before = store.current(key)
        if before is None:
            raise missing(key)
        item = store.classify(key, kind, yes or _confirmed(before, kind)) if kind else before
    _tell(context, item, f"{item['index_type']}: {item['reason'] or 'nothing was noted'}")
    if item["domain"] != before["domain"]:
        note("it was public, and may have reached your peers; from now on it is private")
    return 0


def undo(context: Context, *, last: int) -> int:
    """`cis memory undo`: one change after the other, as far as they can be taken back."""
    done: list[Item] = []
    with open_store(context) as store:
        while len(done) < last:
            item = _undo(store, done)
            if item is None:
                break
            done.append(item)
            if not context.json:
                show(_now(item))
    if context.json:
        show_json([_masked(item) for item in done])
    return 0


def conflicts(context: Context) -> int:
    """`cis memory conflicts`."""
    with open_store(context) as store:
        found = store.conflicts()
    if context.json:
        show_json([_shown(conflict) for conflict in found])
        return 0
    rows: list[tuple[object, ...]] = []
    for conflict in found:
        winner, others = _parts(conflict)
        for item, mark in ((winner, "current"), *((other, "") for other in others)):
            value = "(deleted)" if item["deleted"] else preview(item)
            rows.append((item["key"], named(item)["name"], mark, item["domain"], item["created_at"], value))
    if rows:
        table(("KEY", "VERSION", "", "DOMAIN", "WRITTEN", "VALUE"), rows)
        note("cis memory resolve KEY --keep VERSION settles one")
    else:
        note("there are no conflicts")
    return 0


def resolve(context: Context, key: str, *, keep: str) -> int:
    """`cis memory resolve`."""
    with open_store(context) as store:
        item = store.resolve(key, keep)
    _tell(context, item, _now(item))
    return 0


def _undo(store: Store, done: Sequence[Item]) -> Item | None:
    """The version that undoes the next change; None when there is none after the first."""
    try:
        item, undone = store.undo()
        if item["domain"] == "public" and undone["domain"] == "private":
            note(f"{clean_line(str(item['key']))} is public again")
        return item
    except CisError as error:
        if not done or error.code != "CIS-MEM-082":
            raise
        return None


def _confirmed(item: Item, kind: str) -> bool:
    """Whether a person at the terminal wants what is Sensitive to be something else."""
    if item["index_type"] != _SENSITIVE or kind == _SENSITIVE or not (sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    reason = clean_line(str(item["reason"]))
    question(f"it is Sensitive ({reason}); as {kind} it is shown, searched and exported. Go on? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _tell(context: Context, item: Item, text: str) -> None:
    show_json(_masked(item)) if context.json else show(text)


def _now(item: Item) -> str:
    """What a key holds now, in a sentence."""
    key = clean_line(str(item["key"]))
    return f"{key} is gone again" if item["deleted"] else f"{key} is again {_quoted(item)}"


def _quoted(item: Item) -> str:
    shown = preview(item)
    return f'"{shown}"' if isinstance(item["value"], str) and item["index_type"] != _SENSITIVE else shown


def _masked(item: Item) -> Item:
    """An item as it leaves where nobody asked for it by name."""
    return {**item, "value": None} if item["index_type"] == _SENSITIVE else item


def _parts(conflict: Mapping[str, object]) -> tuple[Item, list[Item]]:
    return cast("Item", conflict["winner"]), cast("list[Item]", conflict["others"])


def _shown(conflict: Mapping[str, object]) -> Mapping[str, object]:
    winner, others = _parts(conflict)
    return {**conflict, "winner": named(_masked(winner)), "others": [named(_masked(other)) for other in others]}
