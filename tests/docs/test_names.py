"""What the docs name is there: commands, options, settings, events, errors, keys."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from cis_tui.cli.app import build_parser, commands_of
from cis_tui.cli.command import GROUPS, Command
from cis_tui.core.config import Settings
from cis_tui.core.events import EventType
from tests.conftest import ROOT
from tests.docs.errors import CODE, errors
from tests.docs.pages import UNRUN, WRITTEN, commands, key_tables, prose, quoted

each_page = pytest.mark.parametrize("page", WRITTEN, ids=lambda page: page.name)
_OTHERS = {"--no-deps", "--name", "--resources", "--acp", "--write", "--global"}
"""Options of other programs that are named."""


def _commands() -> dict[tuple[str, ...], Command]:
    return {
        (group.name,) if command.name == group.name else (group.name, command.name): command
        for group in GROUPS
        for command in commands_of(group)
    }


COMMANDS = _commands()
GROUP_PATHS = {(group.name,) for group in GROUPS}
SETTINGS = {
    section.name: {item.name for item in dataclasses.fields(getattr(Settings(), section.name))}
    for section in dataclasses.fields(Settings)
    if section.name != "keys"
}
"""The names of the settings of each section."""
PARSERS = {path: build_parser(" ".join(("cis", *path)), command) for path, command in COMMANDS.items()}
EVERYWHERE = {"--json", "--project", "--home", "--help", "--version", "--read-only"}


@each_page
def test_what_cannot_be_run_here_is_a_command_nevertheless(page: Path) -> None:
    for mark in UNRUN:
        for command in commands(page, mark):
            for words in _calls(command):
                path = next(path for path in (tuple(words[:2]), tuple(words[:1])) if path in COMMANDS)
                program = words.index("--") if "--" in words else len(words)
                _, extra = PARSERS[path].parse_known_intermixed_args(words[len(path) : program])
                assert not extra, f"{command}: {extra}"


def _calls(command: str) -> Iterator[list[str]]:
    """The words after each `cis` of a line of shell."""
    command = re.sub(r"\$\(\(.*?\)\)", "1", command)
    for part in re.findall(r"(?:^|[|;(] *|&& *)cis ([^|;&)#<>]*)", command):
        words = shlex.split(part)
        if words:
            yield words


@each_page
def test_every_command_that_is_named_is_one(page: Path) -> None:
    for span in quoted(page):
        if not span.startswith("cis "):
            continue
        words = [word.strip("[]") for word in re.sub(r"([\"']).*?\1", "TEXT", span).split(" -- ")[0].split()[1:]]
        options = {word.partition("=")[0] for word in words if word.startswith("--")}
        names = [word for word in words if not word.startswith("-")]
        paths = _paths(*names[:2]) if names else []
        assert {path for path in paths if path not in COMMANDS and path not in GROUP_PATHS} == set(), span
        known = set[str]().union(EVERYWHERE, *(PARSERS[path].options for path in paths if path in PARSERS))
        assert options <= known, span


def _paths(first: str, second: str = "") -> list[tuple[str, ...]]:
    """The commands that two words name, each of which may be several, such as `allow|deny`."""
    if second and (first,) not in COMMANDS:
        return [(first, name) for name in second.split("|")]
    return [(name,) for name in first.split("|")]


@each_page
def test_every_option_that_is_named_is_one(page: Path) -> None:
    known = {option for parser in PARSERS.values() for option in parser.options} | EVERYWHERE | _OTHERS
    named = {word for span in quoted(page) for word in re.findall(r"(?:^|\s)(--[a-z][\w-]*)", span)}
    assert named - known == set()


@each_page
def test_every_setting_that_is_named_is_one(page: Path) -> None:
    text = "\n".join(quoted(page))
    named: set[tuple[str, str]] = {*re.findall(r"^\[(\w+)\] (\w+)", text, re.MULTILINE)}
    named |= {*re.findall(r"^(\w+)\.([a-z_]+)(?: =.*)?$", text, re.MULTILINE)}
    unknown = {(section, name) for section, name in named if section in SETTINGS and name not in SETTINGS[section]}
    modules = {(section, name) for section, name in unknown if (ROOT / "cis_tui" / section / f"{name}.py").exists()}
    files = {(section, name) for section, name in unknown if name in ("py", "db", "md", "toml")}
    assert unknown - modules - files == set()


def test_every_error_has_its_line_and_every_one_that_is_named_is_made() -> None:
    source = {code for path in (ROOT / "cis_tui").rglob("*.py") for code in CODE.findall(path.read_text("utf-8"))}
    assert source == set(errors())
    for page in WRITTEN:
        for first, more in re.findall(r"(CIS-[A-Z0-9]+-\d{3})((?:, `?\d{3}`?)*)", prose(page)):
            named = {first, *(first[:-3] + number for number in re.findall(r"\d{3}", more))}
            assert named <= source, f"{page.name}: {named - source}"


@each_page
def test_every_event_that_is_named_is_one(page: Path) -> None:
    known = {event.value for event in EventType}
    like = re.compile(r"(Peer|Memory|Task|Skill|Dag|Run|Decision|Agent|Pairing|Matrix|Vote)[A-Z][a-z]+\w*")
    named = {span for span in quoted(page) if like.fullmatch(span)}
    classes = {"MemoryService", "MatrixService"}
    assert named - known - classes == set()


def test_every_recipe_that_is_named_is_one() -> None:
    recipes = set(re.findall(r"^(\w+)[^:\n]*:(?!=)", (ROOT / "justfile").read_text("utf-8"), re.MULTILINE))
    for page in WRITTEN:
        named = set(re.findall(r"^\.venv/bin/just (\w+)|`just (\w+)`", page.read_text("utf-8"), re.MULTILINE))
        assert {first or second for first, second in named} <= recipes, page.name


KEYS = {
    "README.md": ("Dags screen", "Decision prompt", "Run list", "Chat line"),
    "tutorial.md": ("Dags screen", "Decision prompt", "Run list"),
    "dags.md": (
        "Dags screen",
        "Task rows",
        "Task keys",
        "Box view",
        "Decision prompt",
        "Task reader",
        "Table view",
        "Timeline",
    ),
    "agents.md": ("Chat screen", "Chat line", "Writing line", "Transcript", "Part list", "Decision prompt"),
    "peers-screen.md": ("Peers screen", "Peer table", "Pair dialog"),
    "room.md": ("Room screen", "Room list", "Room line", "Part list", "Writing line", "Peers screen"),
    "memory.md": ("Memory screen", "Memory table", "Prefix tree"),
    "skills.md": ("Skills screen", "Skill list", "Call dialog"),
    "accessibility.md": ("Row list", "Box view"),
}
"""Of each page that names keys, the parts of the screen that they are keys of, beside those that work everywhere."""
_KEY = re.compile(r"[A-Za-z]|Enter|Space|Tab|Esc|(?:Ctrl|Shift|Alt)\+\w+")
_OF_TEXTUAL = {"↑", "↓"}
"""Keys of the line that is written, which nobody binds anew."""


@pytest.mark.parametrize("name", KEYS)
def test_every_key_that_is_named_is_one(name: str) -> None:
    page = next(page for page in WRITTEN if page.name == name)
    reference = (ROOT / "docs" / "reference.md").read_text("utf-8")
    known = set(_OF_TEXTUAL)
    for part in (*KEYS[name], "Everywhere"):
        table = reference.split(f"\n### {part}\n")[1].split("\n#")[0]
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE):
            known |= set(re.findall(r"`([^`]+)`", row.replace("&lt;", "<")))
    named = {*key_tables(page), *filter(_KEY.fullmatch, quoted(page))}
    assert named
    assert named - known == set()


def test_every_page_with_a_table_of_keys_is_looked_at() -> None:
    assert {page.name for page in WRITTEN if any(key_tables(page))} <= set(KEYS)
