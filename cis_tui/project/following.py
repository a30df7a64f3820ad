"""Takes up what changes in the projects that an engine serves, and tells of it (spec, hot reload)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from pathlib import Path

from cis_tui.core.events import EventType
from cis_tui.core.paths import PROJECT_DIR, Home, private_dir
from cis_tui.project.reload import Kind, Reload
from cis_tui.project.session import ProjectSession
from cis_tui.project.watching import Watcher
from cis_tui.skills.registry import declared_skills

Tell = Callable[[str, Mapping[str, object]], None]
"""Type and data of an event."""
_EVENTS = {
    Kind.SKILL: EventType.SKILL_LOADED,
    Kind.DAG: EventType.DAG_LOADED,
    Kind.PROJECT: EventType.PROJECT_RELOADED,
}


class Following:
    """Looks at each project again whenever its files change. To be used on the engine's event loop."""

    def __init__(self, home: Home, tell: Tell, threads: Executor) -> None:
        self._home = home
        self._tell = tell
        self._threads = threads
        self._followed: dict[ProjectSession, Watcher] = {}

    def follow(self, session: ProjectSession) -> None:
        """Begin, unless it is followed already."""
        if session not in self._followed:
            private_dir(self._home.skills)
            self._followed[session] = Watcher(
                lambda: self._roots(session), lambda: self.look(session), lambda text: self._say(session, text)
            )

    async def look(self, session: ProjectSession) -> None:
        """Look at a project now, and tell what changed since the last look."""
        found = await asyncio.get_running_loop().run_in_executor(self._threads, session.refresh)
        for reload in found:
            self._tell(_EVENTS[reload.kind], self._data(session, reload))

    async def close(self) -> None:
        """Follow nothing any more."""
        await asyncio.gather(*(watcher.close() for watcher in self._followed.values()))
        self._followed.clear()

    def _data(self, session: ProjectSession, reload: Reload) -> dict[str, object]:
        return reload.data(str(session.root or ""))

    def _say(self, session: ProjectSession, text: str) -> None:
        self._tell(EventType.ERROR, {"project": str(session.root or ""), "message": text})

    def _roots(self, session: ProjectSession) -> list[Path]:
        """The folders in which the skills and DAGs of a project lie."""
        roots = [self._home.skills]
        if session.root is not None:
            roots += [session.root / PROJECT_DIR, *(skill.folder for skill in declared_skills(session.root))]
        return roots
