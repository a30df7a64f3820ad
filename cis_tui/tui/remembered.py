"""How a person left the workspace, project by project: small things that are nice to find again, and no loss if not."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress

from cis_tui.core.document import is_table
from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home, write_private

MAX_BYTES = 1_000_000
MAX_PROJECTS = 200
MAX_TEXT = 1_000


class Remembered:
    """The file `workspace.json` of a home. Its methods block."""

    def __init__(self, home: Home) -> None:
        self._file = home.root / "workspace.json"

    def read(self, project: str) -> Mapping[str, str]:
        """What is remembered of a project; nothing of a file that cannot be read, or is not ours."""
        return self._all().get(project, {})

    def keep(self, project: str, name: str, value: str) -> None:
        """Remember one thing beside what any workspace remembers; a home that cannot be written remembers nothing."""
        with suppress(CisError, OSError), self._alone():
            known = self._all()
            if known.get(project, {}).get(name) == value:
                return
            known[project] = {**known.pop(project, {}), name: value}
            kept = dict(list(known.items())[-MAX_PROJECTS:])
            write_private(self._file, json.dumps(kept, ensure_ascii=False).encode("utf-8", "replace"))

    @contextmanager
    def _alone(self) -> Generator[None]:
        descriptor = os.open(self._file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _all(self) -> dict[str, dict[str, str]]:
        try:
            with self._file.open("rb") as file:
                found: object = json.loads(file.read(MAX_BYTES + 1)[:MAX_BYTES])
        except (OSError, ValueError, RecursionError):
            return {}
        if not is_table(found):
            return {}
        return {project: _texts(values) for project, values in found.items() if is_table(values)}


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    return {name: value for name, value in texts.items() if len(name + value) <= MAX_TEXT}
