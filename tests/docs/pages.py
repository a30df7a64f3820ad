"""The pages of the docs, as tests read them: their blocks, what they quote, where they lead."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.conftest import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN = [page for page in PAGES if page.name != "reference.md"]
"""Those that people write."""
HOW = {
    "": "test_readme.py runs it, in an empty folder",
    "set-up": "the first commands of a new machine, compared with those of .ci/run",
    "tutorial": "test_tutorial.py runs it, on two nodes",
    "server": "needs a homeserver",
    "on-two-machines": "needs two machines",
    "in a skill": "works within a skill only",
    "by-hand": "changes the shell or the machine of whoever types it",
    "not-run": "needs a compiler that the tests do not bring",
}
"""How each kind of shell block is tested; what is not run is parsed."""
UNRUN = ("server", "on-two-machines", "in a skill", "by-hand")
_FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<body>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    """A block of code."""

    language: str
    mark: str
    """What stands behind the language: how a block of shell is tested."""
    body: str


def blocks(page: Path) -> list[Block]:
    """All of a page, in order."""
    return [
        Block(found["info"].partition(" ")[0], found["info"].partition(" ")[2].strip(), found["body"])
        for found in _FENCE.finditer(page.read_text("utf-8"))
    ]


def commands(page: Path, mark: str = "") -> list[str]:
    """What the shell blocks with this mark say, command by command, each with its here-document."""
    found: list[str] = []
    for block in blocks(page):
        if (block.language, block.mark) != ("sh", mark):
            continue
        end = ""
        for line in block.body.splitlines():
            if end:
                found[-1] += f"\n{line}"
                end = "" if line == end else end
            else:
                found.append(line)
                end = line.partition("<<'")[2].rstrip("'")
    return found


def prose(page: Path) -> str:
    """The page without its blocks."""
    return _FENCE.sub("", page.read_text("utf-8"))


def quoted(page: Path) -> list[str]:
    """What stands between backticks in the text, on one line."""
    return [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", prose(page))]


def links(page: Path) -> Iterator[tuple[str, str]]:
    """Where a page leads: a file relative to it, empty for the page itself, and the heading there, without `#`."""
    for target in re.findall(r"\]\((?!https?://)([^)]+)\)", prose(page)):
        path, _, anchor = target.partition("#")
        yield path, anchor


def anchors(page: Path) -> set[str]:
    """The headings of a page, as links name them."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def key_tables(page: Path) -> Iterator[str]:
    """The keys that tables with a column `key` list."""
    for table in re.findall(r"(?:^\|.*\n)+", prose(page), re.MULTILINE):
        rows = [re.split(r"(?<!\\)\|", row)[1:-1] for row in table.splitlines()]
        columns = [index for index, title in enumerate(rows[0]) if title.strip().partition(",")[0] == "key"]
        for row in rows[2:]:
            for index in columns:
                yield from re.findall(r"`([^`]+)`", row[index])
