"""Text that is not ours is shown as text: it styles nothing, runs nothing, and reaches no terminal."""

from __future__ import annotations

import base64
import os
import pty
import re
import subprocess
import sys
import termios
from dataclasses import replace
from pathlib import Path
from time import process_time

import pytest
from textual import events

from cis_tui.agents.model import (
    Activity,
    AgentInfo,
    Block,
    BlockKind,
    Conversation,
    ConversationView,
    Message,
    Role,
)
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.core.text import clean
from cis_tui.dag.views import DecisionKind
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.project.model import Change, TrustItem, TrustReport, TrustState
from cis_tui.tui.app import CisApp
from cis_tui.tui.deciding import detail_lines
from cis_tui.tui.frames import Frames
from cis_tui.tui.screens.chat import ChatScreen
from cis_tui.tui.screens.confirm import ConfirmDialog
from cis_tui.tui.screens.reader import ReaderDialog
from cis_tui.tui.screens.trust import TrustDialog
from tests.conftest import ROOT as REPOSITORY
from tests.hostile import FORBIDDEN, PAYLOADS, foreign, poisoned
from tests.tui.helpers import (
    HOSTILE,
    NOW,
    ROOT,
    attached,
    decision,
    detail,
    fill,
    text_of,
    until,
    workspace,
)


def harmless(app: CisApp) -> None:
    """Nothing but text is on the screen, and markup stands there as it was written."""
    text = text_of(app)
    assert not FORBIDDEN.search(text), text
    assert "bold" not in text or "[b]bold" in text


@pytest.mark.timeout(300)  # it goes to some eighty places
def test_at_a_real_terminal_nothing_arrives_but_what_the_workspace_writes(tmp_path: Path) -> None:
    """`hostile_walk` goes to every place, with harm in every text; all that it writes is looked at."""
    written, code = written_by([sys.executable, "-m", "tests.tui.hostile_walk", str(tmp_path / "home")])
    assert code == 0, written[-4000:]
    notice = r"\x07\x1b\]9;[^\x00-\x1f\x7f-\x9f]*\x1b\\"
    copied = [base64.b64encode(clean(poisoned("a value", turn)).encode()).decode() for turn in range(len(PAYLOADS))]
    copies = "|".join(re.escape(f"\x1b]52;c;{text}\x07") for text in copied)
    assert foreign(written, also=f"{notice}|{copies}") == []
    assert len(re.findall(notice, written)) == len(re.findall(copies, written)) == len(PAYLOADS)
    frames = Frames()
    cells = "".join(map(frames.changed, written.split("\x1b[?2026h")[1:]))
    assert foreign(cells, also=f"{notice}|{copies}") == [], "sent by the driver that sends only what changed"


def written_by(command: list[str]) -> tuple[str, int]:
    """All that a program writes to a terminal of its own, and its exit code."""
    master, slave = pty.openpty()
    os.set_blocking(master, True)
    termios.tcsetwinsize(slave, (36, 120))
    sealed = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
    env = {**sealed, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, env=env, cwd=REPOSITORY) as process:
        os.close(slave)
        written = bytearray()
        while chunk := _read(master):
            written += chunk
    os.close(master)
    return written.decode("utf-8", "surrogateescape"), process.returncode


def _read(master: int) -> bytes:
    try:
        return os.read(master, 1 << 16)
    except OSError:  # Linux says so when nobody has the other end any more
        return b""


LONG = {"one line": "evil" + "x" * 1_000_000, "many lines": "evil\n" * 20_000}


@pytest.mark.parametrize("text", LONG.values(), ids=LONG)
async def test_a_text_without_end_holds_up_nobody(home: Home, text: str) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        fill(app)
        begun = process_time()
        app.say(text, hint=text)
        for dialog in (
            ConfirmDialog(text, text),
            ReaderDialog(text, detail_lines(detail(decision(text, DecisionKind.CONFIRMED, prompt=text)))),
            TrustDialog(TrustReport(text, TrustState.UNTRUSTED, (TrustItem(text, Change.CHANGED, text),), "d")),
        ):
            await app.push_screen(dialog)  # type: ignore[arg-type]
            await pilot.pause()
            assert "evil" in text_of(app)
            await pilot.press("escape")
        await pilot.press("4")
        screen = app.screen_stack[0]
        assert isinstance(screen, ChatScreen)
        conversation = Conversation("c1", ROOT, text, text, text, NOW, NOW)
        screen.chat.load(ConversationView(conversation, (said(Block(BlockKind.TEXT, text)),)))
        screen.show_log()
        screen.text.post_message(events.Paste(text))
        await pilot.pause()
        assert "evil" in text_of(app)
        assert process_time() - begun < 10, "several times what it takes"


