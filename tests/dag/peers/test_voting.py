"""Votes between nodes: asked where seats are held, counted where they are asked, known to all in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cis_tui.core.codec import encode
from cis_tui.core.errors import Refused
from cis_tui.dag.ballots import ballot_holds
from cis_tui.dag.store import reading
from cis_tui.dag.telling import detail_rows
from cis_tui.dag.trail_store import breaks
from cis_tui.dag.views import Choice, Decision, DecisionStatus, RunStatus, Subject
from tests.dag.lab import shell
from tests.dag.peers.net import ANN, BOB, EVE, Net, Node, open_node
from tests.dag.test_decisions import vote_level

SEATS = {"dba": BOB.did, "sre": ANN.did}


@asynccontextmanager
async def two(folder: Path, **options: float) -> AsyncGenerator[tuple[Node, Node, Net]]:
    net = Net()
    async with open_node(folder, net, ANN, **options) as ann, open_node(folder, net, BOB, **options) as bob:  # pyright: ignore[reportArgumentType]
        yield ann, bob, net


async def ask(ann: Node, command: str = "touch done", *seats: str, quorum: int = 1, timeout: float = 60) -> str:
    level = vote_level(*(seats or ("dba",)), quorum=quorum, timeout=timeout)
    return await ann.lab.start(shell("migrate", command, level=level), stakeholders=SEATS)


async def test_a_seat_held_elsewhere_is_asked_there_with_all_that_matters(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, net):
        run = await ask(ann, "deploy --key {{ memory('own/word') }}", "dba", "sre", quorum=2)
        mine, there = await ann.asked("migrate"), await bob.asked("migrate")
        assert (there.subject, there.seats, there.asker) == (Subject.VOTE, ("dba",), ANN.did)
        assert mine.seats == ("sre",)
        assert there.origin and (there.origin.id, there.origin.run, there.origin.name) == (mine.id, run, "ann")
        assert (there.stakeholders, there.quorum, there.threshold) == (("dba", "sre"), 2, 0.5)
        assert there.deadline and mine.deadline and abs(there.deadline - mine.deadline) < 3
        shown = "\n".join(f"{label} {text}" for label, text in detail_rows(bob.lab.runs.history.detail(there.id)))
        assert "deploy --key ••••••" in shown
        assert ANN.did in shown
        assert BOB.did in shown, "who holds which seat"
        assert not any(b"zebra" in body for _, _, body in net.carried)


async def test_the_ballot_of_another_node_decides(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _):
        run = await ask(ann)
        there = await bob.asked("migrate")
        voted = await bob.lab.runs.decisions.vote(there.id, Choice.APPROVE, reason="looks fine")
        assert len(voted.ballots) == 1
        assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED
        assert (ann.lab.project / "done").exists()
        closed = await bob.gone(there.id)
        assert (closed.status, closed.by, len(closed.ballots)) == (DecisionStatus.APPROVED, BOB.did, 1)
        (made,) = [each for each in ann.lab.runs.decisions.list(all=True) if each.task == "migrate"]
        assert (made.status, made.ballots[0].reason) == (DecisionStatus.APPROVED, "looks fine")
        assert ballot_holds(made, made.ballots[0])
        for node in (ann, bob):
            with reading(node.lab.home.runs_db) as connection:
                assert list(breaks(connection, node.me.did)) == []


async def test_votes_of_both_sides_are_seen_on_both(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _):
        run = await ask(ann, "touch done", "dba", "sre", quorum=2)
        here, there = await ann.asked("migrate"), await bob.asked("migrate")
        await ann.lab.runs.decisions.vote(here.id, Choice.APPROVE)
        await bob.lab.until(lambda: len(bob.open()[0].ballots) == 1)
        await bob.lab.runs.decisions.vote(there.id, Choice.REJECT, reason="not on a Friday")
        assert (await ann.lab.ended(run)).status is RunStatus.FAILED
        closed = await bob.gone(there.id)
        assert closed.status is DecisionStatus.REJECTED
        assert {ballot.stakeholder: ballot.choice.value for ballot in closed.ballots} == {
            "sre": "approve",
            "dba": "reject",
        }
        with pytest.raises(Refused) as refused:
            await bob.lab.runs.decisions.vote(there.id, Choice.APPROVE)
        assert refused.value.code == "CIS-DAG-051"


async def test_who_was_away_is_asked_when_it_returns(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, net):
        net.away.add(BOB.did)
        run = await ask(ann)
        await ann.asked("migrate")
        net.away.clear()
        ann.votes.connected(BOB.did)
        there = await bob.asked("migrate")
        net.away.add(ANN.did)
        await bob.lab.runs.decisions.vote(there.id, Choice.APPROVE)
        assert bob.known(there.id).ballots, "it is kept though nobody could take it"
        net.away.clear()
        bob.votes.connected(ANN.did)
        assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED


async def test_without_a_word_of_its_return_it_is_asked_all_the_same(tmp_path: Path) -> None:
    async with two(tmp_path, again=0.05) as (ann, bob, net):
        net.away.add(BOB.did)
        await ask(ann)
        await ann.asked("migrate")
        net.away.clear()
        await bob.asked("migrate")


async def test_a_lost_answer_counts_no_ballot_twice(tmp_path: Path) -> None:
    async with two(tmp_path, again=0.05) as (ann, bob, net):
        run = await ask(ann, "touch done", "dba", "sre", quorum=2)
        here, there = await ann.asked("migrate"), await bob.asked("migrate")
        net.lossy = 3
        await bob.lab.runs.decisions.vote(there.id, Choice.APPROVE)
        await ann.lab.until(lambda: len(ann.open()[0].ballots) == 1)
        await ann.lab.runs.decisions.vote(here.id, Choice.APPROVE)
        assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED
        assert ann.lab.types().count("VoteCast") == 2


async def test_the_deadline_closes_it_everywhere(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _):
        run = await ask(ann, timeout=2.0)
        there = await bob.asked("migrate")
        assert (await ann.lab.ended(run)).status is RunStatus.FAILED
        closed = await bob.gone(there.id)
        assert (closed.status, closed.by) == (DecisionStatus.TIMED_OUT, "deadline")
        with pytest.raises(Refused):
            await bob.lab.runs.decisions.vote(there.id, Choice.APPROVE)


async def test_a_vote_that_comes_after_the_close_counts_for_nothing(tmp_path: Path) -> None:
    async with two(tmp_path, again=0.05) as (ann, bob, net):
        run = await ask(ann, timeout=2.0)
        there = await bob.asked("migrate")
        net.away.add(BOB.did)
        await bob.lab.runs.decisions.vote(there.id, Choice.APPROVE)
        assert (await ann.lab.ended(run)).status is RunStatus.FAILED
        net.away.clear()
        closed = await bob.gone(there.id)
        assert closed.status is DecisionStatus.TIMED_OUT
        assert not (ann.lab.project / "done").exists()
        assert ann.known(there.origin.id if there.origin else "").ballots == ()


async def test_a_run_that_is_cancelled_asks_nobody_any_more(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _):
        run = await ask(ann)
        there = await bob.asked("migrate")
        await ann.lab.runs.cancel(run)
        assert (await bob.gone(there.id)).status is DecisionStatus.SUPERSEDED
        assert bob.open() == ()


async def test_a_pause_holds_it_there_too(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _):
        run = await ask(ann)
        await bob.asked("migrate")
        await ann.lab.runs.pause(run)
        await bob.lab.until(lambda: bob.open()[0].deadline is None)
        await ann.lab.runs.resume(run)
        await bob.lab.until(lambda: bob.open()[0].deadline is not None)


async def test_a_node_that_is_started_anew_still_asks_and_brings_its_ballot(tmp_path: Path) -> None:
    net = Net()
    async with open_node(tmp_path, net, ANN, again=0.05) as ann:
        run = await ask(ann)
        async with open_node(tmp_path, net, BOB) as bob:
            there = await bob.asked("migrate")
        async with open_node(tmp_path, net, BOB) as bob:
            (again,) = bob.open()
            assert (again.id, again.prompt, again.seats) == (there.id, there.prompt, ("dba",))
            assert "touch done" in str(encode(bob.lab.runs.decisions.asked(there.id)))
            net.away.add(ANN.did)
            await bob.lab.runs.decisions.vote(there.id, Choice.APPROVE)
        net.away.clear()
        async with open_node(tmp_path, net, BOB) as bob:
            assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED
            await bob.gone(there.id)


async def test_the_engine_that_asks_ends_and_the_vote_is_asked_anew(tmp_path: Path) -> None:
    net = Net()
    async with open_node(tmp_path, net, BOB, again=0.05) as bob:
        async with open_node(tmp_path, net, ANN) as ann:
            run = await ask(ann)
            first = await bob.asked("migrate")
        async with open_node(tmp_path, net, ANN) as ann:
            assert (await bob.gone(first.id)).status is DecisionStatus.SUPERSEDED
            await ann.lab.runs.resume(run)
            second = await bob.asked("migrate")
            assert second.id != first.id
            await bob.lab.runs.decisions.vote(second.id, Choice.APPROVE)
            assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED


async def test_who_is_not_admitted_is_not_asked_and_that_is_said(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, net):
        ann.line.admitted.discard(BOB.did)
        await ask(ann)
        await ann.lab.until(lambda: "CIS-P2P-088" in ann.complaints())
        assert net.carried == []
        assert bob.open() == ()


async def test_one_who_is_no_more_admitted_asks_nothing_here_any_more(tmp_path: Path) -> None:
    async with two(tmp_path, again=0.05) as (ann, bob, _):
        await ask(ann)
        there = await bob.asked("migrate")
        bob.line.admitted.discard(ANN.did)
        closed = await bob.gone(there.id)
        assert (closed.status, closed.reason) == (DecisionStatus.SUPERSEDED, "who asks is not admitted any more")


async def test_three_nodes_see_the_same(tmp_path: Path) -> None:
    seats = {"dba": BOB.did, "law": EVE.did}
    async with two(tmp_path) as (ann, bob, net), open_node(tmp_path, net, EVE) as eve:
        level = vote_level("dba", "law", quorum=2)
        run = await ann.lab.start(shell("migrate", "touch done", level=level), stakeholders=seats)
        asked = {node.me.did: await node.asked("migrate") for node in (bob, eve)}
        await bob.lab.runs.decisions.vote(asked[BOB.did].id, Choice.APPROVE, reason="fine")
        await eve.lab.until(lambda: len(eve.open()[0].ballots) == 1)
        await eve.lab.runs.decisions.vote(asked[EVE.did].id, Choice.APPROVE)
        assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED
        ends: list[Decision] = [await node.gone(asked[node.me.did].id) for node in (bob, eve)]
        assert [(each.status, sorted(b.stakeholder for b in each.ballots)) for each in ends] == [
            (DecisionStatus.APPROVED, ["dba", "law"])
        ] * 2
        await asyncio.sleep(0)
