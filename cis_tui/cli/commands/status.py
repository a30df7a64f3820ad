"""`cis status`."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json

if TYPE_CHECKING:
    from cis_tui.matrix.model import MatrixStatus
    from cis_tui.memory.records import KeyState
    from cis_tui.p2p.model import PeerStatus
    from cis_tui.project.model import ProjectInfo
    from cis_tui.protocol import EngineStatus

_LATEST_RUNS = 50


async def status(context: Context, arguments: Namespace) -> int:
    """Engine, project, memory, runs, pending decisions and peers at a glance."""
    from collections import Counter

    from cis_tui.cli.access import reading
    from cis_tui.cli.memory_keys import described
    from cis_tui.cli.offline import Offline
    from cis_tui.core.identity import node_id

    home = context.home.ensure()
    async with reading(context) as api:
        engine = None if isinstance(api, Offline) else await api.status()
        project = await api.project_open(context.project_path) if context.project else None
        runs = Counter(run.status.value for run in await api.run_list(limit=_LATEST_RUNS))
        decisions = await api.decision_list()
        debts = len(await api.run_debts())
        state = None if isinstance(api, Offline) else await api.memory_key_state()
    memory, state = (engine.memory_entries, state) if engine and state else _look_at_memory(context)
    did, (peers, told), (matrix, standing) = node_id(home), await _peers(context), await _matrix(context)
    if context.json:
        found: dict[str, object] = {"home": home.root, "did": did, "engine": engine, "project": project}
        found |= {"memory": dict(memory), "private": state, "runs": dict(runs), "decisions": decisions, "debts": debts}
        found |= {"peers": peers, "matrix": matrix}
        show_json(found)
        return 0
    waiting = f"{len(decisions)} pending" + ("; cis decision list" if decisions else "")
    _show(
        {
            "home": str(home.root),
            "node": did,
            "engine": _engine(engine),
            "project": _project(project),
            "memory": _listed(memory) or "nothing yet",
            "private": described(state),
            "runs": _listed(runs) or "none yet",
            "decisions": waiting,
            "debts": f"{debts} open; cis run debts" if debts else "none",
            "peers": told,
            "matrix": standing,
        }
    )
    return 0


async def _peers(context: Context) -> tuple[PeerStatus | None, str]:
    """The peers, and what is said of them; a book that cannot be read hides nothing else."""
    from cis_tui.cli.offline_peers import peer_book
    from cis_tui.cli.peers import counts
    from cis_tui.core.errors import CisError

    try:
        async with peer_book(context) as api:
            found = await api.peer_status()
    except CisError as error:
        return None, error.message
    return found, counts(found) + ("; cis peer list" if found.pending else "")


async def _matrix(context: Context) -> tuple[MatrixStatus | None, str]:
    """Matrix, and what is said of it; what cannot be read hides nothing else."""
    if not (context.home.keys / "matrix.json").exists():
        return None, "nobody is logged in"  # and nothing of it need be loaded
    from cis_tui.cli.matrix import standing
    from cis_tui.cli.offline_matrix import matrix_files
    from cis_tui.core.errors import CisError

    try:
        async with matrix_files(context) as api:
            found = await api.matrix_status()
    except CisError as error:
        return None, error.message
    return found, f"{found.user}: {standing(found)}"


def _look_at_memory(context: Context) -> tuple[Mapping[str, int], KeyState]:
    from cis_tui.memory.service import MemoryService

    service = MemoryService(context.home)
    try:
        return service.counts(), service.private.state()
    finally:
        service.close()


def _engine(engine: EngineStatus | None) -> str:
    return f"live, process {engine.pid}, {engine.faces} faces" if engine else "not running"


def _project(project: ProjectInfo | None) -> str:
    if project is None:
        return "none here; cis init makes one"
    files = "1 file" if project.pending == 1 else f"{project.pending} files"
    trust = f"{files} may not run before cis trust" if project.pending else "trusted"
    return f"{project.name}, {trust} ({project.root})"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number)


def _show(lines: Mapping[str, str]) -> None:
    from cis_tui.core.text import clean_line

    for name, text in lines.items():
        show(f"{name:<10} {clean_line(text)}")


COMMANDS = (Command("status", "engine, project, memory, runs, decisions and peers at a glance", status),)
