"""Nodes in one process, and lines between them that can be cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cis_tui.core.clock import utc_now
from cis_tui.core.errors import NotFound, Unavailable
from cis_tui.core.identity import Identity
from cis_tui.dag.peers.errands import Errands
from cis_tui.dag.peers.jobs import PROTOCOL as TASKS
from cis_tui.dag.peers.line import UNNAMED, Topic
from cis_tui.dag.peers.serving import JobService
from cis_tui.dag.peers.voting import PROTOCOL as VOTES
from cis_tui.dag.peers.voting import VoteService
from cis_tui.dag.views import Decision
from cis_tui.skills.model import SkillManifest
from tests.dag.lab import Lab, open_lab

ANN = Identity(bytes([1]) * 32)
BOB = Identity(bytes([2]) * 32)
EVE = Identity(bytes([3]) * 32)
NAMES = {ANN.did: "ann", BOB.did: "bob", EVE.did: "eve"}
Handler = Callable[[str, bytes], Awaitable[bytes]]


@dataclass
class Net:
    """Who is there."""

    handlers: dict[tuple[str, str], Handler] = field(default_factory=dict[tuple[str, str], Handler])
    away: set[str] = field(default_factory=set[str])
    """Nodes that can neither be reached nor reach others."""
    pace: float = 0.0
    lossy: int = 0
    """Answers that are lost on their way back."""
    carried: list[tuple[str, str, bytes]] = field(default_factory=list[tuple[str, str, bytes]])
    """From, to, and what was asked."""

    async def carry(self, sender: str, to: str, protocol: str, body: bytes) -> bytes:
        """One question and its answer."""
        self.carried.append((sender, to, body))
        handler = self.handlers.get((to, protocol))
        if handler is None or {sender, to} & self.away:
            raise Unavailable("CIS-P2P-001", f"{NAMES[to]} is away")
        try:
            answer = await asyncio.shield(asyncio.ensure_future(handler(sender, body)))
        except Exception as error:
            raise Unavailable("CIS-P2P-002", "the stream was reset") from error
        if self.lossy or {sender, to} & self.away:
            self.lossy = max(self.lossy - 1, 0)
            raise Unavailable("CIS-P2P-003", "no answer came")
        return answer


@dataclass
class NetLine:
    """Implements `Line`."""

    net: Net
    me: str
    admitted: set[str] = field(default_factory=lambda: set(NAMES))
    own: set[str] = field(default_factory=set[str])

    def admits(self, did: str) -> bool:
        return did in self.admitted

    def is_own(self, did: str) -> bool:
        return did in self.own

    def name(self, did: str) -> str:
        return NAMES.get(did, "")

    def named(self, name: str) -> tuple[str, ...]:
        return tuple(did for did in sorted(self.admitted) if name in (did, NAMES.get(did)) and did != self.me)

    def pace(self, did: str) -> float:
        return self.net.pace

    async def request(self, did: str, protocol: str, body: bytes, *, timeout: float, topic: Topic = UNNAMED) -> bytes:
        async with asyncio.timeout(timeout):
            return await self.net.carry(self.me, did, protocol, body)


@dataclass
class Node:
    """One engine's worth of runs and votes."""

    lab: Lab
    line: NetLine
    votes: VoteService
    jobs: JobService
    me: Identity

    def open(self) -> tuple[Decision, ...]:
        """What waits for an answer here."""
        return self.lab.runs.decisions.list()

    def known(self, id: str) -> Decision:
        """A decision as the journal has it."""
        found = self.lab.runs.history.decision(id)
        assert found is not None
        return found

    async def asked(self, task: str) -> Decision:
        """The open decision about a task, once it is asked here."""
        await self.lab.until(lambda: any(each.task == task for each in self.open()))
        await self.lab.decision(task)
        return next(each for each in self.open() if each.task == task)

    async def gone(self, id: str) -> Decision:
        """A decision, once it is closed and recorded."""
        await self.lab.until(lambda: self.known(id).status != "pending")
        return self.known(id)

    def complaints(self) -> list[str]:
        """Codes of what went wrong."""
        return [str(event.data.get("code")) for event in self.lab.events if event.type == "Error"]


@asynccontextmanager
async def open_node(
    folder: Path,
    net: Net,
    me: Identity,
    *,
    decisions: Mapping[str, float] | None = None,
    again: float = 30.0,
    own: Collection[str] = (),
    skills: Mapping[str, SkillManifest] | None = None,
    exposed: Collection[str] = (),
    lease: float = 60.0,
    line: NetLine | None = None,
) -> AsyncGenerator[Node]:
    """A node; opened in the same folder again, it is the next engine of the same home."""
    home = folder / NAMES[me.did]
    home.mkdir(exist_ok=True)
    line = line or NetLine(net, me.did)
    line.own = set(own)
    errands = Errands(line, me, lease=lease, wait=0.5, patience=0.3, ending=0.2)
    async with open_lab(home, decisions=decisions, identity=me, elsewhere=lambda: errands, skills=skills) as lab:
        votes = VoteService(
            line=line,
            identity=me,
            decisions=lab.runs.decisions,
            history=lab.runs.history,
            journal=lab.journal,
            clock=utc_now,
            again=again,
        )
        jobs = JobService(
            line=line,
            identity=me,
            runs=lab.runs,
            journal=lab.journal,
            home=lab.home,
            find_skill=lambda name: _skill(skills or {}, name),
            exposed=lambda: exposed,
            lease=lease,
        )
        await votes.start()
        await jobs.start()
        net.handlers[me.did, VOTES] = votes.serve
        net.handlers[me.did, TASKS] = jobs.serve
        try:
            yield Node(lab, line, votes, jobs, me)
        finally:
            del net.handlers[me.did, VOTES], net.handlers[me.did, TASKS]
            await votes.close()
            await jobs.close()


def _skill(skills: Mapping[str, SkillManifest], name: str) -> SkillManifest:
    if name not in skills:
        raise NotFound("CIS-SKILL-002", f'there is no skill "{name}"')
    return skills[name]
