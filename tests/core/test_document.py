"""Reading files that people wrote: problems with their places instead of exceptions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.document import MAX_BYTES, Notes, field_name, load_toml, parse_json, parse_toml, read_text
from cis_tui.core.errors import Invalid
from cis_tui.core.problems import Severity
from cis_tui.core.tables import Table, describe


def _table(text: str) -> tuple[Table, Notes]:
    data, notes = parse_toml(text, "f.toml")
    return Table(data, (), notes), notes


def test_a_syntax_error_has_its_line() -> None:
    _, notes = parse_toml('a = 1\nb = "\n', "f.toml")
    (problem,) = notes.problems
    assert (problem.line, problem.severity) == (2, Severity.ERROR)
    assert "not TOML" in problem.message
    _, notes = parse_json('{\n "a": 1,\n}', "f.json")
    assert notes.problems[0].line == 3
    assert "not JSON" in notes.problems[0].message


@pytest.mark.parametrize("text", ["[" * 50_000, '{"a": NaN}', '{"a": ' + "9" * 5000 + "}"])
def test_json_that_no_other_reader_takes_is_refused(text: str) -> None:
    _, notes = parse_json(text, "f.json")
    assert notes.problems[0].severity is Severity.ERROR


def test_toml_that_is_nested_without_end_is_refused() -> None:
    _, notes = parse_toml("a = " + "[" * 50_000, "f.toml")
    assert "nested too deeply" in notes.problems[0].message


def test_a_key_given_twice_in_json_is_an_error() -> None:
    _, notes = parse_json('{"a": 1, "a": 2}', "f.json")
    assert '"a" is given twice' in notes.problems[0].message


def test_wrong_types_name_what_was_expected() -> None:
    table, notes = _table(
        "text = 3\nnumber = '3'\nwhole = 1.5\nflag = 'yes'\ntexts = ['a', 1]\ntable = 3\nchoice = 'rde'\nbig = 900\n"
        "tables = [3]\nenv = { A = [1] }\n"
    )
    table.text("text")
    table.number("number", 0, 10)
    table.whole("whole", 0, 10)
    table.flag("flag")
    table.texts("texts")
    table.table("table")
    table.choice("choice", ["red", "green"], "red")
    table.number("big", 0, 10, unit="seconds", above=True)
    table.tables("tables")
    table.strings("env")
    table.finish()
    assert [str(problem) for problem in notes.problems] == [
        'f.toml:1: "text" is 3, expected text',
        'f.toml:2: "number" is "3", expected a number from 0 to 10',
        'f.toml:3: "whole" is 1.5, expected a whole number from 0 to 10',
        'f.toml:4: "flag" is "yes", expected true or false',
        'f.toml:5: "texts" is 1, expected a list of texts',
        'f.toml:6: "table" is 3, expected a table',
        'f.toml:7: "choice" is "rde", expected red or green; did you mean "red"?',
        'f.toml:8: "big" is 900, expected a number of seconds above 0, at most 10',
        'f.toml:9: "tables" is 3, expected a table',
        'f.toml:10: "A" is a list, expected text, a number or a boolean',
    ]
    assert notes.problems[4].field == "texts[1]"


def test_unknown_fields_are_warnings_with_the_nearest_known_one() -> None:
    table, notes = _table("nmae = 'x'\n")
    table.line("name")
    table.finish()
    (problem,) = notes.problems
    assert problem.severity is Severity.WARNING
    assert str(problem) == 'f.toml:1: unknown field "nmae" is ignored; did you mean "name"?'


def test_values_that_cannot_be_passed_on_are_errors() -> None:
    data, notes = parse_json('{"a": "x\\u0000", "b": {"c": "\\ud800", "d": 1e999, "e": [' + "9" * 30 + "]}}", "f.json")
    table = Table(data, (), notes)
    assert table.text("a") == ""
    table.plain("b")
    assert [problem.field for problem in notes.problems] == ["a", "b.c", "b.d", "b.e[0]"]


def test_dates_in_free_tables_become_text() -> None:
    table, notes = _table("t = { day = 2026-11-23, at = 07:32:00, list = [1, {x = true}] }")
    assert table.plain("t") == {"day": "2026-11-23", "at": "07:32:00", "list": [1, {"x": True}]}
    assert notes.problems == ()


def test_variables_are_text_numbers_or_booleans() -> None:
    table, notes = _table('env = { A = "x", B = 1, C = 0.5, D = true, "a=b" = "x", "" = "y" }')
    assert table.strings("env") == {"A": "x", "B": "1", "C": "0.5", "D": "true"}
    assert len(notes.problems) == 2


def test_the_same_warning_is_kept_once_and_counted() -> None:
    notes = Notes("f.toml")
    for index in range(5):
        notes.warn(("a", index), "is ignored")
    assert [str(problem) for problem in notes.problems] == ["f.toml: is ignored (and in 4 more places)"]


def test_problems_are_bounded_and_say_so() -> None:
    notes = Notes("f.toml")
    for index in range(1000):
        notes.error(("a", index), f"wrong {index}")
    assert len(notes.problems) == 201
    assert "and 800 more" in notes.problems[-1].message


def test_messages_do_not_carry_control_sequences() -> None:
    notes = Notes("f.toml")
    notes.error(("a\x1b]0;x\x07b",), "\x1b[31mred\x1b[0m", "\x1b[2Jhint")
    (problem,) = notes.problems
    assert (problem.message, problem.hint, problem.field) == ("red", "hint", '"ab"')


def test_field_names_read_like_code() -> None:
    assert field_name(("dag", "tasks", 2, "level", "timeout")) == "dag.tasks[2].level.timeout"
    assert field_name(("a b",)) == '"a b"'


def test_only_regular_files_of_text_are_read(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with pytest.raises(Invalid, match="not a regular file"):
        read_text(fifo)
    (tmp_path / "latin").write_bytes(b"a = 1\nb = '\xe9'\n")
    with pytest.raises(Invalid, match="not UTF-8 text: byte 11, line 2"):
        read_text(tmp_path / "latin")
    (tmp_path / "large").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(Invalid, match="larger than 4 MB"):
        read_text(tmp_path / "large")
    (tmp_path / "bom").write_bytes(b"\xef\xbb\xbfa = 1")
    assert load_toml(tmp_path / "bom")[0] == {"a": 1}
    _, notes = load_toml(tmp_path / "missing")
    assert "No such file" in notes.problems[0].message


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.integers()))
@settings(deadline=None)
def test_any_value_can_be_described(value: object) -> None:
    assert describe(value)
