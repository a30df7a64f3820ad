"""Text from files, tasks and memory is shown as text: it styles nothing, runs nothing, and reaches no terminal."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

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
from cis_tui.core.codec import encode
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.core.problems import Problem, Severity
from cis_tui.dag.answers import Edit
from cis_tui.dag.model import Param
from cis_tui.dag.views import DecisionKind, Subject
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.project.model import Change, ProjectInfo, TrustItem, TrustReport, TrustState
from cis_tui.skills.model import Permissions, SkillInfo
from cis_tui.tui.app import CisApp
from cis_tui.tui.deciding import detail_lines, parts_of
from cis_tui.tui.screens.chat import ChatScreen
from cis_tui.tui.screens.confirm import ConfirmDialog
from cis_tui.tui.screens.decide import DecideDialog
from cis_tui.tui.screens.edit import EditDialog
from cis_tui.tui.screens.form import Field, FormDialog
from cis_tui.tui.screens.quit import QuitDialog
from cis_tui.tui.screens.reader import ReaderDialog
from cis_tui.tui.screens.rules import RulesDialog
from cis_tui.tui.screens.trust import TrustDialog
from cis_tui.tui.store import Changes, summary_of
from tests.tui.helpers import (
    HOSTILE,
    NOW,
    ROOT,
    Story,
    attached,
    decision,
    definition,
    detail,
    fill,
    rule,
    show,
    task,
    text_of,
    until,
    workspace,
)

FORBIDDEN = ("\x1b", "\x07", "\x9b", "\u202e", "\u2066", "\x00")


def harmless(app: CisApp) -> None:
    """Nothing but text is on the screen, and markup stands there as it was written."""
    text = text_of(app)
    assert not [sign for sign in FORBIDDEN if sign in text], text
    assert "bold" not in text or "[b]bold" in text


def fill_hostile(app: CisApp) -> None:
    """Hostile text wherever text that is not ours can be."""
    tasks = (task("lint", command=HOSTILE), replace(task(HOSTILE, "lint"), name=HOSTILE, command=HOSTILE))
    story = Story("evil", dag=HOSTILE, tasks=tasks)
    story.at(1, "TaskFailed", task="lint", attempt=1, exit_code=1, error=HOSTILE, output=HOSTILE)
    story.asked(1, decision(HOSTILE, DecisionKind.CONFIRMED, run="evil", prompt=HOSTILE * 5, dag=HOSTILE))
    fill(app, story)
    problem = Problem(Severity.ERROR, HOSTILE, HOSTILE, 3, HOSTILE, HOSTILE)
    store = app.store
    store.project = ProjectInfo(ROOT, HOSTILE, HOSTILE, HOSTILE, TrustState.UNTRUSTED, 1)
    store.dags = (
        definition(HOSTILE, tasks, description=HOSTILE, problems=(problem,)),
        definition(HOSTILE + "2", tasks, params=(Param(HOSTILE),)),
    )
    store.skills = (
        SkillInfo(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, Permissions(command=(HOSTILE,)), False, (problem,)),
    )
    store.link_note = HOSTILE
    store.apply([Event(500, NOW, HOSTILE, {"key": HOSTILE, "error": HOSTILE, "reason": HOSTILE})])
    show(app, Changes(everything=True, link=True))


@pytest.mark.parametrize("size", [(80, 24), (160, 50)], ids=["80x24", "160x50"])
async def test_on_every_screen(home: Home, size: tuple[int, int]) -> None:
    app = workspace(home)
    async with app.run_test(size=size, notifications=True) as pilot:
        fill_hostile(app)
        for key in (
            "2",
            "j",
            "j",
            "enter",
            "v",
            "v",
            "v",
            "v",
            "j",
            "i",
            "escape",
            "d",
            "i",
            "escape",
            "escape",
            "1",
            "3",
            "4",
            "escape",
            "5",
            "6",
            "end",
        ):
            await pilot.press(key)
            await pilot.pause()
            harmless(app)
        assert "[b]bold[/b]" in text_of(app)


async def test_in_every_dialog_the_palette_and_the_notices(home: Home) -> None:
    app = workspace(home)
    report = TrustReport(HOSTILE, TrustState.UNTRUSTED, (TrustItem(HOSTILE, Change.CHANGED, f"+{HOSTILE}"),), "d")
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        fill_hostile(app)
        evil = app.store.run("evil")
        assert evil is not None
        parts = dict.fromkeys(("text", "command", "input", "folder", "interrupted", "skill"), HOSTILE)
        asked = replace(app.store.pending[0], edit=Edit(command=HOSTILE), alike=HOSTILE)
        evil_detail = detail(asked, env=(HOSTILE,), creates=(HOSTILE,), rollback=(HOSTILE,), **parts)
        evil_preview = evil_detail.preview
        assert evil_preview is not None
        for dialog in (
            TrustDialog(report),
            FormDialog(HOSTILE, [Field(HOSTILE, HOSTILE, HOSTILE), Field(HOSTILE + "2", HOSTILE, lines=True)]),
            ConfirmDialog(HOSTILE, HOSTILE),
            QuitDialog([summary_of(evil)]),
            ReaderDialog(HOSTILE, detail_lines(evil_detail)),
            EditDialog(evil_detail.decision, parts_of(evil_preview), lambda edit, done: None),
            RulesDialog(app, [rule("d1", HOSTILE, dag=HOSTILE)]),
            DecideDialog(app, replace(evil_detail.decision, run="", subject=Subject.SKILL)),
        ):
            app.push_screen(dialog)  # type: ignore[arg-type]
            await pilot.pause()
            harmless(app)
            await pilot.press("escape")
        app.say(HOSTILE, hint=HOSTILE, bad=True)
        await until(pilot, lambda: "[b]bold" in text_of(app))
        harmless(app)
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"run")
        await until(pilot, lambda: "start this DAG" in text_of(app))
        harmless(app)
        assert encode(report)


def said(*blocks: Block, role: Role = Role.ASSISTANT, number: int = 1) -> Message:
    return Message(role, blocks, NOW, number, model=HOSTILE, agent=HOSTILE)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
async def test_in_a_conversation(home: Home, size: tuple[int, int]) -> None:
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
    async with app.run_test(size=size) as pilot:
        fill_hostile(app)
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
        for x in range(0, size[0], 7):
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
