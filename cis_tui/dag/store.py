"""`runs.db`: its tables, and how events get into them and out again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cis_tui.core.clock import Instant
from cis_tui.core.codec import decode
from cis_tui.core.events import Event, EventType
from cis_tui.core.identity import Identity
from cis_tui.dag import owner, trail_store
from cis_tui.dag.record import RunRecord
from cis_tui.dag.views import Debt, Decision, RunStatus, RunSummary
from cis_tui.skills.model import SkillRun

if TYPE_CHECKING:
    import sqlite3 as sqlite  # the driver has no types, and the same interface
else:
    import sqlcipher3.dbapi2 as sqlite

Error = sqlite.Error
"""What SQLite raises."""
Connection = sqlite.Connection
NUMBERS = 10_000
"""Event numbers that are reserved at once, so that none is used again after a crash."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS events(
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, type TEXT NOT NULL, run TEXT NOT NULL, task TEXT, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_of_run ON events(run);
CREATE INDEX IF NOT EXISTS events_of_skills ON events(seq) WHERE type = 'SkillExecuted';
CREATE TABLE IF NOT EXISTS runs(
    id TEXT PRIMARY KEY, dag TEXT NOT NULL, project TEXT NOT NULL, file TEXT NOT NULL, policy TEXT NOT NULL,
    status TEXT NOT NULL, started_at REAL NOT NULL, ended_at REAL, tasks_total INTEGER NOT NULL,
    tasks_ended INTEGER NOT NULL DEFAULT 0, tasks_failed INTEGER NOT NULL DEFAULT 0, definition TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS runs_by_start ON runs(started_at);
CREATE INDEX IF NOT EXISTS runs_by_end ON runs(ended_at IS NOT NULL, started_at DESC);
CREATE TABLE IF NOT EXISTS debts(
    run TEXT NOT NULL, task TEXT NOT NULL, at REAL NOT NULL, error TEXT NOT NULL, exit_code INTEGER,
    settled_at REAL, by TEXT NOT NULL DEFAULT '', reason TEXT NOT NULL DEFAULT '',
    PRIMARY KEY(run, task)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS pruned(run TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS decisions(number INTEGER PRIMARY KEY, run TEXT NOT NULL, data TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS decisions_of_others ON decisions(number) WHERE json_extract(data, '$.subject') = 'vote';
CREATE INDEX IF NOT EXISTS runs_for_others ON runs(started_at)
    WHERE json_extract(definition, '$.asked.job') IS NOT NULL;
"""
_SUMMARY = "id, dag, status, started_at, ended_at, policy, project, tasks_total, tasks_ended, tasks_failed"
_ENDS = frozenset({EventType.TASK_COMPLETED, EventType.TASK_FAILED, EventType.TASK_SKIPPED, EventType.TASK_TAKEN})

Row = tuple[int, float, str, object, object, str]
"""One line of `events`."""


def open_store(path: Path, *, create: bool) -> Connection:
    """A connection to the journal at `path`; with `create` the file (0600) and its tables are made.

    Raises:
        Error: the file is not a database, or cannot be opened.
    """
    if create:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    mode = "rwc" if create else "rw"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    connection = sqlite.connect(uri, uri=True, timeout=10.0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous=FULL")
        if create:
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")  # of a new file; one that is there stays as it is
            _use_wal(connection)
            connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}{owner.SCHEMA}{trail_store.SCHEMA}COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def reading(path: Path) -> Generator[Connection]:
    """A connection for a few queries; any thread or process may hold one beside the writer.

    Raises:
        Error: there is no journal, or it cannot be read.
    """
    connection = open_store(path, create=False)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def writing(connection: Connection) -> Generator[None]:
    """One transaction: all that the block changes, or nothing.

    Raises:
        Error: nothing was committed.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def gives_back(connection: Connection) -> bool:
    """Whether the file can be made shorter a little at a time; one that an older version made is written anew first."""
    return connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2


def is_made(connection: Connection) -> bool:
    """Whether the journal has its tables: an engine that was killed at its first start may have left none."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'runs'").fetchone() is not None


def _use_wal(connection: Connection) -> None:
    """The busy timeout does not cover this change when several processes open a new file at once."""
    for attempt in range(100):
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite.OperationalError:
            if attempt == 99:
                raise
            time.sleep(0.02)
        else:
            return


def first_number(connection: Connection) -> int:
    """The first event number that was never reserved."""
    row = connection.execute("SELECT value FROM meta WHERE name = 'reserved'").fetchone()
    return row[0] + 1 if row else 1


def first_decision(connection: Connection) -> int:
    """The first decision number that was never given."""
    listed = connection.execute("SELECT coalesce(max(number), 0) FROM decisions").fetchone()[0]
    return max(listed, trail_store.last_decision(connection)) + 1


def append(
    connection: Connection,
    rows: Sequence[Row],
    events: Iterable[Event],
    records: Iterable[RunRecord],
    reserve: int | None,
    identity: Identity | None = None,
) -> None:
    """Commit `rows`, what they change in the lists, new runs, and the highest reserved number unless it is None.

    `identity` signs the audit trail.

    Raises:
        Error: nothing was committed.
    """
    with writing(connection):
        if reserve is not None:
            connection.execute("INSERT OR REPLACE INTO meta VALUES('reserved', ?)", (reserve,))
        connection.executemany("INSERT INTO events VALUES(?, ?, ?, ?, ?, ?)", rows)
        definitions = {record.id: record for record in records}
        _project(connection, events, definitions)
        trail_store.extend(connection, events, identity)


def _project(connection: Connection, events: Iterable[Event], definitions: Mapping[str, RunRecord]) -> None:
    """Bring the tables of runs and decisions up to `events`."""
    counts: dict[str, list[int]] = {}
    for event in events:
        if event.type in _ENDS:
            count = counts.setdefault(str(event.data["run"]), [0, 0])
            count[0] += 1
            count[1] += event.type == EventType.TASK_FAILED and not event.data.get("debt")
            if event.data.get("debt"):
                _keep_debt(connection, event)
        elif event.type == EventType.DEBT_SETTLED:
            connection.execute(
                "UPDATE debts SET settled_at = ?, by = ?, reason = ? WHERE run = ? AND task = ?",
                (float(event.at), *(event.data[name] for name in ("by", "reason", "run", "task"))),
            )
        elif event.type == EventType.TASK_EXPANDED:
            more = len(cast("Sequence[object]", event.data["tasks"]))
            connection.execute("UPDATE runs SET tasks_total = tasks_total + ? WHERE id = ?", (more, event.data["run"]))
        elif event.type == EventType.RUN_STARTED:
            _begin(connection, event, definitions)
        elif event.type == EventType.ROLLBACK_STARTED:
            connection.execute(
                "UPDATE runs SET status = 'rolling_back', ended_at = NULL WHERE id = ?", (event.data["run"],)
            )
        elif event.type in (EventType.RUN_COMPLETED, EventType.RUN_FAILED):
            connection.execute(
                "UPDATE runs SET status = ?, ended_at = ? WHERE id = ?",
                (event.data["status"], float(event.at), event.data["run"]),
            )
        elif "decision" in event.data:
            (_keep_ballot if event.type == EventType.VOTE_CAST else _keep_decision)(connection, event)
    connection.executemany(
        "UPDATE runs SET tasks_ended = tasks_ended + ?, tasks_failed = tasks_failed + ? WHERE id = ?",
        [(ended, failed, run) for run, (ended, failed) in counts.items()],
    )


def _begin(connection: Connection, event: Event, definitions: Mapping[str, RunRecord]) -> None:
    run = str(event.data["run"])
    if event.data.get("resumed"):
        again = len(cast("Sequence[str]", event.data.get("again", ())))
        gone = cast("Sequence[str]", event.data.get("dropped", ()))
        dropped = len(gone)
        connection.executemany("DELETE FROM debts WHERE run = ? AND task = ?", [(run, task) for task in gone])
        connection.execute(
            "UPDATE runs SET status = 'running', ended_at = NULL, tasks_ended = tasks_ended - ?,"
            " tasks_total = tasks_total - ?, tasks_failed = CASE WHEN ? THEN 0 ELSE tasks_failed END WHERE id = ?",
            (again + dropped, dropped, again, run),
        )
        return
    record = definitions[run]
    spec = record.spec
    connection.execute(
        "INSERT INTO runs(id, dag, project, file, policy, status, started_at, tasks_total, definition)"
        " VALUES(?, ?, ?, ?, ?, 'running', ?, ?, ?)",
        (
            run,
            spec.name,
            sql_path(record.project),
            sql_path(spec.file),
            spec.policy,
            float(event.at),
            len(spec.tasks),
            record.dumps(),
        ),
    )


def sql_path(path: str) -> str | bytes:
    """`path` as SQLite keeps it, which `os.fsdecode` reads again: the name of a folder need not be UTF-8."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path


def _keep_debt(connection: Connection, event: Event) -> None:
    data = event.data
    connection.execute(
        "INSERT OR REPLACE INTO debts(run, task, at, error, exit_code) VALUES(?, ?, ?, ?, ?)",
        (data["run"], data["task"], float(event.at), data.get("error", ""), data.get("exit_code")),
    )


def _keep_decision(connection: Connection, event: Event) -> None:
    decision = event.data["decision"]
    connection.execute(
        "INSERT OR REPLACE INTO decisions VALUES(?, ?, ?)", (_number(decision), event.data["run"], json.dumps(decision))
    )


def _keep_ballot(connection: Connection, event: Event) -> None:
    """The decision itself may have been recorded with the ballot already: then its end is what is recorded next."""
    number = int(str(event.data["decision"]).removeprefix("d"))
    connection.execute(
        "UPDATE decisions SET data = json_insert(data, '$.ballots[#]', json(?)) WHERE number = ?",
        (json.dumps(event.data["ballot"]), number),
    )


def _number(decision: object) -> int:
    return int(str(cast("Mapping[str, object]", decision)["id"]).removeprefix("d"))


def read_events(connection: Connection, where: str, values: tuple[object, ...]) -> list[Event]:
    """The stored events that `where` selects, in order."""
    rows = connection.execute(f"SELECT seq, at, type, data FROM events WHERE {where}", values)
    return [Event(seq, Instant(at), type, json.loads(data)) for seq, at, type, data in rows]


def count_minutes(connection: Connection, since: float, until: float, quiet: Iterable[str]) -> dict[int, int]:
    """How many events, but for `quiet` types, are stored of each minute since 1970 from one moment to another."""
    (low, high) = connection.execute("SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) + 1 FROM events").fetchone()
    while low < high:  # numbers grow with time, so that the first one is found without looking at all
        middle = (low + high) // 2
        found = connection.execute("SELECT at FROM events WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,)).fetchone()
        low, high = (middle + 1, high) if found is not None and found[0] < since else (low, middle)
    rows = connection.execute(
        "SELECT CAST(at / 60 AS INTEGER), count(*) FROM events WHERE seq >= ? AND at >= ? AND at < ?"
        " AND type NOT IN (SELECT value FROM json_each(?)) GROUP BY 1",
        (low, since, until, json.dumps(sorted(quiet))),
    )
    return {int(minute): int(number) for minute, number in rows}


def read_skill_runs(connection: Connection, limit: int) -> list[SkillRun]:
    """The latest calls of skills, newest first."""
    events = read_events(connection, "type = 'SkillExecuted' ORDER BY seq DESC LIMIT ?", (limit,))
    return [decode(SkillRun, {**event.data, "at": event.at.iso()}) for event in events]


def read_summaries(connection: Connection, project: str, limit: int) -> list[RunSummary]:
    """The newest runs, newest first, of which none that goes on, given as `running`, makes room for one that ended."""
    rows = connection.execute(
        f"SELECT {_SUMMARY} FROM runs WHERE rowid IN (SELECT rowid FROM runs WHERE ? IN ('', project)"
        " ORDER BY ended_at IS NOT NULL, started_at DESC, rowid DESC LIMIT ?) ORDER BY started_at DESC, rowid DESC",
        (sql_path(project), limit),
    )
    return [
        RunSummary(
            id,
            dag,
            RunStatus(status),
            Instant(started),
            None if ended is None else Instant(ended),
            policy,
            os.fsdecode(folder),
            *counts,
        )
        for id, dag, status, started, ended, policy, folder, *counts in rows
    ]


def read_debts(connection: Connection, *, run: str, project: str, all: bool) -> list[Debt]:
    """Debts, oldest first: of one run or of all, of one project or of all, with `all` also those that are settled."""
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'debts'").fetchone():
        return []  # no engine of this version has opened the journal yet
    rows = connection.execute(
        "SELECT run, task, dag, project, at, error, exit_code, settled_at, by, reason FROM debts JOIN runs ON id = run"
        " WHERE ? IN ('', run) AND ? IN ('', project) AND (? OR settled_at IS NULL) ORDER BY at, task",
        (run, sql_path(project), all),
    )
    return [
        Debt(
            run,
            task,
            dag,
            os.fsdecode(folder),
            Instant(at),
            error,
            code,
            None if settled is None else Instant(settled),
            by,
            reason,
        )
        for run, task, dag, folder, at, error, code, settled, by, reason in rows
    ]


def read_rolling_back(connection: Connection) -> list[str]:
    """The runs whose rollback has begun and has not ended."""
    return [str(id) for (id,) in connection.execute("SELECT id FROM runs WHERE status = 'rolling_back' ORDER BY rowid")]


def read_going_on(connection: Connection) -> set[str]:
    """The runs that have not ended."""
    return {str(id) for (id,) in connection.execute("SELECT id FROM runs WHERE ended_at IS NULL")}


def read_scheduled(connection: Connection) -> list[str]:
    """The runs that a skill has scheduled and that have not ended."""
    query = "SELECT id FROM runs WHERE status = 'running' AND json_extract(definition, '$.by') <> '' ORDER BY rowid"
    return [str(id) for (id,) in connection.execute(query)]


def read_decisions(connection: Connection, limit: int) -> list[Decision]:
    """The latest decisions, oldest first."""
    rows = connection.execute("SELECT data FROM decisions ORDER BY number DESC LIMIT ?", (limit,)).fetchall()
    return [decode(Decision, json.loads(data)) for (data,) in reversed(rows)]


def read_jobs(connection: Connection) -> list[tuple[str, str, str, bool]]:
    """The runs that other nodes wanted: each with that node, its name for it there, and whether it has ended."""
    query = (
        "SELECT id, json_extract(definition, '$.asked.did'), json_extract(definition, '$.asked.job'), ended_at"
        " FROM runs INDEXED BY runs_for_others"
        " WHERE json_extract(definition, '$.asked.job') IS NOT NULL ORDER BY started_at"
    )
    return [(str(id), str(did), str(job), ended is not None) for id, did, job, ended in connection.execute(query)]


def read_foreign(connection: Connection) -> list[Decision]:
    """The votes of other nodes that nobody has closed, oldest first."""
    where = "json_extract(data, '$.subject') = 'vote' AND json_extract(data, '$.status') = 'pending'"
    rows = connection.execute(f"SELECT data FROM decisions WHERE {where} ORDER BY number").fetchall()
    return [decode(Decision, json.loads(data)) for (data,) in rows]


def find_foreign(connection: Connection, asker: str, run: str, id: str) -> Decision | None:
    """What is known of the vote that the node `asker` calls `id`."""
    where = " AND ".join(f"json_extract(data, '$.{name}') = ?" for name in ("asker", "origin.run", "origin.id"))
    row = connection.execute(
        f"SELECT data FROM decisions WHERE json_extract(data, '$.subject') = 'vote' AND {where}", (asker, run, id)
    ).fetchone()
    return decode(Decision, json.loads(row[0])) if row else None
