"""A run service on a home of its own, and the ways in which tests look at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from cis_tui.core.config import DaskSettings, DecisionSettings, Settings
from cis_tui.core.events import Event, EventBus
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.dag.journal import Journal
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.dag.runs import RunService
from cis_tui.dag.template import Private
from cis_tui.dag.tools import Elsewhere
from cis_tui.dag.views import Decision, RunView, TaskView
from cis_tui.memory.rollback import roll_back
from cis_tui.memory.service import MemoryService
from cis_tui.skills.memory import SkillMemory
from cis_tui.skills.model import SkillManifest

OWNER = Identity(bytes(range(32)))
MEMORY = {"project/owner": "ann", "own/word": Private("zebra-crossing")}


@dataclass
class Lab:
    """One engine's worth of runs."""

    home: Home
    journal: Journal
    runs: RunService
    project: Path
    events: list[Event] = field(default_factory=list[Event])
    heard: asyncio.Event = field(default_factory=asyncio.Event)
    before: int = 0
    """The number of the last event that nobody here could hear."""

    async def start(self, *tasks: TaskSpec, **options: object) -> str:
        """Start a run of `tasks`; its id. Options of the DAG and of `RunService.start`."""
        names = {"policy", "max_parallel", "env", "params", "dags", "limits", "timeout", "rollback_on_failure"}
        dag = {name: value for name, value in options.items() if name in names and name != "params"}
        rest = {name: value for name, value in options.items() if name not in dag}
        spec = replace(DagSpec("lab", tasks), **dag)  # pyright: ignore[reportArgumentType]
        view = await self.runs.start(spec, project=str(self.project), **rest)  # pyright: ignore[reportArgumentType]
        return view.id

    async def run(self, *tasks: TaskSpec, **options: object) -> RunView:
        """Run `tasks` to the end."""
        return await self.ended(await self.start(*tasks, **options))

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until events make `holds` true."""
        while not holds():
            self.heard.clear()
            await asyncio.wait_for(self.heard.wait(), 20)

    async def ended(self, run: str) -> RunView:
        """The run once nothing of it goes on, and that was told."""
        await self.until(lambda: self.runs.history.show(run).status.ended)
        last = max((event.seq for event in self.journal.latest(1, 1 << 62)), default=0)
        await self.until(lambda: last <= self.before or (bool(self.events) and last <= self.events[-1].seq))
        return self.runs.history.show(run)

    async def decision(self, task: str) -> Decision:
        """The open decision about `task`, once it is asked and everybody could know."""
        await self.until(lambda: ("DecisionRequested", task) in self.story())
        return next(decision for decision in self.runs.decisions.list() if decision.task == task)

    async def running(self, task: str) -> None:
        """Wait until an attempt of `task` has begun."""
        await self.until(lambda: ("TaskStarted", task) in self.story())

    def task(self, run: str, id: str) -> TaskView:
        """One task as it is now."""
        return next(task for task in self.runs.history.show(run).tasks if task.id == id)

    def story(self) -> list[tuple[str, str]]:
        """Type and task of every event so far."""
        return [(str(event.type), str(event.data.get("task", ""))) for event in self.events]

    def types(self) -> list[str]:
        return [kind for kind, _ in self.story()]


@asynccontextmanager
async def open_lab(
    folder: Path,
    *,
    decisions: Mapping[str, float] | None = None,
    memory: MemoryService | None = None,
    skills: Mapping[str, SkillManifest] | None = None,
    dask: DaskSettings | None = None,
    identity: Identity = OWNER,
    elsewhere: Callable[[], Elsewhere | None] = lambda: None,
) -> AsyncGenerator[Lab]:
    """A lab in `folder`; opened there again, it is the next engine of the same home."""
    home = Home(folder / "home").ensure()
    project = folder / "project"
    project.mkdir(exist_ok=True)
    journal = Journal(home.runs_db, EventBus(), identity=identity)
    settings = Settings(decisions=DecisionSettings(**(decisions or {})), dask=dask or DaskSettings())
    more: dict[str, object] = {"find_skill": lambda project, name: (skills or {})[name]}  # pyright: ignore[reportUnknownLambdaType]
    more["elsewhere"] = elsewhere
    if memory is not None:
        more["skill_memory"] = lambda caller: SkillMemory(memory, caller, journal.emit)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
        more["roll_back_memory"] = partial(roll_back, memory)
    runs = RunService(home=home, journal=journal, identity=identity, settings=settings, memory_get=MEMORY.get, **more)  # pyright: ignore[reportArgumentType]
    lab = Lab(home, journal, runs, project)
    loop = asyncio.get_running_loop()

    def hear(event: Event) -> None:
        lab.events.append(event)
        loop.call_soon_threadsafe(lab.heard.set)

    journal.bus.subscribe(hear)
    lab.before = journal.last_seq
    try:
        yield lab
    finally:
        await runs.close()
        await asyncio.get_running_loop().run_in_executor(None, journal.close)


def shell(id: str, command: str, *deps: str, **more: object) -> TaskSpec:
    """A task that runs a line of shell."""
    return replace(TaskSpec(id, command=command, deps=deps), **more)  # pyright: ignore[reportArgumentType]


async def eventually(holds: Callable[[], bool]) -> None:
    """Wait for what no event tells."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - it is other processes and threads that are waited for
            await asyncio.sleep(0.01)


def read(path: Path) -> str:
    """The file's text, empty if there is no file."""
    return path.read_text() if path.exists() else ""


def lives(pid: int) -> bool:
    """Whether the process is there and not a zombie."""
    status = read(Path(f"/proc/{pid}/stat"))
    return bool(status) and status.rpartition(")")[2].split()[0] != "Z"
