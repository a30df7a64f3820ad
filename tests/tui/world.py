"""A world of samples, for the tests that look at every place of the workspace."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from textual.widgets import Input

from cis_tui.agents.model import (
    AgentInfo,
    Block,
    BlockKind,
    Conversation,
    ConversationView,
    Message,
    Role,
    Usage,
)
from cis_tui.core.clock import Instant
from cis_tui.core.events import Event
from cis_tui.core.pulse import Activity
from cis_tui.dag.inspection import DecisionDetail
from cis_tui.dag.state import RunState
from cis_tui.dag.views import Ballot, Choice, Decision, DecisionKind, LogChunk, RunStatus, Subject
from cis_tui.memory.branches import MemoryBranch, MemoryTree
from cis_tui.memory.growth import MemoryGrowth
from cis_tui.memory.layers import Layer, LayerStats
from cis_tui.memory.queries import Hit, SearchResult
from cis_tui.memory.ranking import Parts
from cis_tui.memory.records import Domain, IndexType, KeyState, MemoryConflict, MemoryItem, MemoryPage
from cis_tui.memory.stats import DomainStats, LogStats, MemoryStats
from cis_tui.p2p.model import Pairing, PairingState
from cis_tui.project.model import Change, ProjectInfo, TrustItem, TrustReport, TrustState
from cis_tui.protocol import EngineStatus
from cis_tui.skills.model import (
    Argument,
    ArgumentType,
    Dependency,
    ExportedCommand,
    Permissions,
    SkillInfo,
    SkillOrigin,
    SkillResult,
    SkillRun,
)
from cis_tui.tui.app import CisApp
from cis_tui.tui.deciding import detail_lines, parts_of
from cis_tui.tui.screens.call import CallDialog
from cis_tui.tui.screens.confirm import ConfirmDialog
from cis_tui.tui.screens.decide import DecideDialog
from cis_tui.tui.screens.edit import EditDialog
from cis_tui.tui.screens.entry import EntryDialog
from cis_tui.tui.screens.form import Field, FormDialog
from cis_tui.tui.screens.pair import PairDialog
from cis_tui.tui.screens.quit import QuitDialog
from cis_tui.tui.screens.reader import ReaderDialog
from cis_tui.tui.screens.rules import RulesDialog
from cis_tui.tui.screens.sessions import SessionsDialog
from cis_tui.tui.screens.settle import SettleDialog
from cis_tui.tui.screens.task_reader import TaskReader
from cis_tui.tui.screens.trust import TrustDialog
from cis_tui.tui.screens.untaken import UntakenDialog
from cis_tui.tui.store import summary_of
from tests.tui.helpers import (
    DAGS,
    DID,
    NOW,
    ROOT,
    SKILLS,
    decision,
    detail,
    earlier_run,
    item,
    rule,
    vote,
    with_everything,
)
from tests.tui.peers import BUSY, LAPTOP, PEERS, status
from tests.tui.room import MEMBERS, PAGE, matrix

if TYPE_CHECKING:
    from textual.pilot import Pilot
    from textual.screen import Screen

    from cis_tui.protocol import EngineApi

Say = Callable[[Any], Any]
"""What the world says in the place of one of its samples."""

# What is in it

CONVERSATION = Conversation(
    "c1",
    ROOT,
    "Why the build fails",
    "claude",
    "claude-sonnet-5-5",
    NOW,
    NOW,
    input=48_200,
    output=3_100,
    cost=0.13,
    context=51_300,
    window=200_000,
)
OTHER = replace(CONVERSATION, id="c2", title="A plan for the release", messages=12, agent="local", model="qwen3-0.6b")
ANSWER = """## The cause

`main.py` imports **json5**, which is not a dependency:

| file | line |
|------|-----:|
| main.py | 12 |
| io.py | 3 |

