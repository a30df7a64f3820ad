"""The engine: project folders and their trust."""

from __future__ import annotations

from pathlib import Path

from cis_tui.core.events import EventType
from cis_tui.engine.parts import Parts
from cis_tui.project.model import ProjectInfo, TrustReport


class Projects(Parts):
    """What `EngineApi` has of project folders and their trust."""

    async def project_open(self, project: str) -> ProjectInfo:
        """See `EngineApi`."""
        session = self._session(project)
        info = await self._in_thread(session.info)
        self._following.follow(session)
        self._journal.emit(EventType.PROJECT_OPENED, {"project": info.root, "name": info.name})
        return info

    async def trust_report(self, project: str) -> TrustReport:
        """See `EngineApi`."""
        return await self._in_thread(self._trust.report, Path(project))

    async def trust_grant(self, project: str, digest: str, *, author: bool = False) -> ProjectInfo:
        """See `EngineApi`."""
        root = Path(project)
        await self._in_thread(lambda: self._trust.grant(root, digest, author=author))
        await self._following.look(self._session(str(root)))
        return await self._announce_reload(root)

    async def trust_revoke(self, project: str) -> None:
        """See `EngineApi`."""
        root = Path(project)
        await self._in_thread(self._trust.revoke, root)
        await self._announce_reload(root)

    async def _announce_reload(self, root: Path) -> ProjectInfo:
        info = await self._in_thread(self._session(str(root)).info)
        self._journal.emit(EventType.PROJECT_RELOADED, {"project": info.root, "trust": info.trust.value})
        return info
