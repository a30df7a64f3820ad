"""`EngineApi`: the one protocol that every face speaks, in process or over the socket."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from cis_tui.agents.model import (
    AgentInfo,
    ContextView,
    Conversation,
    ConversationView,
    FileUndo,
    Sent,
    Stopped,
    ToolRule,
)
from cis_tui.core.clock import Instant
from cis_tui.core.events import Event
from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.inspection import DecisionDetail, Rule, TrailEntry
from cis_tui.dag.tool_calls import ToolCall
from cis_tui.dag.views import (
    Choice,
    DagInfo,
    DagPlan,
    Debt,
    Decision,
    LogChunk,
    PruneReport,
    RunSummary,
    RunView,
    UndoItem,
)
from cis_tui.memory.branches import MemoryTree
from cis_tui.memory.queries import IndexStatus, Query, SearchResult
from cis_tui.memory.records import (
    ArchiveReport,
    Domain,
    ExportPage,
    IndexType,
    KeyState,
    MemoryConflict,
    MemoryItem,
    MemoryPage,
    MemoryUndo,
    MemoryWrite,
    RekeyReport,
)
from cis_tui.memory.stats import MemoryStats
from cis_tui.project.model import ProjectInfo, TrustReport
from cis_tui.skills.intent import Intent
from cis_tui.skills.model import SkillInfo, SkillResult, SkillRun

PROTOCOL_VERSION = 1


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """One glance at an engine."""

    version: str
    pid: int
    started_at: Instant
    home: str
    did: str
    staying: bool
    """It was asked to stay without a face (`cis engine start`)."""
    faces: int
    active_runs: int
    pending_decisions: int
    memory_entries: Mapping[str, int]
    """Current entries by domain."""
    last_seq: int


class EngineApi(Protocol):
    """Commands and queries on one CIS home; all data is plain and frozen.

    `project` is the absolute path of a project folder; empty means none. Every method may raise `CisError`.
    """

    async def status(self) -> EngineStatus: ...
    async def project_open(self, project: str) -> ProjectInfo: ...
    async def trust_report(self, project: str) -> TrustReport: ...
    async def trust_grant(self, project: str, digest: str, *, author: bool = False) -> ProjectInfo:
        """Trust exactly what the report with `digest` showed; Refused when files changed since."""
        ...

    async def trust_revoke(self, project: str) -> None: ...

    async def memory_set(self, write: MemoryWrite, *, project: str = "") -> MemoryItem:
        """Durable when it returns."""
        ...

    async def memory_set_many(self, writes: tuple[MemoryWrite, ...], *, project: str = "") -> int: ...
    async def memory_get(self, key: str, *, public_only: bool = False) -> MemoryItem | None:
        """`public_only`: Refused (CIS-SKILL-060) where it is private."""
        ...

    async def memory_delete(self, key: str, *, run: str = "") -> bool:
        """Whether there was an entry. `run`: the run that does it, here and in all that follow."""
        ...

    async def memory_list(
        self, prefix: str = "", *, domain: Domain | None = None, limit: int = 1000, offset: int = 0, cut: int = 0
    ) -> MemoryPage:
        """`cut`: of a value no more than so many characters, and nothing of a Sensitive one; 0 for all of it."""
        ...

    async def memory_tree(self, prefix: str = "", *, domain: Domain | None = None) -> MemoryTree:
        """How many entries' keys begin with `prefix`, and how these keys go on up to their next `/`."""
        ...

    async def memory_history(self, key: str) -> tuple[MemoryItem, ...]:
        """Newest first; empty when the key was never written."""
        ...

    async def memory_stats(self) -> MemoryStats:
        """What memory holds, where it lies, and how its layers do."""
        ...

    async def memory_export(
        self, prefix: str = "", *, after: str = "", include_private: bool = False, include_sensitive: bool = False
    ) -> ExportPage:
        """The next part of an export; Sensitive entries are passed over unless they are asked for."""
        ...

    async def memory_archive(self, week: str = "") -> tuple[ArchiveReport, ...]:
        """Archive `week`, or all that is due; returns when it is done, which may take long."""
        ...

    async def memory_pin(self, key: str, *, pinned: bool = True, run: str = "") -> MemoryItem: ...
    async def memory_classify(
        self, key: str, kind: IndexType, *, declassify: bool = False, run: str = ""
    ) -> MemoryItem:
        """Overrule what an entry was taken as; `declassify` is needed for one that is Sensitive."""
        ...

    async def memory_undo(self, *, run: str = "") -> MemoryUndo:
        """Take back the last change of this node; NotFound when there is none, Refused when others wrote since."""
        ...

    async def memory_conflicts(self, *, limit: int = 100) -> tuple[MemoryConflict, ...]: ...
    async def memory_resolve(self, key: str, *, keep: str = "", run: str = "") -> MemoryItem:
        """`keep` is the name of a version (`version_name`); empty keeps the winner."""
        ...

    async def memory_search(self, query: Query) -> SearchResult:
        """By words and by meaning; best first."""
        ...

    async def memory_index_status(self) -> IndexStatus: ...
    async def memory_reindex(self) -> tuple[str, ...]:
        """Begin the index anew, and fill it in the background; gives what was wrong with it, a sentence each."""
        ...

    async def memory_key_state(self) -> KeyState: ...
    async def memory_unlock(self, passphrase: str = "") -> None:
        """Have private memory at hand, by its passphrase if its key is kept by one."""
        ...

    async def memory_lock(self) -> None:
        """Forget the key of private memory until it is unlocked."""
        ...

    async def memory_rekey(self, kept: str = "", *, current: str = "", new: str = "") -> RekeyReport:
        """A new key for private memory, kept by `passphrase`, `keyring` or `file`, or as before (empty); `current` and
        `new` are the passphrases of the present key and of the new one."""
        ...

    async def dag_list(self, project: str) -> tuple[DagInfo, ...]: ...
    async def dag_show(self, project: str, name: str) -> DagInfo:
        """`name` is a DAG's name or an absolute path of a file."""
        ...

    async def dag_plan(self, project: str, name: str, params: Mapping[str, str], *, executor: str = "") -> DagPlan:
        """With `executor`, the plan has why a run by that would be refused now."""
        ...

    async def run_start(
        self, project: str, name: str, params: Mapping[str, str], *, yes: bool = False, executor: str = "local"
    ) -> RunView:
        """Starts and returns at once, with another `executor` than `local` once that is there. `yes`: Recommended and
        Confirmed are approved, Arbitrated never."""
        ...

    async def run_list(self, project: str = "", *, limit: int = 50) -> tuple[RunSummary, ...]:
        """Newest first; of all projects when `project` is empty."""
        ...

    async def run_show(self, run: str) -> RunView:
        """`run` may be an unambiguous beginning of the id, here and in all that follow."""
        ...

    async def run_logs(self, run: str, task: str, *, attempt: int = 0, offset: int = 0, limit: int = 65536) -> LogChunk:
        """Bytes from `offset`; a negative one counts from the end. Attempt 0 is the newest."""
        ...

    async def run_resume(self, run: str, *, yes: bool = False, executor: str = "") -> RunView:
        """`executor`: another one than it had."""
        ...

    async def run_rerun(self, run: str, task: str, *, yes: bool = False, executor: str = "") -> RunView:
        """Starts a new run, with the definition and the parameters of `run`, that begins with `task` and takes over
        what completed before it; returns at once. `executor`: another one than it had."""
        ...

    async def run_undo_plan(self, run: str) -> tuple[UndoItem, ...]:
        """What a rollback would take back, in that order: steps of tasks, files, entries of memory."""
        ...

    async def run_rollback(self, run: str, *, skip: tuple[str, ...] = (), executor: str = "") -> RunView:
        """Begins to take back what a run did, and returns at once; the steps of the tasks in `skip` are left out. With
        `executor` steps run there, not where their tasks ran."""
        ...

    async def run_pause(self, run: str) -> RunView:
        """Nothing of it starts any more until it is resumed; what runs goes on to its end."""
        ...

    async def run_cancel(self, run: str, task: str = "", *, reason: str = "") -> RunView:
        """Ends every process of the run, or of one task of it, TERM then KILL; returns when it has ended.

        A task that is cancelled has failed for what needs it, and for the policy of the run.
        """
        ...

    async def run_debts(self, run: str = "", *, project: str = "", all: bool = False) -> tuple[Debt, ...]:
        """Failures that a policy tolerated and nobody has settled, oldest first; with `all` the settled ones too."""
        ...

    async def run_prune(self, *, before: Instant | None = None, newest: int = 0, dry_run: bool = False) -> PruneReport:
        """Removes runs that are over, ended before `before` and are none of the newest `newest`; see `prune.chosen`."""
        ...

    async def run_settle(self, run: str, task: str, *, reason: str) -> Debt:
        """Say that a debt is made good, and how."""
        ...

    async def decision_list(self, *, all: bool = False) -> tuple[Decision, ...]:
        """The pending ones, oldest first; with `all` those of the latest runs too."""
        ...

    async def decision_show(self, id: str) -> DecisionDetail:
        """With all that a person can know before an answer, and all that happened to it."""
        ...

    async def decision_ask(self, project: str, call: ToolCall) -> Decision:
        """Ask a person to confirm the call of a tool, and wait for the answer, whatever it is."""
        ...

    async def decision_approve(
        self, id: str, *, reason: str = "", edit: Edit | None = None, alike: bool = False
    ) -> Decision:
        """`edit`: what runs instead; `alike`: approve all that are alike in the run, now and later."""
        ...

    async def decision_reject(self, id: str, *, reason: str = "", how: Refusal | None = None) -> Decision:
        """`how`: which kind of no; None: a recommended task is skipped, anything else fails."""
        ...

    async def decision_hold(self, id: str) -> Decision:
        """Stop a countdown, or let a stopped one go on."""
        ...

    async def decision_vote(self, id: str, choice: Choice, *, seat: str = "", reason: str = "") -> Decision:
        """Vote for `seat`, or for every seat that this engine's owner holds."""
        ...

    async def decision_rules(self, run: str = "", *, all: bool = False) -> tuple[Rule, ...]:
        """The yeses to all alike that are in force, oldest first; with `all` those that were."""
        ...

    async def decision_withdraw(self, id: str, *, reason: str = "") -> Rule:
        """End the yes to all alike that the decision `id` made."""
        ...

    async def decision_trail(self, id: str = "", *, run: str = "", limit: int = 1000) -> tuple[TrailEntry, ...]:
        """The newest rows of the audit trail, oldest first: all, or those of one decision or run."""
        ...

    async def skill_list(self, project: str) -> tuple[SkillInfo, ...]: ...
    async def skill_intent(self, project: str, text: str) -> Intent:
        """What a sentence asks for, of the skills that can be called; runs nothing."""
        ...

    async def skill_run(
        self,
        project: str,
        name: str,
        args: tuple[str, ...],
        input: Mapping[str, object],
        *,
        call: str = "",
        yes: bool = False,
    ) -> SkillResult:
        """`call`: a new name of letters and digits for this call, which its SkillOutput events bear, and the decision
        about it if a person has to confirm it; `yes` confirms it."""
        ...

    async def skill_cancel(self, call: str) -> bool:
        """Ends a call with all its processes; whether it was going on."""
        ...

    async def skill_runs(self, project: str = "", *, skill: str = "", limit: int = 50) -> tuple[SkillRun, ...]:
        """Calls that have ended, also those of tasks, newest first; of all projects when `project` is empty."""
        ...

    async def skill_log(self, call: str, *, offset: int = 0, limit: int = 65536) -> LogChunk:
        """What a call outside of any run printed, as long as it is kept."""
        ...

    async def agent_list(self, project: str) -> tuple[AgentInfo, ...]:
        """Every agent by name; whether it can be asked, and which one is asked by default."""
        ...

    async def agent_new(self, project: str, *, agent: str = "", title: str = "") -> Conversation:
        """A new conversation; an empty agent is the default one, chosen anew for each turn."""
        ...

    async def agent_conversations(
        self, project: str = "", *, query: str = "", limit: int = 50
    ) -> tuple[Conversation, ...]:
        """The newest first, of all projects when `project` is empty; with `query`, those in which it was said."""
        ...

    async def agent_show(self, id: str) -> ConversationView:
        """All that was said, and is being said; `id` may be an unambiguous beginning, here and in all that follow."""
        ...

    async def agent_send(self, id: str, text: str, *, steer: bool = False, attended: bool = True) -> Sent:
        """Say something: at once if nothing goes on, else when the turn is done, or with `steer` at its next step.

        On the disk when this returns. `attended`: a person is there who can be asked about calls of tools.
        """
        ...

    async def agent_take_back(self, id: str) -> tuple[str, ...]:
        """Take what waits out of the queue; the texts."""
        ...

    async def agent_stop(self, id: str) -> Stopped:
        """Stop everything that goes on in a conversation and take back its queue; returns when nothing is left."""
        ...

    async def agent_fork(self, id: str, *, upto: int = 0) -> Conversation:
        """A new conversation that begins with the messages up to number `upto`, or all."""
        ...

    async def agent_rename(self, id: str, title: str) -> Conversation: ...

    async def agent_use(self, id: str, agent: str, *, model: str = "") -> Conversation:
        """Let another agent or model go on, from the next turn; empty: the default one, its own model."""
        ...

    async def agent_delete(self, id: str) -> None:
        """Let it be gone with all that was said; Refused while a turn goes on."""
        ...

    async def agent_export(self, id: str) -> str:
        """As Markdown."""
        ...

    async def agent_undo(self, id: str, *, turn: str = "") -> tuple[FileUndo, ...]:
        """Take back what the agent wrote into files in a turn, or in the last one that wrote; changed files stay."""
        ...

    async def agent_context(self, id: str) -> ContextView:
        """What was sent with the newest request, exactly, part by part."""
        ...

    async def agent_mask(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """JSON data as an agent may be given it: without the values of Sensitive entries."""
        ...

    async def agent_rules(self) -> tuple[ToolRule, ...]:
        """What the policy says about calls of tools."""
        ...

    async def agent_allow(self, pattern: str, level: str) -> tuple[ToolRule, ...]:
        """Write a rule into the policy, such as `file_write:docs/*` and `mechanical`, for good; gives all rules."""
        ...

    def events(self, since: int | None = None) -> AsyncIterator[Event]:
        """Events as they happen; with `since`, first those after that number."""
        ...

    async def close(self) -> None:
        """Let go of the engine; an engine in process stops."""
        ...
