"""`MemoryService`: what the rest of the program asks of memory (spec, Memory Operations Flow)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import replace
from itertools import islice
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

from cis_tui.core.clock import Clock, Instant, iso_week, utc_now
from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.memory.buffer import GROUP, Buffer
from cis_tui.memory.earned import standing
from cis_tui.memory.layers import Layer
from cis_tui.memory.private import PrivateMemory
from cis_tui.memory.reader import Written
from cis_tui.memory.recall import Recall
from cis_tui.memory.records import (
    ArchiveReport,
    Domain,
    ExportPage,
    MemoryItem,
    MemoryPage,
    MemoryRecord,
    MemoryWrite,
    MergeReport,
)
from cis_tui.memory.vault import Vault

if TYPE_CHECKING:
    from cis_tui.memory.branches import MemoryTree
    from cis_tui.memory.chroma import ChromaIndex
    from cis_tui.memory.committer import Committer, Outcome
    from cis_tui.memory.embedder import Embedder
    from cis_tui.memory.exchange import Exchange
    from cis_tui.memory.growth import Growth, MemoryGrowth
    from cis_tui.memory.keys import Ask
    from cis_tui.memory.log import Change
    from cis_tui.memory.plan import Entry, Plan
    from cis_tui.memory.queries import Query, SearchResult
    from cis_tui.memory.revisions import Revisions
    from cis_tui.memory.search import Searcher
    from cis_tui.memory.stats import MemoryStats

EventSink = Callable[[str, Mapping[str, object]], None]


class MemoryService:
    """The memory of one home. For any number of threads, beside any number of processes; opens nothing until asked.

    Every method may raise `CisError`; while private memory is locked, that is `Unavailable` for whatever is, or may
    be, in private memory, and public memory goes on.
    """

    def __init__(
        self,
        home: Home,
        *,
        node: str | None = None,
        clock: Clock = utc_now,
        hot_weeks: int = 4,
        total_weeks: int = 54,
        on_event: EventSink | None = None,
        embedder: Embedder | None = None,
        ask: Ask | None = None,
        auto_lock: float = 0.0,
        vectors: str = "exact",
    ) -> None:
        """`node`: the DID that versions are signed off with, the home's own when None. `hot_weeks`: weeks that are not
        archived, the current one among them. `total_weeks`: archives that are kept, of each domain. `on_event` is told
        what happened, after it is durable, on the thread that did it; it must return at once and ask nothing of memory.
        `ask`: asks a person for the passphrase of private memory. `auto_lock`: seconds after which private memory that
        was unlocked and is not used is locked, 0 for never.
        """
        self.private = PrivateMemory(
            home,
            ask=ask,
            auto_lock=auto_lock,
            flush=lambda: self._buffer.flush(),
            let_go=self._private_closed,
            emit=self._emit,
        )
        """The key of private memory, and what is done with it."""
        self._home = home
        self._node = node
        self._clock = clock
        self._on_event = on_event
        self._hot_weeks = hot_weeks
        self._total_weeks = total_weeks
        self._vaults = {Domain.PUBLIC: Vault(home, Domain.PUBLIC), Domain.PRIVATE: self.private.vault}
        self._committer: Committer | None = None
        self._buffer = Buffer(self._commit, on_failure=self._report)
        self._recall = Recall(home, self._vaults, clock, open_logs=2 * (hot_weeks + 1))
        self._searching = Lock()
        self._embedder = embedder
        self._vectors = vectors
        self._searcher: Searcher | None = None
        self._exchange: Exchange | None = None
        self._growth: Growth | None = None

    def set(self, write: MemoryWrite, *, default_domain: Domain | None = None) -> MemoryItem:
        """Keep an entry; durable when this returns. `default_domain`: where the project's entries go."""
        made = self._buffer.write(self._entry(write, default_domain))
        assert made is not None, "only a deletion can have nothing to do"
        self.private.touch(made.domain)
        return made.version.item(made.domain)

    def set_nowait(self, write: MemoryWrite, *, default_domain: Domain | None = None) -> None:
        """Keep an entry; durable after `flush`, with the 100th that waits, or in 5 seconds. Reads see it at once."""
        self._buffer.add([self._entry(write, default_domain)])

    def set_many(self, writes: Iterable[MemoryWrite], *, default_domain: Domain | None = None) -> int:
        """Keep entries, a hundred at a time; durable when this returns.

        Returns:
            How many there were. When one cannot be kept, those before its hundred are.
        """
        count = 0
        waiting = iter(writes)
        while group := [self._entry(write, default_domain) for write in islice(waiting, GROUP)]:
            self._buffer.add(group)
            count += len(group)
        self._buffer.flush()
        return count

    def flush(self) -> None:
        """Make durable what waits, and write down which entries were used."""
        self._buffer.flush()
        self._recall.save_uses()

    def get(self, key: str, *, public_only: bool = False, by: Mapping[str, object] | None = None) -> MemoryItem | None:
        """The entry `key`, or None; counts as a use of it. `by`: who asks, for the event.

        Raises:
            Refused: it is private, and with `public_only` only a public one may be given (CIS-SKILL-060).
        """
        self.private.lock_if_idle()
        if self._buffer and self._buffer.holds(key):
            self._buffer.flush()
        item = self._recall.get(key, public_only=public_only)
        if item is None:
            return None
        self.private.touch(item.domain)
        if self._on_event is not None:
            self._on_event("MemoryAccess", {"key": key, "domain": item.domain.value, **(by or {})})
        return item

    def delete(self, key: str, *, run: str = "") -> bool:
        """Let an entry be gone, durably, for `run`; its history stays. False when there is none."""
        from cis_tui.memory.intake import deletion_of

        self.private.lock_if_idle()
        return self._buffer.write(deletion_of(key, self._clock(), run)) is not None

    def list(
        self, prefix: str = "", *, domain: Domain | None = None, limit: int = 1000, offset: int = 0, cut: int = 0
    ) -> MemoryPage:
        """The current entries whose key begins with `prefix`, by key; of both domains when `domain` is None, or of the
        public one alone while private memory is locked.

        `cut`: give of a value no more than so many characters, and nothing of a Sensitive one; 0 for all of it.
        """
        self._settle()
        with self._recall.reading() as reader:
            page = reader.page(prefix, domain, limit=max(limit, 0), offset=max(offset, 0), cut=max(cut, 0))
        self.private.touch(*(item.domain for item in page.items))
        now = self._clock()
        return replace(page, items=tuple(standing(item, now) for item in page.items))

    def tree(self, prefix: str = "", *, domain: Domain | None = None) -> MemoryTree:
        """How many current entries' keys begin with `prefix`, and how these keys go on up to their next `/`."""
        self._settle()
        with self._recall.reading() as reader:
            return reader.tree(prefix, domain)

    def history(self, key: str) -> tuple[MemoryItem, ...]:
        """Every version of `key` that is kept, newest first; empty when it was never written."""
        from cis_tui.memory.history import newest_first

        self._settle()
        with self._recall.reading() as reader:
            versions = reader.versions(key)
        self.private.touch(*(item.domain for _, item in versions))
        return newest_first(versions)

    def export(
        self, prefix: str = "", *, after: str = "", include_private: bool = False, include_sensitive: bool = False
    ) -> ExportPage:
        """The current entries whose key begins with `prefix` and comes after `after`, a part that fits a message.

        Every entry that stays where it is meanwhile is in exactly one part. Private ones only with `include_private`;
        Sensitive ones only with `include_sensitive`, or the one whose whole key is `prefix`.
        """
        from cis_tui.memory.export import PAGE, export_page

        self._settle()
        domain = None if include_private else Domain.PUBLIC
        with self._recall.reading() as reader:
            items = reader.following(prefix, after, domain, limit=PAGE)
            return export_page(items, named=prefix, sensitive=include_sensitive)

    def records(self, key: str) -> tuple[MemoryRecord, ...]:
        """The versions of `key` that other nodes may have: the public ones that are not Sensitive, newest first."""
        from cis_tui.memory.sharing import records_of

        self._settle()
        with self._recall.reading() as reader:
            return records_of(reader.shared_versions(key))

    def merge(self, records: Sequence[MemoryRecord]) -> MergeReport:
        """Take in versions of public entries that were made elsewhere; durable when this returns.

        Every node that has the same versions, in whatever order they came and however often, has the same current ones
        and the same conflicts.

        Raises:
            Invalid: there are too many at once (CIS-MEM-085).
        """
        from cis_tui.memory.sharing import merge_event, merge_report, sorted_out

        versions, refused = sorted_out(records)
        with self._buffer.alone():
            merged = self._writer().merge(versions, self._clock())
        report = merge_report(versions, refused, merged)
        for version in merged.added:
            self._emit(*merge_event(version, report.disputed))
        return report

    @property
    def exchange(self) -> Exchange:
        """Public memory as other nodes see it."""
        from cis_tui.memory.exchange import Exchange

        with self._searching:
            if self._exchange is None:
                self._exchange = Exchange(self._home, self._vaults)
            return self._exchange

    def dot_old(self) -> int:
        """Let other nodes have what this one made public before it knew of them; how many versions there were."""
        with self._buffer.alone():
            return self._writer().dot_old()

    @property
    def revisions(self) -> Revisions:
        """Pins, classes, undo, conflicts: what is done to entries that are there."""
        return self.revising()

    def revising(self, run: str = "") -> Revisions:
        """The same, done by the run `run`.

        Raises:
            Invalid: there can be no such run (CIS-MEM-004).
        """
        from cis_tui.memory.intake import checked_run
        from cis_tui.memory.revisions import Revisions

        return Revisions(self, self._clock, checked_run(run))

    def written_by(self, run: str, since: Instant) -> tuple[Sequence[Written], bool]:
        """The versions that `run`, which began at `since`, and its rollback wrote, and whether these are all."""
        self._settle()
        with self._recall.reading() as reader:
            return reader.written_by(run, iso_week(since))

    def current(self, key: str) -> MemoryItem | None:
        """The entry `key`, or None; counts as no use of it."""
        self._settle()
        with self._recall.reading() as reader:
            place = reader.find(key)
            return None if place is None else reader.read(place)

    def own_changes(self, take: Callable[[Iterator[Change]], Change | None]) -> tuple[str, Change | None]:
        """This node, and what `take` takes of the versions in the open logs that it wrote, newest first."""
        node = self._node_id()
        self._settle()
        with self._recall.reading() as reader, closing(reader.changes(node)) as changes:
            return node, take(changes)

    def disputed(self) -> tuple[str, ...]:
        """The keys that may have several newest versions, in order."""
        self._settle()
        with self._recall.reading() as reader:
            return reader.disputed()

    def revise(self, entry: Entry) -> MemoryItem:
        """Write a revision, durably; its version.

        Raises:
            Refused: something was written since what it has seen (CIS-MEM-083).
        """
        made = self._buffer.write(entry)
        assert made is not None, "a revision always adds a version"
        self.private.touch(made.domain)
        return made.version.item(made.domain)

    def counts(self) -> Mapping[str, int]:
        """The current entries by domain; a domain that cannot be opened now is left out."""
        counts: dict[str, int] = {}
        with suppress(CisError):
            self._settle()
        with self._recall.reading() as reader:
            for domain in Domain:
                with suppress(CisError):
                    counts[domain.value] = reader.count(domain)
        return counts

    def stats(self) -> MemoryStats:
        """What memory holds, where it lies, and how its layers do; what cannot be opened is said in it."""
        from cis_tui.memory.stats import MemoryStats
        from cis_tui.memory.survey import domain_stats

        with suppress(CisError):
            self._settle()
        with self._recall.reading() as reader:
            domains = tuple(domain_stats(self._vaults[domain], reader) for domain in Domain)
            return MemoryStats(domains, self._recall.meters.stats(), self._recall.cached, self.private.state())

    def growth(self, days: int) -> MemoryGrowth:
        """How much was written on each of the last days; of private memory only while it is not locked."""
        if self._growth is None:
            from cis_tui.memory.growth import Growth

            self._growth = Growth(self._vaults, self._recall.reading)
        return self._growth.count(self._clock(), days)

    def check(self) -> list[str]:
        """What is wrong with the files of memory, a sentence each; empty when all is well."""
        from cis_tui.memory.check import check_memory

        return [problem.message for problem in check_memory(self._home, self.private.key.get)]

    def archive(
        self,
        week: str = "",
        *,
        cancelled: Callable[[], bool] = lambda: False,
        on_step: Callable[[str], None] = lambda step: None,
    ) -> tuple[ArchiveReport, ...]:
        """Archive `week`, or all that is due, and say what became of each (spec, Weekly Archive Flow).

        Ends before the next week once `cancelled`. Private weeks wait while private memory is locked. `on_step` is told
        the name of each step (see `archiver`) as it is done.
        """
        from cis_tui.memory.archive_run import ArchiveRun, archive_event

        with suppress(CisError):
            self._settle()
        run = ArchiveRun(
            vaults=tuple(self._vaults.values()),
            epochs=lambda: self._recall.epochs,
            now=self._clock(),
            hot_weeks=self._hot_weeks,
            total_weeks=self._total_weeks,
            on_step=on_step,
        )
        reports: list[ArchiveReport] = []
        for report in run.reports(week):
            reports.append(report)
            if not report.waiting:
                self._emit(*archive_event(report))
            if cancelled():
                break
        return tuple(reports)

    def search(self, query: Query, *, embed_waiting: bool = True) -> SearchResult:
        """The entries that fit a question best, by words and by meaning. Counts as no use of them.

        `embed_waiting`: false where an indexer lives that embeds what was written since.
        """
        self._settle()
        began = perf_counter()
        result = self.searcher.search(query, embed_waiting=embed_waiting)
        self._recall.meters[Layer.VECTORS].count(answered=not result.semantic, seconds=perf_counter() - began)
        self.private.touch(*(hit.item.domain for hit in result.hits))
        return result

    @property
    def searcher(self) -> Searcher:
        """The index of both domains, and how it is kept."""
        from cis_tui.memory.search import Searcher

        with self._searching:
            if self._searcher is None:
                self._searcher = Searcher(
                    self._vaults, self._clock, embedder=self._embedder, chroma=self._chroma_index()
                )
            return self._searcher

    def reindex(self) -> list[str]:
        """Begin the index of both domains anew, which `Searcher.index_some` fills; what was wrong, a sentence each."""
        self._settle()
        return self.searcher.begin_anew()

    def close(self) -> None:
        """Make durable what waits, and let go of every file and thread; may be called again."""
        try:
            self._buffer.close()
        finally:
            self._recall.close()
            if self._committer is not None:
                self._committer.close()
            if self._searcher is not None:
                self._searcher.close()
            if self._exchange is not None:
                self._exchange.close()
            self.private.close()

    def _chroma_index(self) -> ChromaIndex | None:
        from cis_tui.memory.chroma import MANY, ChromaIndex

        if self._vectors == "exact":
            return None
        return ChromaIndex(self._home.memory / "index" / "chroma", least=1 if self._vectors == "chroma" else MANY)

    def _entry(self, write: MemoryWrite, default_domain: Domain | None) -> Entry:
        from cis_tui.memory.intake import entry_of

        self.private.lock_if_idle()
        return entry_of(write, default_domain, self._clock())

    def _commit(self, group: Sequence[Entry]) -> list[Outcome]:
        outcomes = self._writer().commit(group)
        for outcome in outcomes:
            if outcome is not None and not isinstance(outcome, CisError):
                self._emit(*_event_of(outcome))
        return outcomes

    def _writer(self) -> Committer:
        # A process that only reads does not load the writing side.
        from cis_tui.memory.committer import Committer

        if self._committer is None:
            self._committer = Committer(self._vaults, self._recall.epochs, self._node_id)
        return self._committer

    def _settle(self) -> None:
        """Bring to the logs what they do not show yet."""
        self.private.lock_if_idle()
        if self._buffer:
            self._buffer.flush()
        self._recall.save_uses()

    @contextmanager
    def _private_closed(self) -> Generator[None]:
        """Have no private file open, and nothing of private memory kept, while the block runs; who asks waits."""
        with ExitStack() as closed:
            closed.enter_context(self._buffer.alone())
            closed.enter_context(self._recall.private_closed())
            if self._committer is not None:
                self._committer.close_private()
            if self._searcher is not None:
                closed.enter_context(self._searcher.private_closed())
            yield

    def _emit(self, type: str, data: Mapping[str, object]) -> None:
        if self._on_event is not None:
            self._on_event(type, data)

    def _report(self, error: CisError) -> None:
        self._emit("Error", error.to_json())

    def _node_id(self) -> str:
        if self._node is None:
            from cis_tui.core.identity import node_id

            self._node = node_id(self._home)
        return self._node


def _event_of(made: Plan) -> tuple[str, Mapping[str, object]]:
    version = made.version
    data: dict[str, object] = {"key": version.key, "domain": made.domain.value, "origin": version.origin}
    if version.value is None:
        return "MemoryDeleted", data
    return "MemorySet", data | {"category": version.category, "index_type": version.index_type.value}
