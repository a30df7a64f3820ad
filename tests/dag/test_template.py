"""Templates, conditions and parameters; and what a template is not allowed to cost."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.errors import Invalid
from cis_tui.dag.model import DagSpec, Param
from cis_tui.dag.template import Renderer, bind_params

TASKS: dict[str, dict[str, object]] = {
    "test": {"status": "completed", "output": "all good\n", "exit_code": 0},
    "a-b": {"status": "debt", "output": "", "exit_code": 3},
    "json": {
        "status": "completed",
        "output": '{"items": [1, 2], "title": "T", "deep": {"count": 3}}\n',
        "exit_code": 0,
    },
    "list": {"status": "completed", "output": '["x", "y"]', "exit_code": 0},
    "number": {"status": "completed", "output": "41\n", "exit_code": 0},
}
MEMORY = {"key": "value"}


@pytest.fixture
def renderer() -> Renderer:
    return Renderer(params={"version": "1.2", "n": 3}, env={"A": "b"}, run_id="r1", memory=MEMORY.get)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain $A ${#x} {x} %}", "plain $A ${#x} {x} %}"),
        ("v{{ params.version }}\n", "v1.2\n"),
        ("{{ env.A }} {{ run.id }} {{ memory('key') }}", "b r1 value"),
        ("{{ memory('no') or 'none' }} {{ memory('no') | default('none') }}", "none none"),
        ("{{ tasks.test.output }}!", "all good!"),
        ("{{ tasks['a-b'].status }} {{ tasks['a-b'].exit_code }}", "debt 3"),
        ("{{ tasks.json.output }}", '{"items": [1, 2], "title": "T", "deep": {"count": 3}}'),
        ("{{ tasks.json.output.title }} {{ tasks.json.output.deep.count }}", "T 3"),
        ("{{ tasks.json.output.items[1] }} {{ tasks.json.output['items'] | length }}", "2 2"),
        ("{% for key in tasks.json.output %}{{ key }},{% endfor %}", "items,title,deep,"),
        ("{{ tasks.list.output[0] }} {{ tasks.list.output | length }} {{ 'x' in tasks.list.output }}", "x 2 True"),
        ("{{ tasks.number.output | int + 1 }}", "42"),
        ("{{ tasks.test.output | upper }} {{ tasks.test.output.split()[1] }}", "ALL GOOD good"),
        ("{{ 'a' ~ params.n ~ tasks.number.output }}", "a341"),
        ("{% for i in range(params.n) %}{{ i }}{% if not loop.last %}-{% endif %}{% endfor %}", "0-1-2"),
        ("{% set x = params.n * 2 %}{{ x }}", "6"),
        ("{{ params.version }} ${#array[@]} {# no comment #}", "1.2 ${#array[@]} {# no comment #}"),
        ("{% raw %}{{.Names}}{% endraw %}{{ params.n }}", "{{.Names}}3"),
    ],
)
def test_a_template_is_filled_in(renderer: Renderer, text: str, expected: str) -> None:
    assert renderer.render(text, TASKS) == expected


def test_structures_are_filled_in_everywhere(renderer: Renderer) -> None:
    value = {"a": ["{{ params.n }}", 1, None], "b": {"c": "{{ env.A }}"}}
    assert renderer.render_value(value, TASKS) == {"a": ["3", 1, None], "b": {"c": "b"}}


@given(st.text(max_size=30))
@settings(deadline=None, max_examples=50)
def test_quote_makes_one_word_for_the_shell(word: str) -> None:
    renderer = Renderer(params={"w": word}, env={}, run_id="r", memory=MEMORY.get)
    assert shlex.split(renderer.render("x {{ params.w | quote }}", {})) == ["x", word]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner, max_size=3)))
@settings(deadline=None, max_examples=50)
def test_json_output_is_printed_as_it_came(value: object) -> None:
    text = json.dumps(value)
    renderer = Renderer(params={}, env={}, run_id="r", memory=MEMORY.get)
    tasks = {"t": {"status": "completed", "output": text, "exit_code": 0}}
    assert renderer.render("{{ tasks.t.output }}", tasks) == text


def test_output_that_was_parsed_already_is_taken_too(renderer: Renderer) -> None:
    tasks: dict[str, dict[str, object]] = {"t": {"status": "completed", "output": {"a": "é"}, "exit_code": 0}}
    assert renderer.render("{{ tasks.t.output.a }} {{ tasks.t.output }}", tasks) == 'é {"a": "é"}'


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("true", True),
        ("false", False),
        ("tasks.test.status == 'completed'", True),
        ("{{ tasks.test.exit_code != 0 }}", False),
        ("tasks.test.output == 'all good'", True),
        ("'good' in tasks.test.output and params.n > 2", True),
        ("tasks.json.output.deep.count == 3", True),
        ("memory('no')", False),
        ("memory('no') is defined", False),
        ("tasks.list.output == 'x'", False),
    ],
)
def test_a_condition_holds_or_not(renderer: Renderer, condition: str, holds: bool) -> None:
    assert renderer.test(condition, TASKS) is holds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ nothing }}", 'there is no "nothing"'),
        ("{{ tasks.other.output }}", 'there is no "other"'),
        ("{{ params.verson }}", 'there is no "verson"'),
        ("{{ memory('no') }}", 'nothing is remembered as "no"'),
        ("{{ memory('no') | quote }}", 'nothing is remembered as "no"'),
        ("{{ tasks.json.output.nope }}", 'there is no "nope"'),
        ("{{ 1 / 0 }}", "division by zero"),
        ("{{ x", "unexpected end of template"),
        ("{{ params.n | nope }}", "No filter named 'nope'"),
    ],
)
def test_what_is_missing_is_named_with_its_task(renderer: Renderer, text: str, said: str) -> None:
    with pytest.raises(Invalid) as caught:
        renderer.render(text, TASKS, where='task "push", command')
    assert caught.value.code == "CIS-DAG-031"
    assert caught.value.message.startswith('task "push", command: the template "')
    assert said in caught.value.message


def test_a_broken_condition_is_an_error(renderer: Renderer) -> None:
    for condition in ("tasks.test.status ==", "nothing", "a b"):
        with pytest.raises(Invalid):
            renderer.test(condition, TASKS)


_DOUBLING = "{% set x = 'aaaaaaaaaa' %}"


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ params.__class__ }}",
        "{{ tasks._tasks }}",
        "{{ tasks.test.output._data }}",
        "{{ memory.__globals__ }}",
        "{{ 'x' * 10000000 }}",
        "{{ ['x'] * 10000000 }}",
        "{{ 10 ** 10000000 }}",
        "{{ 'x'.center(100000000) }}",
        "{{ 'x' | center(100000000) }}",
        "{{ '%100000000d' % 1 }}",
        "{{ '{:>100000000}'.format(1) }}",
        "{{ '%100000000d' | format(1) }}",
        "{{ (1).to_bytes(100000000, 'big') }}",
        "{{ ('x' * 90000) | replace('x', 'y' * 90000) }}",
        "{{ ('y' * 90000).join('x' * 90000) }}",
        "{{ range(100000000) | list }}",
        "{{ lipsum(1000) }}",
        "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}",
        "{% for i in range(9999) %}{{ 'x' * 999 }}{% endfor %}",
        _DOUBLING + "{% set x = x ~ x %}" * 40 + "{{ x }}",
        _DOUBLING + "{% set x = x + x %}" * 40 + "{{ x }}",
        "{% set x = [1] %}" + "{% set x = x + x %}" * 40 + "{{ x }}",
        "{% set n = 7 %}" + "{% set n = n * n %}" * 40 + "{{ n }}",
        "{% set x %}aaaa{% endset %}" + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40,
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for x in [[1]] recursive %}{{ loop(x) }}{% endfor %}",
        "{% include '/etc/passwd' %}",
        "{% import 'os' as os %}",
    ],
)
def test_a_hostile_template_is_refused_at_once(renderer: Renderer, text: str) -> None:
    start = time.process_time()
    with pytest.raises(Invalid):
        renderer.render(text, TASKS)
    assert time.process_time() - start < 1


def test_text_without_templates_does_not_import_jinja() -> None:
    code = (
        "import sys\nfrom cis_tui.dag.template import Renderer\n"
        "r = Renderer(params={}, env={}, run_id='r', memory=lambda key: None)\n"
        "assert r.render('make ${#x}', {}) == 'make ${#x}'\nprint('jinja2' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


SPEC = DagSpec(
    "deploy",
    (),
    params=(
        Param("version", "string", "1.0"),
        Param("count", "integer", required=True),
        Param("ratio", "number"),
        Param("dry", "boolean", False),
    ),
)


def test_parameters_are_bound_by_type() -> None:
    bound = bind_params(SPEC, {"count": "3", "ratio": "0.5", "dry": "Yes"})
    assert bound == {"version": "1.0", "count": 3, "ratio": 0.5, "dry": True}
    assert bind_params(SPEC, {"count": "-1", "version": ""}) == {"version": "", "count": -1, "ratio": 0.0, "dry": False}


@pytest.mark.parametrize(
    ("given_params", "message", "hint"),
    [
        ({}, 'the DAG deploy needs the parameter "count" (integer)', "-p count=…"),
        ({"count": "x"}, 'the parameter "count" of deploy is "x", expected a whole number', ""),
        ({"count": "1.5"}, 'the parameter "count" of deploy is "1.5", expected a whole number', ""),
        ({"count": "1", "ratio": "nan"}, 'the parameter "ratio" of deploy is "nan", expected a number', ""),
        ({"count": "1", "dry": "maybe"}, 'the parameter "dry" of deploy is "maybe", expected true or false', ""),
        ({"count": "1", "verson": "2"}, 'the DAG deploy has no parameter "verson"', 'did you mean "version"?'),
        ({"count": "1", "zzz": "2"}, 'the DAG deploy has no parameter "zzz"', "it has version, count, ratio, dry"),
    ],
)
def test_a_wrong_parameter_is_an_error(given_params: dict[str, str], message: str, hint: str) -> None:
    with pytest.raises(Invalid) as caught:
        bind_params(SPEC, given_params)
    assert (caught.value.message, caught.value.hint) == (message, hint)
