"""How long tasks took in earlier runs, and how long a run will take if they take as long again."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from cis_tui.core.events import EventType
from cis_tui.dag.graph import after_failure, levels
from cis_tui.dag.model import DagSpec
from cis_tui.dag.store import Connection, sql_path

RUNS = 10
"""Runs that are looked at, the latest."""
MAX_ROWS = 50_000
"""Tasks that are looked at."""
_INDEX = re.compile(r"\[\d+\]")


def pattern(task: str) -> str:
    """The id of a task without its place in a list, such as `probe[*]`."""
    return _INDEX.sub("[*]", task)


def read_durations(connection: Connection, dag: str, project: str) -> dict[str, float]:
    """The median of the seconds that each task took in the last runs of `dag` in which it completed.

    Tasks of one list count together, as `probe[*]`. A task that stands for others took the time that they took.
    """
    rows = connection.execute(
        "SELECT task, type, at, json_extract(data, '$.duration'), run FROM events"
        " WHERE type IN (?, ?) AND run IN (SELECT id FROM runs WHERE dag = ? AND project = ?"
        " ORDER BY started_at DESC LIMIT ?) ORDER BY seq DESC LIMIT ?",
        (EventType.TASK_EXPANDED.value, EventType.TASK_COMPLETED.value, dag, sql_path(project), RUNS, MAX_ROWS),
    ).fetchall()
    began: dict[tuple[str, str], float] = {}
    found: dict[str, list[float]] = {}
    for task, type, at, duration, run in reversed(rows):
        if type == EventType.TASK_EXPANDED:
            began[run, task] = at
        else:
            since = began.get((run, task))
            took = duration if since is None else at - since
            if isinstance(took, (int, float)):
                found.setdefault(pattern(task), []).append(max(float(took), 0.0))
    from statistics import median  # late: it brings fractions and decimals

    return {task: median(times) for task, times in found.items()}


def longest_way(spec: DagSpec, seconds: Mapping[str, float]) -> float:
    """Seconds from the start to the end of a run in which nothing fails, if everything that can runs at once."""
    aside = after_failure(spec)
    deps = {task.id: task.deps for task in spec.tasks}
    done: dict[str, float] = {}
    for level in levels(spec):
        for id in level:
            if id not in aside:
                done[id] = _latest(deps[id], done) + seconds.get(id, 0.0)
    return max(done.values(), default=0.0)


def _latest(ids: Iterable[str], done: Mapping[str, float]) -> float:
    return max((done.get(id, 0.0) for id in ids), default=0.0)
