"""Sentences become calls, by patterns alone."""

from __future__ import annotations

import shlex
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.problems import Problem, Severity
from cis_tui.skills.arguments import bind
from cis_tui.skills.intent import Intent, Reading, example, read_intent
from cis_tui.skills.model import Argument, ArgumentType, ExportedCommand, Permissions, SkillInfo


def skill(name: str, *exports: ExportedCommand, about: str = "", broken: bool = False) -> SkillInfo:
    problems = (Problem(Severity.ERROR, "broken"),) if broken else ()
    return SkillInfo(name, "1", "native", "", about, Permissions(), True, problems, exports=exports)


PATH = Argument("path", ArgumentType.PATH, required=True)
FIX = Argument("fix", ArgumentType.BOOLEAN)
LINTER = skill(
    "linter",
    ExportedCommand("lint", "Look for mistakes", (PATH, FIX), phrases=("check the style of {path}",)),
    about="Finds mistakes in Python",
)
GIT = skill(
    "git-tools",
    ExportedCommand("status", "What changed", ()),
    ExportedCommand("commit", "Commit", (Argument("message", required=True),), phrases=("commit as {message}",)),
)
DISK = skill("disk", ExportedCommand("status", "How full the disk is", ()), ExportedCommand("clean", args=()))
NOTIFY = skill("notify", ExportedCommand("notify", "Tell", (Argument("title"), Argument("message", required=True))))
SEARCH = skill(
    "file-search",
    ExportedCommand("search", "Find text", (Argument("pattern", required=True), Argument("folder", ArgumentType.PATH))),
)
SUM = skill("sum", ExportedCommand("sum", args=(Argument("numbers", ArgumentType.NUMBER, required=True, many=True),)))
OLD = skill("old", about="Says nothing about what it does")
ALL = (LINTER, GIT, DISK, NOTIFY, SEARCH, SUM, OLD, skill("broken", broken=True))


def read(text: str) -> Reading:
    """The one reading without problems."""
    intent = read_intent(text, ALL)
    assert intent.reading is not None, intent
    assert intent.reading.problems == (), intent
    return intent.reading


@pytest.mark.parametrize(
    ("text", "name", "args", "values"),
    [
        ("run linter on src/main.py", "linter", ("src/main.py",), {"path": "src/main.py"}),
        ("Run the linter on src/main.py.", "linter", ("src/main.py",), {"path": "src/main.py"}),
        ("please could you run linter on 'my file.py'!", "linter", ("my file.py",), {"path": "my file.py"}),
        ("linter src/main.py", "linter", ("src/main.py",), {"path": "src/main.py"}),
        ("lint src/main.py with linter", "linter", ("src/main.py",), {"path": "src/main.py"}),
        ("lint a.py yes", "linter", ("a.py", "yes"), {"path": "a.py", "fix": True}),
        ("run linter on a.py with fix=true", "linter", ("a.py",), {"path": "a.py", "fix": True}),
        ("run linter --path=a.py", "linter", (), {"path": "a.py"}),
        ("check the style of a.py", "linter", ("a.py",), {"path": "a.py"}),
        ("CHECK the STYLE of A.py", "linter", ("A.py",), {"path": "A.py"}),
        ("run git tools status", "git-tools", ("status",), {}),
        ("git-tools commit fix the build in ci", "git-tools", ("commit", "fix the build in ci"), None),
        ("commit as first draft of it", "git-tools", ("commit", "first draft of it"), None),
        ("run disk status", "disk", ("status",), {}),
        ("search for TODO in src", "file-search", ("TODO", "src"), {"pattern": "TODO", "folder": "src"}),
        ('file search "for in" in src', "file-search", ("for in", "src"), None),
        ("sum 1, 2 and a half", "sum", (), None),
        ("sum numbers=1,2.5", "sum", (), {"numbers": [1.0, 2.5]}),
        ("run old with any thing", "old", ("any", "thing"), {}),
    ],
)
def test_what_is_understood(text: str, name: str, args: tuple[str, ...], values: dict[str, object] | None) -> None:
    if text == "sum 1, 2 and a half":
        reading = read_intent(text, ALL).reading
        assert reading is not None
        assert reading.problems[0] == '"numbers" is "and", expected a number'
        return
    reading = read(text)
    assert (reading.skill, reading.args) == (name, args)
    if values is not None:
        assert reading.values == values


def test_the_call_is_shown_as_it_will_be() -> None:
    assert read("lint 'my file.py' yes").shown == 'linter lint: path="my file.py" fix=yes'
    assert read("run disk status").shown == "disk status"
    assert read("run old with x").shown == "old: x"


def test_several_readings_are_listed_and_none_is_chosen() -> None:
    intent = read_intent("status", ALL)
    assert intent.reading is None
    assert [reading.shown for reading in intent.others] == ["disk status", "git-tools status"]


def test_what_is_missing_is_said() -> None:
    reading = read_intent("run linter", ALL).reading
    assert reading is not None
    assert reading.problems == ('"path" is missing, expected a path',)
    reading = read_intent("run git-tools", ALL).reading
    assert reading is not None
    assert reading.problems == ("it does several things: status, commit",)


@pytest.mark.parametrize(
    ("text", "suggested"),
    [
        ("run lintre on a.py", "check the style of PATH"),
        ("find mistakes", "check the style of PATH"),
        ("what about the disk", "run disk status"),
        ("run broken", None),
        ("", None),
        ("open the pod bay doors", None),
    ],
)
def test_what_is_not_understood_brings_suggestions(text: str, suggested: str | None) -> None:
    intent = read_intent(text, ALL)
    assert (intent.reading, intent.others) == (None, ())
    assert suggested is None or suggested in intent.suggestions
    assert suggested is not None or "broken" not in " ".join(intent.suggestions)


def test_an_example_is_itself_understood() -> None:
    for each in (LINTER, GIT, DISK, NOTIFY, SEARCH):
        intent = read_intent(example(each), (each,))
        assert intent.reading is not None, example(each)
        assert intent.reading.skill == each.name


_TEXTS = st.lists(
    st.sampled_from(
        ["run", "linter", "on", "lint", "status", "with", "a.py", "'", '"', "=", "fix=", "git", "tools", ","]
    )
    | st.text(max_size=6),
    max_size=12,
).map(" ".join)


@given(_TEXTS)
@settings(deadline=None, max_examples=80)
def test_whatever_is_said_never_fails_and_what_is_sure_can_be_called(text: str) -> None:
    intent = read_intent(text, ALL)
    assert isinstance(intent, Intent)
    assert intent == read_intent(text, ALL)
    reading = intent.reading
    if reading is not None and not reading.problems:
        exports = next(each.exports for each in ALL if each.name == reading.skill)
        assert bind(exports, reading.args, reading.input).problems == ()


@given(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=10), st.booleans())
@settings(deadline=None, max_examples=40)
def test_a_quoted_value_arrives_as_it_is(value: str, polite: bool) -> None:
    text = f"{'please ' * polite}run linter on {shlex.quote(value + ' x')}"
    assert read(text).values == {"path": value + " x"}


def test_a_sentence_made_to_take_long_does_not() -> None:
    holes = " ".join(f"{{a{number}}} x" for number in range(12))
    arguments = tuple(Argument(f"a{number}") for number in range(12))
    slow = skill("slow", ExportedCommand("slow", args=arguments, phrases=(holes,)))
    began = time.process_time()
    read_intent("x " * 2000, (slow,))
    assert time.process_time() - began < 5
