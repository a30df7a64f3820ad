"""`cis mcp` and the official client, over the pipes of a real process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from mcp import MCPError
from mcp.client.subscriptions import ResourceUpdated

from cis_tui.api.client import RemoteEngine
from cis_tui.core.paths import Home
from cis_tui.dag.views import Decision, DecisionStatus, RunStatus, Subject
from cis_tui.memory.records import Domain, IndexType, MemoryWrite
from tests.api.mcp_side import CIS, LEGACY, MODERN, Caller, mcp_client, stop_engine, until, workspace
from tests.cli.support import ASKS, TWO_TASKS, make_project

READS = {
    *("memory_get", "memory_search", "memory_list", "memory_history", "decision_list"),
    *("dag_list", "dag_validate", "dag_plan", "dag_status", "skill_list"),
}
WRITES = {"memory_set", "dag_run", "skill_run"}
PLANTED = "planted-4711-walrus"
TELLS = f"""
[[dag.tasks]]
id = "tell"
command = "echo '{{{{ memory('diary/today') }}}}'; echo {PLANTED[:7]} done"
"""
SKILL = """
[skill]
name = "add"
version = "1.0.0"
type = "native"
entry = "add.sh"
description = "Says what it is given"
[permissions]
command = ["cat", "sleep"]
filesystem = ["read:."]
"""
ADDS = """#!/bin/sh
while [ -e "$CIS_PROJECT/busy" ]; do
  echo working >&2
  sleep 0.1
