"""Files of other installations and other programs: loaded with a word about each liberty, or refused helpfully."""

from __future__ import annotations

import json

import pytest

from cis_tui.core.retry import Retry
from cis_tui.dag.model import Action, DagSpec, Level, LevelKind, Policy, TaskSpec
from cis_tui.dag.parse import LoadedDag, load_dag, parse_dag
from tests.dag.helpers import SAMPLES, errors, warnings


def _sample(name: str) -> tuple[DagSpec, LoadedDag]:
    dag = load_dag(SAMPLES / name)
    assert dag.spec is not None
    assert errors(dag.problems) == []
    return dag.spec, dag


def _said(dag: LoadedDag) -> str:
    return "\n".join(str(problem).removeprefix(f"{SAMPLES}/") for problem in dag.problems)


def test_hello_loads_as_three_no_ops_in_a_row() -> None:
    spec, dag = _sample("hello.toml")
    assert dag.problems == ()
    assert (spec.name, spec.version, spec.policy) == ("hello-world", "1.0.0", Policy.ALL_SUCCESS)
    assert [(task.id, task.name, task.deps) for task in spec.tasks] == [
        ("init", "Initialize", ()),
        ("hello", "Hello World", ("init",)),
        ("complete", "Complete", ("hello",)),
    ]
    assert all(task.skill == "shell" and task.command is None and task.retry.max == 3 for task in spec.tasks)


def test_a_pipeline_of_skills_loads() -> None:
    spec, dag = _sample("test_pipeline.toml")
    assert dag.problems == ()
    assert [(task.skill, task.retry.max) for task in spec.tasks] == [("echo", 3), ("echo", 3)]


def test_a_bare_list_of_tasks_in_json_is_called_by_its_file() -> None:
    spec, dag = _sample("simple.json")
    assert (spec.name, spec.tasks[0].id, spec.tasks[0].skill, spec.tasks[0].retry.max) == ("simple", "task1", "echo", 3)
    assert _said(dag) == 'simple.json:2: "tasks" is read as "dag.tasks"'


def test_shell_exec_is_the_shell_and_labels_are_said_to_be_for_workers() -> None:
    spec, dag = _sample("docker_cross_compile.toml")
    assert len(spec.tasks) == 10
    assert {task.skill for task in spec.tasks} == {"shell"}
    assert spec.env == {"PROJECT_NAME": "ml-accelerator", "BUILD_DIR": "/tmp/build"}
    assert {task.target_node for task in spec.tasks} == {None, "computer-b", "computer-c"}
    said = _said(dag)
    assert ':26: the skill "shell-exec" is taken as "shell": its commands are run by /bin/sh (and in 9 more' in said
    assert ':48: "target_node" is a worker\'s label, or one of your other nodes: else' in said
    assert '"todo" is read but not carried out by this version' in said


def test_agent_settings_of_skills_are_said_to_do_nothing() -> None:
    spec, dag = _sample("dag-skill-with-agents.toml")
    assert [task.id for task in spec.tasks] == ["1", "2", "3", "4", "5", "6"]
    assert spec.tasks[5].level.stakeholders == ("tech-lead", "security-team")
    for field in ("agent_runtime", "agent_config", "keep_agent", "reuse_agent"):
        assert f'"{field}" means nothing for a task without "prompt": its skill runs without an agent' in _said(dag)


def test_nodes_with_type_action_and_config_call_the_skill_of_that_type() -> None:
    spec, dag = _sample("websocket_basic.toml")
    assert (spec.name, spec.version) == ("websocket_basic_test", "1.0.0")
    assert spec.description == "Basic WebSocket communication test suite"
    first, second = spec.tasks[:2]
    assert first.skill == "websocket_client"
    assert first.input == {"url": "ws://localhost:6768", "timeout": 30, "action": "connect"}
    assert second.deps == ("ws_connect",)
    assert second.input["message_type"] == "handshake"
    said = _said(dag)
    for words in (
        ':12: "nodes" is read as "dag.tasks"',
        ':8: "dag_id" is read as "name"',
        ':15: "type" is read as the skill ("websocket_client")',
        '"action" is read as "input.action"',
        '"config" is read as "input"',
        '"metadata" is read but not carried out',
    ):
        assert words in said


