"""An edit before a yes: checked, kept, and what really runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.document import is_list, is_table
from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.retry import Retry
from cis_tui.dag.answers import Edit
from cis_tui.dag.calls import Call
from cis_tui.dag.editing import edited, merged
from cis_tui.dag.model import DagSpec, Level, LevelKind, Param, TaskSpec
from cis_tui.dag.template import MASK
from cis_tui.dag.views import Decision, DecisionStatus, RunStatus, TaskStatus
from cis_tui.skills.model import SkillManifest, SkillType
from tests.dag.lab import Lab, eventually, open_lab, read, shell

CONFIRMED = Level(LevelKind.CONFIRMED, timeout=60)
ECHO = SkillManifest("echo", "1.0", SkillType.NATIVE, "cat")


async def approve(lab: Lab, task: str, edit: Edit) -> Decision:
    return await lab.runs.decisions.approve((await lab.decision(task)).id, edit=edit, reason="better so")


async def test_what_was_edited_runs_in_every_attempt_and_is_kept(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        task = shell("push", "echo old", level=CONFIRMED, retry=Retry(max=2, backoff=0, jitter=False))
        run = await lab.start(task)
        made = await approve(lab, "push", Edit(command="echo new >> ran; test $(wc -l < ran) -ge 2"))
        assert made.edit and made.edit.command == "echo new >> ran; test $(wc -l < ran) -ge 2"
        view = await lab.ended(run)
        assert (view.status, view.tasks[0].attempts) == (RunStatus.COMPLETED, 2)
        assert read(lab.project / "ran") == "new\nnew\n"
        assert view.tasks[0].command.startswith("echo new")
        detail = lab.runs.history.detail(made.id)
        assert [attempt.exit_code for attempt in detail.attempts] == [1, 0]
        assert detail.trail[-1].data["edit"] == {"command": made.edit.command, "args": None, "input": None}
        assert detail.preview is not None and detail.preview.command == "echo old"


async def test_braces_in_an_edit_are_no_template(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "true", level=CONFIRMED))
        await approve(lab, "push", Edit(command="echo '{{ params.x }}'"))
        assert (await lab.ended(run)).tasks[0].output == "{{ params.x }}\n"


async def test_an_edit_outlives_the_engine(tmp_path: Path) -> None:
    """Killed while it runs, the task asks whether it may run again - what was edited, not what the file says."""
    async with open_lab(tmp_path) as lab:
        run = await lab.start(shell("push", "echo old >> ran", level=CONFIRMED))
        await approve(lab, "push", Edit(command="echo new >> ran; test -e go || sleep 60"))
        await eventually(lambda: read(lab.project / "ran") == "new\n")
    for _ in range(2):
        async with open_lab(tmp_path) as lab:
            await lab.runs.resume(run)
            decision = await lab.decision("push")
            assert "echo new" in decision.prompt
            assert "Its processes are gone." in decision.prompt
            assert decision.edit is not None
    (lab.project / "go").touch()
    async with open_lab(tmp_path) as lab:
        await lab.runs.resume(run)
        again = await lab.decision("push")
        await lab.runs.decisions.approve(again.id)
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
        assert read(lab.project / "ran") == "new\nnew\n"


INNER = DagSpec("one", (shell("say", "echo {{ params.who }} >> said; test -e go"),), params=(Param("who"),))


async def test_parameters_of_another_dag_are_edited_and_outlive_the_run(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        task = TaskSpec("inner", dag="one", input={"who": "ann"}, level=CONFIRMED)
        run = await lab.start(task, dags={"one": INNER})
        id = (await lab.decision("inner")).id
        with pytest.raises(Invalid, match='no parameter "whom"'):
            await lab.runs.decisions.approve(id, edit=Edit(input={"whom": "bob"}))
        assert lab.runs.decisions.list()[0].status is DecisionStatus.PENDING
        await lab.runs.decisions.approve(id, edit=Edit(input={"who": "bob"}))
        assert (await lab.ended(run)).status is RunStatus.FAILED
        (lab.project / "go").touch()
        await lab.runs.resume(run)
        await lab.until(lambda: lab.runs.history.show(run).status is RunStatus.COMPLETED)
        assert read(lab.project / "said") == "bob\nbob\n"


async def test_what_is_private_stays_masked_and_arrives(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        task = TaskSpec(
            "push", command="cat > got", input={"word": '{{ memory("own/word") }}', "to": "test"}, level=CONFIRMED
        )
        run = await lab.start(task)
        id = (await lab.decision("push")).id
        preview = lab.runs.history.detail(id).preview
        assert preview is not None and "zebra" not in preview.input and MASK in preview.input
        with pytest.raises(Invalid, match="cannot be moved"):
            await lab.runs.decisions.approve(id, edit=Edit(input={"other": MASK}))
        await lab.runs.decisions.approve(id, edit=Edit(input={"word": MASK, "to": "prod"}))
        assert (await lab.ended(run)).status is RunStatus.COMPLETED
        assert read(lab.project / "got") == '{"word":"zebra-crossing","to":"prod"}\n'
        assert "zebra" not in "".join(str(event.data) for event in lab.events)


@pytest.mark.parametrize(
    ("task", "call", "edit", "says"),
    [
        (shell("t", "true"), None, Edit(args=("x",)), "no arguments of its own"),
        (shell("t", "true"), None, Edit(command="  "), "the command is empty"),
        (shell("t", "true"), None, Edit(command="a\0b"), "no program could be given"),
        (shell("t", "true"), None, Edit(input={"a": float("nan")}), "no program could be given"),
        (shell("t", "true"), None, Edit(command="x" * 1_000_001), "more than 1000000 characters"),
        (TaskSpec("t", skill="echo"), ECHO, Edit(command="true"), "runs the skill echo, not a command"),
    ],
)
def test_what_an_edit_cannot_be(task: TaskSpec, call: SkillManifest | None, edit: Edit, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        edited(task, Call("true", call, (), {}, {}, Path(), None), edit, {})


async def test_a_list_and_a_vote_are_not_edited(tmp_path: Path) -> None:
    vote = Level(LevelKind.ARBITRATED, timeout=60, stakeholders=("dba",))
    async with open_lab(tmp_path) as lab:
        await lab.start(shell("m", "true", level=CONFIRMED, for_each=("1",)), shell("v", "true", level=vote))
        with pytest.raises(Refused, match="stands for a list"):
            await approve(lab, "m", Edit(command="echo"))
        with pytest.raises(Refused, match="made by votes"):
            await approve(lab, "v", Edit(command="echo"))
        assert lab.task((await lab.decision("m")).run, "m").status is TaskStatus.WAITING


def test_an_edit_adds_to_the_one_before() -> None:
    before = Edit(command="a", input={"x": 1})
    assert merged(before, Edit(args=("b",), input={})) == Edit("a", ("b",), {})
    assert merged(None, before) == before


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text("ab{}•", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("ab", max_size=2), JSON, max_size=3))
def test_giving_back_what_is_shown_changes_nothing(input: dict[str, object]) -> None:
    real = Call("cat", None, (), input, {}, Path(), None)
    call = replace(real, masked=replace(real, input=masked(input)))
    same = edited(shell("t", "cat"), call, Edit(input=masked(input)), {})
    assert (same.input, same.masked and same.masked.input) == (input, masked(input))


def mask(value: object) -> object:
    """`value` with every text that has an `a` in it masked."""
    if is_table(value):
        return {key: mask(item) for key, item in value.items()}
    if is_list(value):
        return [mask(item) for item in value]
    return value.replace("a", MASK) if isinstance(value, str) else value


def masked(input: dict[str, object]) -> dict[str, object]:
    return {key: mask(item) for key, item in input.items()}
