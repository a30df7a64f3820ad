"""What others have written, as commands print it at a terminal: text, whoever forgot to clean it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Generator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

import pytest

from cis_tui.api import launch
from cis_tui.cli import access, main, offline_matrix, offline_peers, output
from cis_tui.cli.output import note, paint, question, show, show_json, show_piece, table
from tests.cli.support import make_project
from tests.hostile import FORBIDDEN, MARK, PAYLOADS, PILE, poisoned
from tests.tui.world import World

COMMANDS = (
    *("dag list", "run list", "run show 5f3a9c21", "run logs 5f3a9c21", "skill list", "trust", "engine status"),
    *("decision list", "decision show x", "decision rules", "agent list", "agent conversations"),
    *("peer list", "peer status", "matrix status", "matrix members", "matrix messages"),
    *("memory list", "memory history a/b", "memory search evil"),
)
COLOURS = re.compile("\x1b\\[([0-9]+)m")
FAKED = re.compile("\x1b\\[[0-9]+m(?:red|hidden)")
"""A colour that the text of others has made."""


class Terminal(io.StringIO):
    """Keeps what is written."""

    def isatty(self) -> bool:
        """It says so."""
        return True


@contextmanager
def at_terminal() -> Generator[Terminal]:
    """Stdout and stderr are one, wide enough for every table."""
    stream = Terminal()
    with redirect_stdout(stream), redirect_stderr(stream), pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "_columns", lambda: 1000)
        yield stream


def harmless(written: str) -> bool:
    """Whether a terminal obeys nothing of it but colours of ours."""
    return (
        not FAKED.search(written)
        and not PILE.search(written)
        and not FORBIDDEN.search(COLOURS.sub("", written).replace("\t", ""))
    )


@pytest.mark.parametrize("turn", range(len(PAYLOADS)))
def test_every_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turn: int) -> None:
    monkeypatch.chdir(make_project(tmp_path / "demo"))
    value = MARK + PAYLOADS[turn].encode("utf-8", "replace").decode()
    assert main(["memory", "set", "a/b", value, "--domain", "public"]) == 0
    world = World(partial(poisoned, turn=turn))

    async def connect(*_: object) -> World:
        return world

    for module in (launch, access, offline_matrix, offline_peers):
        monkeypatch.setattr(module, "connect", connect)
    for command in COMMANDS:
        with at_terminal() as terminal:
            assert main(command.split()) in (0, 1), terminal.getvalue()
        written = terminal.getvalue()
        assert MARK in written and "this is a bug" not in written, f"{command}: {written}"
        assert harmless(written), f"{command}: {written!r}"


@pytest.mark.parametrize("payload", PAYLOADS, ids=["controls", "markup"])
def test_whatever_is_printed(payload: str) -> None:
    with at_terminal() as terminal:
        show(payload)
        note(f"{paint('mine', 'red')} {payload}")
        question(payload)
        show_piece(payload)
        table(("A", "B"), [(payload, payload)])
        assert main(["memory", payload]) == main([payload]) == 2
        assert main(["config", "get", payload]) != 0
        assert main(["dag", "plan", payload, "--project", payload]) != 0
    assert harmless(terminal.getvalue())
    assert "\x1b[31mmine\x1b[0m" in terminal.getvalue(), "our own colours are there"
    told = terminal.getvalue().partition("error:")[2].splitlines()
    assert not any(line.startswith("✔") for line in told), "what goes on below an error is seen to belong to it"


@pytest.mark.parametrize("payload", PAYLOADS, ids=["controls", "markup"])
def test_json_says_it_all_and_shows_nothing(payload: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_json({payload: [payload]})
    document = capsys.readouterr().out
    assert not FORBIDDEN.search(document)
    assert json.loads(document) == {payload: [payload]}


def test_a_program_gets_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    show_piece(PAYLOADS[1])
    assert capsys.readouterr().out == PAYLOADS[1]