def _one(fields: str) -> tuple[TaskSpec, str]:
    dag = parse_dag(f"[[dag.tasks]]\nid = 't'\n{fields}", "x.toml")
    assert dag.spec is not None
    assert errors(dag.problems) == []
    return dag.spec.tasks[0], "\n".join(warnings(dag.problems))


@pytest.mark.parametrize(
    ("fields", "attribute", "value", "said"),
    [
        ("needs = ['a']", "deps", ("a",), '"needs" is read as "deps"'),
        ("run = 'make'", "command", "make", '"run" is read as "command"'),
        ("cmd = 'make'", "command", "make", '"cmd" is read as "command"'),
        ("script = ['a', 'b']", "command", "set -e\na\nb", "is read as a script, one command a line"),
        ("steps = [{ run = 'a' }, { run = 'b' }]", "command", "set -e\na\nb", 'the list "steps" is read as a script'),
        ("operator = 'bash'\nconfig = { command = 'ls' }", "command", "ls", '"operator" is read as "type"'),
        ("dependencies = [{ task_id = 'a' }, { id = 'b' }]", "deps", ("a", "b"), "read as the ids in them"),
        ("skill = 'x'\nagent = 'claude'", "skill", "x", "its skill runs without an agent"),
        ("shell = 'make'", "command", "make", '"shell" is read as "command"'),
        ("command = 'cargo'\nargs = ['build', 'a b']", "command", "cargo build 'a b'", '"args" beside "command"'),
        ("timeout_seconds = 9", "timeout", 9.0, '"timeout_seconds" is read as "timeout_secs"'),
        ("timeout = '5m'", "timeout", 300.0, '"5m" is read as 300 seconds'),
        ("timeout = '1s'", "timeout", 1.0, '"1s" is read as 1 second'),
        ("timeout = '1.5 hours'", "timeout", 5400.0, "is read as 5400 seconds"),
        ("max_retries = 2", "retry", Retry(2), '"max_retries" is read as "retry"'),
        ("retry = { max_attempts = 3, delay = 2 }", "retry", Retry(2, 2.0), "counts the first attempt too"),
        ("when = 'true'", "condition", "true", '"when" is read as "condition"'),
        ("cwd = 'src'", "work_dir", "src", '"cwd" is read as "work_dir"'),
        ("environment = { A = 'b' }", "env", {"A": "b"}, '"environment" is read as "env"'),
        ("skill = 'x'\nparams = { a = 1 }", "input", {"a": 1}, '"params" is read as "input"'),
        ("skill = 'x'\nargs = { a = 1 }", "input", {"a": 1}, 'the table "args" is read as "input"'),
        ("skill = 'x'\naction = 'go'", "input", {"action": "go"}, '"action" is read as "input.action"'),
        (
            "type = 'shell'\nconfig = { command = 'ls' }",
            "command",
            "ls",
            'in the input of a shell task is read as its "comm',
        ),
        ("decision_level = 'Confirmed'", "level", Level(LevelKind.CONFIRMED), '"decision_level" is read as "level"'),
        ("title = 'T'", "name", "T", '"title" is read as "name"'),
    ],
)
def test_other_spellings_are_read_with_a_warning(fields: str, attribute: str, value: object, said: str) -> None:
    task, warned = _one(fields)
    assert getattr(task, attribute) == value
    assert said in warned
    assert task.skill in ("shell", "x")


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("'Mechanical'", Level()),
        ("{ type = 'Confirmed' }", Level(LevelKind.CONFIRMED)),
        ("{ kind = 'ARBITRATED', voters = ['a'] }", Level(LevelKind.ARBITRATED, stakeholders=("a",))),
        ("{ Confirmed = { timeout_secs = 9 } }", Level(LevelKind.CONFIRMED, 9)),
        (
            "{ Recommended = { timeout = '10s', default_action = 'Skip' } }",
            Level(LevelKind.RECOMMENDED, 10, Action.SKIP),
        ),
    ],
)
def test_levels_are_read_in_any_of_their_spellings(level: str, expected: Level) -> None:
    task, _ = _one(f"level = {level}")
    assert task.level == expected


