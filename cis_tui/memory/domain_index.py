"""What makes the entries of one domain findable: the words (`lexicon`) and the vectors (`vectors`)."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from cis_tui.core.errors import CisError
from cis_tui.memory.cache import Place
from cis_tui.memory.lexicon import Filters, Lexicon
from cis_tui.memory.log import read_uses
from cis_tui.memory.queries import DomainStatus
from cis_tui.memory.reader import Reader
from cis_tui.memory.records import Domain
from cis_tui.memory.vault import Vault
from cis_tui.memory.wording import meaning_of

if TYPE_CHECKING:
    from cis_tui.core.clock import Instant
    from cis_tui.memory.chroma import ChromaIndex
    from cis_tui.memory.embedder import Vectors
    from cis_tui.memory.vectors import VectorSet

CANDIDATES = 100
"""Entries that each leg may propose."""


class Found(NamedTuple):
    """An entry that a leg proposes."""

    place: Place
    id: int
    key: str
    semantic: float | None
    lexical: float


class DomainIndex:
    """The index of one domain; not for two threads at once."""

    def __init__(self, vault: Vault, reader: Reader, chroma: ChromaIndex | None = None) -> None:
        """`chroma`: an index on the disk that is used where it is worth it."""
        self.domain: Domain = vault.domain
        self.lexicon = Lexicon(vault, reader)
        self._vault = vault
        self._reader = reader
        self._vectors: VectorSet | None = None
        self._chroma = chroma
        self._followed = -1
        """The version of the vectors that `chroma` holds."""

    def exists(self) -> bool:
        """Whether there is anything to find."""
        return self._vault.exists()

    def catch_up(self, limit: int | None = None) -> None:
        """Take in what was written since; of about `limit` rows if it is given.

        Raises:
            CisError: the domain cannot be opened.
        """
        if self.exists():
            self.lexicon.catch_up(limit)

    def load_vectors(self) -> VectorSet:
        """The vectors, up to date."""
        if self._vectors is None:
            from cis_tui.memory.vectors import VectorSet

            self._vectors = VectorSet()
        self._vectors.catch_up(self.lexicon, lambda week: self._reader.log(self.domain, week))
        return self._vectors

    def find(self, terms: Sequence[str], question: Vectors | None, filters: Filters) -> list[Found]:
        """What the legs propose; `question`: the question's vector if there is one."""
        if question is None:
            lexical, semantic = self.lexicon.matches(terms, filters, CANDIDATES), dict[int, float]()
        else:
            vectors = self.load_vectors()
            allowed = None if filters == Filters() else self.lexicon.meant(filters)
            # The legs take about as long as each other, and neither keeps the interpreter busy.
            with ThreadPoolExecutor(1) as beside:
                nearest = beside.submit(self._nearest, vectors, question, allowed)
                lexical = self.lexicon.matches(terms, filters, CANDIDATES)
                near = nearest.result()
            semantic = near | vectors.cosines(question, lexical.keys() - near.keys())
        docs = self.lexicon.docs(lexical.keys() | semantic.keys())
        return [
            Found(Place(self.domain, doc.week, doc.row), id, key, semantic.get(id), lexical.get(id, 0.0))
            for id, (doc, key) in docs.items()
        ]

    def uses(self, places: Sequence[Place]) -> dict[Place, tuple[int, Instant]]:
        """How often versions were used and when they were written."""
        found: dict[Place, tuple[int, Instant]] = {}
        for week in {place.week for place in places}:
            rows = [place.row for place in places if place.week == week]
            counts = read_uses(self._reader.log(self.domain, week), rows)
            found |= {Place(self.domain, week, row): count for row, count in counts.items()}
        return found

    def status(self) -> DomainStatus:
        """How much can be found.

        Raises:
            CisError: the domain cannot be opened.
        """
        if not self.exists():
            return DomainStatus(0, 0, 0, 0)
        entries, meant = self.lexicon.count()
        return DomainStatus(entries, self.lexicon.behind(), meant, self.waiting())

    def waiting(self) -> int:
        """Entries that are to have a vector and have none."""
        return len(self.load_vectors().waiting) if self.exists() else 0

    def next_texts(self, limit: int) -> list[tuple[int, str]]:
        """Ids, and what is to be embedded, of some entries that wait for a vector, the newest first."""
        ids = list(islice(reversed(self.load_vectors().waiting), limit))
        texts = self.lexicon.texts(ids)
        return [(id, meaning_of(*texts[id])) for id in ids if id in texts]

    def keep(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Write vectors of entries to their logs, and have them found.

        Raises:
            CisError: a log cannot be written now.
        """
        from cis_tui.memory.vectors import pack, write_vectors

        held = self.load_vectors()
        packed = dict(zip(ids, pack(vectors), strict=True))
        places = {id: held.waiting[id] for id in ids if id in held.waiting}
        for week in {doc.week for doc in places.values()}:
            rows = [(doc.row, packed[id]) for id, doc in places.items() if doc.week == week]
            write_vectors(self._reader.log(self.domain, week), rows)
        held.put(ids, vectors)

    def follow(self) -> bool:
        """Bring the index on the disk a step nearer to what is current; whether there is more to do."""
        if self._chroma is None or not self.exists():
            return False
        vectors = self.load_vectors()
        if vectors.version == self._followed:
            return False
        version = vectors.version
        more = self._chroma.follow(vectors.spots(), vectors.matrix)
        self._followed = -1 if more else version
        return more

    def _nearest(self, vectors: VectorSet, question: Vectors, allowed: Sequence[int] | None) -> dict[int, float]:
        near = self._near_on_disk(vectors, question) if allowed is None else None
        return vectors.nearest(question, CANDIDATES, allowed) if near is None else near

    def _near_on_disk(self, vectors: VectorSet, question: Vectors) -> dict[int, float] | None:
        """What the index on the disk finds; None when it cannot be asked."""
        if self._chroma is None or self._followed != vectors.version:
            return None
        found = self._chroma.nearest(question, CANDIDATES)
        rows = vectors.spots()
        return None if found is None else {vectors.id(rows[spot]): near for spot, near in found if spot in rows}

    def sweep(self, limit: int = 256) -> None:
        """Remove vectors of entries that are no longer current from the logs.

        Raises:
            CisError: a log cannot be written now.
        """
        from cis_tui.memory.vectors import remove_vectors

        stale = self.lexicon.stale(limit) if self.exists() else []
        hot = self._vault.weeks()
        for week in {week for week, _ in stale if week in hot}:
            remove_vectors(self._reader.log(self.domain, week), [row for at, row in stale if at == week])
        if stale:
            self.lexicon.forget_stale(stale)

    def forget(self) -> None:
        """Let go of the files, and of everything that was in memory."""
        self.lexicon.close()
        self._vectors = None
        self._followed = -1

    def rebuild(self) -> None:
        """Begin with an empty index.

        Raises:
            CisError: the domain cannot be opened.
        """
        self._vectors = None
        self._followed = -1
        if self._chroma is not None:
            self._chroma.forget()
        self.lexicon.rebuild()

    def problems(self) -> list[str]:
        """What is wrong with the index, a sentence each."""
        if not self.exists():
            return []
        try:
            return self.lexicon.problems()
        except CisError as error:
            return [error.message]
