"""Memory as the command reaches it: through a live engine's socket, else in its files."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from cis_tui.api.blocking import Line
    from cis_tui.cli.context import Context
    from cis_tui.memory.queries import IndexStatus, Query, SearchResult
    from cis_tui.memory.records import Domain, MemoryWrite
    from cis_tui.memory.service import MemoryService
    from cis_tui.memory.stats import MemoryStats
    from cis_tui.skills.knock import Door

_POLL = 0.2
"""Seconds between two looks at what a live engine does."""
Item = Mapping[str, object]
"""A memory item in the shape of the contract."""
LOCKED = "CIS-MEM-020"
"""`records.LOCKED`, without loading what that module loads."""
_TRIES = 3


class Store(Protocol):
    """What the memory commands do."""

    def get(self, key: str) -> Item | None: ...
    def set(self, write: MemoryWrite) -> Item: ...
    def delete(self, key: str) -> bool: ...
    def list(self, prefix: str, domain: str | None, limit: int) -> tuple[list[Item], int, bool]:
        """The first `limit` items by key, how many there are, and whether private ones are left out: it is locked."""
        ...

    def history(self, key: str) -> list[Item]: ...
    def current(self, key: str) -> Item | None:
        """The entry; looking at it is no use of it."""
        ...

    def pin(self, key: str, pinned: bool) -> Item: ...
    def classify(self, key: str, kind: str, declassify: bool) -> Item: ...
    def undo(self) -> tuple[Item, Item]:
        """The new version, and the one that was taken back."""
        ...

    def conflicts(self) -> list[Mapping[str, object]]: ...
    def resolve(self, key: str, keep: str) -> Item: ...
    def set_many(self, writes: tuple[MemoryWrite, ...]) -> None:
        """Durable when it returns."""
        ...

    def stats(self) -> MemoryStats: ...
    def export(self, prefix: str, private: bool, sensitive: bool) -> Iterator[tuple[Sequence[object], int]]:
        """Parts of an export, each with the number of Sensitive entries that it passed over."""
        ...

    def search(self, query: Query) -> SearchResult: ...
    def reindex(self) -> Sequence[str]:
        """Begin the index anew; gives what was wrong with it."""
        ...

    def index_more(self) -> IndexStatus:
        """Let the index grow for a moment; how far it is."""
        ...


@contextmanager
def open_store(context: Context) -> Generator[Store]:
    """The memory of the context's home, or what of it a skill may use that runs this command."""
    if context.door is not None:
        from cis_tui.skills.knock import Door

        door = Door(*context.door)
        try:
            yield RemoteStore(context, door)
        finally:
            door.close()
        return
    line = _live_line(context)
    if line is not None:
        try:
            if not _opens_itself(line):
                yield RemoteStore(context, line)
                return
        finally:
            line.close()
    from cis_tui.memory.service import MemoryService

    service = MemoryService(context.home.ensure(), ask=_ask)
    try:
        yield LocalStore(context, service)
    finally:
        service.close()


def _live_line(context: Context) -> Line | None:
    """A connection to the live engine; None when the socket is left from a dead one, or belongs to one that ends."""
    if not os.path.exists(context.socket_path):
        return None
    from cis_tui.api.blocking import Line

    try:
        return Line(context.socket_path)
    except Exception as error:
        if isinstance(error, OSError) or getattr(error, "retryable", False):
            return None
        raise


def _opens_itself(line: Line) -> bool:
    """Whether private memory is locked in the engine, and this command was given the passphrase: it works beside it."""
    if not (os.environ.get("CIS_PASSPHRASE") or os.environ.get("CIS_PASSPHRASE_FILE")):
        return False
    state = cast("dict[str, object]", line.call("memory_key_state", {}))
    return state["locked"] is True and state["kept"] == "passphrase"


def _ask(again: bool) -> str | None:
    from cis_tui.cli.passphrase import ask

    return ask(again)


