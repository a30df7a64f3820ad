"""What a call gives, held against what the skill exports."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.errors import Invalid
from cis_tui.skills.arguments import Bound, bind, checked, synopsis
from cis_tui.skills.model import Argument, ArgumentType, ExportedCommand

PATH = Argument("path", ArgumentType.PATH, required=True)
DEPTH = Argument("depth", ArgumentType.INTEGER, low=1, high=9, default=3)
FIX = Argument("fix", ArgumentType.BOOLEAN)
STYLE = Argument("style", choices=("long", "short"))
LINT = ExportedCommand("lint", "Lint", (PATH, DEPTH, FIX, STYLE))
SUM = ExportedCommand("sum", args=(Argument("numbers", ArgumentType.NUMBER, required=True, many=True),))
FREE = ExportedCommand("free")


@pytest.mark.parametrize(
    ("args", "input", "values"),
    [
        (["a.py"], {}, {"path": "a.py", "depth": 3}),
        (["a.py", "5", "yes", "long"], {}, {"path": "a.py", "depth": 5, "fix": True, "style": "long"}),
        ([], {"path": "a.py", "fix": False}, {"path": "a.py", "depth": 3, "fix": False}),
        (["a.py"], {"style": "short"}, {"path": "a.py", "depth": 3, "style": "short"}),
        (["lint"], {}, {"path": "lint", "depth": 3}),
        (["5"], {"path": "a.py"}, {"path": "a.py", "depth": 5}),
    ],
)
def test_a_value_comes_as_a_word_or_by_name(
    args: list[str], input: Mapping[str, object], values: Mapping[str, object]
) -> None:
    assert bind((LINT,), args, input) == Bound("lint", values)


@pytest.mark.parametrize(
    ("args", "input", "said"),
    [
        ([], {}, ['"path" is missing, expected a path']),
        (["a", "x"], {}, ['"depth" is "x", expected a whole number from 1 up to 9']),
        (["a", "10"], {}, ['"depth" is 10, expected a whole number from 1 up to 9']),
        (["a", "1", "maybe", "wide"], {}, ['"fix" is "maybe", expected true or false', '"style" is "wide", expected']),
        (["a", "1", "no", "long", "b", "c"], {}, ['"b" (and 1 more) is one argument too many']),
        (["a"], {"path": "b", "depth": 1, "fix": True, "style": "long"}, ['"a" is one argument too many']),
        ([], {"path": "a", "stile": "long"}, ['there is no argument "stile"; did you mean "style"?']),
        ([], {"path": True}, ['"path" is true, expected a path']),
        ([], {"path": "a", "depth": True}, ['"depth" is true, expected a whole number']),
        ([], {"path": ""}, ['"path" is "", expected a path']),
    ],
)
def test_every_mistake_is_told_at_once(args: list[str], input: Mapping[str, object], said: list[str]) -> None:
    problems = bind((LINT,), args, input).problems
    assert len(problems) == len(said)
    assert all(problem.startswith(start) for problem, start in zip(problems, said, strict=True)), problems


def test_of_several_commands_the_first_word_or_the_input_names_one() -> None:
    several = (LINT, SUM, FREE)
    assert bind(several, ["sum", "1", "2.5"], {}) == Bound("sum", {"numbers": [1.0, 2.5]})
    assert bind(several, [], {"command": "sum", "numbers": [1]}) == Bound("sum", {"command": "sum", "numbers": [1]})
    assert bind(several, ["free", "what", "ever"], {"x": 1}) == Bound("free", {"x": 1})
    assert bind(several, [], {}).problems == ("it needs a command: lint, sum, free",)
    assert bind(several, ["smu"], {}).problems == ('it has no command "smu"; did you mean "sum"?',)
    assert bind(several, ["sum"], {}).problems == ('"numbers" is missing, expected a number',)
    assert bind(several, ["sum", "1", "two"], {}).problems == ('"numbers" is "two", expected a number',)


def test_a_skill_that_does_not_say_what_it_can_do_takes_anything() -> None:
    assert bind((), ["x"], {"y": 1}) == Bound("", {"y": 1})


def test_the_error_tells_how_to_call_it() -> None:
    with pytest.raises(Invalid) as caught:
        checked("linter", (LINT,), [], {"dept": 3})
    assert caught.value.code == "CIS-SKILL-080"
    assert 'linter: there is no argument "dept"; did you mean "depth"?; "path" is missing' in caught.value.message
    assert caught.value.hint == "usage: cis skill run linter PATH [DEPTH] [FIX] [STYLE]"
    assert synopsis("calc", SUM, several=True) == "cis skill run calc sum NUMBERS…"


_VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.lists(st.integers())
_ARGUMENTS = st.lists(
    st.builds(
        Argument,
        name=st.sampled_from("abcd"),
        type=st.sampled_from(ArgumentType),
        required=st.booleans(),
        choices=st.just(()) | st.just(("x", 1)),
        many=st.booleans(),
    ),
    max_size=4,
    unique_by=lambda argument: argument.name,
)


@given(_ARGUMENTS, st.lists(st.text(max_size=4), max_size=5), st.dictionaries(st.sampled_from("abcde"), _VALUES))
@settings(deadline=None, max_examples=40)
def test_whatever_is_given_either_fits_or_is_told(
    arguments: list[Argument], words: list[str], input: dict[str, object]
) -> None:
    bound = bind((ExportedCommand("it", args=tuple(arguments)),), words, input)
    if not bound.problems:
        assert bound.input.keys() >= {name for name, value in input.items() if value is not None}
        assert bound.input.keys() >= {argument.name for argument in arguments if argument.required}
        assert bind((ExportedCommand("it", args=tuple(arguments)),), [], bound.input) == bound, "once bound, it fits"
