"""The audit trail in `runs.db`: its tables, and whether its chain holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, cast

from cis_tui.core.codec import decode
from cis_tui.core.errors import CisError
from cis_tui.core.events import Event
from cis_tui.core.identity import Identity, verify
from cis_tui.dag.ballots import ballot_holds
from cis_tui.dag.inspection import Preview, Rule, TrailEntry
from cis_tui.dag.trail import FIRST, TOLD, before_of, digest, entry, head_text, link
from cis_tui.dag.verdicts import by_rule
from cis_tui.dag.views import Ballot, Decision

if TYPE_CHECKING:
    from cis_tui.dag.store import Connection

SCHEMA = """
CREATE TABLE IF NOT EXISTS trail(
    number INTEGER PRIMARY KEY, decision INTEGER NOT NULL, run TEXT NOT NULL, row TEXT NOT NULL, hash TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS trail_of_decision ON trail(decision);
CREATE INDEX IF NOT EXISTS trail_of_run ON trail(run);
CREATE TABLE IF NOT EXISTS trail_head(
    one INTEGER PRIMARY KEY CHECK(one = 1), number INTEGER NOT NULL, hash TEXT NOT NULL, did TEXT NOT NULL,
    signature TEXT NOT NULL);
"""
"""Beside the tables of runs, so that runs can be removed and the trail stays whole."""


def extend(connection: Connection, events: Iterable[Event], identity: Identity | None) -> None:
    """Add the rows of `events` and sign the new head, as part of the transaction that is open."""
    told = [event for event in events if event.type in TOLD]
    if not told:
        return
    head = connection.execute("SELECT number, hash FROM trail_head").fetchone()
    number, hash = head or (0, FIRST)
    for event in told:
        row = link(event, number + 1, hash)
        number, hash = row.number, row.hash
        values = (number, row.decision, row.run, row.text, hash)
        connection.execute("INSERT INTO trail VALUES(?, ?, ?, ?, ?)", values)
    signature = identity.sign(head_text(number, hash)).hex() if identity else ""
    connection.execute(
        "INSERT OR REPLACE INTO trail_head VALUES(1, ?, ?, ?, ?)",
        (number, hash, identity.did if identity else "", signature),
    )


def has_trail(connection: Connection) -> bool:
    """Whether an engine of this version has opened the journal yet."""
    return connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'trail_head'").fetchone() is not None


def length(connection: Connection) -> int:
    """How many rows the trail has."""
    return connection.execute("SELECT count(*) FROM trail").fetchone()[0] if has_trail(connection) else 0


def last_decision(connection: Connection) -> int:
    """The highest number of a decision in the trail, which runs that were removed have left there."""
    return connection.execute("SELECT coalesce(max(decision), 0) FROM trail").fetchone()[0]


def read_trail(connection: Connection, *, decision: int = 0, run: str = "", limit: int = 1000) -> list[TrailEntry]:
    """The newest rows, oldest first: all, those of one decision, or those of one run. Damaged ones are left out."""
    if not has_trail(connection):
        return []
    rows = connection.execute(
        "SELECT row, hash FROM trail WHERE ? IN (0, decision) AND ? IN ('', run) ORDER BY number DESC LIMIT ?",
        (decision, run, limit),
    ).fetchall()
    found: list[TrailEntry] = []
    for text, hash in reversed(rows):
        try:
            found.append(entry(text, hash))
        except ValueError:
            continue  # cis doctor tells
    return found


def number_of(id: str) -> int:
    """The number in the id of a decision, such as 12 of `d12`; -1 if it is no such id."""
    digits = id.removeprefix("d")
    return int(digits) if digits.isdecimal() and len(digits) < 19 else -1


def read_decision(connection: Connection, id: str) -> Decision | None:
    """One decision as it is now; from the trail when its run was removed."""
    number = number_of(id)
    row = connection.execute("SELECT data FROM decisions WHERE number = ?", (number,)).fetchone()
    if row is not None:
        return decode(Decision, json.loads(row[0]))
    told = read_trail(connection, decision=number)
    asked = next((row.data["asked"] for row in told if "asked" in row.data), None)
    if not isinstance(asked, dict):
        return None
    made = next((row.data for row in reversed(told) if "status" in row.data), dict[str, object]())
    ballots = [row.data["ballot"] for row in told if row.what == "ballot"]
    return decode(Decision, {**cast("dict[str, object]", asked), **made, "ballots": ballots})


def read_preview(connection: Connection, decision: int) -> Preview | None:
    """What was shown when a decision was asked."""
    for row in read_trail(connection, decision=decision):
        if "call" in row.data:
            try:
                return decode(Preview, row.data["call"])
            except CisError:
                return None
    return None


def read_rules(connection: Connection, run: str = "") -> list[Rule]:
    """Every rule, of one run or of all, oldest first, as it is now."""
    if not has_trail(connection):
        return []
    where = "instr(row, 'rule') > 0 AND ? IN ('', run) ORDER BY number"
    rules: dict[str, Rule] = {}
    used: Counter[str] = Counter()
    for text, hash in connection.execute(f"SELECT row, hash FROM trail WHERE {where}", (run,)):
        try:
            told = entry(text, hash)
            if "rule" in told.data:
                rule = decode(Rule, told.data["rule"])
                rules[rule.id] = rule
            used[told.by] += told.what == "approved"
        except (ValueError, CisError):
            continue
    return [replace(rule, used=used[by_rule(rule.id)]) for rule in rules.values()]


def breaks(connection: Connection, did: str) -> Iterator[str]:
    """What is wrong with the trail of the node `did`, a sentence each; reads all of it."""
    if not has_trail(connection):
        return
    number, before = 0, FIRST
    asked: dict[int, Decision] = {}
    for row in connection.execute("SELECT number, decision, run, row, hash FROM trail ORDER BY number"):
        expected, number = number + 1, int(row[0])
        if number != expected:
            yield f"row {expected} is missing" + (f", and all up to {number - 1}" if number > expected + 1 else "")
        yield from _row_breaks(row, before if number == expected else None, asked)
        before = str(row[4])
    yield from _head_breaks(connection, number, before, did)


def _row_breaks(row: tuple[int, int, str, str, str], before: str | None, asked: dict[int, Decision]) -> Iterator[str]:
    number, decision, run, text, hash = row
    if digest(text) != hash:
        yield f"row {number} is not as it was written"
        return
    try:
        told = entry(text, hash)
    except ValueError:
        yield f"row {number} cannot be read"
        return
    if before is not None and before_of(text) != before:
        yield f"row {number} does not follow the one before it"
    if (told.number, told.run, told.decision or "d0") != (number, run, f"d{decision}"):
        yield f"row {number} lies where another one was"
    yield from _ballot_breaks(told, decision, asked)


def _ballot_breaks(told: TrailEntry, decision: int, asked: dict[int, Decision]) -> Iterator[str]:
    try:
        if told.what == "asked":
            question = decode(Decision, told.data["asked"])
            if question.stakeholders:
                asked[decision] = question
        elif told.what == "ballot":
            ballot = decode(Ballot, told.data["ballot"])
            if decision not in asked or not ballot_holds(asked[decision], ballot):
                yield f"row {told.number}: the ballot of {ballot.stakeholder[:80]} on d{decision} was not signed so"
        elif decision in asked and "status" in told.data:
            del asked[decision]
    except (CisError, KeyError):
        yield f"row {told.number} cannot be read"


def _head_breaks(connection: Connection, number: int, hash: str, did: str) -> Iterator[str]:
    head = connection.execute("SELECT number, hash, did, signature FROM trail_head").fetchone()
    if head is None:
        if number:
            yield "it has no signature"
        return
    if head[0] > number:
        yield f"rows {number + 1} to {head[0]} are missing" if head[0] > number + 1 else f"row {head[0]} is missing"
    elif (head[0], head[1]) != (number, hash):
        yield f"row {number} is not the one that was signed"
    try:
        signature = bytes.fromhex(head[3])
    except ValueError:
        signature = b""
    if head[2] != did or not verify(did, head_text(head[0], head[1]), signature):
        yield "its end is not signed by this node"