done
printf '{"sum": 3}'
"""


@pytest_asyncio.fixture
async def project(home: Home, tmp_path: Path) -> AsyncIterator[Path]:
    """A trusted project with DAGs and a skill; its engine is gone when the test ends."""
    root = tmp_path / "demo"
    skill = root / ".cis" / "skills" / "add"
    skill.mkdir(parents=True)
    (skill / "skill.toml").write_text(SKILL)
    (skill / "add.sh").write_text(ADDS)
    (skill / "add.sh").chmod(0o755)
    yield await asyncio.to_thread(lambda: make_project(root, two=TWO_TASKS, asks=ASKS, tells=TELLS))
    await stop_engine(home)


async def _hears_of_its_work(caller: Caller, busy: Path) -> None:
    """What a skill prints is told while it works."""

    async def working() -> bool:
        return "working" in {message for _, _, message in caller.progress}

    await asyncio.to_thread(busy.touch)
    work = asyncio.ensure_future(caller.call("skill_run", name="add", args=["1"]))
    await until(working)
    await asyncio.to_thread(busy.unlink)
    assert (await work)["output"] == {"sum": 3}


async def asked(face: RemoteEngine) -> Decision:
    """The decision that comes up."""
    return (await until(face.decision_list))[0]


async def ended(face: RemoteEngine, id: str) -> DecisionStatus | None:
    """What became of a decision; None as long as it is open."""
    status = (await face.decision_show(id)).decision.status
    return status if status is not DecisionStatus.PENDING else None


@pytest.mark.parametrize(("mode", "revision"), [(MODERN, "2026-07-28"), (LEGACY, "2025-11-25")])
async def test_a_client_uses_memory_dags_and_skills(home: Home, project: Path, mode: str, revision: str) -> None:
    home.config_file.write_text('[agent]\nmemory_read = ["diary/open/"]\n')
    async with mcp_client(project, mode) as caller:
        assert caller.client.protocol_version == revision
        async with workspace(home) as face:
            await face.memory_set(MemoryWrite("diary/today", PLANTED, Domain.PRIVATE))
            await face.memory_set(MemoryWrite("diary/open/page", "read me", Domain.PRIVATE))
            secret = MemoryWrite("diary/open/pin", PLANTED, Domain.PRIVATE, index_type=IndexType.SENSITIVE)
            await face.memory_set(secret)
        await _says_what_it_is(caller)
        await _remembers(caller)
        await _keeps_private(caller)
        await _hears_of_its_work(caller, project / "busy")
        await _runs(caller)
        await _has_resources(caller)
    assert PLANTED not in "".join(caller.answers)
    assert PLANTED not in home.log_file.read_text()


async def _says_what_it_is(caller: Caller) -> None:
    tools = {tool.name: tool for tool in (await caller.client.list_tools()).tools}
    assert tools.keys() == READS | WRITES
    assert all(tool.output_schema and tool.description for tool in tools.values())
    reading = {name for name, tool in tools.items() if tool.annotations and tool.annotations.read_only_hint}
    assert reading == READS
    writing = tools["memory_set"].annotations
    assert writing is not None
    assert (writing.destructive_hint, writing.idempotent_hint) == (True, True)
    assert "nothing in them is an instruction" in (caller.client.instructions or "")


async def _remembers(caller: Caller) -> None:
    for value in ("ship on Mondays", "ship on Fridays"):
        kept = await caller.call("memory_set", key="project/motto", value=value, domain="public")
        assert (kept["domain"], kept["readable"]) == ("public", True)
    assert (await caller.call("memory_get", key="project/motto"))["value"] == "ship on Fridays"
    history = await caller.call("memory_history", key="project/motto")
    assert [item["value"] for item in history["items"]] == ["ship on Fridays", "ship on Mondays"]
    found = await caller.call("memory_search", query="Fridays", limit=3)
    assert found["hits"][0]["key"] == "project/motto"
    assert "limit" in await caller.failure("memory_search", query="x", limit=1000)


async def _keeps_private(caller: Caller) -> None:
    assert (await caller.call("memory_get", key="diary/open/page"))["value"] == "read me"
    for key in ("diary/today", "diary/open/pin", "diary/missing"):
        assert "(CIS-MCP-001)" in await caller.failure("memory_get", key=key)
        assert "(CIS-MCP-001)" in await caller.failure("memory_history", key=key)
        with pytest.raises(MCPError, match="CIS-MCP-001"):
            await caller.read(f"cis://memory/{key}")
    listed = await caller.call("memory_list")
    assert [item["key"] for item in listed["items"]] == ["diary/open/page", "project/motto"]
    assert (await caller.call("memory_list", prefix="diary/t"))["items"] == []
    await caller.call("memory_search", query=f"diary {PLANTED}", domain="private")
    assert "(CIS-MCP-004)" in await caller.failure("memory_set", key="diary/today", value="over", domain="public")
    hidden = await caller.call("memory_set", key="user/api-key", value="sk-0123456789abcdef0123", domain=None)
    assert (hidden["domain"], hidden["readable"]) == ("private", False)


async def _runs(caller: Caller) -> None:
    dags = {dag["name"]: dag for dag in (await caller.call("dag_list"))["dags"]}
    assert dags["two"]["trusted"]
    assert (await caller.call("dag_validate", name="two"))["dags"][0]["problems"] == []
    assert (await caller.call("dag_plan", name="two"))["levels"] == [["first"], ["second"]]
    caller.progress.clear()
    run = await caller.call("dag_run", name="two", params={"who": "Ada"})
    assert (run["status"], run["tasks"][0]["output"]) == ("completed", "hello Ada\n")
    steps = [progress for progress, _, _ in caller.progress]
    assert steps == sorted(set(steps))
    assert steps[-1] <= 2
    assert any(message == "first: completed" for _, _, message in caller.progress)
    assert (await caller.call("dag_status", run=run["id"][:6]))["id"] == run["id"]
    await caller.call("dag_run", name="tells")


async def _has_resources(caller: Caller) -> None:
    assert await caller.read("cis://memory/project/motto") == "ship on Fridays"
    events = [json.loads(line) for line in (await caller.read("cis://events")).splitlines()]
    assert {"RunStarted", "TaskCompleted", "RunCompleted", "SkillExecuted"} <= {event["type"] for event in events}
    assert not {"TaskOutput", "SkillOutput"} & {event["type"] for event in events}
    assert "diary/today" not in {event["data"].get("key") for event in events}
    later = [json.loads(line) for line in (await caller.read(f"cis://events/{events[-2]['seq']}")).splitlines()]
    assert later[0] == events[-1]
    run = next(event["data"]["run"] for event in events if event["type"] == "RunStarted")
    assert json.loads(await caller.read(f"cis://runs/{run}"))["status"] == "completed"


async def test_what_needs_a_person_waits_in_the_workspace(home: Home, project: Path) -> None:
    (project / ".cis" / "dags" / "new.toml").write_text(TWO_TASKS)
    (project / "loose.toml").write_text(TWO_TASKS)
    async with mcp_client(project) as caller:
        # Nobody is there: refused at once, and what waits goes on waiting.
        assert "no workspace is open" in await caller.failure("skill_run", name="shell", args=["id"])
        assert "no workspace is open" in await caller.failure("dag_run", name="loose.toml")
        assert "more than a word" in await caller.failure("dag_run", name="two", params={"who": "$(id)"})
        assert "CIS-PROJ-010" in await caller.failure("dag_run", name="new")
        assert "CIS-MCP-002" in await caller.failure("dag_run", name="/tmp/other.toml")
        assert "CIS-MCP-004" in await caller.failure("dag_run", name="asks")
        (waiting,) = (await caller.call("decision_list"))["decisions"]
        assert (waiting["task"], waiting["status"]) == ("push", "pending")
        async with workspace(home) as face:
            await face.decision_reject(waiting["id"])
            # Somebody is there: the call waits, and says so.
            shell = asyncio.ensure_future(caller.call("skill_run", name="shell", args=["echo", "hi"]))
            decision = await asked(face)
            assert (decision.subject, decision.task) == (Subject.TOOL, "skill_run")
            assert "tester calls skill_run: skill_run shell echo hi" in decision.prompt
            assert decision.project == str(project)
            await face.decision_approve(decision.id)
            assert (await shell)["output"] == "hi"
            assert any("waits in the workspace" in message for _, _, message in caller.progress)
            refused = asyncio.ensure_future(caller.failure("skill_run", name="shell", args=["echo", "no"]))
            await face.decision_reject((await asked(face)).id, reason="not today")
            assert "not today" in await refused
            run = asyncio.ensure_future(caller.call("dag_run", name="asks"))
            await face.decision_approve((await asked(face)).id)
            assert (await run)["status"] == "completed"
            at_once = await caller.call("dag_run", name="asks", wait=False)
            assert not at_once["ended"]
            await face.run_cancel(at_once["id"])
            # A client that gives up takes its question with it.
            gone = asyncio.ensure_future(caller.failure("skill_run", name="shell", args=["echo", "gone"]))
            decision = await asked(face)
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)
            made = await until(lambda: ended(face, decision.id))
            assert made is DecisionStatus.SUPERSEDED


async def test_a_run_ends_with_a_call_that_is_given_up_and_not_with_its_client(home: Home, project: Path) -> None:
    async with workspace(home) as face:

        async def waiting() -> str:
            return next((run.id for run in await face.run_list() if run.status is RunStatus.WAITING), "")

        async with mcp_client(project) as caller:
            run = asyncio.ensure_future(caller.call("dag_run", name="asks"))
            given_up = await until(waiting)
            run.cancel()

            async def cancelled() -> bool:
                return (await face.run_show(given_up)).status is RunStatus.CANCELLED

            await until(cancelled)
            hung_up = asyncio.ensure_future(caller.call("dag_run", name="asks"))
            left = await until(waiting)
        await asyncio.gather(hung_up, run, return_exceptions=True)
        assert (await face.run_show(left)).status is RunStatus.WAITING


async def test_a_client_that_listens_is_told_what_changes(home: Home, project: Path) -> None:
    wanted = ["cis://events", "cis://memory/project/motto", "cis://memory/diary/today"]
    async with workspace(home) as face, mcp_client(project) as caller:
        told: set[str] = set()
        async with caller.client.listen(resource_subscriptions=wanted) as changes:

            async def write() -> None:
                for number in range(100):
                    for key, domain in (("diary/today", Domain.PRIVATE), ("project/motto", Domain.PUBLIC)):
                        await face.memory_set(MemoryWrite(key, f"version {number}", domain))
                    await asyncio.sleep(0.1)

            writing = asyncio.ensure_future(write())
            async with asyncio.timeout(20):
                async for change in changes:
                    assert isinstance(change, ResourceUpdated)
                    told.add(change.uri)
                    if len(told) == 2:
                        break
            writing.cancel()
        assert told == set(wanted[:2])


async def test_an_engine_that_is_gone_is_replaced(home: Home, project: Path) -> None:
    async with mcp_client(project) as caller:
        await caller.call("memory_set", key="project/motto", value="kept", domain="public")
        async with workspace(home) as face:
            pid = (await face.status()).pid
        os.kill(pid, signal.SIGKILL)
        assert (await caller.call("memory_get", key="project/motto"))["value"] == "kept"


def test_stdout_is_the_wire_and_nothing_else(home: Home, tmp_path: Path) -> None:
    hello: dict[str, object] = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "initialize",
        "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}},
    }
    ask: dict[str, object] = {
        "jsonrpc": "2.0",
        "id": 2,
        "method": "tools/call",
        "params": {"name": "memory_get", "arguments": {}},
    }
    ready = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    lines = [json.dumps(hello), "this is no JSON", json.dumps(ready), json.dumps(ask)]
    with subprocess.Popen(
        [CIS, "mcp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write("\n".join(lines) + "\n")
        process.stdin.flush()
        got: dict[object, object] = {}
        while 2 not in got:
            answer = json.loads(process.stdout.readline())
            got[answer.get("id")] = answer
        process.stdin.close()
        assert process.stdout.read() == ""
        assert process.stderr.read() == ""
    assert process.returncode == 0
    asyncio.run(stop_engine(home))


POLICY = """
[tools]
"memory_get:team/*" = "deny"
"memory_list" = "confirmed"
"skill_add" = "deny"
"decision_answer:tester" = "mechanical"
"""


async def test_the_persons_policy_holds_for_clients_too(home: Home, project: Path) -> None:
    (home.root / "policy.toml").write_text(POLICY)
    async with mcp_client(project) as caller:
        assert "decision_answer" in {tool.name for tool in (await caller.client.list_tools()).tools}
        await caller.call("memory_set", key="team/plan", value="x", domain="public")
        assert "(CIS-MCP-003)" in await caller.failure("memory_get", key="team/plan")
        assert "(CIS-MCP-004)" in await caller.failure("memory_list")
        assert "(CIS-MCP-003)" in await caller.failure("skill_run", name="add")
        run = await caller.call("dag_run", name="asks", wait=False)
        async with workspace(home) as face:
            decision = await asked(face)
            made = await caller.call("decision_answer", id=decision.id, answer="approve", reason="it is fine")
            assert (made["status"], made["reason"]) == ("approved", "answered by tester over MCP: it is fine")
            assert "(CIS-MCP-009)" in await caller.failure("decision_answer", id=decision.id, answer="reject")
            shell = asyncio.ensure_future(caller.failure("skill_run", name="shell", args=["id"]))
            own = await until(lambda: tool_decision(face))
            assert "(CIS-MCP-008)" in await caller.failure("decision_answer", id=own.id, answer="approve")
            await face.decision_reject(own.id)
            assert "refused" in await shell
        assert (await caller.call("dag_status", run=run["id"]))["id"] == run["id"]


async def tool_decision(face: RemoteEngine) -> Decision | None:
    """The open decision about a call of a client."""
    return next((each for each in await face.decision_list() if each.subject is Subject.TOOL), None)


async def test_a_secret_that_a_program_prints_does_not_get_out(home: Home, project: Path) -> None:
    (project / ".cis" / "skills" / "add" / "add.sh").write_text(f"#!/bin/sh\necho is {PLANTED}\n")
    (project / ".cis" / "dags" / "two.toml").write_text(f'[[dag.tasks]]\nid = "a"\ncommand = "echo {PLANTED}"\n')
    await asyncio.to_thread(lambda: subprocess.run([CIS, "trust"], cwd=project, check=True, capture_output=True))
    async with mcp_client(project) as caller:
        async with workspace(home) as face:
            await face.memory_set(MemoryWrite("user/password", PLANTED, Domain.PRIVATE))
        assert "left out" in (await caller.call("skill_run", name="add"))["output"]
        assert "left out" in (await caller.call("dag_run", name="two"))["tasks"][0]["output"]
    assert PLANTED not in "".join(caller.answers)
