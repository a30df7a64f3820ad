"""Tasks of DAGs that ask an agent."""

from __future__ import annotations

import asyncio
from pathlib import Path

from cis_tui.agents.tasks import GO_ON, conversation_of
from cis_tui.core.events import EventType
from cis_tui.dag.answers import Edit
from cis_tui.dag.views import RunView
from cis_tui.memory.records import Domain, MemoryWrite
from tests.agents import far_end as wire
from tests.agents.desk import Desk
from tests.agents.far_end import FarEnd, Reply

SUMMARY = """
[[dag.tasks]]
id = "logs"
command = "echo 3 errors"
[[dag.tasks]]
id = "sum"
prompt = "Summarize: {{ tasks.logs.output }}"
deps = ["logs"]
agent_config = { model = "claude-opus-5-5", max_tokens = 99, remember = "notes/summary" }
[[dag.tasks]]
id = "tell"
command = "echo told: {{ tasks.sum.output.said }}"
deps = ["sum"]
"""


async def run(desk: Desk, text: str) -> RunView:
    """Run a DAG to its end."""
    view = await start(desk, text)
    return await over(desk, view.id)


async def start(desk: Desk, text: str) -> RunView:
    file = desk.folder / "asking.toml"
    write(file, text)
    return await desk.engine.run_start("", str(file), {})


def write(file: Path, text: str) -> None:
    file.write_text(text)


async def over(desk: Desk, id: str) -> RunView:
    ends = (EventType.RUN_COMPLETED, EventType.RUN_FAILED)
    await desk.until(lambda event: event.type in ends and event.data.get("run") == id)
    return await desk.engine.run_show(id)


async def test_an_answer_goes_to_the_next_task_and_to_memory(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(wire.text('{"said": "all broken"}'))]
    view = await run(desk, SUMMARY)
    tasks = {task.id: task for task in view.tasks}
    assert view.status == "completed" and tasks["tell"].output.strip() == "told: all broken"
    body = end.messages[-1].body
    assert (body["model"], body["max_tokens"]) == ("claude-opus-5-5", 99)
    assert body["messages"][-1]["content"][-1]["text"].strip() == "Summarize: 3 errors"
    kept = await desk.engine.memory_get("notes/summary")
    assert kept is not None and kept.value == '{"said": "all broken"}' and kept.domain is Domain.PRIVATE
    log = await desk.engine.run_logs(view.id, "sum")
    assert "all broken" in log.text and "7 written" in log.text
    shown = await desk.engine.agent_show(conversation_of(view.id, "sum"))
    assert shown.conversation.output == 7
    started = [event.data for event in desk.events if event.type == EventType.AGENT_STARTED]
    assert (started[0]["run"], started[0]["task"]) == (view.id, "sum")


async def test_a_later_task_goes_on_with_the_agent_of_an_earlier_one(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(wire.text("a walrus")), Reply(wire.text("grey"))]
    view = await run(
        desk,
        """
[[dag.tasks]]
id = "animal"
prompt = "Name an animal."
agent_runtime = "claude"
keep_agent = true
[[dag.tasks]]
id = "colour"
prompt = "Which colour has it?"
reuse_agent = "animal"
deps = ["animal"]
""",
    )
    assert view.status == "completed"
    said = [message["content"][-1]["text"] for message in end.messages[-1].body["messages"]]
    assert said == ["Name an animal.", "a walrus", "Which colour has it?"]


async def test_a_failure_is_tried_again_as_the_task_says(desk: Desk, end: FarEnd) -> None:
    refused = Reply(status=400, body=wire.error("invalid_request_error", "no"))
    end.script = [refused]
    view = await run(desk, '[[dag.tasks]]\nid = "a"\nprompt = "hi"\nretry = { max = 2, backoff = 0.01 }\n')
    assert view.status == "failed" and "CIS-AGENT-005" in view.tasks[0].error and view.tasks[0].attempts == 1
    overloaded = Reply(status=529, body=wire.error("overloaded_error", "busy"))
    end.script = [overloaded] * 5 + [Reply(wire.text("at last"))]
    view = await run(desk, '[[dag.tasks]]\nid = "a"\nprompt = "hi"\nretry = { max = 2, backoff = 0.01 }\n')
    assert view.status == "completed" and view.tasks[0].attempts == 2


