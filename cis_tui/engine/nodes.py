"""What engines of several nodes do for each other: votes, and tasks of runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace

from cis_tui.core.clock import Clock
from cis_tui.core.events import Event, EventType
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.dag.inspection import Advice, DecisionDetail
from cis_tui.dag.journal import Journal
from cis_tui.dag.peers.errands import Errands
from cis_tui.dag.peers.jobs import PROTOCOL as TASKS
from cis_tui.dag.peers.motions import vote_subject
from cis_tui.dag.peers.serving import FindSkill, JobService
from cis_tui.dag.peers.voting import PROTOCOL as VOTES
from cis_tui.dag.peers.voting import VoteService
from cis_tui.dag.runs import RunService
from cis_tui.dag.views import DecisionKind
from cis_tui.engine.lines import NodeLine, speak
from cis_tui.matrix.advice import Reactions
from cis_tui.matrix.line import RoomLine
from cis_tui.matrix.service import MatrixService
from cis_tui.p2p.service import PeerService


class Nodes:
    """Votes and tasks between this engine and others. On its event loop."""

    def __init__(
        self,
        *,
        peers: PeerService,
        matrix: MatrixService,
        identity: Identity,
        runs: RunService,
        journal: Journal,
        home: Home,
        clock: Clock,
        find_skill: FindSkill,
        exposed: Callable[[], Collection[str]],
    ) -> None:
        """See `JobService` for `find_skill` and `exposed`."""
        self._room = RoomLine(matrix, identity.did, news=lambda did: self._votes.answered(did))
        self._reactions = Reactions(matrix)
        self._me = identity.did
        self.errands = Errands(NodeLine(peers, self._room, matrix, begins=True), identity)
        line = NodeLine(peers, self._room, matrix)
        self._votes = VoteService(
            line=line,
            identity=identity,
            decisions=runs.decisions,
            history=runs.history,
            journal=journal,
            clock=clock,
        )
        self._jobs = JobService(
            line=line,
            identity=identity,
            runs=runs,
            journal=journal,
            home=home,
            find_skill=find_skill,
            exposed=exposed,
        )
        self._bus = journal.bus
        self._unsubscribe: Callable[[], None] = lambda: None
        peers.serve(VOTES, self._votes.serve)
        peers.serve(TASKS, self._jobs.serve)
        speak(self._room, matrix, self._votes, self._jobs)

    async def start(self) -> None:
        """Go on with what was open when the engine ended; to be called before the network starts."""
        loop = asyncio.get_running_loop()

        def hear(event: Event) -> None:
            if event.type in (EventType.PEER_CONNECTED, EventType.PEER_CHANGED):
                with suppress(RuntimeError):  # the loop has ended
                    loop.call_soon_threadsafe(self._votes.connected, str(event.data.get("peer", "")))

        await self._votes.start()
        await self._jobs.start()
        self._unsubscribe = self._bus.subscribe(hear)

    async def advised(self, detail: DecisionDetail) -> DecisionDetail:
        """A vote with what people in the room think of it."""
        vote = detail.decision
        if vote.kind is not DecisionKind.ARBITRATED:
            return detail
        did, run, id = (vote.asker, vote.origin.run, vote.origin.id) if vote.origin else (self._me, vote.run, vote.id)
        found = await self._reactions.to(did, vote_subject(run, id))
        return replace(detail, advice=tuple(Advice(mark, people) for mark, people in found))

    async def close(self) -> None:
        """Say and take nothing more; to be called when no run goes on any more."""
        self._unsubscribe()
        await self._room.close()
        await self._votes.close()
        await self._jobs.close()
