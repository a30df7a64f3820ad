"""A command that a person runs themselves, beside the conversation: their shell, their rights, their folder."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

from cis_tui.core.cancelling import started
from cis_tui.core.text import clean

MAX_OUTPUT = 100_000
"""Characters that are kept of an output: its end."""
INTERVAL = 0.1
"""Seconds between two looks at what it printed."""


class OwnCommand:
    """One command. `run` runs it; `stop` ends it with all that it started in its group."""

    def __init__(self, line: str, folder: str) -> None:
        self.line = line
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self.stopped = False
        self.output = ""
        """What it printed, clean, at most `MAX_OUTPUT` characters from the end."""
        self.code: int | None = None
        """Its exit code; None while it runs."""

    async def run(self, told: Callable[[], object]) -> None:
        """Run it; `told` is called when there is more output, and at the end.

        Raises:
            OSError: there is no shell, or no such folder.
        """
        start = asyncio.create_subprocess_shell(
            self.line,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=self._folder or None,
            start_new_session=True,
        )
        process = self._process = await started(start, self._end)
        assert process.stdout is not None
        try:
            while raw := await process.stdout.read(65_536):
                more = clean(raw.decode("utf-8", "replace"))
                self.output = (self.output + more)[-MAX_OUTPUT:]
                told()
                await asyncio.sleep(INTERVAL)
            self.code = await process.wait()
        finally:
            if process.returncode is None:
                await self._end(process)
        told()

    def stop(self) -> None:
        """End it."""
        self.stopped = True
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.stop()
        await process.wait()

    @property
    def ending(self) -> str:
        """How it ended."""
        if self.stopped:
            return "stopped"
        if self.code is None:
            return "running"
        return "done" if self.code == 0 else f"exit {self.code}"

    def told_to_agent(self) -> str:
        """What an agent is told of it, without the keys and tokens that show themselves."""
        from cis_tui.agents.door import without_tokens

        output = without_tokens(self.output.rstrip())
        fence = "```"
        while fence in output:
            fence += "`"
        return f"I ran `{without_tokens(self.line)}` ({self.ending}):\n\n{fence}\n{output}\n{fence}"
