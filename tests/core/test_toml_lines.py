"""Lines of tables and keys, against files whose layout is known because the test writes them."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.toml_lines import Path, Places, line_of

TEXT = '''\
name = "x"   # a comment with [brackets] and "quotes
[dag]
policy = "all_success"
note = """
[[dag.tasks]]
id = "not a table"
"""
literal = \'\'\'
id = '
\'\'\'
a.b.c = 1
"quoted.key" = 2
'single' = 3
"esc\\u00e9" = 4

[[dag.tasks]]
id = "one"
level = { type = "mechanical", retry = 3 }
at = 07:32:00

[dag.tasks.env]
CI = "1"

[[dag.tasks]]
id = "two"
deps = [
  "one", # first
  "x",
]
rules = [
  { name = "a" },
  { name = "b", more = [
    1 ] },
]

[[dag.tasks.steps]]
run = "y"
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("name",), 1),
        (("dag",), 2),
        (("dag", "policy"), 3),
        (("dag", "note"), 4),
        (("dag", "literal"), 8),
        (("dag", "a"), 11),
        (("dag", "a", "b", "c"), 11),
        (("dag", "quoted.key"), 12),
        (("dag", "single"), 13),
        (("dag", "escé"), 14),
        (("dag", "tasks"), 16),
        (("dag", "tasks", 0), 16),
        (("dag", "tasks", 0, "id"), 17),
        (("dag", "tasks", 0, "level", "retry"), 18),
        (("dag", "tasks", 0, "at"), 19),
        (("dag", "tasks", 0, "env"), 21),
        (("dag", "tasks", 0, "env", "CI"), 22),
        (("dag", "tasks", 1), 24),
        (("dag", "tasks", 1, "deps"), 26),
        (("dag", "tasks", 1, "deps", 1), 28),
        (("dag", "tasks", 1, "rules", 0, "name"), 31),
        (("dag", "tasks", 1, "rules", 1), 32),
        (("dag", "tasks", 1, "rules", 1, "more"), 32),
        (("dag", "tasks", 1, "rules", 1, "more", 0), 33),
        (("dag", "tasks", 1, "steps", 0, "run"), 37),
    ],
)
def test_a_path_has_the_line_where_it_is_written(path: Path, line: int) -> None:
    tomllib.loads(TEXT)
    assert line_of(TEXT, path) == line


def test_what_is_not_written_has_the_line_of_what_is_around_it() -> None:
    assert line_of(TEXT, ("dag", "tasks", 1, "timeout")) == 24
    assert line_of(TEXT, ("dag", "tasks", 1, "deps", 0, "deeper")) == 27
    assert line_of(TEXT, ("nothing", "here")) is None


def test_windows_line_ends_count_as_one_line() -> None:
    assert line_of(TEXT.replace("\n", "\r\n"), ("dag", "tasks", 1, "deps", 1)) == 28


def test_json_has_lines_too() -> None:
    text = '{\n "name": "x",\n "tasks": [\n  {"id": "a",\n   "level": {"type": "m"}},\n  {"id": "b{[\\""}\n ]\n}'
    json.loads(text)
    places = Places.of_json(text)
    assert [places.line_of(("tasks", index)) for index in (0, 1)] == [4, 6]
    assert places.line_of(("tasks", 0, "level", "type")) == 5
    assert places.line_of(("tasks", 1, "id")) == 6


def test_deep_nesting_and_damage_end_the_search_quietly() -> None:
    assert Places.of_json("[" * 100_000).line_of((0,)) == 1
    assert line_of("[a]\nb = '''\nno end", ("a", "b")) == 2
    assert line_of("[[[[", ("a",)) is None


@given(st.text(alphabet=st.sampled_from("[]{}=,.:#\"'\\\n ab1\r\t"), max_size=80))
@settings(deadline=None)
def test_no_text_makes_it_fail(text: str) -> None:
    line = line_of(text, ("a", 0, "b"))
    assert line is None or 1 <= line <= text.count("\n") + 1
    Places.of_json(text)


_KEYS = st.text(alphabet="abc-_ .\"'é\\", min_size=1, max_size=4)
_SCALARS = (
    st.integers() | st.booleans() | st.text(max_size=6) | st.lists(st.integers() | st.text(max_size=3), max_size=3)
)


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


@given(st.lists(st.dictionaries(_KEYS, _SCALARS, max_size=4), max_size=5), st.dictionaries(_KEYS, _SCALARS, max_size=4))
@settings(deadline=None, max_examples=60)
def test_every_key_of_a_generated_file_is_found(tasks: list[dict[str, object]], head: dict[str, object]) -> None:
    lines = ["# generated", "[top]"]
    expected: dict[Path, int] = {("top",): 2}
    for key, value in head.items():
        lines.append(f"{_toml(key)} = {_toml(value)} # [x]")
        expected["top", key] = len(lines)
    for index, task in enumerate(tasks):
        lines += ["", "[[top.the-tasks]]"]
        expected["top", "the-tasks", index] = len(lines)
        for key, value in task.items():
            lines.append(f"  {_toml(key)}={_toml(value)}")
            expected["top", "the-tasks", index, key] = len(lines)
    text = "\n".join(lines)
    tomllib.loads(text)
    places = Places.of_toml(text)
    assert {path: places.line_of(path) for path in expected} == expected
