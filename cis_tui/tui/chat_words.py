"""What is written in the chat's line: commands, and what could complete a word. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from cis_tui.core.errors import Invalid
from cis_tui.core.text import did_you_mean
from cis_tui.tui.widgets.chat_line import Candidate

MOST = 50
"""Candidates that are offered."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "new": ("", "begin another conversation"),
    "sessions": ("[WORDS]", "list, search and resume conversations"),
    "resume": ("ID", "go on with a conversation"),
    "fork": ("", "go on in a copy of this conversation"),
    "rename": ("TITLE", "give this conversation a title"),
    "export": ("[FILE]", "write this conversation as Markdown"),
    "agent": ("[NAME [MODEL]]", "let another agent go on"),
    "model": ("NAME", "let another model of this agent go on"),
    "context": ("", "show exactly what was sent"),
    "undo": ("", "take back what the agent wrote into files in its last turn"),
    "rules": ("", "what the policy says about calls of tools"),
    "allow": ("PATTERN", "always let calls such as file_write:docs/* run"),
    "ask": ("PATTERN", "always ask about such calls"),
    "deny": ("PATTERN", "never let such calls run"),
    "copy": ("", "copy the last answer"),
    "delete": ("", "let this conversation be gone"),
    "clear": ("", "begin another conversation, as /new"),
    "help": ("", "list these commands and the keys"),
}
"""What each takes and does."""
_COMMAND = re.compile(r"/([a-z-]+)(?:\s+(.*))?", re.DOTALL)
_FILE = re.compile(r"(?:^|\s)@(\S*)$")


class Does(StrEnum):
    """What a line does."""

    SAY = "say"
    COMMAND = "command"
    REMEMBER = "remember"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Written:
    """A line, understood."""

    does: Does
    text: str
    """What is said, remembered or run; of a command what it is given."""
    command: str = ""


def read_line(text: str) -> Written:
    """What a line does.

    Raises:
        Invalid: it looks like a command, and there is none of that name (CIS-TUI-040); or it is nothing after its
            sign (CIS-TUI-041).
    """
    text = text.strip("\n")
    sign, rest = text[:1], text[1:].strip()
    if sign in ("#", "!") and not text.startswith(("##", "!!")):
        if not rest:
            what = "# is followed by what is to be remembered" if sign == "#" else "! is followed by a command"
            raise Invalid("CIS-TUI-041", what)
        return Written(Does.REMEMBER if sign == "#" else Does.RUN, rest)
    found = _COMMAND.fullmatch(text.strip()) if sign == "/" else None
    if found is None:
        return Written(Does.SAY, text.strip())
    if found[1] not in COMMANDS:
        hint = did_you_mean(found[1], COMMANDS) or "/help lists all; a space before it sends it as text"
        raise Invalid("CIS-TUI-040", f"there is no command /{found[1]}", hint=hint)
    return Written(Does.COMMAND, (found[2] or "").strip(), found[1])


def remembered_as(text: str) -> tuple[str, str]:
    """Key and value of `KEY = VALUE`, or a key made of the first words."""
    key, equals, value = text.partition("=")
    if equals and value.strip() and re.fullmatch(r"[\w./-]+", key.strip()):
        return key.strip(), value.strip()
    words = re.findall(r"[^\W_]+", text.casefold())[:5]
    return f"notes/{'-'.join(words)[:60] or 'note'}", text


def word_of(before: str) -> str:
    """The word before the cursor that something is offered for: `/se` at the beginning, or `@src`."""
    if re.fullmatch(r"/[a-z-]*", before):
        return before
    found = _FILE.search(before)
    return f"@{found[1]}" if found else ""


def candidates(word: str, files: Sequence[str]) -> list[Candidate]:
    """What could be meant by a word."""
    if word.startswith("/"):
        fitting = [name for name in COMMANDS if name.startswith(word[1:])]
        return [(f"/{name}", f"{COMMANDS[name][0]}  {COMMANDS[name][1]}".strip()) for name in fitting]
    if word.startswith("@"):
        return [(f"@{path}", "") for path in fuzzy(word[1:], files)]
    return []


def fuzzy(needle: str, paths: Iterable[str]) -> list[str]:
    """The paths that have the letters of `needle` in this order, the best first: whole words, names, short ones."""
    wanted = needle.casefold()
    scored: list[tuple[int, int, str]] = []
    for path in paths:
        score = _score(wanted, path.casefold())
        if score is not None:
            scored.append((score, len(path), path))
    return [path for _, _, path in sorted(scored)[:MOST]]


def _score(needle: str, path: str) -> int | None:
    """How badly a path fits; None if it does not."""
    name = path.rpartition("/")[2]
    if name.startswith(needle):
        return 0
    for score, text in ((1, name), (2, path)):
        if needle in text:
            return score
    at, gaps = -1, 0
    for letter in needle:
        place = path.find(letter, at + 1)
        if place < 0:
            return None
        gaps += place - at - 1 if at >= 0 else 0
        at = place
    return 3 + gaps