class RemoteStore:
    """The memory of a live engine."""

    def __init__(self, context: Context, line: Line | Door) -> None:
        self._context = context
        self._line = line

    def get(self, key: str) -> Item | None:
        return cast("Item | None", self._call("memory_get", key=key))

    def set(self, write: MemoryWrite) -> Item:
        from cis_tui.core.codec import encode

        return cast("Item", self._call("memory_set", write=encode(_signed(write)), project=self._context.project_path))

    def delete(self, key: str) -> bool:
        return self._call("memory_delete", key=key, **_by()) is True

    def list(self, prefix: str, domain: str | None, limit: int) -> tuple[list[Item], int, bool]:
        page = cast("dict[str, object]", self._call("memory_list", prefix=prefix, domain=domain, limit=limit))
        if page.get("locked") and self._unlock():
            return self.list(prefix, domain, limit)
        return cast("list[Item]", page["items"]), int(str(page["total"])), page.get("locked") is True

    def history(self, key: str) -> list[Item]:
        return cast("list[Item]", self._call("memory_history", key=key))

    def current(self, key: str) -> Item | None:
        return _listed(self, key)

    def pin(self, key: str, pinned: bool) -> Item:
        return cast("Item", self._call("memory_pin", key=key, pinned=pinned, **_by()))

    def classify(self, key: str, kind: str, declassify: bool) -> Item:
        return cast("Item", self._call("memory_classify", key=key, kind=kind, declassify=declassify, **_by()))

    def undo(self) -> tuple[Item, Item]:
        done = cast("dict[str, Item]", self._call("memory_undo", **_by()))
        return done["item"], done["undone"]

    def conflicts(self) -> list[Mapping[str, object]]:
        return cast("list[Mapping[str, object]]", self._call("memory_conflicts"))

    def resolve(self, key: str, keep: str) -> Item:
        return cast("Item", self._call("memory_resolve", key=key, keep=keep, **_by()))

    def set_many(self, writes: tuple[MemoryWrite, ...]) -> None:
        from cis_tui.core.codec import encode

        self._call("memory_set_many", writes=encode(tuple(map(_signed, writes))), project=self._context.project_path)

    def stats(self) -> MemoryStats:
        from cis_tui.core.codec import decode
        from cis_tui.memory.stats import MemoryStats

        return decode(MemoryStats, self._call("memory_stats"))

    def export(self, prefix: str, private: bool, sensitive: bool) -> Iterator[tuple[Sequence[object], int]]:
        after = ""
        while True:
            options = {"after": after, "include_private": private, "include_sensitive": sensitive}
            page = cast("dict[str, object]", self._call("memory_export", prefix=prefix, **options))
            yield cast("list[Item]", page["items"]), int(str(page["withheld"]))
            after = str(page["after"])
            if not after:
                return

    def search(self, query: Query) -> SearchResult:
        from cis_tui.core.codec import decode, encode
        from cis_tui.memory.queries import SearchResult

        result = decode(SearchResult, self._call("memory_search", query=encode(query)))
        if "is locked" in result.locked and self._unlock():
            return self.search(query)
        return result

    def reindex(self) -> Sequence[str]:
        return cast("list[str]", self._call("memory_reindex"))

    def index_more(self) -> IndexStatus:
        from time import sleep

        from cis_tui.core.codec import decode
        from cis_tui.memory.queries import IndexStatus

        sleep(_POLL)
        return decode(IndexStatus, self._call("memory_index_status"))

    def _call(self, method: str, **params: object) -> object:
        try:
            return self._line.call(method, params)
        except Exception as error:
            if getattr(error, "code", "") != LOCKED or not self._unlock():
                raise
            return self._line.call(method, params)

    def _unlock(self) -> bool:
        """Let a person at the terminal unlock private memory in the engine; whether they did.

        Raises:
            CisError: they tried, and it is not the passphrase.
        """
        for attempt in range(1, _TRIES + 1):
            passphrase = _ask(attempt > 1)
            if passphrase is None:
                return False
            try:
                self._line.call("memory_unlock", {"passphrase": passphrase})
            except Exception as error:
                if getattr(error, "code", "") != "CIS-MEM-021" or attempt == _TRIES:
                    raise
            else:
                return True
        return False


