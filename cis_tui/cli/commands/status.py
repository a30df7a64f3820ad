"""`cis status`."""

from __future__ import annotations

from argparse import Namespace

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json

_LATEST_RUNS = 50


async def status(context: Context, arguments: Namespace) -> int:
    """Engine, project, memory, runs and pending decisions at a glance."""
    from collections import Counter

    from cis_tui.cli.access import reading
    from cis_tui.cli.offline import Offline
    from cis_tui.core.errors import NotFound
    from cis_tui.core.identity import node_id

    home = context.home.ensure()
    async with reading(context) as api:
        engine = None if isinstance(api, Offline) else await api.status()
        try:
            project = await api.project_open(context.project_path) if context.project else None
        except NotFound:
            project = None
        runs = await api.run_list(limit=_LATEST_RUNS)
        decisions = await api.decision_list()
    memory = dict(engine.memory_entries) if engine else _count_memory(context)
    found: dict[str, object] = {
        "home": home.root,
        "did": node_id(home),
        "engine": engine,
        "project": project,
        "memory": memory,
        "runs": dict(Counter(run.status.value for run in runs)),
        "decisions": decisions,
    }
    if context.json:
        show_json(found)
        return 0
    trust = (
        f", {project.trust}" + (f", {project.pending} files to look at" if project.pending else "") if project else ""
    )
    lines = {
        "home": str(home.root),
        "node": str(found["did"]),
        "engine": f"live, process {engine.pid}, {engine.faces} faces" if engine else "not running",
        "project": f"{project.name} ({project.root}{trust})" if project else "none here; cis init makes one",
        "memory": _listed(memory) or "nothing yet",
        "runs": _listed(dict(Counter(run.status.value for run in runs))) or "none yet",
        "decisions": f"{len(decisions)} pending" + ("; cis decision list" if decisions else ""),
    }
    _show(lines)
    return 0


def _count_memory(context: Context) -> dict[str, int]:
    from cis_tui.memory.service import MemoryService

    service = MemoryService(context.home)
    try:
        return dict(service.counts())
    finally:
        service.close()


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number)


def _show(lines: dict[str, str]) -> None:
    from cis_tui.core.text import clean_line

    for name, text in lines.items():
        show(f"{name:<10} {clean_line(text)}")


COMMANDS = (Command("status", "engine, project, memory, runs and decisions at a glance", status),)
