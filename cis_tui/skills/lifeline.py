"""The pipe between an engine and its guardian: as long as it is held, the engine lives."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys

from cis_tui.skills import guardian


class Lifeline:
    """Sees to it that no process with the environment entry `marker` outlives this one."""

    def __init__(self, marker: str) -> None:
        self._marker = marker
        self._guardian: subprocess.Popen[bytes] | None = None

    def hold(self) -> None:
        """Start the guardian unless it is there. Takes a millisecond.

        Raises:
            OSError: no process can be started.
        """
        if self._guardian is not None and self._guardian.poll() is None:
            return
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__, self._marker],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={name: value for name, value in os.environ.items() if not name.startswith("CIS_")},
            start_new_session=True,
        )

    async def release(self) -> None:
        """Let the guardian do its work, and wait until it has ended."""
        if self._guardian is None:
            return
        if self._guardian.stdin is not None:
            self._guardian.stdin.close()
        while self._guardian.poll() is None:  # noqa: ASYNC110 - nothing but the kernel tells of its end
            await asyncio.sleep(0.01)
        self._guardian = None
