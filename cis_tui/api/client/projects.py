"""A remote engine: project folders and their trust."""

from __future__ import annotations

from cis_tui.api.client.channel import Calls
from cis_tui.project.model import ProjectInfo, TrustReport


class ProjectCalls(Calls):
    """What `EngineApi` has of project folders and their trust."""

    async def project_open(self, project: str) -> ProjectInfo:
        """See `EngineApi`."""
        return await self._call("project_open", project=project)

    async def trust_report(self, project: str) -> TrustReport:
        """See `EngineApi`."""
        return await self._call("trust_report", project=project)

    async def trust_grant(self, project: str, digest: str, *, author: bool = False) -> ProjectInfo:
        """See `EngineApi`."""
        return await self._call("trust_grant", project=project, digest=digest, author=author)

    async def trust_revoke(self, project: str) -> None:
        """See `EngineApi`."""
        await self._call("trust_revoke", project=project)
