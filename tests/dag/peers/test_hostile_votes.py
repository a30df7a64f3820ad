"""What a node that means no good may say about votes, and what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cis_tui.core.clock import Instant, utc_now
from cis_tui.core.errors import CisError
from cis_tui.core.identity import Identity
from cis_tui.dag.ballots import sign_ballot
from cis_tui.dag.inspection import Preview
from cis_tui.dag.peers.motions import Cast, Heard, Look, Motion
from cis_tui.dag.peers.seats import OPEN_OF_ONE
from cis_tui.dag.peers.talk import LIMIT, Talk
from cis_tui.dag.peers.voting import KIND, PROTOCOL
from cis_tui.dag.questions import shown_digest
from cis_tui.dag.views import Ballot, Choice, Decision, DecisionKind, DecisionStatus, RunStatus
from cis_tui.sync.envelope import seal
from tests.dag.lab import shell
from tests.dag.peers.net import ANN, BOB, EVE, Net, NetLine, Node, open_node
from tests.dag.test_decisions import vote_level


@asynccontextmanager
async def asking(folder: Path) -> AsyncGenerator[tuple[Node, Net, Decision, str]]:
    """Ann asks a vote in which bob, who does not answer, has a seat."""
    net = Net()
    async with open_node(folder, net, ANN) as ann:
        level = vote_level("dba", "sre", quorum=1)
        seats = {"dba": BOB.did, "sre": ANN.did}
        run = await ann.lab.start(shell("migrate", "touch done", level=level), stakeholders=seats)
        yield ann, net, await ann.asked("migrate"), run


def raw(net: Net, who: Identity) -> Talk:
    return Talk(NetLine(net, who.did), who, PROTOCOL, KIND)


def ballot_of(who: Identity, decision: Decision, *, seat: str = "dba", choice: Choice = Choice.APPROVE) -> Ballot:
    return sign_ballot(decision, Ballot(seat, choice, who.did, utc_now(), "fine"), who)


async def cast(net: Net, who: Identity, decision: Decision, ballot: Ballot) -> Heard:
    return await raw(net, who).ask(ANN.did, "ballot", Cast(decision.run, decision.id, ballot), Heard)


async def test_only_a_ballot_of_the_seats_holder_for_just_this_counts(tmp_path: Path) -> None:
    async with asking(tmp_path) as (ann, net, decision, run):
        good = ballot_of(BOB, decision)
        other = replace(decision, id="d77", run="0123456789")
        bad = {
            "forged choice": (BOB, replace(good, choice=Choice.REJECT)),
            "forged reason": (BOB, replace(good, reason="never")),
            "signed by another": (BOB, replace(good, signature=ballot_of(EVE, decision).signature)),
            "no signature": (BOB, replace(good, signature="zz")),
            "of another decision": (BOB, ballot_of(BOB, other)),
            "what was shown was something else": (BOB, ballot_of(BOB, replace(decision, digest="0" * 64))),
            "asked by another": (BOB, ballot_of(BOB, replace(decision, asker=EVE.did))),
            "a seat of another": (BOB, ballot_of(BOB, decision, seat="sre")),
            "no such seat": (BOB, ballot_of(BOB, decision, seat="ceo")),
            "holds no seat": (EVE, ballot_of(EVE, decision)),
            "brought by another": (EVE, good),
        }
        for name, (who, ballot) in bad.items():
            with pytest.raises(CisError) as refused:
                await cast(net, who, decision, ballot)
            assert refused.value.code in ("CIS-P2P-081", "CIS-P2P-082", "CIS-P2P-083"), name
        assert ann.open()[0].ballots == ()
        await ann.lab.until(lambda: len(ann.complaints()) >= 5)  # a person can see it
        assert (await cast(net, BOB, decision, good)).motion is not None
        kept = [ballot.signature for ballot in ann.known(decision.id).ballots]
        assert kept == [good.signature], "acknowledged means recorded"
        await cast(net, BOB, decision, good)
        assert len(ann.open()[0].ballots) == 1, "the same again changes nothing"
        with pytest.raises(CisError) as twice:
            await cast(net, BOB, decision, ballot_of(BOB, decision, choice=Choice.REJECT))
        assert twice.value.code == "CIS-P2P-084"
        assert ann.lab.runs.history.show(run).status is RunStatus.WAITING


async def test_a_ballot_is_not_taken_for_a_vote_of_another_run_by_the_same_name(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, net, decision, _run):
        with pytest.raises(CisError) as unknown:
            await cast(net, BOB, replace(decision, run="abc"), ballot_of(BOB, decision))
        assert unknown.value.code == "CIS-P2P-080"


async def test_after_the_close_the_answer_is_how_it_ended(tmp_path: Path) -> None:
    async with asking(tmp_path) as (ann, net, decision, run):
        await ann.lab.runs.cancel(run)
        heard = await cast(net, BOB, decision, ballot_of(BOB, decision))
        assert heard.motion and heard.motion.decision.status is DecisionStatus.SUPERSEDED
        assert ann.known(decision.id).ballots == ()


async def test_who_holds_no_seat_learns_nothing(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, net, decision, _run):
        with pytest.raises(CisError) as refused:
            await raw(net, EVE).ask(ANN.did, "look", Look(decision.run, decision.id), Heard)
        assert refused.value.code == "CIS-P2P-082"
        assert "touch" not in refused.value.message


async def test_envelopes_of_others_or_for_others_are_no_questions(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, net, decision, _run):
        body = {"to": ANN.did, "way": "ask", "text": '{"what":"look","data":{"run":"x","id":"d1"}}'}
        broken = [
            seal(EVE, KIND, body),  # eve's words, brought by bob
            seal(BOB, KIND, {**body, "to": EVE.did}),  # meant for eve
            seal(BOB, KIND, {**body, "way": "answer"}),
            seal(BOB, "task", body),
            seal(BOB, KIND, {**body, "text": "[" * 5000}),
            seal(BOB, KIND, {**body, "text": '{"what":' + '{"a":' * 30 + "1" + "}" * 31}),
            seal(BOB, KIND, {**body, "text": "NaN"}),
            seal(BOB, KIND, {**body, "text": '{"what":"look","data":{"run":"x","id":"d1","wait":NaN}}'}),
            b"\xff" * 100,
            b"{}",
            b" " * (LIMIT + 1),
        ]
        for data in broken:
            assert await net.carry(BOB.did, ANN.did, PROTOCOL, data) == b""
        assert (await cast(net, BOB, decision, ballot_of(BOB, decision))).motion, "who is honest is served"


async def test_a_long_message_of_little_parts_holds_nothing_else_up(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, net, _decision, _run):
        parts: list[object] = [[]]
        heavy = seal(BOB, KIND, {"to": ANN.did, "way": "ask", "text": parts * 150_000})
        serving = asyncio.create_task(net.carry(BOB.did, ANN.did, PROTOCOL, heavy))
        turns = 0
        while not serving.done():
            await asyncio.sleep(0.005)
            turns += 1
        assert await serving == b""
        assert turns > 5, "the loop goes on meanwhile"


# Where a seat is held

SHOWN = Preview("rm -rf /", "shell", command="rm -rf /", folder="/srv", timeout=3)


def motion(number: int = 1, preview: Preview = SHOWN, left: float | None = 60, **other: object) -> Motion:
    """A vote that eve asks, in which bob has a seat."""
    decision = Decision(
        id=f"d{number}",
        run="0123abcdef",
        task="clean up",
        kind=DecisionKind.ARBITRATED,
        prompt="rm -rf /",
        deadline=Instant(utc_now() + 60),
        default="reject",
        stakeholders=("dba",),
        quorum=1,
        threshold=0.5,
        dag="deploy",
        digest=shown_digest(preview),
        asker=EVE.did,
        holders={"dba": BOB.did},
    )
    return Motion(replace(decision, **other), preview, left)  # pyright: ignore[reportArgumentType]


@asynccontextmanager
async def asked(folder: Path) -> AsyncGenerator[tuple[Node, Net]]:
    net = Net()
    async with open_node(folder, net, BOB) as bob:
        yield bob, net


async def put(net: Net, what: Motion) -> None:
    await raw(net, EVE).ask(BOB.did, "motion", what, object)


async def test_what_cannot_be_shown_as_it_is_is_not_asked(tmp_path: Path) -> None:
    evil = "rm \x1b[2K\x1b]0;fine\x07 -rf /"
    long = replace(SHOWN, text="x" * 200_000)
    bad = {
        "control sequences in what would run": motion(preview=replace(SHOWN, command=evil)),
        "a name with control sequences": motion(task="clean\x1b[31m up"),
        "a name of two lines": motion(task="clean\nup"),
        "another thing than was signed": replace(motion(), preview=replace(SHOWN, command="ls")),
        "nothing is shown": replace(motion(), preview=None),
        "too much to be read": motion(preview=long),
        "seats without end": motion(
            stakeholders=tuple(f"s{n}" for n in range(100)), holders={f"s{n}": BOB.did for n in range(100)}
        ),
        "a seat that nobody holds": motion(stakeholders=("dba", "sre")),
        "no vote": motion(kind=DecisionKind.CONFIRMED),
        "a time without end": motion(left=1e12),
        "an id that is none": motion(id="d1; DROP TABLE runs"),
        "in the name of another": motion(asker=ANN.did),
        "no seat of ours": motion(holders={"dba": ANN.did}),
        "a threshold that is none": motion(threshold=-1.0),
    }
    async with asked(tmp_path) as (bob, net):
        for name, what in bad.items():
            with pytest.raises(CisError) as refused:
                await put(net, what)
            assert refused.value.code in ("CIS-P2P-085", "CIS-P2P-086"), name
        assert bob.open() == ()
        await put(net, motion(prompt="fine \x1b[2J[b]really[/b]", dag="x\x1b[1mdeploy"))
        (open,) = bob.open()
        assert (open.prompt, open.dag) == ("fine [b]really[/b]", "xdeploy")


async def test_a_vote_cannot_become_another_one(tmp_path: Path) -> None:
    async with asked(tmp_path) as (bob, net):
        await put(net, motion())
        with pytest.raises(CisError) as refused:
            await put(net, motion(preview=replace(SHOWN, command="ls", text="ls")))
        assert refused.value.code == "CIS-P2P-092"
        (open,) = bob.open()
        assert open.digest == shown_digest(SHOWN)
        await put(net, motion(status=DecisionStatus.REJECTED))
        assert bob.open() == ()
        await put(net, motion())
        assert bob.open() == (), "what has ended is not asked again"


async def test_ballots_that_nobody_signed_are_not_shown(tmp_path: Path) -> None:
    async with asked(tmp_path) as (bob, net):
        both: dict[str, Any] = {"stakeholders": ("dba", "sre"), "holders": {"dba": BOB.did, "sre": ANN.did}}
        true = motion(**both).decision
        fake = Ballot("sre", Choice.APPROVE, ANN.did, utc_now(), "", "00" * 64)
        await put(net, motion(**both, ballots=(fake,)))
        assert bob.open()[0].ballots == ()
        await put(net, motion(**both, ballots=(ballot_of(ANN, true, seat="sre"),)))
        assert [ballot.stakeholder for ballot in bob.open()[0].ballots] == ["sre"]


async def test_a_flood_of_votes_is_held_back(tmp_path: Path) -> None:
    async with asked(tmp_path) as (bob, net):
        refused = 0
        for number in range(1, 60):
            try:
                await put(net, motion(number))
            except CisError as error:
                assert error.code == "CIS-P2P-087"
                refused += 1
        assert len(bob.open()) == OPEN_OF_ONE
        assert refused == 59 - OPEN_OF_ONE
        assert len(bob.complaints()) <= 10


async def test_one_who_never_stops_talking_is_not_listened_to(tmp_path: Path) -> None:
    async with asked(tmp_path) as (bob, net):
        failures = 0
        for _ in range(300):
            try:
                await raw(net, EVE).ask(BOB.did, "look", Look("x", "d1"), Heard)
            except CisError:
                failures += 1
        assert failures >= 90
        assert bob.lab.runs.decisions.list() == ()
