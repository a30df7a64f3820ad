"""Plans: what would run, as far as it is known, and how long it took before."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from cis_tui.dag.estimates import longest_way
from cis_tui.dag.history import RunHistory
from cis_tui.dag.model import DagSpec, Level, LevelKind, Param, TaskSpec
from cis_tui.dag.plan import plan
from tests.dag.lab import open_lab, shell

INNER = DagSpec(
    "inner",
    (shell("build", "make {{ params.tag }}"), shell("push", "push {{ params.tag }} {{ params.where }}", "build")),
    params=(Param("tag"), Param("where", default="here")),
)
SPEC = DagSpec(
    "deploy",
    (
        shell("list", "ls {{ params.where }}"),
        shell("probe", "ping {{ item }}", "list", for_each=("a", "b", "{{ params.where }}")),
        shell("later", "echo {{ item }}", "list", for_each="tasks.list.output", on_failure="tell"),
        replace(TaskSpec("ship", dag="inner", deps=("probe",)), input={"tag": "{{ tasks.list.output }}"}),
        replace(TaskSpec("all", dag="inner"), for_each="['x', 'y']", input={"tag": "{{ params.where }}"}),
        shell("ask", "true", "ship", level=Level(LevelKind.CONFIRMED), condition="params.where == 'eu'"),
        shell("tell", "mail {{ tasks.later.error }}"),
    ),
    params=(Param("where"),),
    dags={"inner": INNER},
)


def test_a_plan_shows_the_structure_and_what_is_known_of_the_commands() -> None:
    planned = plan(SPEC, {"where": "eu"}, project="")
    tasks = {task.id: task for task in planned.tasks}
    assert list(tasks) == [
        "list",
        "probe",
        "later",
        "ship",
        "ship/build",
        "ship/push",
        "all",
        "all[*]/build",
        "all[*]/push",
        "ask",
        "tell",
    ]
    assert planned.levels == (("list", "all"), ("probe", "later"), ("ship", "tell"), ("ask",))
    assert planned.commands["list"] == "ls eu"
    assert (tasks["probe"].for_each, tasks["probe"].items, tasks["probe"].command) == ("a, b, eu", 3, "ping {{ item }}")
    assert (tasks["later"].for_each, tasks["later"].items) == ("tasks.list.output", None)
    assert tasks["ship"].command == "dag inner with tag = {{ tasks.list.output }}"
    assert tasks["ship/build"].command == "make {{ params.tag }}", "its parameter is not known yet"
    assert (tasks["ship/push"].parent, tasks["ship/push"].deps) == ("ship", ("ship/build",))
    assert (tasks["all"].items, tasks["all[*]/build"].command) == (2, "make eu")
    assert tasks["all[*]/push"].command == "push eu here"
    assert (tasks["ask"].level, tasks["ask"].condition) == (LevelKind.CONFIRMED, "params.where == 'eu'")
    assert tasks["tell"].after_failure_of == ("later",)
    assert (planned.seconds, planned.unknown) == (None, 6)


async def test_the_time_of_earlier_runs_is_known(tmp_path: Path) -> None:
    inner = DagSpec("inner", (shell("x", "sleep 0.05"), shell("y", "sleep 0.05", "x")))
    tasks = (
        shell("slow", "sleep 0.2"),
        shell("many", "sleep {{ item }}", for_each=(0.0, 0.1)),
        TaskSpec("sub", dag="inner", deps=("slow",)),
        shell("bad", "exit 1"),
        TaskSpec("new"),
    )
    spec = DagSpec("lab", tasks, dags={"inner": inner})
    async with open_lab(tmp_path) as lab:
        for _ in range(3):
            await lab.run(*tasks[:4], dags={"inner": inner})
        await lab.run(shell("slow", "true"))
        known = lab.runs.history.durations("lab", str(lab.project))
    assert known == RunHistory(lab.home).durations("lab", str(lab.project))
    assert RunHistory(lab.home).durations("other", str(lab.project)) == {}
    assert set(known) == {"slow", "many", "many[*]", "sub", "sub/x", "sub/y"}
    assert 0.2 <= known["slow"] < 2, "the median of four, of which one was quick"
    assert known["many"] >= 0.1
    assert known["sub"] >= 0.1
    planned = plan(spec, {}, project="", earlier=known)
    assert planned.seconds == known["slow"] + known["sub"]
    assert planned.unknown == 2
    times = {task.id: task.seconds for task in planned.tasks}
    assert (times["sub/x"], times["bad"], times["new"]) == (known["sub/x"], None, None)


@given(
    st.dictionaries(st.integers(0, 6), st.lists(st.integers(0, 6), max_size=3)), st.lists(st.floats(0, 9), min_size=7)
)
def test_the_longest_way_is_the_longest_of_all_ways(edges: dict[int, list[int]], times: list[float]) -> None:
    deps = {f"t{id}": [f"t{dep}" for dep in needs if dep < id and dep in edges] for id, needs in edges.items()}
    spec = DagSpec("d", tuple(TaskSpec(id, deps=tuple(needs)) for id, needs in deps.items()))
    seconds = {f"t{id}": times[id] for id in edges}

    def end(id: str) -> float:
        return max((end(dep) for dep in deps[id]), default=0.0) + seconds[id]

    assert longest_way(spec, seconds) == max(map(end, deps), default=0.0)
