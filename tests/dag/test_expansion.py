"""Tasks that stand for others: what they become, how they end, and that a crash changes nothing about it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.errors import Invalid
from cis_tui.core.events import EventType
from cis_tui.core.retry import Retry
from cis_tui.dag.expansion import MAX_BYTES, Expansion, Within, gathered, inner_spec, listed
from cis_tui.dag.model import DagSpec, Level, LevelKind, Param, Policy, TaskSpec
from cis_tui.dag.state import RunState
from cis_tui.dag.views import DecisionKind, RunStatus, RunView, TaskStatus
from tests.dag.lab import Lab, eventually, open_lab, read, shell

S = TaskStatus
CONFIRMED = Level(LevelKind.CONFIRMED, timeout=60)
WAIT = "until test -e go; do sleep 0.02; done"


def each(id: str, items: tuple[object, ...] | str, command: str, *deps: str, **more: object) -> TaskSpec:
    """A task for each item."""
    return shell(id, command, *deps, for_each=items, **more)


def of_dag(id: str, dag: str, *deps: str, **more: object) -> TaskSpec:
    """A task that stands for a DAG."""
    return replace(TaskSpec(id, dag=dag, deps=deps), **more)  # pyright: ignore[reportArgumentType]


def statuses(view: RunView) -> dict[str, TaskStatus]:
    return {task.id: task.status for task in view.tasks}


def output(view: RunView, id: str) -> str:
    return next(task.output for task in view.tasks if task.id == id)


def error(view: RunView, id: str) -> str:
    return next(task.error for task in view.tasks if task.id == id)


# For each item


async def test_a_task_for_each_item_of_a_list(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            each("greet", ("ann", "bob"), "echo {{ index }} {{ item }}"),
            shell("after", "echo {{ tasks.greet.output | quote }} {{ tasks['greet[1]'].output }}", "greet"),
        )
    assert view.status is RunStatus.COMPLETED
    assert [(task.id, task.parent, task.name) for task in view.tasks] == [
        ("greet", "", ""),
        ("greet[0]", "greet", "ann"),
        ("greet[1]", "greet", "bob"),
        ("after", "", ""),
    ]
    assert json.loads(output(view, "greet")) == ["0 ann", "1 bob"]
    assert output(view, "after") == '["0 ann", "1 bob"] 1 bob\n'
    assert view.tasks[0].attempts == 0
    assert view.tasks[0].started_at is not None


async def test_the_list_can_come_from_an_earlier_output(tmp_path: Path) -> None:
    found = '[{"host": "a", "ports": [1, 2]}, {"host": "b", "ports": []}]'
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("find", f"echo '{found}'"),
            shell("lines", "printf 'x y\\nz\\n'"),
            each("probe", "tasks.find.output", "echo {{ item.host }} {{ item.ports | length }}", "find"),
            each("word", "{{ tasks.lines.output.splitlines() }}", "echo {{ item | quote }}", "lines"),
            each("count", "range(params.n)", "echo {{ item }}"),
            each("part", ("{{ params.n }}", {"x": ["{{ params.n + 1 }}"]}), "echo {{ item | tojson | quote }}"),
            params={"n": 3},
        )
    assert view.status is RunStatus.COMPLETED
    assert json.loads(output(view, "probe")) == ["a 2", "b 0"]
    assert json.loads(output(view, "word")) == ["x y", "z"]
    assert json.loads(output(view, "count")) == ["0", "1", "2"]
    assert json.loads(output(view, "part")) == ['"3"', {"x": ["4"]}]


async def test_no_items_are_done_at_once(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(each("none", (), "false"), shell("after", "echo '{{ tasks.none.output }}'", "none"))
    assert view.status is RunStatus.COMPLETED
    assert output(view, "after") == "[]\n"


async def test_one_that_fails_fails_the_whole_after_its_retries(tmp_path: Path) -> None:
    soon = Retry(max=1, backoff=0.01, jitter=False)
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            each("t", ("0", "1", "0"), "exit {{ item }}", retry=soon, on_failure="tell"),
            shell("next", "true", "t"),
            shell("tell", "echo '{{ tasks.t.error }}'"),
        )
    assert statuses(view) == {
        "t": S.FAILED,
        "t[0]": S.COMPLETED,
        "t[1]": S.FAILED,
        "t[2]": S.COMPLETED,
        "next": S.SKIPPED,
        "tell": S.COMPLETED,
    }
    assert (error(view, "t"), output(view, "t")) == ("t[1] failed", '["", null, ""]')
    assert output(view, "tell") == "t[1] failed\n"
    assert [task.attempts for task in view.tasks[1:4]] == [1, 2, 1]


async def test_with_debts_allowed_the_whole_completes(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            each("t", ("0", "1"), "exit {{ item }}"), shell("next", "true", "t"), policy=Policy.ALLOW_DEBT
        )
    assert statuses(view) == {"t": S.COMPLETED, "t[0]": S.COMPLETED, "t[1]": S.DEBT, "next": S.COMPLETED}


async def test_a_condition_and_a_decision_are_about_the_whole(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            each("never", "tasks.nothing.output", "true", condition="false"),
            each("t", ("a", "b"), "echo {{ item }}", level=CONFIRMED),
        )
        decision = await lab.decision("t")
        assert decision.prompt == "2 tasks, one for each item:\necho a\necho b"
        await lab.runs.decisions.approve(decision.id)
        view = await lab.ended(run)
    assert statuses(view) == {"never": S.SKIPPED, "t": S.COMPLETED, "t[0]": S.COMPLETED, "t[1]": S.COMPLETED}


async def test_its_own_limit_holds(tmp_path: Path) -> None:
    busy = "mkdir busy || exit 1; sleep 0.05; rmdir busy"
    async with open_lab(tmp_path) as lab:
        view = await lab.run(each("t", ("a", "b", "c"), busy, max_parallel=1))
    assert view.status is RunStatus.COMPLETED


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ("tasks.say.output", 'for_each of "t" is "hello", expected a list'),
        ("params", 'for_each of "t" is a table, expected a list'),
        ("params.n", 'for_each of "t" is 3, expected a list'),
        ("params.none", 'there is no "none"'),
        ("range(1001)", 'for_each of "t" has 1001 items, at most 1000 are allowed'),
        ("tasks.say.output ~", "the template"),
    ],
)
async def test_what_is_no_list_fails_the_task(tmp_path: Path, items: str, said: str) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(shell("say", "echo hello"), each("t", items, "true", "say"), params={"n": 3})
    assert statuses(view) == {"say": S.COMPLETED, "t": S.FAILED}
    assert said in error(view, "t")


def test_items_are_bounded_and_plain() -> None:
    task = TaskSpec("t", for_each=(), max_items=2)
    assert listed('["a", 1]', task) == ("a", 1)
    assert listed((1, [2, {"x": None}]), task) == (1, [2, {"x": None}])
    with pytest.raises(Invalid, match="3 items, at most 2") as refused:
        listed([1, 2, 3], task)
    assert refused.value.hint == "max_items = 3 allows so many"
    with pytest.raises(Invalid, match="cannot say"):
        listed([object()], task)
    with pytest.raises(Invalid, match="cannot say"):
        listed([float("nan")], task)
    with pytest.raises(Invalid, match="characters"):
        listed(["x" * MAX_BYTES], task)


@given(st.lists(st.text(max_size=30) | st.sampled_from(['{"a": 1}', "[1", "x" * 500_000]), max_size=8))
def test_outputs_of_many_are_json_of_a_bounded_length(outputs: list[str]) -> None:
    task = TaskSpec("t", for_each=tuple(range(len(outputs))))
    inner = inner_spec(task, Expansion(tuple(range(len(outputs)))), DagSpec("d", (task,)), {})
    facts = {f"t[{index}]": {"status": "completed", "output": text} for index, text in enumerate(outputs)}
    whole = gathered(task, inner, facts)
    assert len(whole) <= MAX_BYTES + 100
    found = json.loads(whole)
    assert len(found) == len(outputs)
    for text, got in zip(outputs, found, strict=True):
        assert got == ({"a": 1} if text == '{"a": 1}' else text.rstrip("\n")) or text.endswith(got)


# Another DAG

INNER = DagSpec(
    "inner",
    (
        shell("build", "echo {{ params.tag }} $TARGET $WHO"),
        shell("push", "echo pushed {{ tasks.build.output }}", "build"),
    ),
    params=(Param("tag", default="none"), Param("count", "integer", default=1)),
    env={"TARGET": "inner"},
)


async def run_with(lab: Lab, *tasks: TaskSpec, dags: dict[str, DagSpec] | None = None, **options: object) -> RunView:
    return await lab.run(*tasks, dags={"inner": INNER} if dags is None else dags, **options)


async def test_the_tasks_of_another_dag_run_in_the_place_of_one(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await run_with(
            lab,
            shell("version", "echo 1.2"),
            of_dag("ship", "inner", "version", input={"tag": "{{ tasks.version.output }}"}, env={"WHO": "me"}),
            shell("after", "echo {{ tasks.ship.output }}, {{ tasks['ship/build'].output }}", "ship"),
        )
    assert [(task.id, task.parent, task.deps) for task in view.tasks] == [
        ("version", "", ()),
        ("ship", "", ("version",)),
        ("ship/build", "ship", ()),
        ("ship/push", "ship", ("ship/build",)),
        ("after", "", ("ship",)),
    ]
    assert view.status is RunStatus.COMPLETED
    assert output(view, "ship") == "pushed 1.2 inner me\n"
    assert output(view, "after") == "pushed 1.2 inner me, 1.2 inner me\n"


async def test_env_goes_in_but_what_the_other_dag_says_stays_unless_the_task_says_otherwise(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await run_with(
            lab,
            of_dag("a", "inner"),
            of_dag("b", "inner", env={"TARGET": "{{ params.where }}"}),
            env={"TARGET": "outer", "WHO": "all"},
            params={"where": "{{ tasks }}"},
        )
    assert output(view, "a/build") == "none inner all\n"
    assert output(view, "b/build") == "none {{ tasks }} all\n", "a value is never a template again"


async def test_several_last_tasks_give_a_table(tmp_path: Path) -> None:
    inner = DagSpec("inner", (shell("a", "echo 1"), shell("b", "echo '{\"x\": 2}'"), shell("h", "true")))
    async with open_lab(tmp_path) as lab:
        view = await run_with(lab, of_dag("t", "inner"), dags={"inner": inner})
    assert json.loads(output(view, "t")) == {"a": "1", "b": {"x": 2}, "h": ""}


async def test_what_happens_inside_stays_inside(tmp_path: Path) -> None:
    inner = DagSpec(
        "inner",
        (shell("slow", "sleep 1000"), shell("quick", WAIT), shell("asked", "true", level=CONFIRMED)),
        policy=Policy.FIRST_SUCCESS,
    )
    async with open_lab(tmp_path) as lab:
        run = await lab.start(of_dag("race", "inner"), shell("after", "echo done", "race"), dags={"inner": inner})
        await lab.running("race/slow")
        await lab.decision("race/asked")
        (lab.project / "go").touch()
        view = await lab.ended(run)
        assert lab.runs.decisions.list() == ()
    assert view.status is RunStatus.COMPLETED
    assert statuses(view) == {
        "race": S.COMPLETED,
        "race/slow": S.CANCELLED,
        "race/quick": S.COMPLETED,
        "race/asked": S.CANCELLED,
        "after": S.COMPLETED,
    }


async def test_a_failure_inside_calls_whom_it_should_and_fails_the_task(tmp_path: Path) -> None:
    inner = DagSpec("inner", (shell("a", "exit 3", on_failure="h"), shell("h", "echo {{ tasks.a.exit_code }}")))
    async with open_lab(tmp_path) as lab:
        view = await run_with(lab, of_dag("t", "inner"), shell("next", "true", "t"), dags={"inner": inner})
    assert statuses(view) == {"t": S.FAILED, "t/a": S.FAILED, "t/h": S.COMPLETED, "next": S.SKIPPED}
    assert (error(view, "t"), view.error, output(view, "t/h")) == ("t/a failed", "t failed", "3\n")


async def test_dags_within_dags_for_each_item(tmp_path: Path) -> None:
    outer = DagSpec(
        "outer",
        (
            replace(TaskSpec("all", dag="leaf"), for_each="params.names.split(',')", input={"name": "{{ item }}"}),
            shell("sum", "echo {{ tasks.all.output | join('+') }}", "all"),
        ),
        params=(Param("names"),),
    )
    leaf = DagSpec("leaf", (shell("say", "echo {{ params.name }}"),), params=(Param("name"),))
    async with open_lab(tmp_path) as lab:
        view = await run_with(lab, of_dag("t", "outer", input={"names": "a,b"}), dags={"outer": outer, "leaf": leaf})
        (summary,) = lab.runs.history.list()
    assert [task.id for task in view.tasks] == [
        "t",
        "t/all",
        "t/all[0]",
        "t/all[0]/say",
        "t/all[1]",
        "t/all[1]/say",
        "t/sum",
    ]
    assert output(view, "t") == "a+b\n"
    assert (summary.tasks_total, summary.tasks_ended, summary.tasks_failed) == (7, 7, 0)


async def test_a_wrong_parameter_fails_the_task(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await run_with(lab, of_dag("t", "inner", input={"count": "many"}))
    assert statuses(view) == {"t": S.FAILED}
    assert 'the parameter "count" of inner is "many", expected a whole number' in error(view, "t")


async def test_a_run_has_a_bounded_number_of_tasks(tmp_path: Path) -> None:
    wide = DagSpec("wide", tuple(TaskSpec(f"n{number}") for number in range(9_000)))
    async with open_lab(tmp_path) as lab:
        many = replace(TaskSpec("many", dag="wide"), for_each=(1, 2, 3))
        view = await run_with(lab, many, dags={"wide": wide})
    told = [error(view, f"many[{number}]") for number in range(3)]
    (last,) = [number for number in range(3) if told[number]]  # whichever comes last
    assert f'with the 9000 tasks of "many[{last}]" the run has more than 20000' in told[last]
    assert view.status is RunStatus.FAILED


def test_facts_are_seen_by_the_ids_of_the_file() -> None:
    facts = {"a": {"output": "x"}, "t/a": {"output": "y"}, "t/b/c": {}}
    within = Within(facts, "t/")
    assert within["a"] == {"output": "y"}
    assert list(within) == ["a", "b/c"]
    assert len(within) == 2


# After a crash


async def test_after_a_crash_the_same_tasks_go_on(tmp_path: Path) -> None:
    tasks = (
        shell("list", 'echo \'["x", "y", "z"]\''),
        each("t", "tasks.list.output", f"echo {{{{ item }}}} >> log; test {{{{ item }}}} = x || {WAIT}", "list"),
        shell("after", "echo {{ tasks.t.output | length }} >> log", "t"),
    )
    async with open_lab(tmp_path) as lab:
        run = await lab.start(*tasks)
        await lab.until(lambda: ("TaskCompleted", "t[0]") in lab.story())
        await eventually(lambda: len(read(lab.project / "log").split()) == 3)
    (lab.project / "go").touch()
    async with open_lab(tmp_path) as lab:
        await lab.runs.resume(run)
        await lab.until(lambda: lab.runs.history.show(run).status is RunStatus.WAITING)
        asked = {decision.task: decision.kind for decision in lab.runs.decisions.list()}
        assert asked == dict.fromkeys(["t[1]", "t[2]"], DecisionKind.INTERRUPTED)
        assert lab.task(run, "t").status is S.RUNNING
        for decision in lab.runs.decisions.list():
            await lab.runs.decisions.approve(decision.id)
        view = await lab.ended(run)
        assert (EventType.TASK_EXPANDED, "t") in lab.story()
        assert RunState.from_events(
            event for event in lab.journal.events_since(0) if event.data.get("run") == run
        ) == lab.runs.history.state(run)
    assert view.status is RunStatus.COMPLETED
    assert sorted(read(lab.project / "log").split()) == ["3", "x", "y", "y", "z", "z"]


async def test_a_dag_within_goes_on_after_a_crash_wherever_it_was(tmp_path: Path) -> None:
    inner = DagSpec(
        "inner",
        (shell("a", "echo {{ params.x }} >> log"), shell("b", f"{WAIT}; echo b >> log", "a", idempotent=True)),
        params=(Param("x"),),
    )
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            shell("v", "echo 7"), of_dag("t", "inner", "v", input={"x": "{{ tasks.v.output }}"}), dags={"inner": inner}
        )
        await lab.running("t/b")
    (lab.project / "go").touch()
    async with open_lab(tmp_path) as lab:
        await lab.runs.resume(run)
        view = await lab.ended(run)
    assert view.status is RunStatus.COMPLETED
    assert read(lab.project / "log").split() == ["7", "b"]
    assert statuses(view) == {"v": S.COMPLETED, "t": S.COMPLETED, "t/a": S.COMPLETED, "t/b": S.COMPLETED}


async def test_only_what_failed_of_a_list_runs_again(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            each("t", ("a", "b"), "echo {{ item }} >> log; test {{ item }} = a || test -e go"),
            shell("after", "echo after >> log", "t"),
        )
        assert view.status is RunStatus.FAILED
        (lab.project / "go").touch()
        await lab.runs.resume(view.id)
        view = await lab.ended(view.id)
        (summary,) = lab.runs.history.list()
    assert view.status is RunStatus.COMPLETED
    assert sorted(read(lab.project / "log").split()) == ["a", "after", "b", "b"]
    assert (summary.tasks_total, summary.tasks_ended, summary.tasks_failed) == (4, 4, 0)


async def test_a_list_that_ran_because_of_a_failure_is_made_anew(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        view = await lab.run(
            shell("bad", "cat items; exit 1", on_failure="mend"),
            each("mend", "tasks.bad.output", "echo {{ item }} >> log"),
        )
        assert statuses(view) == {"bad": S.FAILED, "mend": S.FAILED}
        (lab.project / "items").write_text("[1, 2]")
        await lab.runs.resume(view.id)
        assert len((await lab.ended(view.id)).tasks) == 4
        (lab.project / "items").write_text("[3]")
        await lab.runs.resume(view.id)
        view = await lab.ended(view.id)
        (summary,) = lab.runs.history.list()
    assert statuses(view) == {"bad": S.FAILED, "mend": S.COMPLETED, "mend[0]": S.COMPLETED}
    assert sorted(read(lab.project / "log").split()) == ["1", "2", "3"]
    assert (summary.tasks_total, summary.tasks_ended, summary.tasks_failed) == (3, 3, 1)


async def test_a_run_that_is_cancelled_ends_all_that_stands_for_others(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.start(each("t", ("a", "b"), "sleep 1000"))
        await lab.running("t[1]")
        view = await lab.runs.cancel(run)
    assert set(statuses(view).values()) == {S.CANCELLED}
    assert len(view.tasks) == 3