def test_a_mistake_inside_a_tagged_level_keeps_its_line() -> None:
    dag = parse_dag('{"tasks": [{"id": "a",\n"level": {\n"Confirmed": {\n"timeout_secs": "x"}}}]}', "x.json")
    assert errors(dag.problems) == ['x.json:4: "timeout_secs" is "x", expected a number of seconds from 1 to 2592000']


@pytest.mark.parametrize("name", ["tasks", "nodes", "steps", "jobs", "task", "step"])
@pytest.mark.parametrize("holder", ["", "dag.", "workflow.", "pipeline."])
def test_tasks_are_found_under_other_names(name: str, holder: str) -> None:
    dag = parse_dag(f"[[{holder}{name}]]\nname = 'a'\nrun = 'x'\n[[{holder}{name}]]\nid = 'b'\nneeds = 'a'", "x.toml")
    assert dag.spec is not None
    assert errors(dag.problems) == []
    assert [(task.id, task.command, task.deps) for task in dag.spec.tasks] == [("a", "x", ()), ("b", None, ("a",))]
    assert [task.line for task in dag.spec.tasks] == [1, 4]


def test_tasks_in_tables_are_called_by_their_keys() -> None:
    dag = parse_dag("[tasks.build]\ncmd = 'make'\n[tasks.'a-b']\nneeds = ['build']\ntimeout = 'x'", "x.toml")
    assert dag.spec is not None
    assert [(task.id, task.line) for task in dag.spec.tasks] == [("build", 1), ("a-b", 3)]
    (problem,) = (problem for problem in dag.problems if problem.severity == "error")
    assert (problem.line, problem.field) == (5, "tasks.a-b.timeout")


def test_a_json_list_is_a_list_of_tasks() -> None:
    dag = parse_dag(json.dumps([{"id": "a"}, {"id": "b", "deps": ["a"], "retry": -1}], indent=1), "x.json")
    assert dag.spec is not None
    assert [task.id for task in dag.spec.tasks] == ["a", "b"]
    assert errors(dag.problems) == ['x.json:10: "retry" is -1, expected a whole number from 0 to 1000']


def test_a_workflow_with_its_own_head_loads() -> None:
    dag = parse_dag(
        "[workflow]\nname = 'nightly'\nconcurrency = 2\npolicy = 'AllowDebt'\n[workflow.env]\nA = 'b'\n"
        "[workflow.params]\nwho = 'me'\ncount = 3\n[[workflow.steps]]\nid = 's'\n",
        "x.toml",
    )
    spec = dag.spec
    assert spec is not None
    assert errors(dag.problems) == []
    assert (spec.name, spec.max_parallel, spec.policy, spec.env) == ("nightly", 2, Policy.ALLOW_DEBT, {"A": "b"})
    assert [(param.name, param.type, param.default) for param in spec.params] == [
        ("who", "string", "me"),
        ("count", "integer", 3),
    ]
    said = "\n".join(warnings(dag.problems))
    assert "[workflow] is read as [dag]" in said
    assert '"concurrency" is read as "max_parallel"' in said
    assert 'the policy "AllowDebt" is read as "allow_debt"' in said


def test_of_two_spellings_the_contracts_stays() -> None:
    task, warned = _one("deps = ['a']\nneeds = ['b']")
    assert task.deps == ("a",)
    assert '"needs" is ignored: "deps" is there too' in warned


def test_a_renamed_field_is_reported_where_and_as_it_was_written() -> None:
    dag = parse_dag("[[nodes]]\nid = 't'\n\nneeds = 3", "x.toml")
    (problem,) = (problem for problem in dag.problems if problem.severity == "error")
    assert (problem.line, problem.field) == (4, "nodes[0].needs")
    assert problem.message == '"needs" is 3, expected a list of task ids'