async def test_what_tools_have_done_is_not_asked_for_again(desk: Desk, end: FarEnd) -> None:
    end.script = [
        Reply(wire.calls(("t1", "memory_list", {}))),
        *[Reply(status=529, body=wire.error("overloaded_error", "busy"))] * 5,
        Reply(wire.text("done")),
    ]
    view = await run(desk, '[[dag.tasks]]\nid = "a"\nprompt = "hi"\nretry = { max = 2, backoff = 0.01 }\n')
    assert view.status == "completed"
    content = end.messages[-1].body["messages"][-1]["content"]
    assert [each["type"] for each in content] == ["tool_result", "text"] and content[-1]["text"] == GO_ON


async def test_silence_of_a_task_ends_with_its_time(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(wire.text("so")[:3], end="stall")]
    view = await run(desk, '[[dag.tasks]]\nid = "a"\nprompt = "hi"\ntimeout_secs = 0.5\n')
    assert view.status == "failed" and "timed out after 0.5 s" in view.tasks[0].error


async def test_a_cancelled_run_stops_its_agent(desk: Desk, end: FarEnd) -> None:
    end.script = [Reply(wire.text("so far")[:3], end="stall")]
    view = await start(desk, '[[dag.tasks]]\nid = "a"\nprompt = "hi"\n')
    await asyncio.wait_for(end.told.wait(), 20)
    await desk.until(lambda event: event.type == EventType.AGENT_DELTA)
    cancelled = await desk.engine.run_cancel(view.id)
    assert cancelled.status == "cancelled"
    await asyncio.wait_for(end.aborted.wait(), 10)
    last = (await desk.messages(conversation_of(view.id, "a")))[-1]
    assert (last.text, last.stop) == ("so far", "interrupted")


async def test_a_prompt_is_decided_about_and_changed_like_a_command(desk: Desk, end: FarEnd) -> None:
    view = await start(desk, '[[dag.tasks]]\nid = "a"\nprompt = "hi"\nlevel = { type = "confirmed" }\n')
    asked = await desk.until(lambda event: event.type == EventType.DECISION_REQUESTED)
    (decision,) = await desk.engine.decision_list()
    assert "ask the default agent: hi" in decision.prompt and asked.data["task"] == "a"
    await desk.engine.decision_approve(decision.id, edit=Edit(command="hello there"))
    assert (await over(desk, view.id)).status == "completed"
    assert end.messages[-1].body["messages"][-1]["content"][-1]["text"] == "hello there"


async def test_private_values_of_templates_are_not_sent(desk: Desk, end: FarEnd) -> None:
    secret = "the treasure lies under the third palm tree"
    await desk.engine.memory_set(MemoryWrite("private/map", secret, Domain.PRIVATE))
    text = """
[[dag.tasks]]
id = "leak"
command = "cat"
input = { map = "{{ memory('private/map') }}" }
[[dag.tasks]]
id = "a"
prompt = "{{ memory('private/map') }} and {{ tasks.leak.output }}"
deps = ["leak"]
"""
    view = await run(desk, text)
    assert view.status == "completed"
    assert secret not in "".join(asked.text for asked in end.asked)


async def test_what_an_agent_cannot_do_is_said_when_the_dag_is_read(desk: Desk, end: FarEnd) -> None:
    file = desk.folder / "wrong.toml"
    write(
        file,
        """
[[dag.tasks]]
id = "a"
agent = "claude"
[[dag.tasks]]
id = "b"
prompt = "x"
command = "echo"
[[dag.tasks]]
id = "c"
command = "echo"
keep_agent = true
[[dag.tasks]]
id = "d"
prompt = "x"
reuse_agent = "nobody"
""",
    )
    problems = [str(problem) for problem in (await desk.engine.dag_show("", str(file))).problems]
    text = "\n".join(problems)
    for said in (
        'has no "prompt"',
        'does not go with "prompt"',
        '"keep_agent" means nothing',
        'reuses the agent of "nobody"',
    ):
        assert said in text, said
