"""An engine that is only looked at: `cis --read-only`."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

from cis_tui.core.errors import Refused

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi
    from cis_tui.tui.desk import Desk

QUESTIONS = frozenset(
    {
        *("status", "activity", "recent", "events", "close", "project_open", "trust_report"),
        *(
            "memory_get",
            "memory_list",
            "memory_tree",
            "memory_history",
            "memory_stats",
            "memory_growth",
            "memory_conflicts",
        ),
        *("memory_search", "memory_index_status", "memory_key_state"),
        *("dag_list", "dag_show", "dag_plan", "run_list", "run_show", "run_logs", "run_undo_plan", "run_debts"),
        *("decision_list", "decision_show", "decision_rules", "decision_trail"),
        *("skill_list", "skill_intent", "skill_runs", "skill_log"),
        *("agent_list", "agent_conversations", "agent_show", "agent_context", "agent_rules"),
        *("peer_identity", "peer_status", "peer_list", "peer_show"),
        *("matrix_status", "matrix_rooms", "matrix_members", "matrix_rejections", "matrix_messages"),
    }
)
"""The calls of an engine that change nothing. Whatever is not here is refused."""

CHANGES = frozenset(
    {
        *(f"chat.{name}" for name in ("fork", "give", "go-on", "queue", "run", "send")),
        *(f"dags.{name}" for name in ("cancel", "edit", "pause", "rerun", "resume", "rollback", "run")),
        *(f"decision.{name}" for name in ("abort", "alike", "always", "approve", "edit", "fail", "hold", "no")),
        *(f"decision.{name}" for name in ("reason", "reject", "skip")),
        *(f"decision.{name}" for name in ("vote", "vote-abstain", "vote-approve", "vote-reject")),
        *(f"memory.{name}" for name in ("classify", "conflicts", "delete", "edit", "editor", "export", "lock")),
        *(f"memory.{name}" for name in ("move", "new", "pin", "undo")),
        *(f"peers.{name}" for name in ("add", "allow", "conflicts", "deny", "forget", "pair", "rename", "share")),
        *(f"room.{name}" for name in ("edit", "react", "remove", "reply", "retry")),
        *("peers.sync", "rules.withdraw", "settings.change", "skills.edit"),
    }
)
"""The ids of keys that change something. They say that nothing is changed from here, and are not offered."""


def refusal() -> Refused:
    """Why something is not done."""
    return Refused("CIS-TUI-050", "this workspace only looks", hint="open it without --read-only to change anything")


def looks_only(desk: Desk) -> bool:
    """Whether nothing may be changed from here, which is said then."""
    if desk.store.read_only:
        desk.say(refusal().message, hint=refusal().hint, bad=True)
    return desk.store.read_only


class _ReadOnly:
    def __init__(self, engine: EngineApi) -> None:
        self._engine = engine

    def __getattr__(self, name: str) -> Callable[..., object]:
        return getattr(self._engine, name) if name in QUESTIONS else _refuse


async def _refuse(*_: object, **__: object) -> None:
    raise refusal()


def read_only(engine: EngineApi) -> EngineApi:
    """`engine`, of which only questions are answered; the rest is refused (CIS-TUI-050)."""
    return cast("EngineApi", _ReadOnly(engine))
