"""The full text index of a domain: one file beside the logs, derived from them: the current entries of the hot weeks.

It is kept by watermark, before a search or in the background, never by a write: `catch_up` takes in the rows of each
log that it has not seen, as far as the catalogue has. What is superseded, deleted or archived leaves it for
good, also its letters on the disk. Of Sensitive entries it holds the words of the key, and those only where the file is
encrypted.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from cis_tui.core.errors import CisError, Invalid
from cis_tui.memory.database import Database, create, locked, remove
from cis_tui.memory.reader import HeadRow, Reader, after_prefix
from cis_tui.memory.records import Domain, IndexType
from cis_tui.memory.vault import Vault
from cis_tui.memory.wording import CLOSE, MAX_INDEXED, OPEN, grams, name_words, quoted, searchable

_NAME, _SUFFIX = "words-", ".db"
_SCHEMA_VERSION = 1
_SCHEMA = (
    """CREATE TABLE docs (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        key TEXT NOT NULL UNIQUE,
        week TEXT NOT NULL,
        row INTEGER NOT NULL,
        category TEXT NOT NULL,
        index_type TEXT NOT NULL,
        meaning INTEGER NOT NULL
    ) STRICT""",
    "CREATE INDEX docs_week ON docs(week)",
    "CREATE VIRTUAL TABLE words USING fts5(name, text, grams, tokenize='porter unicode61 remove_diacritics 2')",
    "INSERT INTO words(words, rank) VALUES ('secure-delete', 1)",
    "CREATE TABLE weeks (week TEXT PRIMARY KEY, last INTEGER NOT NULL) STRICT, WITHOUT ROWID",
    # Rows of logs whose vectors are of no use any more; the indexer removes them.
    "CREATE TABLE stale (week TEXT, row INTEGER, PRIMARY KEY (week, row)) STRICT, WITHOUT ROWID",
    f"PRAGMA user_version={_SCHEMA_VERSION}",
)
_LOST = (
    "SELECT (SELECT count(*) FROM docs WHERE id NOT IN (SELECT id FROM words_docsize))"
    " + (SELECT count(*) FROM words_docsize WHERE id NOT IN (SELECT id FROM docs))"
)
_BATCH = 256
"""Rows of a log that are taken in by one transaction."""
_AFFORDABLE = 10_000
"""Matches that are scored for one question."""
_UNMEANT = (IndexType.SENSITIVE, IndexType.TEMPORARY)
"""Kinds that are never embedded."""
_WEIGHTS = "2.0, 1.0, 1.0"
"""Of the key's words, the text, and the characters of unspaced scripts, in BM25."""


