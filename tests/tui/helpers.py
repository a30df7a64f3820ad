"""Values and small tools for the tests of the workspace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.events import Paste

from cis_tui.core.clock import Clock, Instant, utc_now
from cis_tui.core.codec import encode
from cis_tui.core.config import Settings, UiSettings
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.core.problems import Problem, Severity
from cis_tui.dag.inspection import DecisionDetail, Preview, Rule, TrailEntry
from cis_tui.dag.model import LevelKind, Param
from cis_tui.dag.state import RunState
from cis_tui.dag.views import (
    Attempt,
    DagInfo,
    Decision,
    DecisionKind,
    RunStatus,
    RunSummary,
    TaskStatus,
    TaskView,
)
from cis_tui.engine import PEERS_AFTER, Engine
from cis_tui.memory.records import Domain, IndexType, MemoryItem
from cis_tui.project.model import ProjectInfo, TrustState
from cis_tui.protocol import EngineApi, EngineStatus
from cis_tui.skills.model import Permissions, SkillInfo, SkillOrigin
from cis_tui.tui.app import CisApp
from cis_tui.tui.store import Changes, LinkState, summary_of
from tests.tui.pictures import cells_of

if TYPE_CHECKING:
    from textual.app import App
    from textual.pilot import Pilot

NOW = Instant(1_795_478_400)
"""2026-11-24 00:00:00 UTC."""
DID = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"
ROOT = "/projects/demo"

HOSTILE = (
    "[b]bold[/b] [/] [@click=app.quit]x[/] \x1b[31mred\x1b[0m "
    "\x1b]52;c;aGk=\x07\x1b[2J\u202egnp.exe\u2066\x9b31m\x07[$error]"
)
"""Markup, control sequences, a clipboard write, a clearing of the screen and disguised text."""


class HandClock:
    """A clock that goes on only when it is told to."""

    def __init__(self, now: Instant = NOW) -> None:
        self.now = now

    def __call__(self) -> Instant:
        return self.now

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.now = Instant(self.now + seconds)


def task(id: str, *deps: str, level: LevelKind = LevelKind.MECHANICAL, command: str = "make") -> TaskView:
    """A task as it is before a run."""
    return TaskView(id, TaskStatus.PENDING, level, deps=deps, command=f"{command} {id}")


TASKS = (
    task("lint"),
    task("types"),
    task("test", "lint"),
    task("docs", "types"),
    task("wheel", "test", "types", level=LevelKind.RECOMMENDED),
    task("publish", "wheel", "docs", level=LevelKind.CONFIRMED, command="twine upload"),
    task("announce", "publish", level=LevelKind.ARBITRATED),
    task("remember", "announce", "docs"),
)


class Story:
    """The events of one run, told step by step."""

    def __init__(self, run: str = "5f3a9c21", *, dag: str = "release", tasks: Sequence[TaskView] = TASKS) -> None:
        self.run = run
        self.dag = dag
        self.events: list[Event] = []
        self.at(0, "RunStarted", dag=dag, project=ROOT, policy="all_success", params={}, tasks=encode(tuple(tasks)))

    def at(self, seconds: float, type: str, **data: object) -> Story:
        """Something happened `seconds` after `NOW`."""
        self.events.append(Event(100 + len(self.events), Instant(NOW + seconds), type, {"run": self.run, **data}))
        return self

    def done(self, id: str, start: float, end: float, *, output: str = "") -> Story:
        """A task ran and completed."""
        self.at(start, "TaskStarted", task=id, attempt=1, command=f"make {id}")
        return self.at(end, "TaskCompleted", task=id, attempt=1, exit_code=0, output=output, duration=end - start)

    def failed(self, id: str, start: float, end: float) -> Story:
        """A task ran and failed."""
        self.at(start, "TaskStarted", task=id, attempt=1, command=f"make {id}")
        return self.at(end, "TaskFailed", task=id, attempt=1, exit_code=2, output="", error="exit code 2")

    def asked(self, seconds: float, decision: Decision) -> Story:
        """A decision was asked."""
        return self.at(seconds, "DecisionRequested", task=decision.task, decision=encode(decision))

    @property
    def state(self) -> RunState:
        """The run after all of it."""
        state = RunState.from_events(self.events)
        assert state is not None
        return state


def decision(id: str, kind: DecisionKind, *, run: str = "5f3a9c21", left: float = 24, **more: Any) -> Decision:
    """An open decision about the task `id` that closes `left` seconds after `NOW`."""
    default = "execute" if kind is DecisionKind.RECOMMENDED else "reject"
    fields: dict[str, Any] = {
        "id": f"{run}-{id}",
        "run": run,
        "task": id,
        "kind": kind,
        "prompt": f"make {id}",
        "deadline": Instant(NOW + left),
        "default": default,
        "asked_at": NOW,
        "dag": "release",
    }
    return Decision(**(fields | more))


def vote(id: str = "announce", **more: Any) -> Decision:
    """An open vote of two."""
    seats = ("dba", "sre")
    return decision(id, DecisionKind.ARBITRATED, left=3600, stakeholders=seats, seats=seats, quorum=2, **more)


def detail(asked: Decision, **more: Any) -> DecisionDetail:
    """A decision with what its task would run, one attempt before, and what happened so far."""
    fields: dict[str, Any] = {
        "text": "twine upload --repository pypi dist/*",
        "skill": "shell",
        "command": "twine upload --repository pypi dist/*",
        "input": '{\n  "token": "••••••",\n  "sign": true\n}',
        "folder": f"{ROOT}/dist",
        "env": ("TWINE_USERNAME", "CI"),
        "creates": ("dist/receipt.json",),
        "rollback": ("twine yank release",),
        "timeout": 300.0,
    }
    row = TrailEntry(41, NOW, "asked", asked.id, asked.run, asked.task)
    tried = Attempt(1, Instant(NOW - 60), Instant(NOW - 58), 1, "exit code 1")
    return DecisionDetail(asked, Preview(**(fields | more)), (tried,), (row,))


def rule(id: str, words: str, **more: Any) -> Rule:
    """A yes to all alike."""
    fields: dict[str, Any] = {"run": "5f3a9c21", "dag": "release", "likeness": "", "by": DID, "at": NOW}
    return Rule(id, kind=DecisionKind.CONFIRMED, words=words, **(fields | more))


def half_way(*, tasks: Sequence[TaskView] = TASKS) -> Story:
    """A run in which one task counts down, one failed once, and others are done."""
    story = Story(tasks=tasks).done("lint", 0, 4).done("types", 0, 9)
    story.at(4, "TaskStarted", task="test", attempt=1, command="make test")
    story.at(7, "TaskRetried", task="test", attempt=1, exit_code=1, error="exit 1", output="", delay=1)
    story.at(8, "TaskStarted", task="test", attempt=2, command="make test")
    story.at(12, "TaskCompleted", task="test", attempt=2, exit_code=0, output="", duration=4)
    story.at(9, "TaskStarted", task="docs", attempt=1, command="make docs")
    return story.asked(12, decision("wheel", DecisionKind.RECOMMENDED, left=36, asked_at=Instant(NOW + 12)))


def with_everything() -> Story:
    """As `half_way`, with a list of which one failed, a handler, and a task that failed."""
    tasks = [*TASKS, task("probe"), task("rescue"), replace(task("risky"), on_failure="rescue")]
    story = half_way(tasks=[*tasks, task("end", "probe", "risky")])
    hosts = tuple(replace(task(f"probe[{number}]"), name=f"host-{number}") for number in range(12))
    story.at(5, "TaskExpanded", task="probe", items=list(range(12)), tasks=encode(hosts))
    for number in range(5):
        story.done(f"probe[{number}]", 5 + number, 6 + number * 1.4)
    story.failed("probe[6]", 8, 11)
    story.failed("risky", 2, 6)
    return story


def definition(name: str, tasks: Sequence[TaskView] = TASKS, **more: Any) -> DagInfo:
    """A definition without problems."""
    fields: dict[str, Any] = {
        "name": name,
        "file": f"{ROOT}/.cis/dags/{name}.toml",
        "description": f"What {name} is for",
        "tasks": tuple(tasks),
        "policy": "all_success",
        "trusted": True,
        "problems": (),
    }
    return DagInfo(**(fields | more))


BROKEN = definition(
    "broken",
    (),
    description="",
    problems=(
        Problem(
            Severity.ERROR,
            'task "push" needs "bild", which does not exist',
            f"{ROOT}/.cis/dags/broken.toml",
            14,
            hint='did you mean "build"?',
        ),
    ),
)
DAGS = (BROKEN, definition("release", params=(Param("version", default="1.0"),)), definition("tour", trusted=False))

SKILLS = (
    SkillInfo(
        "greet",
        "0.1.0",
        "native",
        f"{ROOT}/.cis/skills/greet/skill.toml",
        "Says hello",
        Permissions(memory_read=("project/",), filesystem=("read:.",), command=("git",)),
        False,
        (),
        SkillOrigin.PROJECT,
    ),
    SkillInfo(
        "shell",
        "1.0.0",
        "native",
        "/opt/cis/skills/shell/skill.toml",
        "Runs a line",
        Permissions(command=("*",)),
        True,
        (),
    ),
)


def item(key: str, value: str | bytes = "a value", **more: Any) -> MemoryItem:
    """One entry of memory."""
    fields: dict[str, Any] = {
        "key": key,
        "value": value,
        "domain": Domain.PRIVATE,
        "category": "",
        "index_type": IndexType.TEMPORARY,
        "version": {DID: 1},
        "origin": DID,
        "created_at": NOW,
        "week": "2026-W48",
    }
    return MemoryItem(**(fields | more))


def earlier_run(id: str, dag: str, status: RunStatus, *, ago: float, lasted: float) -> RunSummary:
    """A run that has ended."""
    start = Instant(NOW - ago)
    return RunSummary(id, dag, status, start, Instant(start + lasted), "all_success", ROOT, 8, 8, 0)


def fill(app: CisApp, *stories: Story) -> None:
    """Put known values where the engine's would be."""
    store = app.store
    store.link = LinkState.READY
    store.status = EngineStatus("0.1.0", 4242, NOW, "/home/demo/.cis", DID, False, 1, 0, 0, {}, 0)
    store.project_root = ROOT
    store.project = ProjectInfo(ROOT, "demo", "demo", "project/demo", TrustState.CONTENT, 1)
    store.dags = DAGS
    store.skills = SKILLS
    runs = [
        earlier_run("1111", "release", RunStatus.COMPLETED, ago=7000, lasted=60),
        earlier_run("2222", "tour", RunStatus.FAILED, ago=90_000, lasted=4),
    ]
    states = [story.state for story in stories]
    store.reset([*runs, *(summary_of(state) for state in states)], states)
    store.apply(event for story in stories for event in story.events)
    show(app, Changes(everything=True, link=True))


