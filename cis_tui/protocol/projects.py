"""`EngineApi`: project folders and their trust."""

from __future__ import annotations

from typing import Protocol

from cis_tui.project.model import ProjectInfo, TrustReport


class ProjectApi(Protocol):
    """What `EngineApi` has of project folders and their trust."""

    async def project_open(self, project: str) -> ProjectInfo: ...
    async def trust_report(self, project: str) -> TrustReport: ...
    async def trust_grant(self, project: str, digest: str, *, author: bool = False) -> ProjectInfo:
        """Trust exactly what the report with `digest` showed; Refused when files changed since."""
        ...

    async def trust_revoke(self, project: str) -> None: ...
