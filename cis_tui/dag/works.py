"""What goes on at the same time for one run, and how parts of it are ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine

from cis_tui.dag.groups import Group


class Works:
    """The asyncio tasks that work on a run, each for one of its groups."""

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        """`on_error` hears of what a piece of work did not expect."""
        self._on_error = on_error
        self._going_on: dict[asyncio.Task[None], Group] = {}
        self._about: dict[str, asyncio.Task[None]] = {}
        """By the task of the DAG that is worked on, where it is one alone."""

    def begin(self, work: Coroutine[object, object, None], group: Group, *, about: str = "") -> asyncio.Task[None]:
        """Let `work` for `group`, or for the one task `about` of it, go on from now."""
        task = asyncio.get_running_loop().create_task(work)
        self._going_on[task] = group
        if about:
            self._about[about] = task
        task.add_done_callback(self._gone)
        return task

    async def done(self, work: asyncio.Task[None]) -> None:
        """Return when `work` has ended, or was ended.

        Raises:
            Exception: whatever it raised.
        """
        await asyncio.wait({work})
        if not work.cancelled():
            work.result()

    async def end_about(self, id: str) -> None:
        """End the work for one task; the end of its processes is waited for."""
        working = self._about.get(id)
        if working is not None and not working.done():
            working.cancel()
            await asyncio.wait({working})

    async def end(self, group: Group) -> None:
        """End all that goes on for `group` and the groups that lie in it."""
        working = [task for task, owner in self._going_on.items() if owner.lies_in(group)]
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)

    def _gone(self, task: asyncio.Task[None]) -> None:
        del self._going_on[task]
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._on_error(error)