1. add it, or
2. use the `json` of the library, see [its page](https://docs.python.org/3/library/json.html)

```python
import json
```
"""
QUESTION = (
    Block(BlockKind.CONTEXT, "project/build = just build", keys=("project/build",)),
    Block(BlockKind.TEXT, "why does the build fail?\nlook at main.py"),
)
LOOKING = (
    Block(BlockKind.THINKING, "The person wants to know why. I read the file."),
    Block(BlockKind.TOOL_USE, id="t1", name="file_read", input={"path": "src/main.py"}),
)
FOUND = (Block(BlockKind.TOOL_RESULT, "import json5", id="t1", name="file_read", seconds=0.21),)
SONNET: dict[str, Any] = {"agent": "claude", "model": "claude-sonnet-5-5"}
MESSAGES = (
    Message(Role.USER, QUESTION, NOW, 1),
    Message(Role.ASSISTANT, LOOKING, NOW, 2, usage=Usage(10, 20), **SONNET),
    Message(Role.USER, FOUND, NOW, 3),
    Message(Role.ASSISTANT, (Block(BlockKind.TEXT, ANSWER),), NOW, 4, **SONNET),
)
AGENTS = (AgentInfo("claude", "messages", "claude-sonnet-5-5", default=True),)

PATH = Argument("path", ArgumentType.PATH, "The file to look at", required=True)
LINT = ExportedCommand("lint", "Look for mistakes", (PATH, Argument("depth", ArgumentType.INTEGER, low=1, high=9)))
LINTER = SkillInfo(
    "linter",
    "1.2.0",
    "native",
    f"{ROOT}/.cis/skills/linter/skill.toml",
    "Finds mistakes in Python",
    Permissions(filesystem=("read:.",), command=("ruff",)),
    True,
    (),
    SkillOrigin.PROJECT,
    exports=(LINT, ExportedCommand("style", "Look at the style")),
    dependencies=(Dependency("git-status", ">=1.0"),),
)
CALLS = (
    SkillRun("linter", Instant(NOW - 60), True, 0.4, exit_code=0, project=ROOT, call="c1"),
    SkillRun("linter", Instant(NOW - 90), False, 30.0, error="timed out after 30 s", run="5f3a9c21", task="check"),
)

PUBLIC = {"domain": Domain.PUBLIC, "category": "note"}
ITEMS = (
    item("project/demo/config/retry", '{"max": 3, "backoff": 1.5}', **PUBLIC, index_type=IndexType.PROJECT_CONFIG),
    item("project/demo/motto", "ship on Mondays", **PUBLIC, index_type=IndexType.IMPORTANT_DECISION, pinned=True),
    item("project/demo/wheel", "dist/demo-1.0.0-py3-none-any.whl", **PUBLIC),
    item("user/name", "Ada Lovelace\nCountess of Lovelace", index_type=IndexType.USER_PREFERENCE),
    item("user/password", "", index_type=IndexType.SENSITIVE),
)
CONFLICT = MemoryConflict(ITEMS[1].key, ITEMS[1], (replace(ITEMS[1], value="ship on Fridays", origin=LAPTOP.did),))
FOUND_ITEM = Hit(ITEMS[1], 0.83, Parts(0.8, 0.5, 0.0, 0.03), "ship on Mondays", ((8, 15),), "by meaning and words")
STATS = MemoryStats(
    (
        DomainStats(
            Domain.PUBLIC, 1204, {"Decision": 40, "Temporary": 1164}, (LogStats("2026-W48", 90, 80_000),), 3, 9000
        ),
        DomainStats(Domain.PRIVATE, 310, {"Preference": 12}, (LogStats("2026-W48", 31, 12_000),), 0, 0),
    ),
    tuple(
        LayerStats(layer, 120 - 20 * n, 90 - 20 * n, 0.00004 * 10**n, 0.0002 * 10**n) for n, layer in enumerate(Layer)
    ),
    512,
    KeyState("file", False),
)
REPORT = TrustReport(
    ROOT,
    TrustState.CONTENT,
    (
        TrustItem(".cis/dags/tour.toml", Change.CHANGED, '@@ -3,1 +3,1 @@\n-command = "make"\n+command = "make; ls"'),
        TrustItem(".cis/skills/greet/run.py", Change.NEW, "import os\n\n- not a removed line"),
        TrustItem(".cis/dags/old.toml", Change.REMOVED, '-[skill]\n-name = "old"'),
    ),
    "digest",
)
ALIKE = "every confirmed task of this run whose call is written so:"
SURE = decision("publish", DecisionKind.CONFIRMED, left=300, alike=f"{ALIKE} twine upload dist/*")
TOOL = decision(
    "file_write",
    DecisionKind.CONFIRMED,
    run="",
    prompt="file_write src/main.py\n@@ -1 +1 @@\n-a\n+b",
    subject=Subject.TOOL,
    call="c1/t2",
    always=("file_write:src/main.py", "file_write:src/*"),
)
PAIRING = Pairing("p1", "42-719-305", PairingState.OPEN, Instant(NOW + 280), 3)
RULES = (rule("d12", f"{ALIKE} deploy {{{{ params.host }}}}", used=12), rule("d31", f"{ALIKE} make announce"))
HAPPENED = (
    ("MemorySet", {"key": "project/demo/motto", "domain": "public"}),
    ("PeerConnected", {"did": LAPTOP.did, "name": "laptop", "addr": "/ip4/192.168.1.1/tcp/7677"}),
    ("SkillExecuted", {"skill": "linter", "success": False, "error": "timed out after 30 s", "duration": 30.0}),
    ("AgentCompleted", {"conversation": "c1", "status": "completed", "agent": "claude"}),
    ("SyncFailed", {"did": LAPTOP.did, "error": "it was not signed by who it says"}),
)


BEFORE = (
    earlier_run("1111", "release", RunStatus.COMPLETED, ago=7000, lasted=60),
    earlier_run("2222", "tour", RunStatus.FAILED, ago=90_000, lasted=4),
)
PRINTED = "collecting\nran 120 tests in 3.2 s\n"


def same(value: Any) -> Any:
    """The samples as they are."""
    return value


EARLIER = tuple(
    Event(
        number - 1,
        Instant(NOW - 900 + 60 * number),
        type,
        {"key": "team/motto", "peer": PEERS[0].did, "name": "laptop"},
    )
    for number, type in enumerate(("MemorySet", "PeerConnected"))
)
"""What happened before the workspace was opened."""


class World:
    """An engine that answers with the samples, each as `say` has it."""

    def __init__(self, say: Say = same, *, empty: bool = False, locked: bool = False) -> None:
        self.say = say
        self.asked: list[str] = []
        """What was answered so far, by name."""
        run = with_everything().state
        items = () if empty else ITEMS[:3] if locked else ITEMS
        states = () if empty else (run,)
        listed = (*(summary_of(state) for state in states), *(() if empty else BEFORE))
        self.answers: dict[str, object] = {
            "status": EngineStatus("0.1.0", 4242, NOW, "/home/demo/.cis", DID, False, 1, 1, 1, {}, 0),
            "recent": () if empty else EARLIER,
            "activity": Activity((0,) * 60 if empty else tuple(range(60)), 60, NOW),
            "memory_growth": MemoryGrowth((0,) if empty else tuple(range(28)), 5 << 20, "locked" if locked else ""),
            "project_open": ProjectInfo(ROOT, "demo", "demo", "project/demo", TrustState.CONTENT, 1),
            "trust_report": REPORT,
            "trust_grant": ProjectInfo(ROOT, "demo", "demo", "project/demo", TrustState.CONTENT, 1),
            "dag_list": () if empty else DAGS,
            "skill_list": () if empty else (LINTER, *SKILLS),
            "skill_runs": CALLS,
            "skill_run": SkillResult(True, "no mistakes in 12 files", 0, 0.4),
            "run_list": listed,
            "run_show": run.view(),
            "run_logs": LogChunk(PRINTED, len(PRINTED), 1, True),
            "skill_log": LogChunk(PRINTED, len(PRINTED), 1, True),
            "decision_list": () if empty else (*run.decisions.values(), TOOL),
            "decision_show": detail(SURE),
            "decision_rules": RULES,
            "memory_list": MemoryPage(items, len(items), locked),
            "memory_search": SearchResult(() if empty else (FOUND_ITEM,)),
            "memory_get": ITEMS[1],
            "memory_conflicts": () if empty else (CONFLICT,),
            "memory_stats": STATS,
            "memory_key_state": KeyState("passphrase", locked),
            "peer_status": status() if empty else BUSY,
            "peer_list": () if empty else PEERS,
            "peer_pair_open": PAIRING,
            "matrix_status": None if empty else matrix(),
            "matrix_members": MEMBERS,
            "matrix_messages": PAGE,
            "agent_list": AGENTS,
            "agent_show": ConversationView(CONVERSATION, MESSAGES),
            "agent_conversations": (CONVERSATION, OTHER),
        }

    async def memory_history(self, key: str) -> tuple[MemoryItem, ...]:
        """The versions of an entry; of one there was another before."""
        self.asked.append("memory_history")
        earlier = replace(ITEMS[1], value="ship on Fridays", created_at=Instant(NOW - 9000))
        return tuple(each for each in map(self.say, (*ITEMS, earlier)) if each.key == key)

    async def memory_tree(self, prefix: str = "") -> MemoryTree:
        """A level, as what lies in it."""
        items = cast("MemoryPage", self.answers["memory_list"]).items
        below = [each.key for each in items if each.key.startswith(prefix)]
        names = sorted({key[: key.index("/", len(prefix)) + 1] for key in below if "/" in key[len(prefix) :]})
        branches = tuple(MemoryBranch(name, sum(key.startswith(name) for key in below)) for name in names)
        return self.say(MemoryTree(prefix, len(below), branches, True))

    async def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """What has just happened, and then nothing more."""
        for number, (type, data) in enumerate(HAPPENED if self.answers["run_list"] else ()):
            yield Event(500 + number, Instant(NOW - 50 + number), type, self.say(data))
        await asyncio.Event().wait()

    async def peer_pair_wait(self, id: str) -> Pairing:
        """Nobody comes."""
        return await asyncio.Future[Pairing]()

    async def close(self) -> None:
        """Nothing is held."""

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def answer(*args: object, **more: object) -> Any:
            self.asked.append(name)
            return self.say(self.answers[name]) if name in self.answers else None

        return answer

    async def connect(self) -> EngineApi:
        """The engine, at once."""
        return cast("EngineApi", self)


# Where one can look

Dialogs = Callable[["CisApp"], "Screen[Any]"]


def run_of(app: CisApp) -> RunState:
    """The run that goes on."""
    state = app.store.run(app.store.active_runs[0].id)
    assert isinstance(state, RunState)
    return state


def asked_of(app: CisApp) -> Decision:
    """The first decision that is open."""
    return app.store.pending[0]


def told(say: Say, **more: Any) -> DecisionDetail:
    """What is asked, in full."""
    return say(detail(SURE, **more))


def voted() -> DecisionDetail:
    """A vote under way."""
    ballot = Ballot("dba", Choice.APPROVE, DID, NOW, "tested on staging")
    return detail(vote(ballots=(ballot,)), rollback=(), creates=(), env=(), input="")


def dialogs(say: Say) -> dict[str, Dialogs]:
    """What opens over a screen."""
    preview = told(say).preview
    assert preview is not None
    fields = [Field("version", note="string  such as 1.2", required=True), Field("notes", "two\nlines", lines=True)]
    parts = parts_of(preview)
    return {
        "trust": lambda app: TrustDialog(say(REPORT)),
        "form": lambda app: FormDialog(say("Run release"), say(fields)),
        "confirm": lambda app: ConfirmDialog(say("Cancel this run of release?"), say("5 of 8 tasks are not done.")),
        "quit": lambda app: QuitDialog(app.store.active_runs),
        "inspect": lambda app: ReaderDialog("What is asked", detail_lines(told(say))),
        "inspect-vote": lambda app: ReaderDialog("What is asked", detail_lines(say(voted()))),
        "edit": lambda app: EditDialog(say(SURE), parts, lambda edit, done: None),
        "untaken": lambda app: UntakenDialog(
            say("notes/a"),
            (say("a value has at most 8388608 bytes"), ""),
            Path("/dev/shm/cis-1/value.txt"),
            private=True,
        ),
        "rules": lambda app: RulesDialog(app, say(RULES)),
        "decide": lambda app: DecideDialog(app, replace(say(SURE), run="", subject=Subject.SKILL)),
        "task": lambda app: TaskReader(app, run_of(app), next(iter(run_of(app).tasks))),
        "entry": lambda app: EntryDialog("project/"),
        "settle": lambda app: SettleDialog(say(CONFLICT), me=DID, names={}),
        "pair": lambda app: PairDialog(app),
        "sessions": lambda app: SessionsDialog(app),
        "call": lambda app: CallDialog(app, say("linter"), say(("lint", "src")), say({"depth": 3})),
    }


SCREENS: dict[str, tuple[str, ...]] = {
    "dags": ("2",),
    "memory": ("1",),
    "memory-layers": ("1", "i"),
    "peers": ("3", "down"),
    "room": ("3", "m"),
    "chat": ("4",),
    "skills": ("5",),
    "activity": ("6",),
    "help": ("2", "question_mark"),
    "palette": ("2", "colon"),
    "jump": ("2", "ctrl+o"),
    "settings": ("6",),
    "memory-search": ("1", "slash", *"motto"),
}
"""The keys that lead there."""
DIALOGS = tuple(dialogs(same))
PLACES = (*SCREENS, *DIALOGS)
BARE = ("dags", "memory", "peers", "chat", "skills", "activity")
"""Places that look otherwise as long as there is nothing."""


@asynccontextmanager
async def at_home(app: CisApp, pilot: Pilot[None]) -> AsyncGenerator[None]:
    """Come back to the DAGs, with no dialog open, whatever was opened."""
    yield
    while len(app.screen_stack) > 1:
        app.pop_screen()
    await app.switch_mode("dags")
    await pilot.pause()


async def looked_at(
    app: CisApp, pilot: Pilot[None], places: Collection[str] = PLACES, say: Say = same
) -> AsyncGenerator[str]:
    """Go to these places, one after the other; gives the name of each while it is in front."""
    for name, keys in SCREENS.items():
        if name in places:
            async with at_home(app, pilot):
                await pilot.press(*keys)
                if name == "chat" and app.store.runs:
                    app.show_conversation(say(CONVERSATION).id)
                elif name == "settings":
                    await app.run_action("settings")
                for line in app.screen.query(Input):
                    line.cursor_blink = False  # the palette is Textual's
                await pilot.pause()
                yield name
    await app.switch_mode("activity")
    for name, make in dialogs(say).items():
        if name in places:
            await app.push_screen(make(app))
            await pilot.pause()
            yield name
            app.pop_screen()
