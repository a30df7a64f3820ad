"""The vectors of a domain, in memory, searched exactly. The truth is in the logs (`log.vectors`), float16.

Kept by watermark from the domain's lexicon, which says what is current, and from the logs, which hold the vectors.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy

from cis_tui.memory.database import Database
from cis_tui.memory.embedder import DIMENSIONS, MODEL
from cis_tui.memory.lexicon import Doc, Lexicon

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cis_tui.memory.embedder import Vectors

_BYTES = 2 * DIMENSIONS


class VectorSet:
    """The vectors of the current entries of one domain; not for two threads at once."""

    def __init__(self) -> None:
        self._ids = numpy.empty(0, numpy.int64)
        """Of the lexicon, one for each row of the matrix, in no order; beyond `_size` unused."""
        self._order: NDArray[numpy.int64] | None = None
        """The rows in the order of their ids, once somebody asked for it."""
        self._matrix = numpy.empty((0, DIMENSIONS), numpy.float32)
        self._docs: list[Doc] = []
        """The entry of each row of the matrix."""
        self._size = 0
        self.version = 0
        """Another one says that vectors came or went."""
        self._spots: tuple[int, dict[tuple[str, int], int]] = (-1, {})
        self._seen = 0
        self.waiting: dict[int, Doc] = {}
        """Entries that are to have a vector and have none yet, by id, ascending."""
        self._rows: defaultdict[str, dict[int, int]] = defaultdict(dict)
        """The same by week: row to id."""
        self._state: tuple[int, ...] = ()
        self._versions: dict[str, int] = {}

    def __len__(self) -> int:
        return self._size

    def catch_up(self, lexicon: Lexicon, logs: Callable[[str], Database]) -> None:
        """Follow the lexicon and the logs: what has left it leaves, what has got a vector comes in."""
        state, fresh = lexicon.state(), list[Doc]()
        if state != self._state:
            fresh = lexicon.meant_after(self._seen)
            for doc in fresh:
                self.waiting[doc.id] = doc
                self._rows[doc.week][doc.row] = doc.id
            self._seen = max((doc.id for doc in fresh), default=self._seen)
            if lexicon.count()[1] != self._size + len(self.waiting):
                self._drop_others(lexicon.meant())
            self._state = state
        self._load({doc.week for doc in fresh}, logs)

    def put(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Take in vectors of entries that wait for them; others are left out."""
        taken = [self._taken(id) for id in ids]
        chosen = [position for position, doc in enumerate(taken) if doc is not None]
        self._docs += [doc for doc in taken if doc is not None]
        if chosen:
            self._append(numpy.array([ids[position] for position in chosen], numpy.int64), vectors[chosen])

    def nearest(self, question: Vectors, limit: int, allowed: Iterable[int] | None = None) -> dict[int, float]:
        """The ids nearest to `question` (of length 1), with their cosines; of `allowed` if it is given."""
        if not self._size:
            return {}
        scores = self._matrix[: self._size] @ question
        if allowed is not None:
            scores[~numpy.isin(self._ids[: self._size], numpy.fromiter(allowed, numpy.int64))] = -2.0
        limit = min(limit, self._size)
        best = numpy.argpartition(-scores, limit - 1)[:limit]
        return {int(self._ids[row]): float(scores[row]) for row in best if scores[row] > -2.0}

    def spots(self) -> dict[tuple[str, int], int]:
        """The row of the matrix of each version, by week and row of its log."""
        version, found = self._spots
        if version != self.version:
            found = {(doc.week, doc.row): row for row, doc in enumerate(self._docs)}
            self._spots = (self.version, found)
        return found

    @property
    def matrix(self) -> Vectors:
        """All vectors, one a row."""
        return self._matrix[: self._size]

    def id(self, row: int) -> int:
        """The entry of a row of the matrix."""
        return int(self._ids[row])

    def cosines(self, question: Vectors, ids: Iterable[int]) -> dict[int, float]:
        """The cosines of those of `ids` that have a vector."""
        wanted = numpy.fromiter(ids, numpy.int64)
        mine = self._ids[: self._size]
        if self._order is None:
            self._order = numpy.argsort(mine)
        if not self._size:
            return {}
        places = numpy.searchsorted(mine, wanted, sorter=self._order)
        rows = self._order[numpy.minimum(places, self._size - 1)]
        there = mine[rows] == wanted
        rows = rows[there]
        scores = self._matrix[rows] @ question
        return dict(zip(wanted[there].tolist(), scores.tolist(), strict=True))

    def _load(self, weeks: Iterable[str], logs: Callable[[str], Database]) -> None:
        """Take in the vectors of waiting entries from logs that are of `weeks`, or were changed."""
        for week, rows in self._rows.items():
            if not rows:
                continue
            log = logs(week)
            version = int(log.value("PRAGMA data_version"))
            if week in weeks or self._versions.get(week) != version:
                self._versions[week] = version
                self._load_rows(log, rows)

    def _taken(self, id: int) -> Doc | None:
        """Let an entry wait no longer; None when it does not."""
        doc = self.waiting.pop(id, None)
        if doc is not None:
            del self._rows[doc.week][doc.row]
        return doc

    def _load_rows(self, log: Database, ids: Mapping[int, int]) -> None:
        if len(ids) > 1000:
            found = log.all("SELECT row, vector FROM vectors WHERE model = ?", (MODEL,))
        else:
            sql = "SELECT row, vector FROM vectors WHERE model = ? AND row IN (SELECT value FROM json_each(?))"
            found = log.all(sql, (MODEL, json.dumps(list(ids))))
        kept = [(ids[row], vector) for row, vector in found if row in ids and len(vector) == _BYTES]
        if kept:
            self.put([id for id, _ in kept], unpack(b"".join(vector for _, vector in kept)))

    def _append(self, ids: NDArray[numpy.int64], vectors: Vectors) -> None:
        size = self._size + len(ids)
        if size > len(self._ids):
            room = max(size, len(self._ids) + len(self._ids) // 2, 256)
            self._ids = numpy.resize(self._ids, room) if len(self._ids) else numpy.empty(room, numpy.int64)
            grown = numpy.empty((room, DIMENSIONS), numpy.float32)
            grown[: self._size] = self._matrix[: self._size]
            self._matrix = grown
        self._ids[self._size : size] = ids
        self._matrix[self._size : size] = vectors
        self._size = size
        self._order = None
        self.version += 1

    def _drop_others(self, ids: Sequence[int]) -> None:
        """Keep what the lexicon still has."""
        keep = numpy.isin(self._ids[: self._size], numpy.array(ids, numpy.int64))
        left = int(keep.sum())
        self._ids[:left] = self._ids[: self._size][keep]
        self._matrix[:left] = self._matrix[: self._size][keep]
        self._docs = [doc for doc, kept in zip(self._docs, keep.tolist(), strict=True) if kept]
        self._size = left
        self._order = None
        self.version += 1
        for id in self.waiting.keys() - set(ids):
            self._taken(id)


def pack(vectors: Vectors) -> list[bytes]:
    """Each row as a log keeps it."""
    return [row.tobytes() for row in vectors.astype(numpy.float16)]


def unpack(data: bytes) -> Vectors:
    """The rows that a log keeps one after the other."""
    return numpy.frombuffer(data, numpy.float16).reshape(-1, DIMENSIONS).astype(numpy.float32)


def write_vectors(log: Database, vectors: Iterable[tuple[int, bytes]]) -> None:
    """Keep vectors beside the rows that they belong to; durable at the log's next checkpoint.

    Raises:
        Unavailable: another process is writing (CIS-MEM-030); nothing was kept.
    """
    log.begin(seconds=1.0)
    try:
        log.many(
            "INSERT OR REPLACE INTO main.vectors (row, model, vector)"
            " SELECT id, ?2, ?3 FROM main.log_entries WHERE id = ?1",
            ((row, MODEL, vector) for row, vector in vectors),
        )
        log.commit()
    finally:
        log.rollback()


def remove_vectors(log: Database, rows: Iterable[int]) -> None:
    """Let vectors of rows be gone.

    Raises:
        CisError: they cannot be removed now.
    """
    log.begin(seconds=1.0)
    try:
        log.many("DELETE FROM main.vectors WHERE row = ?", ((row,) for row in rows))
        log.commit()
    finally:
        log.rollback()
