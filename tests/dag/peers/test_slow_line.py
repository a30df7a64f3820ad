"""A line on which words cost something, and that keeps them: little is said, and what was under way is older."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import cast

from cis_tui.core.codec import decode
from cis_tui.core.errors import CisError
from cis_tui.dag.peers.jobs import KIND, PROTOCOL, Follow, Job, News
from cis_tui.dag.peers.talk import Talk
from cis_tui.dag.peers.voting import KIND as VOTE
from cis_tui.dag.views import Choice, RunStatus
from cis_tui.sync.envelope import open_envelope
from tests.dag.lab import eventually, shell
from tests.dag.peers.net import ANN, BOB, Net, NetLine, open_node
from tests.dag.peers.test_voting import ask
from tests.dag.test_decisions import vote_level


def said(net: Net, kind: str) -> list[tuple[str, str]]:
    """Who asked what."""
    found: list[tuple[str, str]] = []
    for sender, _, body in net.carried:
        try:
            text = open_envelope(body, kind, len(body))[1]["text"]
        except CisError:
            continue
        found.append((sender, str(json.loads(str(text))["what"])))
    return found


async def test_how_a_vote_stands_is_not_asked_all_the_time(tmp_path: Path) -> None:
    net = Net(pace=10)
    async with open_node(tmp_path, net, ANN) as ann, open_node(tmp_path, net, BOB) as bob:
        run = await ask(ann, "touch done", "dba", "sre", quorum=2)
        here, there = await ann.asked("migrate"), await bob.asked("migrate")
        for number in range(5):  # what else is decided here wakes all that votes go between
            await bob.lab.start(shell(f"own{number}", "true", level=vote_level("local")))
            await bob.asked(f"own{number}")
        await ann.lab.runs.decisions.vote(here.id, Choice.APPROVE)
        await bob.lab.runs.decisions.vote(there.id, Choice.APPROVE)
        assert (await ann.lab.ended(run)).status is RunStatus.COMPLETED
        closed = await bob.gone(there.id)
        assert {ballot.stakeholder for ballot in closed.ballots} == {"dba", "sre"}
        await eventually(lambda: not ann.votes.asker.owed(BOB.did))
    words = said(net, VOTE)
    assert words.count((ANN.did, "motion")) == 2, "when it was asked, and when it had ended"
    assert words.count((BOB.did, "ballot")) == 1
    assert words.count((BOB.did, "look")) == 0


async def test_a_vote_that_was_under_way_has_less_time_left(tmp_path: Path) -> None:
    net = Net()
    async with open_node(tmp_path, net, ANN) as ann:
        await ask(ann, timeout=60)
        await ann.asked("migrate")
        await eventually(lambda: bool(net.carried))
        async with open_node(tmp_path, net, BOB) as bob:
            await bob.votes.serve(ANN.did, net.carried[0][2], age=50)
            there, here = await bob.asked("migrate"), ann.open()[0]
            assert there.deadline
            assert here.deadline
            assert 48 < here.deadline - there.deadline < 52


def exposing(lines: Collection[str]) -> list[str]:
    return [f"command:{line}" for line in lines]


async def test_what_a_task_prints_is_gathered(tmp_path: Path) -> None:
    line = "for i in $(seq 40); do echo $i; sleep 0.02; done"
    net = Net(pace=0.4)
    async with (
        open_node(tmp_path, net, ANN, own=[BOB.did]) as ann,
        open_node(tmp_path, net, BOB, own=[ANN.did], exposed=exposing([line])),
    ):
        view = await ann.lab.run(shell("a", line, target_node="bob"))
        assert view.tasks[0].output.split() == [str(number) for number in range(1, 41)]
    assert said(net, KIND).count((ANN.did, "news")) <= 6


async def test_a_task_that_comes_too_late_never_begins(tmp_path: Path) -> None:
    net, line = Net(), f"touch {tmp_path}/begun"
    job = Job("r-0123-1", "r", "build", "lab", line=line)
    async with open_node(tmp_path, net, BOB, own=[ANN.did], exposed=exposing([line])) as bob:
        talk = Talk(NetLine(net, ANN.did), ANN, PROTOCOL, KIND)

        async def late(sender: str, body: bytes) -> bytes:
            return await bob.jobs.serve(sender, body, age=71)

        on_time = net.handlers[BOB.did, PROTOCOL]
        net.handlers[BOB.did, PROTOCOL] = late
        try:
            await talk.ask(BOB.did, "run", job, News)
        except CisError as error:
            assert (error.code, error.retryable) == ("CIS-P2P-111", True)
        assert await talk.ask(BOB.did, "news", Follow(job.id), News) == News(known=False)
        net.handlers[BOB.did, PROTOCOL] = on_time
        assert (await talk.ask(BOB.did, "run", job, News)).known
        net.handlers[BOB.did, PROTOCOL] = late
        again = await talk.ask(BOB.did, "run", job, News)
        assert again.known, "what has begun is told of, however late it is asked for"
        assert decode(Follow, cast("object", {"id": "x"})).gather == 0, "older nodes do not say it"
        net.handlers[BOB.did, PROTOCOL] = on_time
