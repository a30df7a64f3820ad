"""The tools of the MCP server (contract, "MCP tools"): what a client may do, under the person's rules."""

from __future__ import annotations

import asyncio
import secrets
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from cis_tui.agents.memory import may_read
from cis_tui.agents.policy import Level, Policy, covers, strictest
from cis_tui.api import mcp_shapes as shapes
from cis_tui.api.mcp_link import Link
from cis_tui.api.mcp_memory import ClientMemory
from cis_tui.api.mcp_waiting import Tell, call_skill, consent, follow_run, require_somebody
from cis_tui.core.codec import dumps
from cis_tui.core.errors import NotFound, Refused
from cis_tui.core.paths import real
from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.dag.inspection import ToolCall
from cis_tui.dag.views import DagInfo, Subject
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.protocol import EngineApi
from cis_tui.skills.model import SkillInfo, SkillOrigin

MAX_HISTORY = 50
ANSWER = "decision_answer"
CHANGING = frozenset({"memory_set", "dag_run", "skill_run"})
"""What an agent asks about in a conversation, unless the policy says otherwise."""
_SUFFIXES = (".toml", ".json")


class Tools:
    """What clients call, without anything of the wire."""

    def __init__(self, link: Link) -> None:
        self._link = link

    # Memory

    async def memory_get(self, client: str, tell: Tell, key: str) -> shapes.Entry:
        """The entry `key`; see `ClientMemory.get`."""
        await self.permit(client, tell, "memory_get", key)
        return shapes.entry(await (await self._memory()).get(key))

    async def memory_set(self, client: str, tell: Tell, write: MemoryWrite) -> shapes.Written:
        """Keep an entry; a person is asked before something that the client may not read is written over."""
        memory = await self._memory()
        why = "it writes over a private entry that clients may not read" if await memory.covers(write.key) else ""
        size = f"a new value of {len(write.value)} characters"
        await self.permit(client, tell, "memory_set", write.key, why=why, input=size)
        item = await memory.set(write)
        readable = may_read(item, await self._link.granted())
        note = "" if readable else f"kept as {item.domain.value}, {item.index_type.value}: clients cannot read it back"
        return shapes.Written(
            key=item.key, domain=item.domain.value, index_type=item.index_type.value, readable=readable, note=note
        )

    async def memory_search(self, query: str, domain: Domain | None, limit: int) -> shapes.Search:
        """Hits that may be read, best first."""
        hits, semantic = await (await self._memory()).search(query, domain, limit)
        note = f"searched by words only: {semantic}" if semantic else ""
        return shapes.Search(hits=[shapes.found(hit) for hit in hits], note=note)

    async def memory_list(self, prefix: str, domain: Domain | None, limit: int) -> shapes.Entries:
        """Entries that may be read, by key, with the beginning of their values."""
        items = await (await self._memory()).list(prefix, domain, limit)
        return shapes.Entries(items=[shapes.entry(item) for item in items])

    async def memory_history(self, key: str, limit: int) -> shapes.Entries:
        """The versions of an entry that may be read, newest first."""
        items = await (await self._memory()).history(key)
        count = max(1, min(limit, MAX_HISTORY))
        return shapes.Entries(items=[shapes.entry(item, shapes.MAX_TAIL) for item in items[:count]])

    async def _memory(self) -> ClientMemory:
        return ClientMemory(await self._link.engine(), await self._link.granted(), self._link.project)

    # DAGs

    async def dag_list(self) -> shapes.Dags:
        """The project's DAGs."""
        dags = await (await self._link.engine()).dag_list(self._link.project)
        return shapes.Dags(dags=[shapes.dag(each) for each in dags])

    async def dag_validate(self, name: str) -> shapes.Dags:
        """Every problem of a DAG, or of all of them when `name` is empty."""
        engine = await self._link.engine()
        if not name:
            return await self.dag_list()
        return shapes.Dags(dags=[shapes.dag(await engine.dag_show(self._link.project, self._named(name)))])

    async def dag_plan(self, name: str, params: Mapping[str, str]) -> shapes.Plan:
        """What a run would do."""
        engine = await self._link.engine()
        return shapes.plan(await engine.dag_plan(self._link.project, self._named(name), params))

    async def dag_run(self, client: str, tell: Tell, name: str, params: Mapping[str, str], wait: bool) -> shapes.Run:
        """Run a DAG of the project; with `wait`, until it has ended. A person's part is left to persons.

        A run that is waited for is cancelled when the client gives up the call; when it hangs up, the run goes on.
        """
        engine = await self._link.engine()
        project = self._link.project
        info = await engine.dag_show(project, self._named(name))
        input = dumps(params, indent=2) if params else ""
        await self.permit(client, tell, "dag_run", info.name, why=self._why_ask(info, params), input=input)
        view = await engine.run_start(project, info.file, params)
        if wait:
            try:
                await follow_run(engine, view, tell)
            except asyncio.CancelledError:
                given_up = f"{clean_line(client, limit=60)} gave up the call over MCP"
                self._link.later(lambda: engine.run_cancel(view.id, reason=given_up))
                raise
        return await self._shown(engine, view.id)

    async def dag_status(self, run: str, name: str) -> shapes.Run:
        """How a run is: the one named, else the newest of the DAG `name`, else the newest of the project.

        Raises:
            NotFound: there is no such run (CIS-MCP-006).
        """
        engine = await self._link.engine()
        if run:
            return await self._shown(engine, run)
        runs = [each for each in await engine.run_list(self._link.project) if name in ("", each.dag)]
        if not runs:
            of = f" of {clean_line(name)}" if name else ""
            raise NotFound("CIS-MCP-006", f"there is no run{of} here", hint="dag_run starts one")
        return await self._shown(engine, runs[0].id)

    async def _shown(self, engine: EngineApi, run: str) -> shapes.Run:
        shown = shapes.run(await engine.run_show(run), await engine.decision_list())
        return cast("shapes.Run", await engine.agent_mask(cast("Mapping[str, object]", shown)))

    def _named(self, name: str) -> str:
        """`name` as the engine takes it: of a file, only one in the project is looked at.

        Raises:
            Refused: it is a file that lies elsewhere (CIS-MCP-002).
        """
        if "/" not in name and not name.endswith(_SUFFIXES):
            return name
        root = Path(self._link.project) if self._link.project else None
        path = (root or Path.cwd()) / name
        if root is None or not real(path).is_relative_to(real(root)):
            raise Refused(
                "CIS-MCP-002", f"{clean_line(name)} is not a file of this project", hint="dag_list shows DAGs"
            )
        return str(path)

    def _why_ask(self, info: DagInfo, params: Mapping[str, str]) -> str:
        """Why a person has to confirm a run; empty when it may start."""
        own = Path(self._link.project, ".cis", "dags") if self._link.project else None
        if own is None or real(Path(info.file).parent) != real(own):
            return "it is no DAG of the project's .cis/dags"
        odd = [name for name, value in params.items() if value.startswith("-") or shlex.quote(value) != value]
        if odd:
            return f"a shell would read more than a word in what {clean_line(', '.join(sorted(odd)))} is set to"
        return ""

    # Decisions

    async def decision_list(self, all: bool) -> shapes.Decisions:
        """What is waiting for persons."""
        decisions = await (await self._link.engine()).decision_list(all=all)
        return shapes.Decisions(decisions=[shapes.decision(each) for each in decisions[-100:]])

    async def decision_answer(self, client: str, id: str, approve: bool, reason: str) -> shapes.Pending:
        """Answer what a task of a run waits for, as a client that the person's policy names for that.

        Raises:
            Refused: the policy does not name this client; it is about a call, or a vote (CIS-MCP-008).
            NotFound: there is no such open decision (CIS-MCP-009).
        """
        if not may_answer(await self._link.policy(), client):
            hint = f'policy.toml would say: "{ANSWER}:{client}" = "mechanical"'
            raise Refused("CIS-MCP-008", "only persons answer, and clients that their policy names", hint=hint)
        engine = await self._link.engine()
        decision = next((each for each in await engine.decision_list() if each.id == id), None)
        if decision is None:
            raise NotFound("CIS-MCP-009", f"there is no open decision {clean_line(id)}", hint="decision_list shows all")
        if decision.subject is not Subject.TASK or not decision.answers_alone:
            raise Refused("CIS-MCP-008", f"the decision {id} is for persons alone: it is about a call, or a vote")
        why = f"answered by {client} over MCP: {reason}" if reason else f"answered by {client} over MCP"
        answer = engine.decision_approve if approve else engine.decision_reject
        return shapes.decision(await answer(id, reason=why))

    # Skills

    async def skill_list(self) -> shapes.Skills:
        """What can be called from here."""
        skills = await (await self._link.engine()).skill_list(self._link.project)
        return shapes.Skills(skills=[shapes.skill(each, _why_confirm(each)) for each in skills])

    async def skill_run(
        self, client: str, tell: Tell, name: str, args: tuple[str, ...], input: Mapping[str, object]
    ) -> shapes.Called:
        """What a skill answers.

        Raises:
            NotFound: there is no such skill (CIS-MCP-007).
        """
        engine = await self._link.engine()
        skills = {each.name: each for each in await engine.skill_list(self._link.project)}
        if name not in skills:
            hint = did_you_mean(name, skills) or "skill_list shows all"
            raise NotFound("CIS-MCP-007", f'there is no skill "{clean_line(name)}"', hint=hint)
        skill = skills[name]
        if skill.confirm:  # the engine asks, with more to show than is known here
            await require_somebody(engine, f"{name} needs a person's yes, because {skill.confirm}")
        why = "" if skill.confirm else _why_confirm(skill)
        words = f"{name} {shlex.join(args)}".strip()
        shown = dumps({"args": args, "input": input}, indent=2)
        await self.permit(client, tell, "skill_run", name, words=words, why=why, input=shown, alias=f"skill_{name}")
        called = shapes.called(await call_skill(engine, self._link.project, name, args, input, tell))
        return cast("shapes.Called", await engine.agent_mask(cast("Mapping[str, object]", called)))

    async def permit(
        self,
        client: str,
        tell: Tell,
        tool: str,
        about: str,
        *,
        words: str = "",
        why: str = "",
        input: str = "",
        alias: str = "",
    ) -> None:
        """Hold a call against the person's policy, which may only be stricter than what is said here, and have it
        confirmed where that, or `why`, asks for it. `alias`: the tool's name where it has one of its own.

        Raises:
            Refused: the policy denies it (CIS-MCP-003); see `consent` too.
            Invalid: the policy cannot be read.
        """
        conversation = self._link.conversation
        level = self._level(await self._link.policy(), tool, about, alias)
        if level is Level.DENY:
            raise Refused("CIS-MCP-003", f"the person's policy denies {tool} {clean_line(about)}")
        if level is not Level.MECHANICAL:
            asks = conversation and tool in CHANGING
            why = why or ("agents ask before they change or run something" if asks else "the policy says so")
        if why:
            name = f"{conversation}/{secrets.token_hex(4)}" if conversation else ""
            call = ToolCall(client=client, tool=tool, about=f"{tool} {words or about}", why=why, input=input, call=name)
            await consent(await self._link.engine(), self._link.project, call, tell)

    def _level(self, policy: Policy, tool: str, about: str, alias: str) -> Level:
        """Who decides about a call. In a conversation it is as for the agents of cis: the tool of a skill has a name of
        its own there, and what a rule says of that name stands."""
        if not self._link.conversation:
            named = [policy.level(alias, "", Level.MECHANICAL)] if alias else []
            return strictest([policy.level(tool, about, Level.MECHANICAL), *named])
        level = policy.level(tool, about, Level.CONFIRMED if tool in CHANGING else Level.MECHANICAL)
        return policy.level(alias, "", level) if alias and level is not Level.DENY else level


def may_answer(policy: Policy, client: str = "") -> bool:
    """Whether the policy lets a client, or any when none is named, answer decisions: by the tool's whole name only."""
    named = [pattern for pattern, level in policy.rules.items() if level is Level.MECHANICAL]
    fitting = [pattern for pattern in named if pattern.partition(":")[0] == ANSWER]
    if not client:
        return bool(fitting)
    allowed = any(covers(pattern, ANSWER, client) for pattern in fitting)
    return allowed and policy.level(ANSWER, client, Level.DENY) is Level.MECHANICAL


def _why_confirm(skill: SkillInfo) -> str:
    """Why a person has to confirm each call of a skill by a client; empty when nobody has to."""
    if skill.confirm:
        return skill.confirm
    if skill.name == "shell" and skill.origin is SkillOrigin.SHIPPED:
        return "it runs any command, and nothing confines it"
    return "it may start any program" if "*" in skill.permissions.command else ""