class LocalStore:
    """The memory in the files of a home without a live engine."""

    def __init__(self, context: Context, service: MemoryService) -> None:
        self._context = context
        self._service = service
        self._default: Domain | None = None

    def get(self, key: str) -> Item | None:
        return cast("Item | None", _encode(self._service.get(key)))

    def set(self, write: MemoryWrite) -> Item:
        return cast("Item", _encode(self._service.set(_signed(write), default_domain=self._default_domain())))

    def delete(self, key: str) -> bool:
        return self._service.delete(key, **_by())

    def list(self, prefix: str, domain: str | None, limit: int) -> tuple[list[Item], int, bool]:
        from cis_tui.memory.records import Domain

        page = self._service.list(prefix, domain=Domain(domain) if domain else None, limit=limit)
        return cast("list[Item]", _encode(page.items)), page.total, page.locked

    def history(self, key: str) -> list[Item]:
        return cast("list[Item]", _encode(self._service.history(key)))

    def current(self, key: str) -> Item | None:
        return _listed(self, key)

    def pin(self, key: str, pinned: bool) -> Item:
        return cast("Item", _encode(self._service.revising(**_by()).pin(key, pinned=pinned)))

    def classify(self, key: str, kind: str, declassify: bool) -> Item:
        from cis_tui.memory.records import IndexType

        revisions = self._service.revising(**_by())
        return cast("Item", _encode(revisions.classify(key, IndexType(kind), declassify=declassify)))

    def undo(self) -> tuple[Item, Item]:
        done = self._service.revising(**_by()).undo()
        return cast("Item", _encode(done.item)), cast("Item", _encode(done.undone))

    def conflicts(self) -> list[Mapping[str, object]]:
        return cast("list[Mapping[str, object]]", _encode(self._service.revisions.conflicts()))

    def resolve(self, key: str, keep: str) -> Item:
        return cast("Item", _encode(self._service.revising(**_by()).resolve(key, keep=keep)))

    def set_many(self, writes: tuple[MemoryWrite, ...]) -> None:
        self._default = self._default or self._default_domain()
        self._service.set_many(map(_signed, writes), default_domain=self._default)

    def stats(self) -> MemoryStats:
        return self._service.stats()

    def export(self, prefix: str, private: bool, sensitive: bool) -> Iterator[tuple[Sequence[object], int]]:
        after = ""
        while True:
            page = self._service.export(prefix, after=after, include_private=private, include_sensitive=sensitive)
            yield page.items, page.withheld
            after = page.after
            if not after:
                return

    def search(self, query: Query) -> SearchResult:
        return self._service.search(query)

    def reindex(self) -> Sequence[str]:
        return self._service.reindex()

    def index_more(self) -> IndexStatus:
        from cis_tui.core.errors import CisError
        from cis_tui.memory.records import Domain

        for domain in Domain:
            # Locked, or without a model: the status says so.
            with suppress(CisError):
                self._service.searcher.index_some(domain)
        return self._service.searcher.status()

    def _default_domain(self) -> Domain:
        from cis_tui.core.config import load_config
        from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE
        from cis_tui.memory.records import Domain

        project = self._context.project
        file = project / PROJECT_DIR / PROJECT_FILE if project else None
        config = load_config(self._context.home.config_file, project_file=file)
        return Domain(config.settings.memory.default_domain)


def _by() -> dict[str, str]:
    """The run whose task, or whose rollback, this command is part of, if it is; as an argument."""
    run = os.environ.get("CIS_RUN", "")
    if not run:
        return {}
    from cis_tui.memory.records import UNDOING

    return {"run": run + UNDOING if os.environ.get("CIS_ROLLBACK") else run}


def _signed(write: MemoryWrite) -> MemoryWrite:
    """A write with the run that makes it."""
    from dataclasses import replace

    return replace(write, **_by())


def named(item: Item) -> Item:
    """A version with what a person calls it (see `cis memory resolve --keep`)."""
    from cis_tui.memory.versions import version_name

    return {**item, "name": version_name(cast("Mapping[str, int]", item["version"]), str(item["origin"]))}


def plain_value(item: Item) -> str | bytes:
    """The value of an item as it was stored."""
    value = item["value"]
    if isinstance(value, str):
        return value
    from base64 import b64decode

    return b64decode(str(cast("dict[str, object]", value)["base64"]))


def _encode(value: object) -> object:
    from cis_tui.core.codec import encode

    return encode(value)


def _listed(store: Store, key: str) -> Item | None:
    """The entry `key` as a listing has it: of the kind that counts now, and not as a use of it."""
    items, _, locked = store.list(key, None, 1)
    if items and items[0]["key"] == key:
        return items[0]
    # Where private memory is locked, only it could tell, and says why it does not.
    items, *_ = store.list(key, "private", 1) if locked else ([],)
    return items[0] if items and items[0]["key"] == key else None