def test_inline_tables_over_several_lines_are_read_as_toml_1_1() -> None:
    text = (
        "[[nodes]]\nid = 'a'\ntype = 'http'\nconfig = {  # a comment\n  url = 'x',\n\n  list = [\n 1,\n ],\n}\n"
        "[[nodes]]\nid = 'b'\nretry = 'x'\nconfig = { a = 1, }\n"
    )
    dag = parse_dag(text, "x.toml")
    assert dag.spec is not None
    assert dag.spec.tasks[0].input == {"url": "x", "list": [1]}
    assert [task.line for task in dag.spec.tasks] == [1, 11]
    assert errors(dag.problems) == ['x.toml:13: "retry" is "x", expected a whole number from 0 to 1000']
    assert "inline tables over several lines, as in line 4, are read as TOML 1.1" in warnings(dag.problems)[0]
    broken = parse_dag(text + "[[nodes", "x.toml")
    assert "x.toml:4: not TOML" in errors(broken.problems)[0]


def test_fields_of_dag_that_are_called_dag_again() -> None:
    dag = parse_dag("[dag]\nid = 'n'\ndag.env = { A = 1 }\n[[dag.tasks]]\nid = 'a'", "x.toml")
    assert dag.spec is not None
    assert (dag.name, dag.spec.env, errors(dag.problems)) == ("n", {"A": "1"}, [])
    assert 'x.toml:3: "dag.env" below [dag] is read as "env"' in warnings(dag.problems)


def test_one_line_a_task_is_read_as_tasks_that_run_nothing() -> None:
    text = (
        "# tasks\n\nbackup: [level:mechanical|5]\ndeploy: backup, test [level:Confirmed|30]  # ask\n"
        "test:\nask: deploy [level:recommended|10|skip]\nvote: ask [level:arbitrated|dba, sre]\n"
    )
    for file in ("x.toml", "x.txt", "x"):
        dag = parse_dag(text, file)
        assert dag.spec is not None
        assert errors(dag.problems) == []
        assert "one line a task is read as tasks that run nothing" in warnings(dag.problems)[0]
        assert [(task.id, task.deps, task.retry.max, task.line) for task in dag.spec.tasks] == [
            ("backup", (), 5, 3),
            ("deploy", ("backup", "test"), 0, 4),
            ("test", (), 3, 5),
            ("ask", ("deploy",), 0, 6),
            ("vote", ("ask",), 0, 7),
        ]
        assert [task.level for task in dag.spec.tasks[1:]] == [
            Level(LevelKind.CONFIRMED, 30),
            Level(),
            Level(LevelKind.RECOMMENDED, 10, Action.SKIP),
            Level(LevelKind.ARBITRATED, stakeholders=("dba", "sre")),
        ]


def test_a_line_that_is_no_task_is_an_error_in_its_place() -> None:
    dag = parse_dag("a: [level:mechanical]\nwhat is this\nb: [level:sometimes]\n", "x")
    assert errors(dag.problems) == [
        'x:2: "what is this" is no task; a line is: id: dep, dep [level:confirmed|300]',
    ]
    dag = parse_dag("b: [level:sometimes]\n", "x")
    assert '"type" is "sometimes", expected mechanical or' in errors(dag.problems)[0]


NODES = "[[nodes]]\nid = 'a'\n[[nodes]]\nid = 'b'\ndeps = ['a']\n[[nodes]]\nid = 'c'\n"


