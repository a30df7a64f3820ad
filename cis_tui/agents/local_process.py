"""The process of a local model as the engine sees it: started, asked, and ended without a trace."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import stat
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from cis_tui.agents.provider import ProviderFailure
from cis_tui.core.errors import Exit
from cis_tui.core.text import clean_line

_LINE = 4 * 1024 * 1024
"""Bytes of one line that it says."""
_LOG = 8192
"""Bytes that are kept of what it writes on stderr."""
_LAST_WORDS = 2.0
"""Seconds within which a process has ended that says nothing any more."""
_BASE_MEMORY = 1 << 30
"""Bytes for everything but the weights, which may be needed twice: as they lie in the file, and as the processor likes
them."""
_ENV = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH")
"""What it gets of the environment: nothing that is a secret."""
_LIBRARY_ERROR = re.compile(r"^[\d.]+ E +(.*)")


class ModelProcess:
    """One process with one model in it. On the event loop; one question at a time."""

    def __init__(self, name: str, file: Path, window: int, memory: int | None) -> None:
        """`memory`: bytes that it may take; None: what a file of this size needs."""
        self._name = name
        self._file = file
        self._memory = memory
        self._process: Process | None = None
        self._log = b""
        self._listening: asyncio.Task[None] | None = None
        self._id = 0
        self._killed = False
        self.window = window
        """Tokens; what the model says once it is loaded."""

    @property
    def alive(self) -> bool:
        """Whether it lives, with its model loaded."""
        return self.pid is not None and not self._killed

    @property
    def pid(self) -> int | None:
        """Its id while it lives."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self, timeout: float) -> None:
        """Load the model; returns when it can be asked. `timeout`: seconds.

        Raises:
            ProviderFailure: it cannot be loaded (CIS-AGENT-051), or not in time (054).
        """
        await self.close()
        memory = self._memory or await asyncio.to_thread(self._needed)
        folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="cis-model-")
        try:
            await self._spawn(folder, memory)
            loaded = await self.hear(timeout, loading=True)
            self.window = int(loaded["window"])
        except BaseException:
            self.kill()
            raise
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True))

    async def ask(self, **what: object) -> int:
        """Ask something; the id that the answers bear."""
        self._id += 1
        await self._tell(id=self._id, **what)
        return self._id

    async def stop(self) -> None:
        """Let it end the answer that it gives; what it says until then is to be heard still."""
        await self._tell(stop=self._id)

    async def hear(self, timeout: float, *, loading: bool = False) -> Mapping[str, Any]:
        """The next that it says about what was asked last.

        Raises:
            ProviderFailure: it ended (CIS-AGENT-051 while `loading`, else 052), or is silent for `timeout` s (054).
        """
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(timeout):
                while line := await self._process.stdout.readline():
                    said = cast("Mapping[str, Any]", json.loads(line))
                    if loading or said["id"] == self._id:
                        return said
        except TimeoutError:
            self.kill()
            raise self._silent(timeout, loading) from None
        except ValueError:
            self.kill()  # a line beyond all bounds, or none: it is not what it was
        raise await self._ended(loading)

    def kill(self) -> None:
        """End it, whatever it does; it has nothing to lose."""
        self._killed = True
        if self.pid is not None and self._process is not None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def close(self) -> None:
        """End it, and wait until it is gone."""
        self.kill()
        if self._process is not None:
            await self._process.wait()
        if self._listening is not None:
            await self._listening

    async def _spawn(self, folder: str, memory: int) -> None:
        self._log = b""
        arguments = (str(self._file), str(self.window), folder, str(memory))
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "cis_tui.agents.local_model", *arguments),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                cwd="/",
                env={name: os.environ[name] for name in _ENV if name in os.environ},
                start_new_session=True,
                limit=_LINE,
            )
        except OSError as error:
            raise ProviderFailure("CIS-AGENT-051", f"{self._name} cannot be started: {error}") from error
        self._killed = False
        self._listening = asyncio.ensure_future(self._listen(self._process))

    async def _tell(self, **what: object) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        # A process that is gone is found out by who listens.
        with suppress(ConnectionError):
            self._process.stdin.write(json.dumps(what).encode() + b"\n")
            await self._process.stdin.drain()

    async def _listen(self, process: Process) -> None:
        assert process.stderr is not None
        while said := await process.stderr.read(_LOG):
            # Of loading the first words tell most; they are few.
            self._log = self._log + said if len(self._log) < _LOG else (self._log + said)[-_LOG:]

    def _needed(self) -> int:
        """Bytes that the process may take.

        Raises:
            ProviderFailure: there is no such file (CIS-AGENT-051).
        """
        try:
            status = self._file.stat()
        except OSError as error:
            raise self._unloadable(f"{self._file}: {error.strerror}") from error
        if not stat.S_ISREG(status.st_mode):
            raise self._unloadable(f"{self._file} is no file")
        return _BASE_MEMORY + 2 * status.st_size

    async def _ended(self, loading: bool) -> ProviderFailure:
        assert self._process is not None
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_WORDS):
                await self._process.wait()
        await self.close()
        code = self._process.returncode
        lines = [line.strip() for line in self._log.decode("utf-8", "replace").splitlines() if line.strip()]
        told = [match[1] for line in lines if (match := _LIBRARY_ERROR.match(line))]
        if loading:
            return self._unloadable(told[0] if told else lines[-1] if lines else f"its process ended ({code})")
        how = f"with signal {-code}" if code is not None and code < 0 else f"with {code}"
        why = f": {clean_line(lines[-1], limit=200)}" if lines else ""
        return ProviderFailure(
            "CIS-AGENT-052",
            f"the process of {self._name} ended in the middle, {how}{why}",
            hint="ask again: it is started anew; perhaps it needs more memory than there is (docs/agents.md)",
        )

    def _unloadable(self, why: str) -> ProviderFailure:
        return ProviderFailure(
            "CIS-AGENT-051",
            f"{self._name} cannot be loaded: {clean_line(why, limit=300)}",
            hint="its file must be a whole model in the GGUF format (docs/agents.md)",
            exit=Exit.INVALID,
        )

    def _silent(self, seconds: float, loading: bool) -> ProviderFailure:
        what = "was not loaded" if loading else "said nothing"
        return ProviderFailure(
            "CIS-AGENT-054",
            f"{self._name} {what} for {seconds:g} s, and was ended",
            hint="ask something shorter, or allow more: cis config set agent.timeout SECONDS",
            exit=Exit.TIMED_OUT,
        )
