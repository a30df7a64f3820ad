"""`EngineApi` over the socket: a face cannot tell it from an engine in its own process."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

from cis_tui.api import wire
from cis_tui.api.client.agents import AgentCalls
from cis_tui.api.client.channel import Channel, gone
from cis_tui.api.client.decisions import DecisionCalls
from cis_tui.api.client.matrix import MatrixCalls
from cis_tui.api.client.memory import MemoryCalls
from cis_tui.api.client.peers import PeerCalls
from cis_tui.api.client.projects import ProjectCalls
from cis_tui.api.client.runs import RunCalls
from cis_tui.api.client.skills import SkillCalls
from cis_tui.core.codec import decode
from cis_tui.core.errors import Unavailable
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.core.pulse import Activity
from cis_tui.protocol import EngineStatus


class RemoteEngine(ProjectCalls, MemoryCalls, RunCalls, DecisionCalls, SkillCalls, AgentCalls, PeerCalls, MatrixCalls):
    """A live engine, reached through its socket. Implements `EngineApi`; calls may be made concurrently.

    Every method raises `Unavailable` (CIS-ENG-010) once the connection is lost. `events` opens a connection of its
    own, so that answers never queue behind events; it raises `Unavailable` when that one is lost, and may be called
    again with `since` to go on without a gap.
    """

    def __init__(self, home: Home, channel: Channel, role: str) -> None:
        """Use `connect`."""
        super().__init__(channel)
        self._home = home
        self._events_role = "agent" if role == "agent" else "command"
        self._streams: set[Channel] = set()
        self._closed = False
        self.dropped = 0
        """Events of the droppable kinds that the engine left out because this side read too slowly."""

    @classmethod
    async def connect(cls, home: Home, role: str = "command") -> RemoteEngine:
        """Attach to the live engine of `home` as a `face`, which keeps it alive, or for a `command`, or for an `agent`,
        which the engine itself has started, and which keeps it not.

        Raises:
            OSError: nobody listens.
            Unavailable: the engine ended meanwhile, is stopping, or is of another version (not retryable).
        """
        return cls(home, await Channel.open(home, role), role)

    async def close(self) -> None:
        """Let go of the engine, which lives on."""
        self._closed = True
        for channel in (self._channel, *self._streams):
            await channel.close()

    async def stay(self) -> None:
        """Ask the engine to live without a face."""
        await self._channel.call("stay", {})

    async def shutdown(self) -> None:
        """Ask the engine to end, and wait for it; runs in progress are left to be resumed."""
        with suppress(Unavailable):
            await self._channel.call("shutdown", {})
        await self._channel.lost.wait()

    async def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """See `EngineApi`."""
        try:
            channel = await Channel.open(self._home, self._events_role, read=False)
        except OSError as error:
            raise gone() from error
        self._streams.add(channel)
        told = 0
        try:
            await channel.send(wire.request(2, "subscribe", {"since": since}))
            while True:
                message = await channel.receive()
                if message.error is not None:
                    raise message.error
                if message.method == "event":
                    yield decode(Event, message.params["event"])
                elif message.method == "dropped":
                    count = decode(int, message.params["count"])
                    self.dropped += count - told
                    told = count
        except Unavailable:
            if not self._closed:
                raise
        finally:
            self._streams.discard(channel)
            await channel.close()

    async def status(self) -> EngineStatus:
        """See `EngineApi`."""
        return await self._call("status")

    async def recent(self, *, limit: int = 100) -> tuple[Event, ...]:
        """See `EngineApi`."""
        return await self._call("recent", limit=limit)

    async def activity(self, *, step: int = 60, spans: int = 60) -> Activity:
        """See `EngineApi`."""
        return await self._call("activity", step=step, spans=spans)
