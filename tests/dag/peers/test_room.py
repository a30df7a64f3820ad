"""Votes and tasks in a room: the same as peer to peer, with what only a room does to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.identity import Identity
from cis_tui.dag.ballots import sign_ballot
from cis_tui.dag.inspection import Advice, DecisionDetail
from cis_tui.dag.peers.line import UNNAMED, Topic
from cis_tui.dag.peers.motions import Cast, Heard, vote_subject
from cis_tui.dag.peers.talk import Talk
from cis_tui.dag.peers.voting import KIND, PROTOCOL
from cis_tui.dag.telling import detail_rows
from cis_tui.dag.views import Ballot, Choice, DecisionKind, DecisionStatus, RunStatus
from cis_tui.engine.lines import speak
from tests.dag.lab import eventually, read, shell
from tests.dag.peers.net import ANN, BOB, EVE, Net, NetLine, Node, open_node
from tests.dag.peers.test_voting import ask
from tests.matrix.hall import Guest, Hall, later


@dataclass
class HallLine(NetLine):
    """Implements `Line` by the room alone."""

    guest: Guest | None = None

    def pace(self, did: str) -> float:
        return 0.1

    async def request(self, did: str, protocol: str, body: bytes, *, timeout: float, topic: Topic = UNNAMED) -> bytes:
        assert self.guest is not None
        if not self.guest.line.reaches(did):
            raise Unavailable("CIS-MATRIX-080", "not there")
        return await self.guest.line.request(did, protocol, body, timeout=min(timeout, 1.0), topic=topic)


@dataclass
class Member:
    """A node with its place in the hall."""

    node: Node
    guest: Guest


@dataclass
class Meeting:
    """The hall, and what goes on in it."""

    hall: Hall
    folder: Path

    @asynccontextmanager
    async def member(
        self, me: Identity, *, exposed: Collection[str] = (), rules: Collection[str] = (), clock: Clock = utc_now
    ) -> AsyncGenerator[Member]:
        """A node; opened again, it is the next engine of the same home."""
        guest = Guest(self.hall, me, self.folder / f"matrix-{me.did[-6:]}", rules=rules, clock=clock)
        line = HallLine(Net(), me.did, guest=guest)
        others = {ANN.did, BOB.did, EVE.did} - {me.did}
        async with open_node(self.folder, line.net, me, own=others, exposed=exposed, again=0.3, line=line) as node:
            guest.on_news = node.votes.answered
            speak(guest.line, guest.service, node.votes, node.jobs)
            await guest.enter()
            try:
                yield Member(node, guest)
            finally:
                await guest.leave()


@asynccontextmanager
async def meeting(folder: Path) -> AsyncGenerator[Meeting]:
    """A hall in which what is said is heard."""
    hall = Hall()

    async def carry() -> None:
        while True:
            await hall.settle()
            await asyncio.sleep(0.005)

    carrying = asyncio.create_task(carry())
    try:
        yield Meeting(hall, folder)
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)


def detail(rows: list[tuple[str, str]]) -> str:
    return "\n".join(f"{label} {text}" for label, text in rows)


async def test_a_vote_is_asked_cast_counted_and_closed_in_a_room(tmp_path: Path) -> None:
    async with meeting(tmp_path) as here, here.member(ANN) as ann, here.member(BOB) as bob:
        run = await ask(ann.node, "touch done", "dba", "sre", quorum=2)
        mine, there = await ann.node.asked("migrate"), await bob.node.asked("migrate")
        assert (there.asker, there.seats) == (ANN.did, ("dba",))
        await ann.node.lab.runs.decisions.vote(mine.id, Choice.APPROVE)
        await bob.node.lab.runs.decisions.vote(there.id, Choice.APPROVE, reason="looks fine")
        assert (await ann.node.lab.ended(run)).status is RunStatus.COMPLETED
        closed = await bob.node.gone(there.id)
        assert closed.status is DecisionStatus.APPROVED
        assert {ballot.stakeholder for ballot in closed.ballots} == {"dba", "sre"}, "the tally is the same"
        await eventually(lambda: here.hall.kinds().count("vote.answer") == 3)
        kinds = here.hall.kinds()
        assert sorted(kinds) == sorted(["notice"] * 2 + ["proposal"] * 2 + ["vote"] + ["vote.answer"] * 3)
        told = [str(each.content["body"]) for each in here.hall.events if each.type == "m.room.message"]
        assert told[0].startswith("Vote asked: lab / migrate\n")
        assert told[1] == "Vote closed: lab / migrate: approved"
        assert await ann.guest.rejected() == await bob.guest.rejected() == []


async def test_who_was_away_is_asked_when_it_returns(tmp_path: Path) -> None:
    async with meeting(tmp_path) as here, here.member(ANN) as ann:
        async with here.member(BOB) as bob:
            bob.guest.away = True
            run = await ask(ann.node, timeout=3600)
            await eventually(lambda: "proposal" in here.hall.kinds())
        ann.guest.clock = later(1200)  # what was asked then is of no use any more
        async with here.member(BOB, clock=later(1200)) as bob:
            there = await bob.node.asked("migrate")
            assert await bob.guest.rejected() == ["CIS-MATRIX-081"]
            assert here.hall.kinds().count("proposal") == 2
            await bob.node.lab.runs.decisions.vote(there.id, Choice.REJECT, reason="no backup")
            assert (await ann.node.lab.ended(run)).status is RunStatus.FAILED
            await bob.node.gone(there.id)


async def test_a_ballot_outlives_the_engine_of_its_voter_and_counts_once(tmp_path: Path) -> None:
    async with meeting(tmp_path) as here, here.member(ANN) as ann:
        async with here.member(BOB) as bob:
            run = await ask(ann.node, "touch done", "dba", "sre", quorum=2)
            there = await bob.node.asked("migrate")
            ann.guest.away = True
            await bob.node.lab.runs.decisions.vote(there.id, Choice.APPROVE)
            await eventually(lambda: "vote" in here.hall.kinds())
        async with here.member(BOB) as bob:
            ann.guest.away = False
            await ann.node.lab.until(lambda: len(ann.node.open()[0].ballots) == 1)
            await ann.node.lab.runs.decisions.vote(ann.node.open()[0].id, Choice.APPROVE)
            assert (await ann.node.lab.ended(run)).status is RunStatus.COMPLETED
            await bob.node.gone(there.id)
            assert here.hall.kinds().count("vote") == 1, "it was on its way already"


async def test_a_ballot_that_is_taken_back_stays_cast_or_is_cast_again(tmp_path: Path) -> None:
    async with meeting(tmp_path) as here, here.member(ANN) as ann, here.member(BOB) as bob:
        run = await ask(ann.node, "touch done", "dba", "sre", quorum=2)
        there = await bob.node.asked("migrate")
        ann.guest.away = True
        await bob.node.lab.runs.decisions.vote(there.id, Choice.APPROVE)
        await eventually(lambda: "vote" in here.hall.kinds())
        number = here.hall.kinds().index("vote")
        ballot = here.hall.events[number]
        here.hall.events[number] = replace(ballot, content={}, redacted=True)
        here.hall.say("@moderator:example.org", "m.room.redaction", {"redacts": ballot.id}, "1")
        ann.guest.away = False
        await eventually(lambda: ann.guest.heard == len(here.hall.events))
        assert ann.node.open()[0].ballots == ()
        bob.guest.clock = ann.guest.clock = later(601)  # nobody has answered
        await ann.node.lab.until(lambda: len(ann.node.open()[0].ballots) == 1)
        (ballot,) = [each for each in here.hall.events if each.type == "io.cis.vote" and not each.redacted]
        here.hall.say("@moderator:example.org", "m.room.redaction", {"redacts": ballot.id}, "2")
        await eventually(lambda: ann.guest.heard == len(here.hall.events))
        await ann.node.lab.runs.decisions.vote(ann.node.open()[0].id, Choice.APPROVE)
        assert (await ann.node.lab.ended(run)).status is RunStatus.COMPLETED


async def test_who_holds_no_seat_and_who_comes_too_late_does_not_count(tmp_path: Path) -> None:
    async with meeting(tmp_path) as here, AsyncExitStack() as opened:
        ann, bob, eve = [await opened.enter_async_context(here.member(who)) for who in (ANN, BOB, EVE)]
        run = await ask(ann.node)
        there = await bob.node.asked("migrate")
        (open,) = ann.node.open()
        talk = Talk(eve.node.line, EVE, PROTOCOL, KIND)
        for voter, code in ((EVE, "CIS-P2P-082"), (BOB, "CIS-P2P-082")):
            ballot = sign_ballot(open, Ballot("dba", Choice.APPROVE, voter.did, utc_now(), ""), voter)
            with pytest.raises(CisError) as caught:
                await talk.ask(ANN.did, "ballot", Cast(open.run, open.id, ballot), Heard)
            assert caught.value.code == code
        assert ann.node.open()[0].ballots == ()
        await ann.node.lab.until(lambda: ann.node.complaints().count("CIS-P2P-082") == 2)
        ballot = next(each for each in here.hall.events if each.type == "io.cis.vote")
        here.hall.say(bob.guest.user, ballot.type, ballot.content, "copied")
        await eventually(lambda: ann.guest.heard == len(here.hall.events))
        assert await ann.guest.rejected() == ["CIS-MATRIX-024"]
        await bob.node.lab.runs.decisions.vote(there.id, Choice.REJECT)
        assert (await ann.node.lab.ended(run)).status is RunStatus.FAILED
        late = sign_ballot(open, Ballot("dba", Choice.APPROVE, BOB.did, utc_now(), ""), BOB)
        heard = await Talk(bob.node.line, BOB, PROTOCOL, KIND).ask(
            ANN.did, "ballot", Cast(open.run, open.id, late), Heard
        )
        assert heard.motion is not None
        assert heard.motion.decision.status is DecisionStatus.REJECTED, "it is told how that has ended"
        assert [each.choice for each in heard.motion.decision.ballots] == [Choice.REJECT]


async def test_what_people_think_is_shown_as_advice(tmp_path: Path) -> None:
    async with meeting(tmp_path) as here, here.member(ANN) as ann, here.member(BOB) as bob:
        await ask(ann.node)
        there = await bob.node.asked("migrate")
        notice = next(each for each in here.hall.events if each.type == "m.room.message")

        def react(who: str, mark: str) -> str:
            relation = {"rel_type": "m.annotation", "event_id": notice.id, "key": mark}
            return here.hall.say(f"@{who}:example.org", "m.reaction", {"m.relates_to": relation}, f"{who}{mark}").id

        for who in ("carol", "dave", "frank"):
            react(who, "👍")
        taken_back = react("carol", "👎")
        react("dave", "👎\x1b[31m")
        here.hall.say("@carol:example.org", "m.room.redaction", {"redacts": taken_back}, "3")
        here.hall.say("@x:example.org", "m.reaction", {"m.relates_to": {"event_id": notice.id, "key": {}}}, "4")
        await eventually(lambda: bob.guest.heard == len(here.hall.events))
        for member in (ann, bob):
            assert there.origin is not None
            found = await member.guest.reactions.to(ANN.did, vote_subject(there.origin.run, there.origin.id))
            assert found == (("👍", 3), ("👎", 1))
            shown = DecisionDetail(there, advice=tuple(Advice(*each) for each in found))
            assert "advice 3 people: 👍, 1 person: 👎; advice only" in detail(detail_rows(shown))
            assert member.node.open()[0].ballots == ()


# Tasks


async def test_a_task_runs_after_a_yes_and_what_it_prints_comes_back(tmp_path: Path) -> None:
    async with meeting(tmp_path) as here, here.member(ANN) as ann, here.member(BOB) as bob:
        line = f"echo first; until test -e {tmp_path}/go; do sleep 0.02; done; echo last"
        run = await ann.node.lab.start(shell("build", line, target_node="bob"))
        await bob.node.lab.until(lambda: bool(bob.node.open()))
        await ann.node.lab.until(lambda: "waits for a yes there" in ann.node.lab.runs.history.logs(run, "build").text)
        await bob.node.lab.runs.decisions.approve(bob.node.open()[0].id)
        await ann.node.lab.until(lambda: "first" in ann.node.lab.runs.history.logs(run, "build").text)
        (tmp_path / "go").touch()
        view = await ann.node.lab.ended(run)
        assert (view.status, view.tasks[0].output) == (RunStatus.COMPLETED, "first\nlast\n")
        assert (view.tasks[0].executor, view.tasks[0].worker) == ("peer", "bob")
        notice = next(each for each in here.hall.events if each.type == "m.room.message")
        assert str(notice.content["body"]).startswith("Task for bob: lab / build\necho first;")


async def test_a_policy_may_let_only_what_is_exposed_be_asked_for(tmp_path: Path) -> None:
    rules = ["own vote propose task:mechanical"]
    async with (
        meeting(tmp_path) as here,
        here.member(ANN) as ann,
        here.member(BOB, exposed=["command:echo one"], rules=rules),
    ):
        view = await ann.node.lab.run(shell("a", "echo one", target_node="bob"))
        assert (view.status, view.tasks[0].output) == (RunStatus.COMPLETED, "one\n")
        view = await ann.node.lab.run(shell("b", "echo two", target_node="bob"))
        assert "only what is exposed" in view.tasks[0].error
        assert "CIS-P2P-112" in view.tasks[0].error


async def test_an_engine_that_ends_in_mid_task_does_not_run_it_again(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo x >> {mark}; sleep 60"
    async with meeting(tmp_path) as here, here.member(ANN) as ann:
        async with here.member(BOB, exposed=[f"command:{line}"]):
            run = await ann.node.lab.start(shell("a", line, target_node="bob"))
            await eventually(lambda: read(mark) == "x\n")  # the file is there before what is written into it
        async with here.member(BOB, exposed=[f"command:{line}"]):
            decision = await ann.node.asked("a")
            assert decision.kind is DecisionKind.INTERRUPTED
            await ann.node.lab.runs.decisions.reject(decision.id)
            assert (await ann.node.lab.ended(run)).status is RunStatus.FAILED
    assert mark.read_text() == "x\n"


async def test_a_task_that_comes_too_late_or_again_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    line = f"echo x >> {mark}"
    async with (
        meeting(tmp_path) as here,
        here.member(ANN) as ann,
        here.member(BOB, exposed=[f"command:{line}"]) as bob,
    ):
        bob.guest.away = True
        bob.guest.clock = later(71)
        run = await ann.node.lab.start(shell("a", line, target_node="bob"))
        await eventually(lambda: "task.request" in here.hall.kinds())
        bob.guest.away = False
        view = await ann.node.lab.ended(run)
        assert "it came too late" in view.tasks[0].error
        assert await bob.guest.rejected() == ["CIS-MATRIX-081"]
        assert not mark.exists()
        bob.guest.clock = ann.guest.clock
        assert (await ann.node.lab.run(shell("a", line, target_node="bob"))).status is RunStatus.COMPLETED
        request = [each for each in here.hall.events if each.type == "io.cis.task.request"][-1]
        here.hall.say(ann.guest.user, request.type, request.content, "again")
        await eventually(lambda: bob.guest.heard == len(here.hall.events))
        assert (await bob.guest.rejected())[0] == "CIS-MATRIX-031"
    assert mark.read_text() == "x\n"