class Doc(NamedTuple):
    """An entry as the index knows it."""

    id: int
    """Of this version in this index; never used again."""
    week: str
    row: int


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries a search is about; empty: all."""

    prefix: str = ""
    category: str = ""
    index_type: IndexType | None = None

    def clause(self) -> tuple[str, list[object]]:
        """The condition on `docs` in SQL, and its values."""
        parts: list[str] = []
        values: list[object] = []
        if self.prefix:
            parts.append("docs.key >= ? AND docs.key < ?")
            values += [self.prefix, after_prefix(self.prefix)]
        if self.category:
            parts.append("docs.category = ?")
            values.append(self.category)
        if self.index_type is not None:
            parts.append("docs.index_type = ?")
            values.append(self.index_type.value)
        return " AND ".join(parts) or "1", values


class Lexicon:
    """The index of one domain, open; not for two threads at once, beside any number of processes."""

    def __init__(self, vault: Vault, reader: Reader) -> None:
        self._vault = vault
        self._reader = reader
        self._database: Database | None = None
        self._changes = 0

    def state(self) -> tuple[int, ...]:
        """Another one says that the index was changed, here or by another process."""
        return (self._changes, int(self._open().value("PRAGMA data_version")))

    def behind(self) -> int:
        """Rows of logs that the index has not seen."""
        return sum(last - seen for _, seen, last in self._lags())

    def catch_up(self, limit: int | None = None) -> int:
        """Take in what was written since, of about `limit` rows if it is given; say how many rows that was.

        Raises:
            CisError: the domain cannot be opened, or another process keeps it busy.
        """
        done = 0
        for week, seen, last in self._lags():
            while seen < last and (limit is None or done < limit):
                before = seen
                seen = self._take_in(week, seen, last)
                done += seen - before
        return done

    def matches(self, terms: Sequence[str], filters: Filters, limit: int) -> dict[int, float]:
        """The entries that hold words of `terms`, the best `limit` of them.

        Words that are in so many entries that to score them all would take long are looked for together only.

        Returns:
            By id their BM25, as a part of what an entry of middle length that holds each word once has: about 1 when
            all of the question is there, and less the rarer the words are that are missing.
        """
        if not terms:
            return {}
        counts = self._counts(terms)
        some = _affordable(counts)
        found = self._match(" OR ".join(map(quoted, some)), filters, limit)
        if len(some) < len(terms):
            found |= self._match(" AND ".join(map(quoted, terms)), filters, limit)
        whole = _whole(counts.values(), int(self._open().value("SELECT count(*) FROM docs")))
        return {id: score / whole for id, score in found.items()}

    def docs(self, ids: Iterable[int]) -> dict[int, tuple[Doc, str]]:
        """The places and keys of entries by id."""
        sql = "SELECT id, week, row, key FROM docs WHERE id IN (SELECT value FROM json_each(?))"
        return {row[0]: (Doc(*row[:3]), row[3]) for row in self._open().all(sql, (json.dumps(list(ids)),))}

    def meant_after(self, id: int) -> list[Doc]:
        """The entries that are to have a vector and are newer in this index than `id`."""
        rows = self._open().all("SELECT id, week, row FROM docs WHERE id > ? AND meaning = 1 ORDER BY id", (id,))
        return [Doc(*row) for row in rows]

    def meant(self, filters: Filters | None = None) -> list[int]:
        """The ids of the entries that are to have a vector, in order."""
        clause, values = (filters or Filters()).clause()
        rows = self._open().all(f"SELECT id FROM docs WHERE meaning = 1 AND {clause} ORDER BY id", values)
        return [id for (id,) in rows]

    def count(self) -> tuple[int, int]:
        """How many entries are indexed, and how many of them are to have a vector."""
        row = self._open().one("SELECT count(*), total(meaning) FROM docs")
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def texts(self, ids: Iterable[int]) -> dict[int, tuple[str, str]]:
        """The words of the key and the text of entries by id."""
        sql = "SELECT rowid, name, text FROM words WHERE rowid = ?"
        rows = [self._open().one(sql, (id,)) for id in ids]
        return {row[0]: (row[1], row[2]) for row in rows if row is not None}

    def marked(self, terms: Sequence[str], ids: Iterable[int]) -> dict[int, str]:
        """The texts of those of `ids` that hold words of `terms`, with marks around these."""
        if not terms:
            return {}
        words = " OR ".join(quoted(term) for term in terms)
        sql = "SELECT highlight(words, 1, ?, ?) FROM words WHERE words MATCH ? AND rowid = ?"
        found = {id: self._open().value(sql, (OPEN, CLOSE, words, id)) for id in ids}
        return {id: text for id, text in found.items() if text}

    def stale(self, limit: int) -> list[tuple[str, int]]:
        """Weeks and rows of logs whose vectors are of no use any more."""
        return [(row[0], row[1]) for row in self._open().all("SELECT week, row FROM stale LIMIT ?", (limit,))]

    def forget_stale(self, places: Iterable[tuple[str, int]]) -> None:
        """Take note that these vectors are gone."""
        self._write(lambda database: database.many("DELETE FROM stale WHERE week = ? AND row = ?", places))

    def problems(self) -> list[str]:
        """What is wrong with the index, a sentence each; changes nothing."""
        if not self._files():
            return []
        index = f"the full text index of {self._vault.domain.value} memory"
        self._database = self._database or self._existing()
        if self._database is None:
            return [f"{index} cannot be read: cis memory reindex makes it anew"]
        try:
            self._database.run("INSERT INTO words(words) VALUES ('integrity-check')")
            lost = self._database.value(_LOST)
        except CisError as error:
            return [f"{index}: {error.message}"]
        return [f"{index} has lost entries: cis memory reindex makes it anew"] if lost else []

    def rebuild(self) -> None:
        """Begin anew with an empty index; `catch_up` fills it."""
        self.close()
        if self._vault.exists():
            with locked(self._vault.folder):
                self._remove()

    def close(self) -> None:
        """Let go of the file."""
        if self._database is not None:
            self._database.close()
        self._database = None

    def _lags(self) -> list[tuple[str, int, int]]:
        """The hot weeks with the last row seen and the last row there is; what is of other weeks is dropped."""
        hot = set(self._vault.weeks())
        last = {week: rows for week, rows in self._reader.taken_in(self._vault.domain).items() if week in hot}
        if not last:
            return []
        seen = {row[0]: int(row[1]) for row in self._open().all("SELECT week, last FROM weeks")}
        gone = [week for week in seen if week not in last or seen[week] > last[week]]
        if gone:
            self._write(lambda database: _drop_weeks(database, gone))
        return [(week, 0 if week in gone else seen.get(week, 0), last[week]) for week in sorted(last)]

    def _take_in(self, week: str, seen: int, last: int) -> int:
        """Take in the next rows of a week; gives the last row that was seen."""
        rows = self._reader.head_rows(self._vault.domain, week, seen, min(last, seen + _BATCH), MAX_INDEXED)
        upto = min(last, seen + _BATCH)

        def write(database: Database) -> None:
            at = int(database.value("SELECT last FROM weeks WHERE week = ?", (week,)) or 0)
            if at > seen:
                return  # another process was faster
            for row in rows:
                _put(database, self._vault.domain, week, row)
            database.run("INSERT OR REPLACE INTO weeks (week, last) VALUES (?, ?)", (week, upto))

        self._write(write)
        return upto

    def _write(self, change: Callable[[Database], None]) -> None:
        database = self._open()
        database.begin()
        try:
            change(database)
            database.commit()
            self._changes += 1
        finally:
            database.rollback()

    def _counts(self, terms: Sequence[str]) -> dict[str, int]:
        """How many entries each word is in."""
        sql = "SELECT count(*) FROM words WHERE words MATCH ?"
        return {term: int(self._open().value(sql, (quoted(term),))) for term in terms}

    def _match(self, expression: str, filters: Filters, limit: int) -> dict[int, float]:
        clause, values = filters.clause()
        if values:
            sql = (
                f"SELECT words.rowid, -bm25(words, {_WEIGHTS}) AS score FROM words JOIN docs ON docs.id = words.rowid"
                f" WHERE words MATCH ? AND {clause} ORDER BY score DESC, words.rowid LIMIT ?"
            )
        else:
            sql = (
                f"SELECT rowid, -rank FROM words WHERE words MATCH ? AND rank MATCH 'bm25({_WEIGHTS})'"
                " ORDER BY rank LIMIT ?"
            )
        return {row[0]: float(row[1]) for row in self._open().all(sql, (expression, *values, limit))}

    def _open(self) -> Database:
        if self._database is None:
            self._database = self._existing() or self._new()
            self._changes += 1
        return self._database

    def _existing(self) -> Database | None:
        """The index that is there, open; None when there is none that can be used."""
        for path in reversed(self._files()):
            try:
                database = Database(path, self._vault.key())
            except Invalid:
                continue
            with suppress(Invalid):
                if database.value("PRAGMA user_version") == _SCHEMA_VERSION:
                    database.run("PRAGMA secure_delete=ON")
                    return database
            database.close()
        return None

    def _new(self) -> Database:
        """A new index, or the one that another process has made meanwhile; each has a name of its own, see `Vault`."""
        with locked(self._vault.folder):
            there = self._existing()
            if there is not None:
                return there
            self._remove()
            path = self._vault.folder / f"{_NAME}{time.time_ns():016x}{_SUFFIX}"
            create(path, self._vault.key(), _prepare)
        return self._existing() or Database(path, self._vault.key())

    def _files(self) -> list[Path]:
        return sorted(self._vault.folder.glob(f"{_NAME}*{_SUFFIX}"))

    def _remove(self) -> None:
        for path in self._files():
            remove(path)


def _affordable(counts: Mapping[str, int]) -> list[str]:
    """The rarest words, as many as have no more matches in all than can be scored in time; at least one that has."""
    total, chosen = 0, list[str]()
    for term in sorted(counts, key=lambda term: (counts[term], term)):
        if total and total + counts[term] > _AFFORDABLE:
            break
        total += counts[term]
        chosen.append(term)
    return chosen


def _whole(counts: Iterable[int], entries: int) -> float:
    """What an entry of middle length that holds each word once has in BM25; as FTS5 weighs the rarity of words."""
    weights = (math.log((entries - count + 0.5) / (count + 0.5)) for count in counts)
    return sum(max(weight, 1e-6) for weight in weights)


def _prepare(database: Database) -> None:
    for statement in _SCHEMA:
        database.run(statement)


def _drop_weeks(database: Database, weeks: Sequence[str]) -> None:
    """Let what lies in logs that are gone leave the index."""
    names = json.dumps(weeks)
    here = "IN (SELECT value FROM json_each(?))"
    database.run(f"DELETE FROM words WHERE rowid IN (SELECT id FROM docs WHERE week {here})", (names,))
    for table in ("docs", "weeks", "stale"):
        database.run(f"DELETE FROM {table} WHERE week {here}", (names,))


def _put(database: Database, domain: Domain, week: str, head: HeadRow) -> None:
    """Let the index hold `head`, which is current, instead of what it holds of its key."""
    old = database.one("SELECT id, week, row FROM docs WHERE key = ?", (head.key,))
    if old is not None and (old[1], old[2]) == (week, head.row):
        return
    if old is not None:
        database.run("DELETE FROM words WHERE rowid = ?", (old[0],))
        database.run("DELETE FROM docs WHERE id = ?", (old[0],))
        database.run("INSERT OR IGNORE INTO stale (week, row) VALUES (?, ?)", old[1:])
    sensitive = head.index_type is IndexType.SENSITIVE
    if head.deleted or (sensitive and domain is Domain.PUBLIC):
        return
    text = searchable(head.text) if head.text is not None and not sensitive else ""
    meaning = bool(text) and head.index_type not in _UNMEANT
    name = name_words(head.key)
    database.run(
        "INSERT INTO docs (key, week, row, category, index_type, meaning) VALUES (?, ?, ?, ?, ?, ?)",
        (
            head.key,
            week,
            head.row,
            head.category,
            head.index_type.value,
            meaning,
        ),
    )
    database.run(
        "INSERT INTO words (rowid, name, text, grams) VALUES (last_insert_rowid(), ?, ?, ?)",
        (f"{name} {grams(name)}".rstrip(), text, grams(text)),
    )
