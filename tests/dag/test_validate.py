"""What a DAG means, checked before a run: every problem at once, each with task, line and next step."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.core.problems import Problem, Severity
from cis_tui.dag.model import DagSpec, Param, TaskSpec
from cis_tui.dag.parse import load_dag
from cis_tui.dag.validate import validate
from cis_tui.skills.model import SkillManifest, SkillType
from cis_tui.skills.registry import find_skills
from tests.conftest import ROOT
from tests.dag.helpers import SAMPLES, chain, errors, parsed, warnings

SKILLS = {name: SkillManifest(name, "1", SkillType.NATIVE, "x") for name in ("shell", "echo", "linter")}


def _check(text: str) -> tuple[Problem, ...]:
    return validate(parsed(text), skills=SKILLS)


def test_a_good_dag_has_no_problems() -> None:
    assert _check("[[dag.tasks]]\nid = 'a'\n[[dag.tasks]]\nid = 'b'\ndeps = ['a']\nskill = 'echo'") == ()


def test_an_unknown_dep_names_the_nearest_task() -> None:
    (problem,) = _check("[[dag.tasks]]\nid = 'build'\n[[dag.tasks]]\nid = 'push'\ndeps = ['bild']")
    assert str(problem) == 'x.toml:3: task "push" needs "bild", which does not exist; did you mean "build"?'
    assert problem.field == "dag.tasks[1].deps"


def test_a_task_that_needs_itself() -> None:
    assert errors(_check("[[dag.tasks]]\nid = 'a'\ndeps = ['a']")) == [
        'x.toml:1: task "a" needs itself; take it out of its deps'
    ]


def test_a_cycle_is_shown_as_a_way_round() -> None:
    (problem,) = _check(
        "[[dag.tasks]]\nid = 'c'\n[[dag.tasks]]\nid = 'a'\ndeps = ['b']\n[[dag.tasks]]\nid = 'b'\ndeps = ['a', 'c']"
    )
    assert problem.message == "a cycle: a -> b -> a (each needs the next one)"
    assert problem.line == 3


def test_every_cycle_is_shown_and_long_ones_are_cut() -> None:
    edges = {f"n{index}": [f"n{(index + 1) % 40}"] for index in range(40)} | {"a": ["b"], "b": ["a"]}
    found = [problem.message for problem in validate(chain(edges), skills=SKILLS)]
    assert [message.removesuffix(" (each needs the next one)") for message in found] == [
        "a cycle: n0 -> n1 -> n2 -> n3 -> n4 -> n5 -> n6 -> n7 -> n8 -> n9 -> n10 -> … 29 more -> n0",
        "a cycle: a -> b -> a",
    ]


def test_a_missing_skill_is_reported_once_with_where_was_looked() -> None:
    (problem,) = _check("[[dag.tasks]]\nid = 'a'\nskill = 'lintr'\n[[dag.tasks]]\nid = 'b'\nskill = 'lintr'")
    assert str(problem) == (
        'x.toml:1: task "a" (and 1 more task) calls the skill "lintr", which does not exist or has errors; looked in '
        '.cis/skills, $CIS_HOME/skills, /usr/local/lib/cis/skills and the shipped ones; did you mean "linter"?'
    )


def test_a_skill_that_this_version_cannot_run_is_an_error() -> None:
    spec = parsed("[[dag.tasks]]\nid = 'a'\nskill = 'w'")
    (problem,) = validate(spec, skills={"w": SkillManifest("w", "1", SkillType.DAG, "x")})
    assert "of type dag, which this version cannot run" in problem.message
    assert validate(spec, skills={"w": SkillManifest("w", "1", SkillType.WASM, "x")}) == ()


def _arbitrated(level: str, stakeholders: dict[str, str] | None = None) -> tuple[Problem, ...]:
    spec = parsed(f"[[dag.tasks]]\nid = 'a'\nlevel = {{ type = 'arbitrated', {level} }}")
    return validate(spec, skills=SKILLS, stakeholders=stakeholders)


def test_a_vote_needs_voters_and_a_quorum_that_they_can_reach() -> None:
    assert "has no stakeholders" in errors(_arbitrated("quorum = 1"))[0]
    assert "wants 3 votes of 2 stakeholders" in errors(_arbitrated("stakeholders = ['x', 'y'], quorum = 3"))[0]


def test_seats_of_nobody_belong_to_whoever_runs_the_engine() -> None:
    (warning,) = warnings(_arbitrated("stakeholders = ['dba', 'sre']", {"dba": "did:key:z6Mkx"}))
    assert "whoever runs the engine votes for sre" in warning
    assert _arbitrated("stakeholders = ['dba', 'owner']", {"dba": "did:key:z6Mkx"}) == ()


@pytest.mark.parametrize("folder", ["..", "../x", "/tmp", "a/../../b"])
def test_a_task_stays_in_its_project(folder: str) -> None:
    (error,) = errors(_check(f"[[dag.tasks]]\nid = 'a'\nwork_dir = '{folder}'"))
    assert "outside of the project" in error


@pytest.mark.parametrize("folder", [".", "a", "a/../b", "{{ params.where }}"])
def test_folders_inside_are_fine(folder: str) -> None:
    assert errors(_check(f"[dag.params.where]\ndefault = 'x'\n[[dag.tasks]]\nid = 'a'\nwork_dir = '{folder}'")) == []


def _on_failure(*tasks: str, policy: str = "all_success") -> tuple[Problem, ...]:
    lines = "\n".join(f"[[dag.tasks]]\n{task}" for task in tasks)
    return _check(f"[dag]\npolicy = '{policy}'\n{lines}")


def test_what_runs_after_a_failure_exists_and_is_another_task() -> None:
    (error,) = errors(_on_failure("id = 'build'\non_failure = 'notfy'", "id = 'notify'"))
    assert error.startswith('x.toml:3: task "build" has on_failure = "notfy", which does not exist; did you mean')
    (error,) = errors(_on_failure("id = 'build'\non_failure = 'build'"))
    assert 'task "build" has itself as on_failure' in error


def test_a_cycle_through_a_failure_is_shown() -> None:
    (error,) = errors(_on_failure("id = 'a'\ndeps = ['b']\non_failure = 'b'", "id = 'b'"))
    assert "a cycle: a -> b -> a (each needs the next one, or runs only if that failed)" in error


def test_what_needs_a_task_cannot_run_after_its_failure() -> None:
    tasks = "id = 'a'\non_failure = 'h'", "id = 'b'\ndeps = ['a']", "id = 'h'\ndeps = ['b']"
    (error,) = errors(_on_failure(*tasks))
    assert 'task "h" can never run: it is for a failure of "a" and needs it to complete' in error
    assert _on_failure(*tasks, policy="allow_debt") == (), "a failure that is tolerated releases what needs it"
    assert _on_failure(*tasks, "id = 'c'\non_failure = 'h'") == (), "it can be for the failure of c"


def test_a_handler_may_look_at_what_failed() -> None:
    look = "id = 'h'\ncommand = 'echo {{ tasks.a.error }} {{ tasks.a.output }}'"
    assert _on_failure("id = 'a'\non_failure = 'h'", look) == ()


STANDS = """
[dag.params.names]
default = "a,b"
[[dag.tasks]]
id = "list"
[[dag.tasks]]
id = "each"
deps = ["list"]
command = "echo {{ item }} {{ index }}"
for_each = "params.names.split(',')"
[[dag.tasks]]
id = "other"
deps = ["list"]
dag = "inner"
input = { tag = "{{ tasks.list.output }}" }
[[dag.tasks]]
"""
INNER = DagSpec("inner", (TaskSpec("build"),), params=(Param("tag", required=True),))


def test_a_parameter_that_nothing_uses_is_warned_about() -> None:
    text = (
        "[dag.env]\nB = '{{ params.env }}'\n[dag.params]\nused.default = '1'\nenv.default = '2'\nidle.default = '3'\n"
    )
    found = _check(text + "[[dag.tasks]]\nid = 'a'\ncommand = 'echo {{ params[\"used\"] }}'")
    assert warnings(found) == ['x.toml: nothing uses the parameter "idle"; {{ params.idle }} puts it in']


def test_a_limit_has_to_be_declared() -> None:
    (error,) = errors(_check("[dag.limits]\ndb = 1\n[[dag.tasks]]\nid = 'a'\nlimit = 'dbs'"))
    assert error == 'x.toml:3: task "a" keeps to the limit "dbs", which does not exist; did you mean "db"?'
    (error,) = errors(_check("[[dag.tasks]]\nid = 'a'\nlimit = 'db'"))
    assert "declare it: [dag.limits] db = 1" in error


def _standing(task: str, inner: DagSpec = INNER) -> tuple[Problem, ...]:
    return validate(replace(parsed(STANDS + task), dags={"inner": inner}), skills=SKILLS)


@pytest.mark.parametrize(
    "template",
    [
        "tasks.each.output",
        "tasks['each[7]'].output",
        "tasks.other.output",
        "tasks['other/build'].status",
    ],
)
def test_tasks_for_which_others_stand_can_be_looked_at(template: str) -> None:
    look = f"id = 'after'\ndeps = ['each', 'other']\ncommand = \"echo {{{{ {template} }}}}\""
    assert _standing(look) == ()


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("id = 'x'\ncommand = '{{ item }}'", 'there is no "item"'),
        ("id = 'x'\nfor_each = [1]\ncondition = 'item > 1'", 'its condition: there is no "item"'),
        ("id = 'x'\nfor_each = 'params.nams'", 'its for_each uses the parameter "nams", which does not exist'),
        ("id = 'x'\nfor_each = \"memory('a')\"", "cis memory get"),
        ("id = 'x'\nfor_each = ['{{ tasks.nope.output }}']", 'a template in its for_each uses the task "nope"'),
        ("id = 'x'\nfor_each = 'tasks.list.output'", 'put "list" into its deps'),
        ("id = 'x'\ndeps = ['other']\ncommand = \"{{ tasks['other/push'].output }}\"", 'the task "other/push", which'),
        ("id = 'x'\ncommand = \"{{ tasks['other/build'].output }}\"", 'put "other" into its deps'),
        (
            "id = 'x'\ndeps = ['list']\ncommand = \"{{ tasks['list[0]'].output }}\"",
            'the task "list[0]", which does not',
        ),
        ("id = 'each[0]'", 'the id "each[0]" is kept for tasks for which "each" stands'),
        ("id = 'other/a'", 'the id "other/a" is kept for tasks for which "other" stands'),
        ("id = 'x'\ndag = 'inner'", 'task "x" does not give "tag", which the DAG inner needs; input = { tag = … }'),
        (
            "id = 'x'\ndag = 'inner'\ninput = { tga = 1, tag = 2 }",
            '"tga", which is no parameter of inner; did you mean',
        ),
    ],
)
def test_mistakes_about_tasks_that_stand_for_others(task: str, said: str) -> None:
    (error,) = errors(_standing(task))
    assert said in error


HEAD = """
[dag.params.version]
default = "1"
[[dag.tasks]]
id = "test"
[[dag.tasks]]
id = "a-b"
[[dag.tasks]]
id = "push"
deps = ["test"]
"""


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("command = 'x {{ params.version }'", 'task "push": a template in its command: unexpected'),
        (
            "command = 'x {{ params.verson }}'",
            'uses the parameter "verson", which does not exist; did you mean "version"?',
        ),
        ("command = '{{ tasks.tst.output }}'", 'uses the task "tst", which does not exist; did you mean "test"?'),
        (
            "args = [\"{{ tasks['a-b'].output }}\"]",
            'a template in its args uses the task "a-b", which need not have ended',
        ),
        ("command = '{{ tasks.push.output }}'", 'uses the task "push", which need not have ended before'),
        ("command = '{{ tasks.test.outptu }}'", 'a task has no "outptu"; did you mean "output"?'),
        ("command = '{{ parms.version }}'", 'there is no "parms"; did you mean "params"?'),
        ("command = '{{ params.version | upperr }}'", 'there is no filter "upperr"; did you mean "upper"?'),
        ("command = '{% if params.version is defned %}{% endif %}'", 'there is no test "defned"'),
        ("command = 'docker ps --format {{.Names}}'", "a {{ that is no template is written as {% raw %}"),
        ("command = '{% include \"x\" %}'", "only if, for and set are available here"),
        ("condition = 'tasks.test.status =='", 'task "push": its condition: '),
        ("condition = 'tasks.tst.status'", 'its condition uses the task "tst", which does not exist'),
        ("condition = 'true }} {{ 1'", "its condition: "),
        ("condition = \"if test.status == 'failed'\"", "tasks['ID'].status, .output, .exit_code or .error"),
        ("condition = \"test.status == 'failed'\"", 'there is no "test"'),
        ("input = { a = [{ b = '{{ nope }}' }] }", 'a template in its input: there is no "nope"'),
        ("env = { A = '{{ nope }}' }", 'a template in its env: there is no "nope"'),
        ("work_dir = '{{ nope }}'", 'a template in its work_dir: there is no "nope"'),
    ],
)
def test_templates_and_conditions_are_checked_before_a_run(fields: str, said: str) -> None:
    (error,) = errors(_check(HEAD + fields))
    assert said in error
    assert error.startswith("x.toml:8: ")


@pytest.mark.parametrize(
    "fields",
    [
        "command = 'x {{ params.version | quote }} {{ tasks.test.output.field[0].more }}'",
        "command = '{% for item in tasks.test.output %}{{ loop.index }}{{ item }}{% endfor %}'",
        "command = '{% set x = memory(\"k\") %}{{ x or run.id }} {{ env.HOME }} {{ range(3) | list }}'",
        "command = 'echo ${#x} {# {not a template} #}'",
        "command = '{% raw %}{{.Names}}{% endraw %}'",
        "condition = \"{{ tasks.test.exit_code == 0 and tasks['test'].status == 'completed' }}\"",
    ],
)
def test_good_templates_pass(fields: str) -> None:
    assert errors(_check(HEAD + fields)) == []


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    found = _check(
        "[[dag.tasks]]\nid = 'a'\ndeps = ['b']\nskill = 'nope'\n[[dag.tasks]]\nid = 'b'\ndeps = ['a', 'c']\n"
        "work_dir = '..'\n[[dag.tasks]]\nid = 'd'\nlevel = 'arbitrated'\ncondition = 'x'"
    )
    assert [problem.line for problem in found] == [1, 1, 5, 5, 9, 9]
    assert all(problem.severity is Severity.ERROR for problem in found)


@pytest.mark.parametrize("count", [1_000, 10_000])
def test_large_dags_are_checked_at_once(count: int) -> None:
    spec = parsed(HEAD)
    template = replace(spec.tasks[0], command="echo {{ params.version }} {{ tasks['0'].output }}")
    tasks = [replace(spec.tasks[0], id="0")]
    tasks += [replace(template, id=str(index), deps=(str(index - 1),)) for index in range(1, count)]
    start = time.process_time()
    assert validate(replace(spec, tasks=tuple(tasks)), skills=SKILLS) == ()
    assert time.process_time() - start < count / 2_000


def test_a_large_dag_that_is_wrong_everywhere_is_refused_at_once() -> None:
    spec = parsed(HEAD)
    wrong = replace(spec.tasks[0], deps=("nowhere-else",), skill="nothing", command="{{ tasks.elsewhere.output }}")
    tasks = tuple(replace(wrong, id=f"task-number-{index}", skill=f"skill-{index}") for index in range(5_000))
    start = time.process_time()
    found = validate(replace(spec, tasks=tasks, params=()), skills=SKILLS)
    assert time.process_time() - start < 6
    assert len(found) == 201
    assert (found[-1].severity, found[-1].message) == (Severity.ERROR, "and 14,800 more problems")


@pytest.mark.parametrize(
    ("sample", "missing"),
    [
        ("hello.toml", []),
        ("simple.json", []),
        ("test_pipeline.toml", []),
        ("docker_cross_compile.toml", []),
        ("websocket_basic.toml", ["websocket_client", "websocket_message"]),
        (
            "dag-skill-with-agents.toml",
            ["agent-init", "ai-code-analyze", "security-scan", "report-generator", "human-review"],
        ),
    ],
)
def test_samples_run_or_name_the_skills_that_they_lack(sample: str, missing: list[str], home: Home) -> None:
    found = errors(validate(_spec(SAMPLES / sample), skills=_shipped(home, None)))
    assert len(found) == len(missing)
    for error, skill in zip(found, missing, strict=True):
        assert f'calls the skill "{skill}", which does not exist' in error


@pytest.mark.parametrize("file", sorted((ROOT / ".cis" / "dags").iterdir()), ids=lambda path: path.name)
def test_the_repositorys_own_dags_are_sound(file: Path, home: Home) -> None:
    assert errors(load_dag(file).problems) == []
    assert errors(validate(_spec(file), skills=_shipped(home, ROOT))) == []


def _spec(path: Path) -> DagSpec:
    spec = load_dag(path).spec
    assert spec is not None
    return spec


def _shipped(home: Home, project: Path | None) -> dict[str, SkillManifest]:
    found = find_skills(home, project)
    return {name: skill.manifest for name, skill in found.items() if skill.manifest is not None}


def test_what_a_rollback_would_run_and_restore_is_checked() -> None:
    task = "[[dag.tasks]]\nid = 'a'\n[[dag.tasks]]\nid = 'b'\n"
    assert _check(f"{task}rollback = ['echo {{{{ tasks.b.output }}}}']\ncreates = ['x', '{{{{ run.id }}}}']") == ()
    for fields, said in [
        ("rollback = [{ skill = 'ech' }]", 'calls the skill "ech", which does not exist'),
        ("rollback = ['{{ tasks.a.output }}']", "need not have ended before"),
        ("rollback = ['{{ parms.x }}']", "its rollback"),
        ("creates = ['/tmp/x']", 'creates "/tmp/x", which is not inside of the project'),
        ("creates = ['a/../../x']", "is not inside of the project"),
        ("creates = ['{{ memory(1) }}']", "memory"),
        ("creates = ['.']", "is not inside of the project"),
        ("work_dir = 'a'\ncreates = ['../..']", "is not inside of the project"),
    ]:
        (error,) = errors(_check(task + fields))
        assert said in error
    assert _check(f"{task}work_dir = 'a'\ncreates = ['../x']") == ()


def test_two_tasks_that_create_the_same_in_no_order_are_warned_about() -> None:
    text = """
    [[dag.tasks]]
    id = "a"
    command = "x"
    creates = ["out/./app.tar", "b.txt"]
    [[dag.tasks]]
    id = "b"
    command = "x"
    work_dir = "out"
    creates = ["app.tar"]
    [[dag.tasks]]
    id = "c"
    command = "x"
    deps = ["a"]
    creates = ["b.txt"]
    """
    spec = parsed(text)
    (problem,) = validate(spec, skills=SKILLS)
    assert problem.severity is Severity.WARNING
    assert problem.message == 'tasks "a" and "b" both create "out/app.tar", in no certain order'
    assert problem.field == "dag.tasks[1].creates"