def show(app: CisApp, changes: Changes) -> None:
    """Tell the screen in front what became different."""
    front = app.screen_stack[0]
    assert hasattr(front, "show_changes")
    front.show_changes(changes)  # pyright: ignore[reportUnknownMemberType, reportAttributeAccessIssue]


async def nowhere() -> EngineApi:
    """An engine that has not come yet."""
    return await asyncio.Future[EngineApi]()


def workspace(
    home: Home,
    *,
    connect: Callable[[], Awaitable[EngineApi]] = nowhere,
    project: Path | None = None,
    clock: Clock = HandClock(),  # noqa: B008 # frozen: it is never told to go on
    timer: Callable[[], float] | None = None,
    theme: str = "cis-dark",
    keys: dict[str, str] | None = None,
    read_only: bool = False,
    ascii: bool = False,
) -> CisApp:
    """The workspace, by default on a clock that stands still."""
    settings = Settings(ui=UiSettings(theme=theme, ascii=ascii), keys=keys or {})
    return CisApp(
        connect,
        project=project,
        settings=settings,
        home=home,
        clock=clock,
        timer=timer or count().__next__,
        read_only=read_only,
    )


async def until(pilot: Pilot[None], holds: Callable[[], object], *, seconds: float = 40) -> None:
    """Wait until something can be seen; fails with the screen when it does not come."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not holds():
        assert loop.time() < end, text_of(pilot.app)
        await pilot.pause(0.02)
    await pilot.pause()


def paste(app: App[None], text: str) -> None:
    """What a person does with a text that is too long to type."""
    assert app.focused is not None
    app.focused.post_message(Paste(text))


def text_of(app: App[None]) -> str:
    """What a person reads on the screen."""
    width, height = app.size
    lines = cells_of(app)
    assert len(lines) <= height
    return "\n".join("".join(segment.text for segment in line)[:width].rstrip() for line in lines)


@asynccontextmanager
async def attached(
    home: Home,
    project: Path | None,
    *,
    size: tuple[int, int] = (110, 34),
    clock: Clock = utc_now,
    peers_after: float = PEERS_AFTER,
    **more: Any,
) -> AsyncGenerator[tuple[CisApp, Pilot[None]]]:
    """The workspace on a real engine in this process, attached."""

    async def connect() -> EngineApi:
        return await Engine.start(home, project=project, clock=clock, peers_after=peers_after)

    app = workspace(home, connect=connect, project=project, clock=clock, **more)
    async with app.run_test(size=size, notifications=True) as pilot:
        await until(pilot, lambda: app.store.link is LinkState.READY)
        yield app, pilot


PROJECT = '[project]\nname = "demo"\nid = "demo"\n'
DAG_FILES = {
    "ask": """
