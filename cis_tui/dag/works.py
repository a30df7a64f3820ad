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

    def begin(self, work: Coroutine[object, object, None], group: Group) -> None:
        """Let `work` for `group` go on from now."""
        task = asyncio.get_running_loop().create_task(work)
        self._going_on[task] = group
        task.add_done_callback(self._gone)

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