@pytest.mark.parametrize(
    "edges",
    [
        "[[edges]]\nfrom = 'b'\nto = 'c'\n[[edges]]\nfrom = 'a'\nto = 'b'",
        "[[edges]]\nsource = 'b'\ntarget = 'c'\nlabel = 'then'\ntype = 'success'",
        "[[links]]\nupstream = 'b'\ndownstream = 'c'",
        "[dag]\nedges = [['b', 'c']]",
        "[dag]\nedges = ['b -> c']",
    ],
)
def test_edges_become_deps(edges: str) -> None:
    nodes = NODES if "[dag]" not in edges else NODES.replace("[[nodes]]", "[[dag.nodes]]")
    dag = parse_dag(f"{edges}\n{nodes}", "x.toml")
    assert dag.spec is not None
    assert errors(dag.problems) == []
    assert [task.deps for task in dag.spec.tasks] == [(), ("a",), ("b",)]
    assert 'are read as "deps" of the tasks to which they lead' in "\n".join(warnings(dag.problems))


@pytest.mark.parametrize("field", ["next = 'c'", "downstream = ['c']", "then = ['c']"])
def test_who_comes_after_a_task_gets_it_into_its_deps(field: str) -> None:
    dag = parse_dag(NODES.replace("deps = ['a']\n", f"deps = ['a']\n{field}\n"), "x.toml")
    assert dag.spec is not None
    assert errors(dag.problems) == []
    assert dag.spec.tasks[2].deps == ("b",)


@pytest.mark.parametrize(
    ("edges", "said"),
    [
        ("[[edges]]\nfrom = 'a'\nto = 'd'", 'an edge leads to "d", which does not exist'),
        ("[[edges]]\na = 'b'", "which is not understood: without it the order would be another one"),
        ("[[edges]]\nfrom = 'a'\nto = 'b'\ncondition = 'x'", "is not understood"),
        ("[[edges]]\nfrom = 'a'\nto = 'b'\ntype = 'failure'", 'type = "failure", which is not understood'),
        ("[connections]\na = 'b'", "this is an n8n workflow, not a DAG"),
        ("[transitions]\na = 'b'", '"transitions" is a table, expected a list of { from, to }'),
    ],
)
def test_order_is_never_lost_in_silence(edges: str, said: str) -> None:
    assert said in errors(parse_dag(f"{edges}\n{NODES}", "x.toml").problems)[0]
    (error,) = errors(parse_dag("[[nodes]]\nid = 'a'\nnext = ['z']", "x.toml").problems)
    assert error == 'x.toml:3: there is no task "z" after this one'


@pytest.mark.parametrize(
    ("fields", "args", "command"),
    [
        ("skill = 'bash'\ncommand = 'echo {a,b}'", ("bash", "-c", "echo {a,b}"), None),
        ("skill = 'bash'\nargs = ['-c', 'x']", ("bash", "-c", "x"), None),
        ("skill = 'sh'\nargs = ['-c', 'x']", ("sh", "-c", "x"), None),
        ("shell = 'bash'\nrun = 'echo {a,b}'", ("bash", "-c", "echo {a,b}"), None),
        ("shell = 'sh'\nrun = 'x'", (), "x"),
        ("skill = 'shell-exec'\ncommand = 'mkdir -p /tmp/{a,b}'", ("bash", "-c", "mkdir -p /tmp/{a,b}"), None),
        ("skill = 'shell-exec'\ncommand = 'mkdir /tmp/a'", (), "mkdir /tmp/a"),
    ],
)
def test_what_is_for_bash_is_run_by_bash(fields: str, args: tuple[str, ...], command: str | None) -> None:
    task, warned = _one(fields)
    assert (task.skill, task.args, task.command) == ("shell", args, command)
    assert warned


def test_a_command_for_a_shell_that_is_not_known_is_refused() -> None:
    dag = parse_dag("[[dag.tasks]]\nid = 't'\nshell = 'pwsh'\nrun = 'Get-Item x'", "x.toml")
    (error,) = errors(dag.problems)
    assert error.startswith('x.toml:3: the command is for "pwsh", and would be run by /bin/sh')


@pytest.mark.parametrize(
    "line",
    ["cp {a,b} c", "echo {1..3}", "if [[ -f x ]]; then y; fi", "diff <(a) <(b)", "cat <<< x", "set -euo pipefail"],
)
def test_bash_in_a_command_for_sh_is_warned_about(line: str) -> None:
    _, warned = _one(f"command = {json.dumps(line)}")
    assert (
        'is for bash; /bin/sh, which runs the command, takes it otherwise; let bash run it: command = ["bash' in warned
    )


