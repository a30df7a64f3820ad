"""What is called on a scheduler and its workers, by name: `distributed` hands over the worker, and results.

Like `hands`, it imports nothing that a worker might not have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from cis_tui import __version__
from cis_tui.dag.executors.hands import Hands, News
from cis_tui.dag.executors.invocation import Invocation

PROTOCOL = 1
"""Of what goes to and from workers; both sides have to have the same."""
_ENDING = ("closing", "closed", "failed")
"""What a worker that will run nothing to its end calls its own state."""


async def carry_out(document: bytes) -> str:
    """Run the attempt in `document`; it is the task that holds a thread of the worker. See `Hands.carry_out`."""
    from distributed import get_worker

    worker = cast("Any", get_worker)()
    invocation = Invocation.loads(document)
    return await _hands(worker).carry_out(invocation, _wanted(worker, invocation.key))


async def hello(dask_worker: Any) -> dict[str, object]:
    """Who the worker is."""
    return {"protocol": PROTOCOL, "version": __version__, "hands": _hands(dask_worker).id}


def hello_scheduler(dask_scheduler: Any) -> dict[str, object]:
    """As `hello`, of the scheduler."""
    return {"protocol": PROTOCOL, "version": __version__}


async def news(
    session: str, known: Mapping[str, int], done: Sequence[str], wait: float, dask_worker: Any
) -> tuple[str, dict[str, tuple[int, bytes, bytes | None]]]:
    """Who the worker is, and its news, see `Hands.news`."""
    hands = _hands(dask_worker)
    found = await hands.news(session, known, done, wait)
    return hands.id, {key: _plain(each) for key, each in found.items()}


async def end(keys: Sequence[str], why: str, dask_worker: Any) -> str:
    """End attempts, see `Hands.end`; who the worker is."""
    hands = _hands(dask_worker)
    await hands.end(keys, why)
    return hands.id


async def sweep(run: str, session: str, dask_worker: Any) -> list[str]:
    """See `Hands.sweep`."""
    return await _hands(dask_worker).sweep(run, session)


async def has(package: str, dask_worker: Any) -> bool:
    """See `Hands.has`."""
    return _hands(dask_worker).has(package)


async def keep(package: str, data: bytes, dask_worker: Any) -> None:
    """See `Hands.keep`."""
    await _hands(dask_worker).keep(package, data)


def _hands(worker: Any) -> Hands:
    """Those of this worker: several may live in one process. It closes them when it is closed itself."""
    found = worker.extensions.get("cis")
    if found is None:
        found = worker.extensions["cis"] = Hands(Path(worker.local_directory))
    return found


def _wanted(worker: Any, key: str) -> Callable[[], bool]:
    """Whether the scheduler still wants the task `key` of the worker; it forgets those of a client that is gone."""

    def look() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state == "executing" and worker.status.name not in _ENDING

    return look


def _plain(news: News) -> tuple[int, bytes, bytes | None]:
    return news.offset, news.data, news.end
