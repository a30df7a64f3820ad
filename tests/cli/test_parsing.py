"""What is understood, what help says, and what is said to a wrong call."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from cis_tui.cli import app, fast
from cis_tui.cli.app import build_parser, commands_of
from cis_tui.cli.command import GROUPS
from cis_tui.cli.guesses import WORDS
from tests.cli.support import call, cis

PATHS = [
    (group.name,) if command.name == group.name else (group.name, command.name)
    for group in GROUPS
    for command in commands_of(group)
    if not command.hidden
]


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_every_command_has_help_that_names_what_all_take(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        call(capsys, *path, "-h")
    assert left.value.code == 0
    help = capsys.readouterr().out
    assert help.startswith(f"usage: cis {' '.join(path)} ")
    assert all(option in help for option in ("--json", "--project DIR", "--home DIR", "-h, --help"))


def test_help_of_all_lists_every_command_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    for words in ((), ("memory",), ("engine",)):
        help = call(capsys, *words, "-h").out
        listed = set(re.findall(r"^  ([a-z]+)  ", help, flags=re.MULTILINE))
        group = next((group for group in GROUPS if words == (group.name,)), None)
        visible = {command.name for command in commands_of(group) if not command.hidden} if group else set[str]()
        assert listed == (visible or {group.name for group in GROUPS})
    assert "serve" not in call(capsys, "engine", "-h").out


def test_help_may_be_asked_for_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "help").out == call(capsys, "-h").out
    assert call(capsys, "help", "memory").out == call(capsys, "memory", "-h").out


def test_the_version_is_the_same_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "--version").out == call(capsys, "version").out == "cis 0.1.0\n"
    assert call(capsys, "--json", "--version").json == call(capsys, "version", "--json").json == {"version": "0.1.0"}


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (("memroy",), 'cis has no command "memroy"', 'did you mean "memory"?'),
        (("dag", "vlaidate"), 'cis dag has no command "vlaidate"', 'did you mean "validate"?'),
        (("zzz",), 'cis has no command "zzz"', "cis -h lists all"),
        (("memory",), "cis memory needs a command", "cis memory -h tells more"),
        (
            ("memory", "get"),
            "cis memory get: the following arguments are required: KEY",
            "cis memory list shows what there is; cis memory get -h tells more",
        ),
        (
            ("memory", "get", "k", "--defualt", "x"),
            "cis memory get has no option --defualt",
            'did you mean "--default"?',
        ),
        (("memory", "get", "a", "b"), 'cis memory get does not expect "b"', "cis memory get -h tells more"),
        (("memory", "set", "k", "v", "--domain", "x"), "invalid choice: 'x'", "cis memory set -h tells more"),
        (("memory", "list", "--limit", "0"), "'0' is not a whole number from 1", "cis memory list -h tells more"),
        (
            ("memory", "list", "--limit", "9" * 5000),
            "is not a whole number from 1 to 999999999999999999",
            "cis memory list -h tells more",
        ),
        (
            ("agent", "conversations", "--limit", "-1"),
            "'-1' is not a whole number from 1",
            "cis agent conversations -h tells more",
        ),
        (("dag", "run", "x", "-p", "novalue"), "'novalue' is not key=value", "cis dag run -h tells more"),
        (("--frob",), "cis has no option --frob", "cis -h tells more"),
        (("--reed-only",), "cis has no option --reed-only", 'did you mean "--read-only"?'),
        (("--home",), "--home needs a folder", "cis -h tells more"),
        (("--home", "", "memory", "get", "k"), "--home: no folder is named", "cis memory get -h tells more"),
        (
            ("memory", "search", "a\udcff"),
            "a word of the command is no text that UTF-8 can express",
            "see that the terminal, or the script, writes UTF-8",
        ),
        (("trust", ""), "no folder is named", "cis trust -h tells more"),
        (
            ("run", "\x1b[31mtour"),
            'cis run has no command "tour"',
            "cis dag run NAME runs a DAG; cis run -h lists what is done with its runs",
        ),
        (("memory", "\x1b[31mzzz"), 'cis memory has no command "zzz"', "cis memory -h lists all"),
        (("memory", "ls"), 'cis memory has no command "ls"', 'did you mean "list"?'),
        (("memory", "show", "k"), 'cis memory has no command "show"', 'did you mean "get"?'),
        (("run", "kill"), 'cis run has no command "kill"', 'did you mean "cancel"?'),
        (("peer", "rm"), 'cis peer has no command "rm"', 'did you mean "forget"?'),
        (("search", "x"), 'cis has no command "search"', 'did you mean "cis memory search"?'),
        (("retry",), 'cis has no command "retry"', 'did you mean "cis run rerun"?'),
        (("check",), 'cis has no command "check"', 'did you mean "cis skill check"?'),
        (("stop",), 'cis has no command "stop"', 'did you mean "cis engine stop"?'),
        (
            ("ls",),
            'cis has no command "ls"',
            'did you mean "cis memory list", "cis dag list" or "cis run list"?',
        ),
        (("memory", "set", "k", "v", "--public"), "no option --public", 'did you mean "--domain public"?'),
        (("dag", "run", "x", "-y"), "cis dag run has no option -y", 'did you mean "--yes"?'),
        (("trust", "-o"), "cis trust has no option -o", "cis trust -h tells more"),
        (("-V",), "cis has no option -V", 'did you mean "--version"?'),
        (
            ("run", "logs"),
            "cis run logs: the following arguments are required: ID",
            "cis run list shows what there is; cis run logs -h tells more",
        ),
        (
            ("skill", "run"),
            "cis skill run: the following arguments are required: NAME",
            "cis skill list shows what there is; cis skill run -h tells more",
        ),
        (
            ("skill", "new"),
            "cis skill new: the following arguments are required: NAME",
            "cis skill new -h tells more",
        ),
    ],
)
def test_a_wrong_call_is_told_what_was_meant(
    words: tuple[str, ...], message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    told = call(capsys, *words)
    assert told.code == 2
    assert told.out == ""
    assert message in told.err
    assert f"hint: {hint}" in told.err
    as_json = call(capsys, *words, "--json") if not words[0].startswith("--") else call(capsys, "--json", *words)
    assert as_json.code == 2
    assert as_json.error["hint"] == hint
    assert as_json.err == ""


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "--home", "{home}", "config", "get", "ui.theme"),
        ("config", "--json", "--home={home}", "get", "ui.theme"),
        ("config", "get", "ui.theme", "--json", "--home", "{home}"),
        ("config", "get", "--home", "{home}", "ui.theme", "--json"),
    ],
)
def test_common_options_may_stand_anywhere(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str], tmp_path: object
) -> None:
    found = call(capsys, *(word.format(home=f"{tmp_path}/other") for word in words))
    assert found.json == {"name": "ui.theme", "value": "cis-dark", "source": "default"}


def test_options_may_stand_between_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "memory", "set", "k", "--domain", "public", "v").out == "Memory saved to public domain\n"
    assert call(capsys, "memory", "get", "--", "k").out == "v\n"
    assert call(capsys, "memory", "set", "k", "--", "-v").code == 0
    assert call(capsys, "memory", "get", "k").out == "-v\n"


LINES = [
    "memory get k",
    "memory get k --json",
    "memory get missing",
    "memory get missing --default x",
    "memory get missing --default=x --json",
    "--json memory list",
    "memory list --limit 1",
    "memory list a --domain public --json",
    "memory history k",
    "memory history missing",
    "memory --json history k",
    "memory get -h",
    "memory get",
    "memory get a b",
    "memory get k --nothing",
    "memory list --limit x",
    "memory set k v --domain nowhere",
    "memory get k --default",
]


@pytest.mark.parametrize("line", LINES)
def test_the_short_way_and_the_long_one_say_the_same(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    call(capsys, "memory", "set", "k", "value", "--domain", "public")
    call(capsys, "memory", "set", "other", "value")
    words = line.split()

    def outcome(run: Callable[[list[str]], int | None]) -> tuple[object, str]:
        capsys.readouterr()
        try:
            code: object = run(words)
        except BaseException as error:
            code = f"{type(error).__name__}: {error}"
        return code, re.sub(r'"access_count":\d+,"last_accessed_at":[^,]+|"uses":\d+', "", capsys.readouterr().out)

    short, full = outcome(fast.run), outcome(app.run)
    assert short in (full, (None, ""))


def test_the_short_way_is_taken_for_what_is_plain() -> None:
    plain = fast.parse(["--home", "h", "memory", "set", "k", "-", "--domain", "private", "--pin"])
    assert plain == ("set", ["k", "-"], {"--home": "h", "--domain": "private", "--pin": ""})


def test_only_commands_that_there_are_have_other_names() -> None:
    assert set(WORDS) <= {path[-1] for path in PATHS}


def test_every_parser_can_be_built_and_has_no_default_that_hides_a_mistake() -> None:
    for group in GROUPS:
        for command in commands_of(group):
            parser = build_parser(f"cis {group.name} {command.name}", command)
            assert {"--json", "--home", "--project", "-h", "--help"} <= set(parser.options)


def test_the_workspace_needs_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    told = call(capsys)
    assert told.code == 2
    assert "needs a terminal" in told.err
    assert cis("--json").error["code"] == "CIS-CLI-003"


def test_after_two_dashes_every_word_is_taken_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert call(capsys, "memory", "set", "--domain", "public", "--", "-x", "--json").out.startswith("Memory saved")
    assert call(capsys, "memory", "get", "--", "-x").out == "--json\n"
    assert call(capsys, "memory", "get", "--json", "--", "-x").json["value"] == "--json"
    assert [item["key"] for item in call(capsys, "memory", "list", "--json", "--", "-").json] == ["-x"]
    missing = call(capsys, "memory", "get", "--", "--json")
    assert (missing.code, missing.out, missing.err.splitlines()[0]) == (3, "", 'error: there is no memory "--json"')
    surplus = call(capsys, "memory", "get", "--", "-x", "--default", "y")
    assert (surplus.code, 'does not expect "--default"' in surplus.err) == (2, True)
    assert call(capsys, "memory", "delete", "--", "-x").code == 0
