"""DAG files of the contract's shape: every field, every mistake with its line and field."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.codec import decode, encode
from cis_tui.core.problems import Problem
from cis_tui.core.retry import Retry
from cis_tui.dag.model import MAX_TASKS, Action, DagSpec, Level, LevelKind, Param, Policy, TaskSpec, UndoStep
from cis_tui.dag.parse import load_dag, parse_dag
from tests.dag.helpers import SAMPLES, errors, only_task, parsed, warnings

POLICIES = "all_success or first_success or allow_debt or rollback_on_failure"
WHOLE = """\
[skill]
name = "deploy"
version = "1.2.0"
type = "dag"
description = "Build and ship"
author = "me"

[dag]
policy = "allow_debt"
max_parallel = 4
env = { TARGET = "staging", PORT = 8080, DRY = true }

[dag.params.version]
type = "string"
default = "1.0"
description = "What to build"

[dag.params.count]
type = "integer"
required = true

[[dag.tasks]]
id = "test"
command = "make test"

[[dag.tasks]]
id = "build"
name = "Build the image"
skill = "shell"
args = ["make", "image"]
input = { tag = "{{ params.version }}" }
deps = ["test"]
level = { type = "recommended", timeout = 5, default_action = "skip" }
retry = { max = 3, backoff = 1.5, factor = 3.0, max_delay = 30.0, jitter = false }
timeout_secs = 300
condition = "tasks.test.status == 'completed'"
idempotent = true
work_dir = "sub"
env = { CI = "1" }

