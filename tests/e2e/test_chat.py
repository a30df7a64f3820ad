"""A conversation in real terminals: two see the same, kills lose only what was coming, hostile text does nothing."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import threading
from collections.abc import Iterator

import pytest

from tests.agents.far_end import FarEnd, Reply, calls, end, said, start, text
from tests.e2e.conftest import CIS, Project
from tests.e2e.terminal import PtyTerminal
from tests.e2e.test_main_path import press_until
from tests.tui.helpers import HOSTILE

CTRL_O = "\x0f"
SHIFT_TAB = "\x1b[Z"
FIRST = 100.0
"""Seconds that an engine may take to its first answer: it imports the library then, on a machine that is busy."""
pytestmark = pytest.mark.timeout(300)
OSC_52 = "\x1b]52;c;aGk=\x07"


@pytest.fixture
def far() -> Iterator[FarEnd]:
    """A far end on a loop of its own."""
    loop = asyncio.new_event_loop()
    far = FarEnd()
    server = loop.run_until_complete(asyncio.start_server(far.serve, "127.0.0.1", 0))
    far.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield far
    loop.call_soon_threadsafe(server.close)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def terminals(project: Project, far: FarEnd, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[PtyTerminal]]:
    """Terminals that are closed when the test ends, in a project whose agent is `far`."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", far.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-key")
    project.cis("trust", "--author")
    opened: list[PtyTerminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


def workspace(project: Project, terminals: list[PtyTerminal]) -> PtyTerminal:
    """A workspace at its chat."""
    terminal = PtyTerminal([str(CIS)], cwd=project.root, env=dict(os.environ), columns=100, rows=34)
    terminals.append(terminal)
    if "say something" not in terminal.wait("engine ready"):  # it comes back as it was left
        terminal.press("4")
    terminal.wait("say something")
    return terminal


def test_terminals_see_the_same_and_kills_lose_only_what_came(
    project: Project, far: FarEnd, terminals: list[PtyTerminal]
) -> None:
    far.script = [Reply([start(), *said(0, "Half an answer")], end="stall"), Reply(text("A whole answer."))]
    first = workspace(project, terminals)
    first.press("tell me", "enter")
    first.wait("Half an answer", seconds=FIRST)
    second = workspace(project, terminals)
    second.wait("Half an answer")
    second.press("and then", "tab")
    for terminal in (first, second):
        terminal.wait("queued (1): and then")

    pid = project.json("engine", "status")["pid"]
    assert isinstance(pid, int)
    os.kill(pid, signal.SIGKILL)
    for terminal in (first, second):
        screen = terminal.wait("Ctrl+O ask again")
        assert "❯ tell me" in screen and "queued (1): and then" in screen
    second.press("escape")
    second.wait(lambda screen: "queued" not in screen)
    first.wait(lambda screen: "queued" not in screen)
    first.press(CTRL_O)
    for terminal in (first, second):
        terminal.wait("A whole answer.", seconds=FIRST)

    first.kill()
    first.wait_exit()
    again = workspace(project, terminals)
    screen = again.wait("A whole answer.")
    assert "❯ tell me" in screen and "── new" not in screen


def test_what_a_model_says_does_nothing_to_a_terminal(
    project: Project, far: FarEnd, terminals: list[PtyTerminal]
) -> None:
    hostile = f"{HOSTILE}{OSC_52}[/nope]\u2028\U000e0041"
    write = {"path": "docs/[b]x[/nope].md", "content": f"{hostile}\n\x1b[2J\n"}
    far.script = [
        Reply(
            [
                start(),
                *said(0, f"# {hostile}\n| {hostile} |\n|---|\n`{hostile}` [{hostile}](http://x/{OSC_52})"),
                *end(),
            ]
        ),
        Reply(
            calls(
                ("c1", f"no_tool{hostile}", {"path": hostile}),
                ("c2", "file_write", write),
                ("c3", "memory_set", {"key": hostile, "value": hostile}),
            )
        ),
        Reply(text(hostile)),
    ]
    terminal = workspace(project, terminals)
    terminal.press(f"\x1b[200~say {hostile}\x1b[201~", "enter")
    terminal.wait(lambda screen: screen.count("bold[/b]") > 3, seconds=FIRST)
    terminal.press("again", "enter")
    terminal.wait("asks for approval")
    terminal.press(SHIFT_TAB)
    terminal.wait("edit what runs")
    press_until(terminal, "i", lambda screen: "What is asked" in screen)
    terminal.press("escape")
    terminal.wait(lambda screen: "What is asked" not in screen)
    press_until(terminal, "y", lambda screen: "memory_set asks for approval" in screen)
    terminal.press("escape")
    terminal.wait("queue")
    terminal.press("/sessions", "enter")
    terminal.wait("words that were said")
    sent = terminal.received.decode("utf-8", "replace")
    assert "\x1b]52" not in sent and "\x9b" not in sent
    assert not re.search("[\u202a-\u202e\u2028\u2066\U000e0041]", sent)
    # Nothing but what the workspace itself uses: cursor, colours, modes, its title.
    assert {found[0] for found in re.findall(r"\x1b([^\[])", sent)} <= set("]P_78=>(c\\")
    assert "2J" not in "".join(re.findall(r"\x1b\[(\d*J)", sent)) or sent.index("\x1b[2J") < sent.index("engine ready")
