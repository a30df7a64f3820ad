"""`EngineApi` over the socket: a face cannot tell it from an engine in its own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, cast

from cis_tui.agents.model import (
    AgentInfo,
    ContextView,
    Conversation,
    ConversationView,
    FileUndo,
    Sent,
    Stopped,
    ToolRule,
)
from cis_tui.api import wire
from cis_tui.api.address import socket_address
from cis_tui.core.clock import Instant
from cis_tui.core.codec import decode
from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.inspection import DecisionDetail, Rule, TrailEntry
from cis_tui.dag.tool_calls import ToolCall
from cis_tui.dag.views import (
    Choice,
    DagInfo,
    DagPlan,
    Debt,
    Decision,
    LogChunk,
    PruneReport,
    RunSummary,
    RunView,
    UndoItem,
)
from cis_tui.memory.branches import MemoryTree
from cis_tui.memory.queries import IndexStatus, Query, SearchResult
from cis_tui.memory.records import (
    ArchiveReport,
    Domain,
    ExportPage,
    IndexType,
    KeyState,
    MemoryConflict,
    MemoryItem,
    MemoryPage,
    MemoryUndo,
    MemoryWrite,
    RekeyReport,
)
from cis_tui.memory.stats import MemoryStats
from cis_tui.project.model import ProjectInfo, TrustReport
from cis_tui.protocol import PROTOCOL_VERSION, EngineStatus
from cis_tui.skills.intent import Intent
from cis_tui.skills.model import SkillInfo, SkillResult, SkillRun


class RemoteEngine:
    """A live engine, reached through its socket. Implements `EngineApi`; calls may be made concurrently.

    Every method raises `Unavailable` (CIS-ENG-010) once the connection is lost. `events` opens a connection of its
    own, so that answers never queue behind events; it raises `Unavailable` when that one is lost, and may be called
    again with `since` to go on without a gap.
    """

    def __init__(self, home: Home, channel: _Channel) -> None:
        """Use `connect`."""
        self._home = home
        self._channel = channel
        self._streams: set[_Channel] = set()
        self._closed = False
        self.dropped = 0
        """Events of the droppable kinds that the engine left out because this side read too slowly."""

    @classmethod
    async def connect(cls, home: Home, role: str = "command") -> RemoteEngine:
        """Attach to the live engine of `home` as a `face`, which keeps it alive, or for a `command`.

        Raises:
            OSError: nobody listens.
            Unavailable: the engine ended meanwhile, is stopping, or is of another version (not retryable).
        """
        return cls(home, await _Channel.open(home, role))

    async def close(self) -> None:
        """Let go of the engine, which lives on."""
        self._closed = True
        for channel in (self._channel, *self._streams):
            await channel.close()

    async def stay(self) -> None:
        """Ask the engine to live without a face."""
        await self._channel.call("stay", {})

    async def shutdown(self, *, cancel: bool = False) -> None:
        """Ask the engine to end, and wait for it; with `cancel`, runs are cancelled and not left to be resumed."""
        with suppress(Unavailable):
            await self._channel.call("shutdown", {"cancel": cancel})
        await self._channel.lost.wait()

    async def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """See `EngineApi`."""
        try:
            channel = await _Channel.open(self._home, "command", read=False)
        except OSError as error:
            raise _gone() from error
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

    async def project_open(self, project: str) -> ProjectInfo:
        """See `EngineApi`."""
        return await self._call("project_open", project=project)

    async def trust_report(self, project: str) -> TrustReport:
        """See `EngineApi`."""
        return await self._call("trust_report", project=project)

    async def trust_grant(self, project: str, digest: str, *, author: bool = False) -> ProjectInfo:
        """See `EngineApi`."""
        return await self._call("trust_grant", project=project, digest=digest, author=author)

    async def trust_revoke(self, project: str) -> None:
        """See `EngineApi`."""
        await self._call("trust_revoke", project=project)

    async def memory_set(self, write: MemoryWrite, *, project: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._call("memory_set", write=write, project=project)

    async def memory_set_many(self, writes: tuple[MemoryWrite, ...], *, project: str = "") -> int:
        """See `EngineApi`."""
        return await self._call("memory_set_many", writes=writes, project=project)

    async def memory_get(self, key: str, *, public_only: bool = False) -> MemoryItem | None:
        """See `EngineApi`."""
        return await self._call("memory_get", key=key, public_only=public_only)

    async def memory_delete(self, key: str, *, run: str = "") -> bool:
        """See `EngineApi`."""
        return await self._call("memory_delete", key=key, run=run)

    async def memory_list(
        self, prefix: str = "", *, domain: Domain | None = None, limit: int = 1000, offset: int = 0, cut: int = 0
    ) -> MemoryPage:
        """See `EngineApi`."""
        return await self._call("memory_list", prefix=prefix, domain=domain, limit=limit, offset=offset, cut=cut)

    async def memory_tree(self, prefix: str = "", *, domain: Domain | None = None) -> MemoryTree:
        """See `EngineApi`."""
        return await self._call("memory_tree", prefix=prefix, domain=domain)

    async def memory_history(self, key: str) -> tuple[MemoryItem, ...]:
        """See `EngineApi`."""
        return await self._call("memory_history", key=key)

    async def memory_stats(self) -> MemoryStats:
        """See `EngineApi`."""
        return await self._call("memory_stats")

    async def memory_export(
        self, prefix: str = "", *, after: str = "", include_private: bool = False, include_sensitive: bool = False
    ) -> ExportPage:
        """See `EngineApi`."""
        return await self._call(
            "memory_export",
            prefix=prefix,
            after=after,
            include_private=include_private,
            include_sensitive=include_sensitive,
        )

    async def memory_archive(self, week: str = "") -> tuple[ArchiveReport, ...]:
        """See `EngineApi`."""
        return await self._call("memory_archive", week=week)

    async def memory_pin(self, key: str, *, pinned: bool = True, run: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._call("memory_pin", key=key, pinned=pinned, run=run)

    async def memory_classify(
        self, key: str, kind: IndexType, *, declassify: bool = False, run: str = ""
    ) -> MemoryItem:
        """See `EngineApi`."""
        return await self._call("memory_classify", key=key, kind=kind, declassify=declassify, run=run)

    async def memory_undo(self, *, run: str = "") -> MemoryUndo:
        """See `EngineApi`."""
        return await self._call("memory_undo", run=run)

    async def memory_conflicts(self, *, limit: int = 100) -> tuple[MemoryConflict, ...]:
        """See `EngineApi`."""
        return await self._call("memory_conflicts", limit=limit)

    async def memory_resolve(self, key: str, *, keep: str = "", run: str = "") -> MemoryItem:
        """See `EngineApi`."""
        return await self._call("memory_resolve", key=key, keep=keep, run=run)

    async def memory_search(self, query: Query) -> SearchResult:
        """See `EngineApi`."""
        return await self._call("memory_search", query=query)

    async def memory_index_status(self) -> IndexStatus:
        """See `EngineApi`."""
        return await self._call("memory_index_status")

    async def memory_reindex(self) -> tuple[str, ...]:
        """See `EngineApi`."""
        return await self._call("memory_reindex")

    async def memory_key_state(self) -> KeyState:
        """See `EngineApi`."""
        return await self._call("memory_key_state")

    async def memory_unlock(self, passphrase: str = "") -> None:
        """See `EngineApi`."""
        await self._call("memory_unlock", passphrase=passphrase)

    async def memory_lock(self) -> None:
        """See `EngineApi`."""
        await self._call("memory_lock")

    async def memory_rekey(self, kept: str = "", *, current: str = "", new: str = "") -> RekeyReport:
        """See `EngineApi`."""
        return await self._call("memory_rekey", kept=kept, current=current, new=new)

    async def dag_list(self, project: str) -> tuple[DagInfo, ...]:
        """See `EngineApi`."""
        return await self._call("dag_list", project=project)

    async def dag_show(self, project: str, name: str) -> DagInfo:
        """See `EngineApi`."""
        return await self._call("dag_show", project=project, name=name)

    async def dag_plan(self, project: str, name: str, params: Mapping[str, str], *, executor: str = "") -> DagPlan:
        """See `EngineApi`."""
        return await self._call("dag_plan", project=project, name=name, params=params, executor=executor)

    async def run_start(
        self, project: str, name: str, params: Mapping[str, str], *, yes: bool = False, executor: str = "local"
    ) -> RunView:
        """See `EngineApi`."""
        return await self._call("run_start", project=project, name=name, params=params, yes=yes, executor=executor)

    async def run_list(self, project: str = "", *, limit: int = 50) -> tuple[RunSummary, ...]:
        """See `EngineApi`."""
        return await self._call("run_list", project=project, limit=limit)

    async def run_show(self, run: str) -> RunView:
        """See `EngineApi`."""
        return await self._call("run_show", run=run)

    async def run_logs(self, run: str, task: str, *, attempt: int = 0, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        return await self._call("run_logs", run=run, task=task, attempt=attempt, offset=offset, limit=limit)

    async def run_resume(self, run: str, *, yes: bool = False, executor: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._call("run_resume", run=run, yes=yes, executor=executor)

    async def run_rerun(self, run: str, task: str, *, yes: bool = False, executor: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._call("run_rerun", run=run, task=task, yes=yes, executor=executor)

    async def run_undo_plan(self, run: str) -> tuple[UndoItem, ...]:
        """See `EngineApi`."""
        return await self._call("run_undo_plan", run=run)

    async def run_rollback(self, run: str, *, skip: tuple[str, ...] = (), executor: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._call("run_rollback", run=run, skip=skip, executor=executor)

    async def run_pause(self, run: str) -> RunView:
        """See `EngineApi`."""
        return await self._call("run_pause", run=run)

    async def run_cancel(self, run: str, task: str = "", *, reason: str = "") -> RunView:
        """See `EngineApi`."""
        return await self._call("run_cancel", run=run, task=task, reason=reason)

    async def run_debts(self, run: str = "", *, project: str = "", all: bool = False) -> tuple[Debt, ...]:
        """See `EngineApi`."""
        return await self._call("run_debts", run=run, project=project, all=all)

    async def run_prune(self, *, before: Instant | None = None, newest: int = 0, dry_run: bool = False) -> PruneReport:
        """See `EngineApi`."""
        return await self._call("run_prune", before=before, newest=newest, dry_run=dry_run)

    async def run_settle(self, run: str, task: str, *, reason: str) -> Debt:
        """See `EngineApi`."""
        return await self._call("run_settle", run=run, task=task, reason=reason)

    async def decision_list(self, *, all: bool = False) -> tuple[Decision, ...]:
        """See `EngineApi`."""
        return await self._call("decision_list", all=all)

    async def decision_show(self, id: str) -> DecisionDetail:
        """See `EngineApi`."""
        return await self._call("decision_show", id=id)

    async def decision_ask(self, project: str, call: ToolCall) -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_ask", project=project, call=call)

    async def decision_approve(
        self, id: str, *, reason: str = "", edit: Edit | None = None, alike: bool = False
    ) -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_approve", id=id, reason=reason, edit=edit, alike=alike)

    async def decision_reject(self, id: str, *, reason: str = "", how: Refusal | None = None) -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_reject", id=id, reason=reason, how=how)

    async def decision_hold(self, id: str) -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_hold", id=id)

    async def decision_vote(self, id: str, choice: Choice, *, seat: str = "", reason: str = "") -> Decision:
        """See `EngineApi`."""
        return await self._call("decision_vote", id=id, choice=choice, seat=seat, reason=reason)

    async def decision_rules(self, run: str = "", *, all: bool = False) -> tuple[Rule, ...]:
        """See `EngineApi`."""
        return await self._call("decision_rules", run=run, all=all)

    async def decision_withdraw(self, id: str, *, reason: str = "") -> Rule:
        """See `EngineApi`."""
        return await self._call("decision_withdraw", id=id, reason=reason)

    async def decision_trail(self, id: str = "", *, run: str = "", limit: int = 1000) -> tuple[TrailEntry, ...]:
        """See `EngineApi`."""
        return await self._call("decision_trail", id=id, run=run, limit=limit)

    async def skill_list(self, project: str) -> tuple[SkillInfo, ...]:
        """See `EngineApi`."""
        return await self._call("skill_list", project=project)

    async def skill_intent(self, project: str, text: str) -> Intent:
        """See `EngineApi`."""
        return await self._call("skill_intent", project=project, text=text)

    async def skill_run(
        self,
        project: str,
        name: str,
        args: tuple[str, ...],
        input: Mapping[str, object],
        *,
        call: str = "",
        yes: bool = False,
    ) -> SkillResult:
        """See `EngineApi`."""
        return await self._call("skill_run", project=project, name=name, args=args, input=input, call=call, yes=yes)

    async def skill_cancel(self, call: str) -> bool:
        """See `EngineApi`."""
        return await self._call("skill_cancel", call=call)

    async def skill_runs(self, project: str = "", *, skill: str = "", limit: int = 50) -> tuple[SkillRun, ...]:
        """See `EngineApi`."""
        return await self._call("skill_runs", project=project, skill=skill, limit=limit)

    async def skill_log(self, call: str, *, offset: int = 0, limit: int = 65536) -> LogChunk:
        """See `EngineApi`."""
        return await self._call("skill_log", call=call, offset=offset, limit=limit)

    async def agent_list(self, project: str) -> tuple[AgentInfo, ...]:
        """See `EngineApi`."""
        return await self._call("agent_list", project=project)

    async def agent_new(self, project: str, *, agent: str = "", title: str = "") -> Conversation:
        """See `EngineApi`."""
        return await self._call("agent_new", project=project, agent=agent, title=title)

    async def agent_conversations(
        self, project: str = "", *, query: str = "", limit: int = 50
    ) -> tuple[Conversation, ...]:
        """See `EngineApi`."""
        return await self._call("agent_conversations", project=project, query=query, limit=limit)

    async def agent_show(self, id: str) -> ConversationView:
        """See `EngineApi`."""
        return await self._call("agent_show", id=id)

    async def agent_send(self, id: str, text: str, *, steer: bool = False, attended: bool = True) -> Sent:
        """See `EngineApi`."""
        return await self._call("agent_send", id=id, text=text, steer=steer, attended=attended)

    async def agent_take_back(self, id: str) -> tuple[str, ...]:
        """See `EngineApi`."""
        return await self._call("agent_take_back", id=id)

    async def agent_stop(self, id: str) -> Stopped:
        """See `EngineApi`."""
        return await self._call("agent_stop", id=id)

    async def agent_fork(self, id: str, *, upto: int = 0) -> Conversation:
        """See `EngineApi`."""
        return await self._call("agent_fork", id=id, upto=upto)

    async def agent_rename(self, id: str, title: str) -> Conversation:
        """See `EngineApi`."""
        return await self._call("agent_rename", id=id, title=title)

    async def agent_use(self, id: str, agent: str, *, model: str = "") -> Conversation:
        """See `EngineApi`."""
        return await self._call("agent_use", id=id, agent=agent, model=model)

    async def agent_delete(self, id: str) -> None:
        """See `EngineApi`."""
        await self._call("agent_delete", id=id)

    async def agent_export(self, id: str) -> str:
        """See `EngineApi`."""
        return await self._call("agent_export", id=id)

    async def agent_undo(self, id: str, *, turn: str = "") -> tuple[FileUndo, ...]:
        """See `EngineApi`."""
        return await self._call("agent_undo", id=id, turn=turn)

    async def agent_context(self, id: str) -> ContextView:
        """See `EngineApi`."""
        return await self._call("agent_context", id=id)

    async def agent_mask(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """See `EngineApi`."""
        return await self._call("agent_mask", data=data)

    async def agent_rules(self) -> tuple[ToolRule, ...]:
        """See `EngineApi`."""
        return await self._call("agent_rules")

    async def agent_allow(self, pattern: str, level: str) -> tuple[ToolRule, ...]:
        """See `EngineApi`."""
        return await self._call("agent_allow", pattern=pattern, level=level)

    async def _call(self, method: str, /, **params: object) -> Any:
        answer = await self._channel.call(method, params)
        return decode(cast("type[Any]", wire.methods()[method].result), answer)


class _Channel:
    """One connection, after hello. Either answers are matched to calls, or `receive` gives line after line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[wire.Message]] = {}
        self._last = 2
        self._matching: asyncio.Task[None] | None = None
        self.lost = asyncio.Event()
        """Set when the connection is gone."""

    @classmethod
    async def open(cls, home: Home, role: str, *, read: bool = True) -> _Channel:
        """Connect and say hello; with `read`, begin to match answers to calls."""
        with socket_address(str(home.engine_socket)) as address:
            reader, writer = await asyncio.open_unix_connection(address, limit=wire.MAX_LINE + 1)
        channel = cls(reader, writer)
        try:
            await channel.send(wire.request(1, "hello", {"protocol": PROTOCOL_VERSION, "role": role}))
            answer = await channel.receive()
            if answer.error is not None:
                raise answer.error
        except BaseException:
            await channel.close()
            raise
        if read:
            channel._matching = asyncio.create_task(channel._match())
        return channel

    async def close(self) -> None:
        self._writer.close()
        if self._matching is not None:
            self._matching.cancel()
            await asyncio.gather(self._matching, return_exceptions=True)
        self._lose()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def send(self, line: bytes) -> None:
        if len(line) > wire.MAX_LINE:
            raise wire.too_long()
        if self.lost.is_set():
            raise _gone()
        try:
            self._writer.write(line)
            await self._writer.drain()
        except ConnectionError as error:
            raise _gone() from error

    async def receive(self) -> wire.Message:
        try:
            return wire.parse(await self._reader.readuntil(b"\n"))
        except (OSError, asyncio.IncompleteReadError) as error:
            raise _gone() from error
        except asyncio.LimitOverrunError as error:
            raise wire.too_long() from error

    async def call(self, method: str, params: Mapping[str, object]) -> object:
        self._last += 1
        id = self._last
        answer = self._waiting[id] = asyncio.get_running_loop().create_future()
        try:
            await self.send(wire.request(id, method, params))
            message = await answer
        except asyncio.CancelledError:
            self._writer.write(wire.notification("cancel", {"id": id}))
            raise
        finally:
            self._waiting.pop(id, None)
        if message.error is not None:
            raise message.error
        return message.result

    async def _match(self) -> None:
        """Hand every answer to the call that waits for it, until the connection is lost."""
        try:
            while True:
                message = await self.receive()
                answer = self._waiting.get(message.id) if isinstance(message.id, int) else None
                if answer is not None and not answer.done():
                    answer.set_result(message)
        except CisError as error:
            self._lose(error)

    def _lose(self, error: CisError | None = None) -> None:
        self.lost.set()
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(wire.Message(None, "", {}, error=error or _gone()))


def _gone() -> Unavailable:
    return Unavailable("CIS-ENG-010", "the connection to the engine is lost", hint="try again; cis engine status tells")
