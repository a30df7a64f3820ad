"""Search by words and by meaning over both domains (spec, Memory Search Flow)."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError
from cis_tui.memory.cache import Place
from cis_tui.memory.child import ChildFailed
from cis_tui.memory.domain_index import DomainIndex, Found
from cis_tui.memory.earned import standing
from cis_tui.memory.embedder import Embedder, batches
from cis_tui.memory.excerpt import excerpt, mark, matched_words
from cis_tui.memory.lexicon import Filters
from cis_tui.memory.log import count_shown
from cis_tui.memory.queries import DomainStatus, Hit, IndexStatus, Query, SearchResult
from cis_tui.memory.ranking import ACCESS, FARTHEST, RECENCY, Candidate, Ranked, rank
from cis_tui.memory.reader import Reader
from cis_tui.memory.records import Domain, IndexType, MemoryItem
from cis_tui.memory.vault import Vault
from cis_tui.memory.wording import OPEN, terms_of, unspaced_of

if TYPE_CHECKING:
    from cis_tui.memory.chroma import ChromaIndex
    from cis_tui.memory.embedder import Vectors

AT_ONCE = 64
"""Waiting entries that a search embeds itself where nobody else does."""


class Searcher:
    """Searches the memory of a home; for any number of threads, which take turns."""

    def __init__(
        self,
        vaults: Mapping[Domain, Vault],
        clock: Clock,
        *,
        embedder: Embedder | None = None,
        chroma: ChromaIndex | None = None,
    ) -> None:
        """`embedder`: the model, one of its own when None. `chroma`: the index on the disk of public vectors."""
        self._embedder = embedder or Embedder()
        self._own = embedder is None
        self._clock = clock
        self._lock = Lock()
        self._reader = Reader(vaults, open_logs=16)
        self._chroma = chroma
        self._indexes = {
            domain: DomainIndex(vault, self._reader, chroma if domain is Domain.PUBLIC else None)
            for domain, vault in vaults.items()
        }

    def search(self, query: Query, *, embed_waiting: bool) -> SearchResult:
        """The entries that fit best. `embed_waiting`: nobody else embeds new entries; do it for a few of them.

        Raises:
            CisError: no domain that was asked for can be opened.
        """
        terms = terms_of(query.text)
        question, semantic = self._question(query)
        if embed_waiting and question is not None:
            self._embed_few(query.domain)
        filters = Filters(query.prefix, query.category, query.index_type)
        with self._lock:
            self._reader.refresh(None)
            found, locked, waiting = self._gather(query, terms, question, filters)
            ranked = self._ranked(found, query.limit)
            hits = [self._hit(each, found[each.candidate.key], terms) for each in ranked]
            self._count_shown([found[hit.item.key].place for hit in hits if hit])
        return SearchResult(tuple(hit for hit in hits if hit), semantic, waiting, locked)

    def index_some(self, domain: Domain, limit: int = AT_ONCE) -> int:
        """Take in what was written since, and embed up to `limit` entries of `domain`; say how much is left to do.

        Raises:
            CisError: the domain cannot be opened or written now, or there is no model.
        """
        index = self._indexes[domain]
        with self._lock:
            self._reader.refresh(None)
            if not index.exists():
                return 0
            index.catch_up()
            index.sweep()
            texts = index.next_texts(limit)
        for part in batches([text for _, text in texts]):
            ids = [texts[position][0] for position in part]
            vectors = self._embedder.embed([texts[position][1] for position in part])
            with self._lock:
                index.keep(ids, vectors)
        with self._lock:
            waiting = index.waiting()
            return waiting or int(index.follow())

    def status(self) -> IndexStatus:
        """How much can be found; a domain that cannot be opened now is left out."""
        domains: dict[str, DomainStatus] = {}
        with self._lock:
            self._reader.refresh(None)
            for domain, index in self._indexes.items():
                with suppress(CisError):
                    domains[domain.value] = index.status()
        return IndexStatus(domains, self._embedder.failure)

    def begin_anew(self) -> list[str]:
        """Look what is wrong with the index, then empty it; `index_some` fills it. What was wrong, a sentence each.

        Raises:
            CisError: a domain cannot be opened.
        """
        found: list[str] = []
        with self._lock:
            self._reader.refresh(None)
            for index in self._indexes.values():
                found += index.problems()
                index.rebuild()
        return found

    def problems(self) -> list[str]:
        """What is wrong with the index, a sentence each; changes nothing."""
        with self._lock:
            self._reader.refresh(None)
            return [problem for index in self._indexes.values() for problem in index.problems()]

    @contextmanager
    def private_closed(self) -> Generator[None]:
        """Let go of everything of private memory, and touch nothing of it while the block runs."""
        with self._lock:
            self._indexes[Domain.PRIVATE].forget()
            self._reader.close_private()
            yield

    def close(self) -> None:
        """Let go of every file, and end the model's process unless it was given."""
        if self._own:
            self._embedder.close()
        with self._lock:
            for index in self._indexes.values():
                index.forget()
            if self._chroma is not None:
                self._chroma.close()
            self._reader.close()

    def _question(self, query: Query) -> tuple[Vectors | None, str]:
        """The vector of the question, or why there is none."""
        if not query.text.strip():
            return None, ""
        try:
            if not self._embedder.ready(query.patience):
                return None, self._embedder.failure or "the model is being loaded"
            return self._embedder.embed([query.text])[0], ""
        except ChildFailed as error:
            return None, error.message

    def _embed_few(self, domain: Domain | None) -> None:
        for each in Domain if domain is None else (domain,):
            with suppress(CisError):  # one that is locked holds up no other
                with self._lock:
                    self._indexes[each].catch_up()
                    few = 0 < self._indexes[each].waiting() <= AT_ONCE
                if few:
                    self.index_some(each)

    def _gather(
        self, query: Query, terms: Sequence[str], question: Vectors | None, filters: Filters
    ) -> tuple[dict[str, Found], str, int]:
        """What each domain proposes by key, why private memory is left out, and how many entries wait."""
        found: dict[str, Found] = {}
        locked, waiting = "", 0
        for domain in (Domain.PRIVATE, Domain.PUBLIC):
            index = self._indexes[domain]
            if query.domain not in (None, domain):
                continue
            try:
                index.catch_up()
                if index.exists():
                    found.update((each.key, each) for each in index.find(terms, question, filters))
                    waiting += index.waiting() if question is not None else 0
            except CisError as error:
                if domain is Domain.PUBLIC or query.domain is not None:
                    raise
                locked = error.message
        return found, locked, waiting

    def _ranked(self, found: Mapping[str, Found], limit: int) -> list[Ranked]:
        """The best candidates in their final order; uses are looked up for those that they can lift so far only."""
        plain = rank(Candidate(each.key, each.semantic, each.lexical) for each in found.values())
        plain = [each for each in plain if each.parts.lexical > 0 or each.parts.semantic >= FARTHEST]
        last = plain[min(limit, len(plain)) - 1].relevance if plain else 0.0
        near = [each for each in plain if each.relevance * (1 + ACCESS + RECENCY) >= last]
        now, uses = self._clock(), self._uses([found[each.candidate.key].place for each in near])
        boosted = [
            replace(each.candidate, uses=count, age_days=(now - at) / 86400.0)
            for each in near
            for count, at in (uses.get(found[each.candidate.key].place, (0, now)),)
        ]
        return rank(boosted)[:limit]

    def _uses(self, places: Sequence[Place]) -> dict[Place, tuple[int, float]]:
        counts: dict[Place, tuple[int, float]] = {}
        for domain, index in self._indexes.items():
            mine = [place for place in places if place.domain is domain]
            counts |= index.uses(mine) if mine else {}
        return counts

    def _hit(self, ranked: Ranked, found: Found, terms: Sequence[str]) -> Hit | None:
        """The hit of an entry; None when it is not current any more."""
        if self._reader.find(found.key) != found.place:
            return None
        item = self._reader.read(found.place)
        lexicon = self._indexes[found.place.domain].lexicon
        marked = ""
        if item.index_type is IndexType.SENSITIVE:
            item = replace(item, value="")
        elif found.lexical > 0:
            marked = lexicon.marked(terms, [found.id]).get(found.id, "")
        if not marked and isinstance(item.value, str):
            marked = lexicon.texts([found.id]).get(found.id, ("", ""))[1]
        if OPEN not in marked:
            marked = mark(marked, unspaced_of(terms))
        snippet, marks = excerpt(marked)
        item = standing(item, self._clock())
        return Hit(item, ranked.score, ranked.parts, snippet, marks, _why(ranked, matched_words(marked), item))

    def _count_shown(self, places: Sequence[Place]) -> None:
        now = self._clock()
        for domain, week in {(place.domain, place.week) for place in places}:
            rows = [place.row for place in places if (place.domain, place.week) == (domain, week)]
            with suppress(CisError):
                count_shown(self._reader.log(domain, week), rows, now)


def _why(ranked: Ranked, words: Sequence[str], item: MemoryItem) -> str:
    """Why an entry was found, in one line."""
    parts = ranked.parts
    reasons: list[str] = []
    if words:
        reasons.append("holds " + ", ".join(words[:5]) + (" …" if len(words) > 5 else ""))
    elif parts.lexical > 0:
        reasons.append("its key matches")
    if parts.semantic > 0:
        reasons.append(f"meaning {parts.semantic:.2f}")
    if ranked.candidate.uses:
        reasons.append(f"used {ranked.candidate.uses}x")
    if item.pinned:
        reasons.append("pinned")
    return "; ".join(reasons)