[skill]
name = "ask"
description = "One question of each kind"
[[dag.tasks]]
id = "first"
command = "echo hello; echo world"
[[dag.tasks]]
id = "soon"
command = "echo soon"
deps = ["first"]
level = { type = "recommended", timeout = 600, default_action = "execute" }
[[dag.tasks]]
id = "sure"
command = "echo sure"
deps = ["soon"]
level = { type = "confirmed", timeout = 600 }
[[dag.tasks]]
id = "agreed"
command = "echo agreed"
deps = ["sure"]
level = { type = "arbitrated", stakeholders = ["dba", "sre"], quorum = 2, threshold = 0.5, timeout = 600 }
""",
    "hello": """
[skill]
name = "hello"
[[dag.tasks]]
id = "greet"
command = "echo hello from the task"
""",
    "named": """
[skill]
name = "named"
[dag.params.who]
type = "string"
required = true
[[dag.tasks]]
id = "greet"
command = "echo hello {{ params.who }}"
""",
    "slow": """
[skill]
name = "slow"
[[dag.tasks]]
id = "sleep"
command = "echo started; sleep 300"
""",
}


def write_project(root: Path) -> Path:
    """A project whose DAGs are `DAG_FILES`."""
    folder = root / ".cis" / "dags"
    folder.mkdir(parents=True)
    (root / ".cis" / "project.toml").write_text(PROJECT)
    for name, text in DAG_FILES.items():
        (folder / f"{name}.toml").write_text(text)
    return root