[[dag.tasks]]
id = "ship"
deps = ["build"]
level = { type = "arbitrated", stakeholders = ["dba", "sre"], quorum = 2, threshold = 0.6, timeout = 3600 }
"""


def test_every_field_of_the_contract_is_read() -> None:
    spec = parsed(WHOLE, "dags/deploy.toml")
    assert spec == DagSpec(
        name="deploy",
        version="1.2.0",
        description="Build and ship",
        file="dags/deploy.toml",
        policy=Policy.ALLOW_DEBT,
        max_parallel=4,
        env={"TARGET": "staging", "PORT": "8080", "DRY": "true"},
        params=(
            Param("version", "string", "1.0", False, "What to build"),
            Param("count", "integer", None, True),
        ),
        tasks=(
            TaskSpec("test", "test", command="make test", line=22),
            TaskSpec(
                "build",
                "Build the image",
                args=("make", "image"),
                input={"tag": "{{ params.version }}"},
                deps=("test",),
                level=Level(LevelKind.RECOMMENDED, timeout=5, default_action=Action.SKIP),
                retry=Retry(3, 1.5, 3.0, 30.0, False),
                timeout=300,
                condition="tasks.test.status == 'completed'",
                idempotent=True,
                work_dir="sub",
                env={"CI": "1"},
                line=26,
            ),
            TaskSpec(
                "ship",
                "ship",
                deps=("build",),
                level=Level(LevelKind.ARBITRATED, 3600, stakeholders=("dba", "sre"), quorum=2, threshold=0.6),
                line=41,
            ),
        ),
    )
    assert parse_dag(WHOLE, "x.toml").problems == ()


def test_json_of_the_same_shape_is_the_same_dag() -> None:
    text = json.dumps(tomllib.loads(WHOLE), indent=1)
    for file in ("x.json", "x"):
        spec = parsed(text, file)
        ids = [text.split("\n").index(f'    "id": "{task.id}",') for task in spec.tasks]
        assert [task.line for task in spec.tasks] == ids, "an object begins on the line before its id"
        assert _without_lines(spec) == _without_lines(parsed(WHOLE, "x.toml"))


def _without_lines(spec: DagSpec) -> DagSpec:
    return replace(spec, file="", tasks=tuple(replace(task, line=None) for task in spec.tasks))


@pytest.mark.parametrize("sample", sorted(SAMPLES.iterdir()), ids=lambda path: path.name)
def test_a_dag_survives_the_journal(sample: Path) -> None:
    spec = load_dag(sample).spec
    assert spec is not None
    assert decode(DagSpec, json.loads(json.dumps(encode(spec)))) == spec


def test_the_file_names_a_dag_without_a_name() -> None:
    assert parsed("[[dag.tasks]]\nid = 'a'", "some/where/nightly.toml").name == "nightly"


def test_an_empty_task_is_a_mechanical_no_op() -> None:
    task = only_task("")
    assert (task.skill, task.command, task.args, task.level) == ("shell", None, (), Level())


@pytest.mark.parametrize(
    ("fields", "attribute", "value"),
    [
        ('depends_on = ["a"]', "deps", ("a",)),
        ('dependencies = ["a"]', "deps", ("a",)),
        ("deps = [1, 2]", "deps", ("1", "2")),
        ('deps = "a"', "deps", ("a",)),
        ("timeout = 5", "timeout", 5.0),
        ('command = ["echo", "a b"]', "command", "echo 'a b'"),
        ("args = ['a', 1]", "args", ("a", "1")),
        ("retry = 3", "retry", Retry(max=3)),
        ('level = "confirmed"', "level", Level(LevelKind.CONFIRMED)),
        ('level = { type = "confirmed", timeout_secs = 7 }', "level", Level(LevelKind.CONFIRMED, 7)),
        ('level = { type = "mechanical", retry = 3 }', "retry", Retry(max=3)),
        ('retry = 1\nlevel = { type = "mechanical", retry = 3 }', "retry", Retry(max=1)),
        ("condition = false", "condition", "false"),
        ("env = { A = 1, B = true }", "env", {"A": "1", "B": "true"}),
    ],
)
def test_second_spellings_that_the_contract_names_are_read_without_a_word(
    fields: str, attribute: str, value: object
) -> None:
    assert getattr(only_task(fields), attribute) == value
    assert parse_dag(f'[[dag.tasks]]\nid = "t"\n{fields}', "x.toml").problems == ()


def test_an_id_may_be_a_number() -> None:
    assert parsed("[[dag.tasks]]\nid = 1").tasks[0].id == "1"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("deps = 3", '"deps" is 3, expected a list of task ids'),
        ("deps = [{}]", '"deps" is a table, expected a list of task ids'),
        ("timeout_secs = 0", '"timeout_secs" is 0, expected a number of seconds above 0'),
        ("timeout_secs = 'soon'", '"timeout_secs" is "soon", expected a number of seconds'),
        ("retry = -1", '"retry" is -1, expected a whole number from 0 to 1000'),
        ("retry = { max = 'x' }", '"max" is "x", expected a whole number'),
        ("retry = { max = 1, factor = 0.5 }", '"factor" is 0.5, expected a number from 1 to 100'),
        ("idempotent = 'yes'", '"idempotent" is "yes", expected true or false'),
        ("command = 3", '"command" is 3, expected text, or a list of words'),
        ("command = [{}]", '"command" is a table, expected text, or a list of words'),
        ("input = 'x'", '"input" is "x", expected a table'),
        ("env = { A = [] }", '"A" is an empty list, expected text, a number or a boolean'),
        ("level = 'confrmed'", '"level" is "confrmed", expected mechanical or recommended'),
        ("level = 3", '"level" is 3, expected a table'),
        ("level = { timeout = 3 }", 'a level without "type"'),
        ("level = { type = 'confirmed', timeout = 0 }", '"timeout" is 0, expected a number of seconds from 1'),
        ("level = { type = 'recommended', default_action = 'wait' }", '"default_action" is "wait", expected execute'),
        ("level = { type = 'arbitrated', threshold = 1 }", "expected less than 1"),
        ("level = { type = 'arbitrated', quorum = 0 }", '"quorum" is 0, expected a whole number from 1'),
        ("skill = 'lint'\ncommand = 'x'", '"command" goes with the skill "shell", not with "lint"'),
        ("on_failure = ['x']", '"on_failure" is a list, expected text'),
        ("dag = 'other'\ncommand = 'x'", '"command" does not go with "dag": the tasks of the other DAG run instead'),
        ("for_each = 3", '"for_each" is 3, expected a list, or an expression that gives one'),
        ("matrix = ['a']", "this version cannot run a matrix; for_each runs a task for each item of a list"),
        ("tasks = [{ id = 'x' }]", "this version cannot run tasks within tasks"),
        ("agent = 'claude'", 'a task for an agent has no "prompt"'),
        ("agent_runtime = 'claude'", 'a task for an agent has no "prompt"'),
        ("reuse_agent = '1'", 'a task for an agent has no "prompt"'),
        ("prompt = 'hi'\ncommand = 'x'", '"command" does not go with "prompt"'),
        ("prompt = 'hi'\nagent_config = { max_tokens = 0 }", '"max_tokens" is 0, expected a whole number from 1'),
    ],
)
def test_a_mistake_in_a_task_is_an_error_with_its_place(fields: str, said: str) -> None:
    dag = parse_dag(f'[[dag.tasks]]\nid = "t"\n{fields}', "x.toml")
    (error,) = errors(dag.problems)
    assert said in error
    line = 2 + len(fields.split("\n"))
    assert error.startswith((f"x.toml:{line}: ", "x.toml:3: "))
    (problem,) = (problem for problem in dag.problems if problem.severity == "error")
    assert problem.field.startswith("dag.tasks[0].")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("creates = ['x']\ndag = 'other'", '"creates" means nothing for a task that stands for another DAG'),
        ("target_node = 'gpu'", "is a worker's label, or one of your other nodes"),
        ("keep_agent = true", "nobody is asked anything"),
        ("reuse_agent = '1'\ncommand = 'x'", "its command runs without an agent"),
        ("agent_runtime = 'claude'\nskill = 'x'", "its skill runs without an agent"),
        ("agent_config = { modle = 'x' }\nprompt = 'x'", 'unknown field "modle"'),
        ("timeot = 3", 'unknown field "timeot" in [tasks] is ignored; did you mean "timeout_secs"?'),
        ("deps = ['a', 'a']", "named twice"),
        ("retry = 3\ndag = 'other'", '"retry" means nothing for a task that stands for another DAG'),
        ("max_parallel = 3", '"max_parallel" means nothing for a single task; that of the DAG stands in [dag]'),
        ("level = { type = 'mechanical', timeout = 3 }", '"timeout" means nothing at the level "mechanical"'),
    ],
)
def test_what_is_not_carried_out_is_a_warning(fields: str, said: str) -> None:
    dag = parse_dag(f'[[dag.tasks]]\nid = "t"\n{fields}', "x.toml")
    (warning,) = warnings(dag.problems)
    assert said in warning
    assert warning.startswith("x.toml:3: ")
    assert errors(dag.problems) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[dag]\npolicy = 'rollback_on_failure'\nrollback_on_failure = false", "nothing is rolled back"),
        ("[[dag.todo]]\nid = 'x'", '"todo" is read but not carried out'),
        ("[metadata]\nowner = 'x'", '"metadata" is read but not carried out'),
        ("[skil]\nname = 'x'", 'unknown field "skil" is ignored; did you mean "skill"?'),
        ("[dag]\npolcy = 'x'", 'unknown field "polcy" in [dag] is ignored; did you mean "policy"?'),
    ],
)
def test_parts_of_a_file_that_do_nothing_are_warned_about(text: str, said: str) -> None:
    dag = parse_dag(f"{text}\n[[dag.tasks]]\nid = 't'", "x.toml")
    assert errors(dag.problems) == []
    assert any(said in warning for warning in warnings(dag.problems))
    assert dag.spec is not None
    assert dag.spec.policy is Policy.ALL_SUCCESS


def test_all_problems_come_at_once_in_the_order_of_the_file() -> None:
    dag = parse_dag(
        "[dag]\npolicy = 'all_sucess'\nmax_parallel = 0\n[[dag.tasks]]\nid = 'a'\ntimeout_secs = 'x'\n"
        "[[dag.tasks]]\nid = 'a'\n[[dag.tasks]]\nname = 'b'\nid = ''\n[[dag.tasks]]\ncommand = 'x'\n",
        "x.toml",
    )
    assert errors(dag.problems) == [
        f'x.toml:2: "policy" is "all_sucess", expected {POLICIES}; did you mean "all_success"?',
        'x.toml:3: "max_parallel" is 0, expected a whole number from 1 to 256',
        'x.toml:6: "timeout_secs" is "x", expected a number of seconds above 0, at most 2592000',
        'x.toml:8: there are two tasks with the id "a"; the first one is in line 4',
        'x.toml:11: "id" is "", expected a text of 1 to 128 characters',
        'x.toml:12: a task has no "id"; give it a name that others can put into "deps"',
    ]
    assert [problem.field for problem in dag.problems][2] == "dag.tasks[0].timeout_secs"


@pytest.mark.parametrize("id", ["", " ", "x" * 129, "a\\u001bb", "a\\nb", " a", "a\\u0000", "a\\u202eb"])
def test_ids_that_would_confuse_a_terminal_are_refused(id: str) -> None:
    dag = parse_dag(f'[[dag.tasks]]\nid = "{id}"', "x.toml")
    assert any('"id" is' in error for error in errors(dag.problems))
    assert "\x1b" not in str(dag.problems)


def test_names_and_descriptions_are_cleaned() -> None:
    spec = parsed(
        '[skill]\nname = "a\\u001b[31m"\ndescription = "b\\u0007"\n[[dag.tasks]]\nid="t"\nname="\\u001b]0;x\\u0007y"'
    )
    assert (spec.name, spec.description, spec.tasks[0].name) == ("a", "b", "y")


@pytest.mark.parametrize(
    ("text", "file", "said"),
    [
        ("", "x.toml", "there are no tasks"),
        ("[dag]\npolicy = 'x'", "x.toml", "there are no tasks in it, only: dag"),
        ("[dag]\ntasks = []", "x.toml", "there are no tasks"),
        ("[dag]\ntasks = 'x'", "x.toml", "expected a list of tables"),
        ("[dag]\ntasks = ['x']", "x.toml", '"tasks" is "x", expected a table'),
        ("dag = 3", "x.toml", "there are no tasks in it, only: dag"),
        ("[services]\nweb = 1", "x.toml", "this is a Compose file, which describes services, not a DAG"),
        ("a = ", "x.toml", "not TOML"),
        ("{", "x.json", "not JSON"),
        ("3", "x.json", "there are no tasks"),
        ("tasks:\n  - id: a", "x.yaml", "this is YAML; a DAG file is TOML or JSON"),
        ("tasks:\n  - id: a", "x", "this is YAML; a DAG file is TOML or JSON"),
        ("[skill]\nname = 'x'\ntype = 'native'\nentry = 'x'", "x.toml", "this is the manifest of a skill, not a DAG"),
        ("[skill]\nname = 'x'\n[execution]\nbinary = 'x'", "x.toml", "this is the manifest of a skill, not a DAG"),
    ],
)
def test_a_file_that_is_no_dag_says_what_to_do(text: str, file: str, said: str) -> None:
    dag = parse_dag(text, file)
    assert any(said in error for error in errors(dag.problems)), dag.problems
    assert all(problem.hint for problem in dag.problems if "no tasks" in problem.message or "YAML" in problem.message)


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe")
    assert "not UTF-8" in str(load_dag(tmp_path / "x.toml").problems[0])
    assert "No such file" in str(load_dag(tmp_path / "y.toml").problems[0])


def test_a_windows_file_with_a_byte_order_mark_loads(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_bytes(b"\xef\xbb\xbf[[dag.tasks]]\r\nid = 'a'\r\n")
    assert load_dag(tmp_path / "x.toml").problems == ()


def test_sizes_are_bounded() -> None:
    assert "larger than 4 MB" in str(parse_dag("#" * 4_000_001, "x.toml").problems)
    many = json.dumps({"dag": {"tasks": [{"id": str(index)} for index in range(MAX_TASKS + 1)]}})
    assert f"expected at most {MAX_TASKS}" in str(parse_dag(many, "x.json").problems)


def test_the_digest_follows_the_content() -> None:
    first, second = parse_dag("[dag]", "x.toml"), parse_dag("[dag] ", "x.toml")
    assert first.digest != second.digest
    assert len(first.digest) == 64


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["a", "b", "shell"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "type", "x", "max"]), inner),
    max_leaves=6,
)
_FIELDS = st.sampled_from(
    re.findall(
        r"\w+",
        "id name skill command args input deps level retry timeout_secs condition idempotent work_dir env type action "
        "config run script commands steps needs on_failure max_attempts x",
    )
)
_TASKS = st.lists(st.dictionaries(_FIELDS, _VALUES, max_size=6) | _VALUES, max_size=4) | _VALUES
_FILES = st.dictionaries(
    st.sampled_from(["skill", "dag", "tasks", "nodes", "name", "workflow", "params"]), _TASKS | _VALUES
)
_WHOLE = _FILES | st.fixed_dictionaries(
    {"dag": st.dictionaries(st.sampled_from(["tasks", "policy", "params", "env", "steps"]), _TASKS | _VALUES)}
)


@given(_WHOLE | _VALUES | _TASKS)
@settings(deadline=None, max_examples=200)
def test_whatever_json_says_becomes_a_dag_or_problems(data: object) -> None:
    dag = parse_dag(json.dumps(data), "x.json")
    assert dag.spec is not None or errors(dag.problems)
    if dag.spec is not None:
        assert decode(DagSpec, json.loads(json.dumps(encode(dag.spec)))) == dag.spec
    _all_readable(dag.problems)


_SAMPLES = [path.read_text("utf-8") for path in sorted(SAMPLES.iterdir())]


@given(st.sampled_from(_SAMPLES), st.data())
@settings(deadline=None, max_examples=100)
def test_a_damaged_sample_becomes_a_dag_or_problems(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 40)))
    insert = data.draw(st.text(alphabet="[]{}=\",.'#\n 1atrue", max_size=12))
    dag = parse_dag(text[:start] + insert + text[end:], data.draw(st.sampled_from(["x.toml", "x.json", "x"])))
    assert dag.spec is not None or errors(dag.problems)
    _all_readable(dag.problems)


def _all_readable(problems: tuple[Problem, ...]) -> None:
    for problem in problems:
        assert problem.message
        assert "\n" not in str(problem)
        str(problem).encode()


def test_what_takes_a_task_back() -> None:
    text = """
        rollback = ["rm x", { skill = "echo", input = { a = "b" }, retry = 2, timeout_secs = 9 }]
        creates = ["x", "x", "dist/y"]
    """
    task = only_task(text)
    assert task.rollback == (
        UndoStep(command="rm x"),
        UndoStep(skill="echo", input={"a": "b"}, retry=Retry(max=2), timeout=9.0),
    )
    assert task.creates == ("x", "dist/y")
    assert only_task('rollback = "rm x"\ncreates = "x"').rollback == (UndoStep(command="rm x"),)
    assert parsed("[dag]\npolicy = 'rollback_on_failure'\n[[dag.tasks]]\nid = 't'").rollback_on_failure
    assert parsed("[dag]\nrollback_on_failure = true\n[[dag.tasks]]\nid = 't'").rollback_on_failure
    assert not parsed("[[dag.tasks]]\nid = 't'").rollback_on_failure


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ("rollback = true", '"rollback" is true, expected a command, or a table'),
        ("rollback = ['ok', '']", '"rollback" is "", expected a command, or a table'),
        ("rollback = { skill = 'shell' }", "nothing to run"),
        ("rollback = { skill = 'echo', command = 'x' }", '"command" goes with the skill "shell"'),
        ("creates = [1]", '"creates" is 1, expected a list of paths'),
    ],
)
def test_a_mistake_in_a_rollback_is_an_error(fields: str, said: str) -> None:
    (error,) = errors(parse_dag(f'[[dag.tasks]]\nid = "t"\n{fields}', "x.toml").problems)
    assert said in error
