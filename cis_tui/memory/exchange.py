"""What other nodes are given of public memory, and how far each has come.

Who asks is given the dots of the newest versions, in the order in which this node's catalogue has seen them, and with
them a mark of how far that goes, to be shown the next time. A mark that is not of this catalogue, or that was given for
another scope, counts as none: then all dots are given once more, which costs little, since who asks knows most of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import NamedTuple

from cis_tui.core.paths import Home
from cis_tui.memory.dots import (
    Dot,
    current_dots,
    current_keys,
    dot_places,
    hlc_at,
    lacking_dots,
    last_position,
    newest_dots,
)
from cis_tui.memory.epochs import Epochs
from cis_tui.memory.reader import Reader
from cis_tui.memory.records import Domain, MemoryRecord
from cis_tui.memory.vault import Vault

PAGE = 4_000
"""Dots that are looked at for one answer."""
_AT_ONCE = 64
"""Rows that are read together."""
_OPEN_LOGS = 4


class Offer(NamedTuple):
    """One dot that is offered."""

    dot: Dot
    key: str
    mark: str
    """How far who has it, and all before it, has heard this node."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of what a node has to give."""

    start: str
    """The mark that it follows upon; empty when it begins at the beginning."""
    offers: tuple[Offer, ...]
    next: str
    """The mark at its end."""
    more: bool
    """Something follows."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a peer and this node have heard each other; empty for not at all."""

    heard: str = ""
    """The peer's mark, as it gave it."""
    told: str = ""
    """This node's mark, as the peer last showed it."""
    scope: str = ""
    """What was taken from the peer, when `heard` was written down."""


class Exchange:
    """Public memory as other nodes see it; reads beside everybody else. For any number of threads.

    Each method may raise `CisError`, when a file of public memory cannot be read.
    """

    def __init__(self, home: Home, vaults: Mapping[Domain, Vault]) -> None:
        self._home = home
        self._lock = Lock()
        self._reader = Reader(vaults, open_logs=_OPEN_LOGS)
        self._epochs: Epochs | None = None

    def changes(self) -> int:
        """A number that is another one after every change of public memory, by whatever process."""
        if self._epochs is None:
            if not self._home.memory.is_dir():
                return 0
            self._epochs = Epochs(self._home)
        return self._epochs.public

    def page(self, mark: str, prefixes: Sequence[str], *, limit: int = PAGE) -> Page:
        """What there is after `mark`, of keys that begin with one of `prefixes`."""
        with self._lock:
            reader = self._refreshed()
            database = reader.public_catalogue()
            if database is None:
                return Page("", (), "", more=False)
            name, scope = reader.public_name(), scope_of(prefixes)
            last, last_hlc = last_position(database, "public")
            after = _position(mark, name, scope)
            if after and hlc_at(database, "public", after) != _hlc(mark):
                after = 0
            found = current_dots(database, "public", after, limit)
        more = len(found) == limit
        end = (found[-1].position, found[-1].dot.hlc) if more else (last, last_hlc)

        offers = tuple(
            Offer(each.dot, each.key, f"{name}.{scope}.{each.position}.{each.dot.hlc}")
            for each in found
            if each.key.startswith(tuple(prefixes))
        )
        return Page(mark if after else "", offers, f"{name}.{scope}.{end[0]}.{end[1]}" if end[0] else "", more)

    def between(self, mark: str, until: str, prefixes: Sequence[str], but: str) -> list[str]:
        """The keys of what there is after `mark`, up to `until`, of keys that begin with one of `prefixes`.

        What the node `but` has made is left out; there are no more than of a page.
        """
        with self._lock:
            reader = self._refreshed()
            database = reader.public_catalogue()
            if database is None:
                return []
            name, scope = reader.public_name(), scope_of(prefixes)
            after, upto = _position(mark, name, scope), _position(until, name, scope)
            keys = current_keys(database, "public", after, upto, but=but, limit=PAGE)
        return [key for key in keys if key.startswith(tuple(prefixes))]

    def lacking(self, dots: Iterable[Dot]) -> list[Dot]:
        """Those of `dots` that this memory does not know."""
        with self._lock:
            database = self._refreshed().public_catalogue()
            return list(dots) if database is None else lacking_dots(database, "public", dots)

    def newest(self, dots: Iterable[Dot]) -> set[Dot]:
        """Those of `dots` whose versions are the newest of their keys."""
        with self._lock:
            database = self._refreshed().public_catalogue()
            return set() if database is None else set(newest_dots(database, "public", dots))

    def records(self, dots: Sequence[Dot]) -> Iterator[MemoryRecord]:
        """The versions of those of `dots` that are known, in their order, read as far as they are asked for."""
        for start in range(0, len(dots), _AT_ONCE):
            with self._lock:
                reader = self._refreshed()
                database = reader.public_catalogue()
                places = (
                    [] if database is None else list(dot_places(database, "public", dots[start : start + _AT_ONCE]))
                )
                found = list(reader.public_records(places))
            yield from found

    def standing(self, peer: str) -> Standing:
        """How far `peer` and this node have heard each other."""
        with self._lock:
            database = self._refreshed().public_catalogue()
            sql = "SELECT heard, told, scope FROM public.peers WHERE peer = ?"
            row = None if database is None else database.one(sql, (peer,))
            return Standing(*row) if row else Standing()

    def note(self, peer: str, **columns: str) -> None:
        """Write down how far `peer` and this node have heard each other: fields of `Standing`, those that changed."""
        assert columns.keys() <= {"heard", "told", "scope"}
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        changed = ", ".join(f"{name} = excluded.{name}" for name in columns)
        with self._lock:
            database = self._refreshed().public_catalogue()
            if database is not None:
                database.run(
                    f"INSERT INTO public.peers (peer, {names}) VALUES (?, {marks})"
                    f" ON CONFLICT (peer) DO UPDATE SET {changed}",
                    (peer, *columns.values()),
                )

    def forget(self, peer: str = "") -> None:
        """Hear a peer, or all, from the beginning again: when something is taken now that was not before."""
        with self._lock:
            database = self._refreshed().public_catalogue()
            if database is not None:
                database.run("UPDATE public.peers SET heard = '' WHERE peer = ?1 OR ?1 = ''", (peer,))

    def close(self) -> None:
        """Let go of every file; may be called again."""
        with self._lock:
            self._reader.close()

    def _refreshed(self) -> Reader:
        self.changes()
        self._reader.refresh(self._epochs.now() if self._epochs else None)
        return self._reader


def scope_of(prefixes: Sequence[str]) -> str:
    """What tells one set of prefixes from another."""
    return hashlib.sha256(json.dumps(sorted(prefixes)).encode()).hexdigest()[:8]


def _position(mark: str, name: str, scope: str) -> int:
    parts = mark.split(".")
    position = int(parts[2]) if len(parts) == 4 and parts[:2] == [name, scope] and _digits(parts[2]) else 0
    return position if position < 2**63 else 0  # no more than SQLite counts


def _hlc(mark: str) -> int:
    last = mark.rpartition(".")[2]
    return int(last) if _digits(last) else -1


def _digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