@pytest.mark.parametrize(
    "line",
    [
        "echo '{a,b}' \"{c,d}\" \\{e,f} ${g,h}",
        "awk '{print $1, $2}' x",
        "echo {{ params.x | default('a,b') }}",
        "{ a; b; }",
        "find . -exec ls {} +",
        "# {a,b}\nls",
        "[ -f x ] && test a > b",
        "jq '.[[0,1]]'",
    ],
)
def test_what_sh_understands_is_not(line: str) -> None:
    _, warned = _one(f"command = {json.dumps(line)}")
    assert warned == ""


GITHUB = "name: CI\non:\n  push:\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: make\n"


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        ("ci.yml", GITHUB, "a GitHub Actions workflow (YAML)"),
        ("ci", GITHUB, "a GitHub Actions workflow"),
        (".gitlab-ci.yml", "build:\n  script:\n    - make\n", "a GitLab pipeline (YAML)"),
        ("g.yml", "stages:\n  - test\ntest:\n  stage: test\n  script:\n    - make\n", "a GitLab pipeline (YAML)"),
        ("c.yml", "version: 2.1\njobs:\n  a: {}\nworkflows:\n  b: {}\n", "a CircleCI pipeline (YAML)"),
        ("a.yml", "trigger:\n- main\nsteps:\n- script: make\n", "an Azure pipeline (YAML)"),
        ("Taskfile.yml", "version: '3'\ntasks:\n  a:\n    cmds: [x]\n", "a Taskfile (YAML)"),
        ("dagu.yaml", "schedule: '* * * * *'\nsteps:\n  - name: a\n    command: x\n", "a Dagu DAG (YAML)"),
        ("hello.yaml", "steps:\n  - echo hello\n", "a Dagu DAG (YAML)"),
        ("drone.yml", "kind: pipeline\nsteps:\n- name: a\n", "a Drone pipeline (YAML)"),
        ("compose.yaml", "services:\n  web: {}\n", "a Compose file, which describes services (YAML)"),
        ("w.yaml", "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n", "an Argo workflow (YAML)"),
        ("p.yaml", "- name: x\n  hosts: all\n  tasks: []\n", "an Ansible playbook (YAML)"),
        ("k.yaml", "id: x\nnamespace: y\ntasks:\n  - id: a\n", "a Kestra flow (YAML)"),
        ("x.yaml", "tasks:\n  - id: a\n", "YAML"),
        ("Makefile", "CC = gcc\nall: a b\n\techo $@\n", "a Makefile"),
        ("build.mk", "all: a b\n\techo $@\n", "a Makefile"),
        ("justfile", "build:\n  make\n", "a justfile"),
        ("Snakefile", "rule all:\n    input: 'x'\n", "a Snakefile"),
        ("Jenkinsfile", "pipeline {\n  agent any\n}\n", "a Jenkinsfile"),
        ("flow.py", "from airflow import DAG\nwith DAG('x') as dag:\n    pass\n", "a program, not a file of tasks"),
        ("run.sh", "#!/bin/sh\nmake\n", "a script"),
        ("s.json", '{"StartAt": "a", "States": {}}', "a state machine of Step Functions"),
        ("package.json", '{"name": "x", "version": "1", "scripts": {"a": "b"}}', "a package.json"),
        ("pyproject.toml", "[build-system]\nrequires = []\n[project]\nname = 'x'\n", "a pyproject.toml"),
        ("Cargo.toml", "[package]\nname = 'x'\n[dependencies]\n", "a Cargo.toml"),
    ],
)
def test_files_of_other_programs_are_named(file: str, text: str, what: str) -> None:
    dag = parse_dag(text, file)
    (error,) = errors(dag.problems)
    assert error.startswith(
        (f"{file}: this is {what}; a DAG file is TOML or JSON; ", f"{file}: this is {what}, not a DAG")
    )
    assert dag.problems[0].hint