def said(*blocks: Block, role: Role = Role.ASSISTANT, number: int = 1) -> Message:
    return Message(role, blocks, NOW, number, model=HOSTILE, agent=HOSTILE)


async def test_in_a_conversation(home: Home) -> None:
    link = "[click](javascript:alert) <https://evil.example> ![x](file:///etc/passwd) [@click=app.quit]"
    evil = f"{HOSTILE} {link}"
    conversation = Conversation("c1", ROOT, HOSTILE, HOSTILE, HOSTILE, NOW, NOW, queued=(HOSTILE,))
    messages = (
        said(Block(BlockKind.CONTEXT, evil, keys=(HOSTILE,)), Block(BlockKind.TEXT, evil), role=Role.USER),
        said(
            Block(BlockKind.THINKING, evil),
            Block(BlockKind.TEXT, f"# {evil}\n- {evil}\n|{evil}|\n|-|\n```{HOSTILE}\n{evil}\n```\n> {evil}"),
            Block(BlockKind.TOOL_USE, id="t1", name=HOSTILE, input={"path": HOSTILE, HOSTILE: evil}),
            number=2,
        ),
        said(Block(BlockKind.TOOL_RESULT, evil, id="t1", name=HOSTILE), role=Role.USER, number=3),
    )
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app)
        await pilot.press("4")
        screen = app.screen_stack[0]
        assert isinstance(screen, ChatScreen)
        screen.agents = (AgentInfo(HOSTILE, "messages", HOSTILE, HOSTILE, HOSTILE, default=True),)
        screen.chat.load(ConversationView(replace(conversation, activity=Activity.WORKING), messages))
        about = {"conversation": "c1", "turn": "t"}
        for type, data in (
            ("AgentDelta", {"kind": "text", "at": 0, "text": evil}),
            ("AgentStep", {"what": "retry", "text": evil}),
            ("AgentStep", {"what": "tool", "id": "t2", "name": HOSTILE, "state": "failed", "why": evil}),
            ("AgentCompleted", {"status": "failed", "error": {"message": evil, "hint": evil}}),
        ):
            screen.chat.take(Event(600, NOW, type, {**about, **data}))
            screen.show_log()
            await pilot.pause()
            harmless(app)
        for entry in screen.chat.entries:
            entry.change(folded=False)
        screen.show_log()
        await pilot.press("escape", "home")
        for _ in range(12):
            await pilot.press("pagedown")
            harmless(app)
        for x in range(0, 80, 7):
            await pilot.click("#transcript", offset=(x, 3))
            harmless(app)
        await pilot.press("i")
        screen.text.post_message(events.Paste(evil))
        await pilot.pause()
        harmless(app)
        assert "[b]bold[/b]" in screen.text.text
        assert app.is_running
        assert "javascript:alert" in text_of(app)
        await pilot.press("escape", "y")
        assert "\x1b" not in app.clipboard


async def test_in_memory_and_in_the_output_of_a_task(home: Home, project: Path) -> None:
    (project / ".cis" / "dags" / "aaa.toml").write_text(
        "[skill]\nname = 'aaa'\n[[dag.tasks]]\nid = 'evil'\ncommand = 'cat evil.txt'\n"
    )
    (project / "evil.txt").write_text(HOSTILE + "\nnext line\n")
    async with attached(home, project) as (app, pilot):
        await app.link.api.memory_set(MemoryWrite("evil/[b]bold[/b] [/]", HOSTILE, Domain.PUBLIC))
        await pilot.press("1")
        await until(pilot, lambda: "evil/" in text_of(app))
        harmless(app)
        await pilot.press("2", "t")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        harmless(app)
        await pilot.press("c")
        await until(pilot, lambda: "demo trusted" in text_of(app) and len(app.screen_stack) == 1)
        await pilot.press("r")
        await until(pilot, lambda: "next line" in text_of(app))
        harmless(app)
        assert "[b]bold[/b] [/]" in text_of(app)
