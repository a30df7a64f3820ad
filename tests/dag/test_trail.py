"""The audit trail: whatever is changed in it shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cis_tui.core.errors import NotFound
from cis_tui.core.identity import Identity
from cis_tui.dag import store, trail_store
from cis_tui.dag.answers import Refusal
from cis_tui.dag.model import Level, LevelKind
from cis_tui.dag.store import Connection
from cis_tui.dag.trail import FIRST, canonical, digest, head_text
from cis_tui.dag.views import Choice, DecisionStatus
from tests.dag.lab import OWNER, Lab, open_lab, shell

CONFIRMED = Level(LevelKind.CONFIRMED, timeout=60)
VOTE = Level(LevelKind.ARBITRATED, timeout=60, stakeholders=("dba", "sre"), quorum=2)


async def fill(lab: Lab) -> None:
    """Seven rows: two questions, three answers of one person, two ballots."""
    await lab.start(shell("a", "echo a", level=CONFIRMED), shell("v", "echo v", level=VOTE))
    service = lab.runs.decisions
    await service.hold((await lab.decision("a")).id)
    await service.approve((await lab.decision("a")).id, reason="fine")
    vote = await lab.decision("v")
    await service.vote(vote.id, Choice.APPROVE, seat="dba", reason="tested")
    await service.vote(vote.id, Choice.APPROVE, seat="sre")


def broken(path: Path) -> list[str]:
    with store.reading(path) as connection:
        return list(trail_store.breaks(connection, OWNER.did))


async def test_every_step_leaves_a_row_and_the_chain_holds(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        await fill(lab)
        rows = lab.runs.history.trail()
        assert sorted(row.what for row in rows) == sorted(
            ["asked", "asked", "held", "approved", "ballot", "ballot", "approved"]
        )
        approved = next(row for row in rows if row.what == "approved" and row.task == "a")
        assert (approved.by, approved.reason) == (OWNER.did, "fine")
        assert [row.number for row in rows] == list(range(1, 8))
        assert broken(lab.home.runs_db) == []
        of_vote = lab.runs.history.trail(next(row.decision for row in rows if row.what == "ballot"))
        assert {row.task for row in of_vote} == {"v"}
        with pytest.raises(NotFound, match='no decision "d99"'):
            lab.runs.history.trail("d99")


def edit(row: int, change: Callable[[str], str]) -> Callable[[Connection], None]:
    """Change a row, and its hash with it, as somebody would who does not want it to show."""

    def tamper(connection: Connection) -> None:
        text = connection.execute("SELECT row FROM trail WHERE number = ?", (row,)).fetchone()[0]
        text = change(text)
        connection.execute("UPDATE trail SET row = ?, hash = ? WHERE number = ?", (text, digest(text), row))

    return tamper


def remake(connection: Connection) -> None:
    """Change a reason and make the whole chain anew, signed with another key."""
    before = FIRST
    for number, text in connection.execute("SELECT number, row FROM trail ORDER BY number").fetchall():
        text = canonical({**json.loads(text.replace("fine", "mine")), "before": before})
        before = digest(text)
        connection.execute("UPDATE trail SET row = ?, hash = ? WHERE number = ?", (text, before, number))
    other = Identity(bytes(range(1, 33)))
    signature = other.sign(head_text(7, before)).hex()
    connection.execute("UPDATE trail_head SET hash = ?, did = ?, signature = ?", (before, other.did, signature))


@pytest.mark.parametrize(
    ("tamper", "says"),
    [
        ("UPDATE trail SET row = replace(row, 'fine', 'mine') WHERE number = 4", "row 4 is not as it was written"),
        (edit(4, lambda text: text.replace("fine", "mine")), "row 5 does not follow the one before it"),
        (edit(7, lambda text: text.replace("approved", "rejected")), "row 7 is not the one that was signed"),
        ("DELETE FROM trail WHERE number = 3", "row 3 is missing"),
        ("DELETE FROM trail WHERE number IN (3, 4)", "row 3 is missing, and all up to 4"),
        ("DELETE FROM trail WHERE number = 7", "row 7 is missing"),
        ("DELETE FROM trail", "rows 1 to 7 are missing"),
        ("DELETE FROM trail_head", "it has no signature"),
        ("UPDATE trail_head SET signature = 'no'", "its end is not signed by this node"),
        ("UPDATE trail SET run = 'another' WHERE number = 2", "row 2 lies where another one was"),
        (remake, "its end is not signed by this node"),
    ],
)
async def test_whatever_is_changed_shows(tmp_path: Path, tamper: str | Callable[[Connection], None], says: str) -> None:
    async with open_lab(tmp_path) as lab:
        await fill(lab)
    with store.reading(lab.home.runs_db) as connection:
        tamper(connection) if callable(tamper) else connection.execute(tamper)
    assert says in broken(lab.home.runs_db)


async def test_a_ballot_that_nobody_signed_shows_even_in_a_chain_that_holds(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        await fill(lab)
    with store.reading(lab.home.runs_db) as connection:
        before = FIRST
        for number, text in connection.execute("SELECT number, row FROM trail ORDER BY number").fetchall():
            text = canonical({**json.loads(text.replace('"choice":"approve"', '"choice":"reject"')), "before": before})
            before = digest(text)
            connection.execute("UPDATE trail SET row = ?, hash = ? WHERE number = ?", (text, before, number))
        signature = OWNER.sign(head_text(7, before)).hex()
        connection.execute("UPDATE trail_head SET hash = ?, signature = ?", (before, signature))
    told = broken(lab.home.runs_db)
    assert [line.partition(": ")[2] for line in told] == [
        "the ballot of dba on d2 was not signed so",
        "the ballot of sre on d2 was not signed so",
    ]


async def test_runs_that_are_removed_leave_the_trail_whole_and_their_numbers_taken(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("a", "true", level=CONFIRMED))
        await lab.runs.decisions.reject((await lab.decision("a")).id, how=Refusal.FAIL, reason="no")
        await lab.ended(run)
    with store.reading(lab.home.runs_db) as connection:
        for table in ("events", "runs", "decisions"):
            connection.execute(f"DELETE FROM {table}")
    assert broken(lab.home.runs_db) == []
    async with open_lab(tmp_path) as lab:
        detail = lab.runs.history.detail("d1")
        assert (detail.decision.status, detail.decision.reason) == (DecisionStatus.REJECTED, "no")
        assert detail.preview is not None and detail.preview.command == "true"
        await lab.start(shell("b", "true", level=CONFIRMED))
        assert (await lab.decision("b")).id == "d2"
        await lab.runs.decisions.approve("d2")
    assert broken(lab.home.runs_db) == []
