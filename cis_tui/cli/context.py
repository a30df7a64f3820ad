"""What every command is given: the options that all of them take, and what follows from them."""

from __future__ import annotations

import os
from functools import cached_property

TYPE_CHECKING = False  # see `cli.memory`
if TYPE_CHECKING:
    from pathlib import Path

    from cis_tui.core.paths import Home


class Context:
    """`--json`, `--home` and `--project` of one call."""

    def __init__(self, *, json: bool = False, home: str | None = None, project: str | None = None) -> None:
        self.json = json
        """Whether results are to be JSON."""
        self._home = home
        self._project = project

    @cached_property
    def socket_path(self) -> str:
        """Where a live engine listens, found without the path library (see `cli.fast`)."""
        named = self._home or os.environ.get("CIS_HOME") or "~/.cis"
        return os.path.join(os.path.abspath(os.path.expanduser(named)), "engine.sock")

    @property
    def door(self) -> tuple[str, str] | None:
        """The way to memory, and the token for it, of a command that a confined skill runs; else None."""
        path, token = os.environ.get("CIS_SOCKET", ""), os.environ.get("CIS_TOKEN", "")
        return (path, token) if path and token and self._home is None else None

    @cached_property
    def home(self) -> Home:
        """The CIS home; nothing is made."""
        from cis_tui.core.paths import find_home

        return find_home(self._home)

    @cached_property
    def project(self) -> Path | None:
        """The project folder: the one that `--project` names, else the nearest above the current folder.

        Raises:
            NotFound: `--project` names a folder that is not in a project (CIS-CLI-010).
        """
        from pathlib import Path

        from cis_tui.core.paths import find_project

        if self._project is None:
            return find_project(Path.cwd())
        return self.project_at(self._project)

    def project_at(self, folder: str) -> Path:
        """The project in which a folder lies that somebody named.

        Raises:
            NotFound: it is not there, or in no project (CIS-CLI-010).
        """
        from pathlib import Path

        from cis_tui.core.errors import NotFound
        from cis_tui.core.paths import find_project

        named = Path(os.path.abspath(os.path.expanduser(folder)))
        found = find_project(named)
        if not named.exists():
            raise NotFound(
                "CIS-CLI-010", f"there is no folder {named}", hint=f"cis init {named} makes it, as a project"
            )
        if found is None:
            raise NotFound("CIS-CLI-010", f"{named} is not in a project", hint=f"cis init {named} makes it one")
        return found

    @property
    def project_path(self) -> str:
        """The project folder as `EngineApi` takes it; empty for none."""
        return str(self.project) if self.project is not None else ""

    @property
    def given_home(self) -> str | None:
        """What `--home` says."""
        return self._home

    @property
    def given_project(self) -> str | None:
        """What `--project` says."""
        return self._project
