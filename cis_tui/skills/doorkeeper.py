"""The engine's side of the way from a confined skill to memory, see `knock`: hostile in all that comes through it."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import os
import re
import secrets
import stat
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import cast

from cis_tui.core.codec import decode, dumps
from cis_tui.core.errors import CisError, Invalid, Refused, error_to_wire
from cis_tui.core.text import clean_line
from cis_tui.memory.records import Domain, MemoryItem, MemoryPage, MemoryWrite
from cis_tui.skills.knock import ANSWER, READY, REQUEST
from cis_tui.skills.memory import SkillMemory

log = logging.getLogger(__name__)
_NAME = re.compile(rb"[0-9a-f-]{1,64}")
_MAX_LINE = 16 * 1024 * 1024
"""Bytes of a message."""
_MAX_OPEN = 4
"""Connections of one call at the same time; more wait."""
_MAX_WAITING = 256
_KNOCKS = 4096


class Doorkeeper:
    """Lets a process of a skill at the memory that its permissions name. To be used on the engine's event loop."""

    def __init__(self, folder: Path, threads: Executor | None) -> None:
        """`folder` is the skill's own; `threads` are for what blocks."""
        self.path = folder / "memory"
        """What `CIS_SOCKET` names."""
        self.token = secrets.token_hex(16)
        """What the first message has to hold, as `CIS_TOKEN` tells it."""
        self._memory: SkillMemory | None = None
        self._threads = threads
        self._folder = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        os.mkfifo(self.path, 0o600)
        # Open for writing too, so that it does not end when the first one who knocked has gone.
        self._door = os.open(self.path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        self._knocks = b""
        self._visits: set[asyncio.Task[None]] = set()
        self._room = asyncio.Semaphore(_MAX_OPEN)
        asyncio.get_running_loop().add_reader(self._door, self._hear)

    def admit(self, memory: SkillMemory | None) -> None:
        """From now on give what `memory` gives; None: no call goes on, and nothing is given."""
        self._memory = memory

    async def close(self) -> None:
        """Let nobody in any more; what is being written is finished."""
        asyncio.get_running_loop().remove_reader(self._door)
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)
        os.close(self._door)
        os.close(self._folder)

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            self._knocks += os.read(self._door, _KNOCKS)
        *names, self._knocks = self._knocks.split(b"\n")
        self._knocks = self._knocks[:_KNOCKS]
        for name in names:
            if _NAME.fullmatch(name) and len(self._visits) < _MAX_WAITING:
                visit = asyncio.ensure_future(self._visit(name.decode()))
                self._visits.add(visit)
                visit.add_done_callback(self._visits.discard)

    async def _visit(self, name: str) -> None:
        async with self._room:
            try:
                await self._serve(name)
            except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                pass
            except Exception:
                log.exception("a skill could not be answered")

    async def _serve(self, name: str) -> None:
        reader, writer, asking = await self._connect(name)
        try:
            writer.write(READY)
            known = False
            while line := await reader.readuntil(b"\n"):
                id, answer = None, {}
                try:
                    id, method, params = _message(line)
                    if method == "hello":
                        known = self._greet(params)
                        result: object = None
                    elif not known:
                        raise Refused("CIS-SKILL-048", "the first message of a skill is hello with its token")
                    else:
                        result = await self._call(method, params)
                    answer = {"result": result}
                except CisError as error:
                    answer = {"error": {"code": -32000, "message": error.message, "data": error_to_wire(error)}}
                text = dumps({"jsonrpc": "2.0", "id": id, **answer})
                writer.write(text.encode() + b"\n")
                await writer.drain()
        finally:
            asking.close()
            writer.close()

    async def _connect(self, name: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, asyncio.ReadTransport]:
        """Open the two pipes that a skill made, if they are such."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_MAX_LINE)
        protocol = asyncio.StreamReaderProtocol(reader)
        asking = self._pipe(name + REQUEST, os.O_RDONLY)
        try:
            telling = self._pipe(name + ANSWER, os.O_WRONLY)
        except OSError:
            os.close(asking)
            raise
        incoming, _ = await loop.connect_read_pipe(lambda: protocol, os.fdopen(asking, "rb", 0))
        transport, flow = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, os.fdopen(telling, "wb", 0))
        return reader, asyncio.StreamWriter(transport, flow, reader, loop), incoming

    def _pipe(self, name: str, way: int) -> int:
        fd = os.open(name, way | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._folder)
        if not stat.S_ISFIFO(os.fstat(fd).st_mode):
            os.close(fd)
            raise FileNotFoundError(name)
        return fd

    def _greet(self, params: Mapping[str, object]) -> bool:
        if not hmac.compare_digest(str(params.get("token", "")).encode(), self.token.encode()):
            raise Refused("CIS-SKILL-048", "this is not the token of this call", hint="CIS_TOKEN has it")
        return True

    async def _call(self, method: str, params: Mapping[str, object]) -> object:
        if method not in _DOING:
            raise Refused(
                "CIS-SKILL-049",
                f"a skill has memory get, set and list, and not {clean_line(method, limit=60)}",
                hint="what else it is to do belongs into a task of a DAG, or into its own program",
            )
        if self._memory is None:
            raise Refused("CIS-SKILL-048", "no call of this skill goes on")
        work = partial(_DOING[method], self._memory, params)
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _get(memory: SkillMemory, params: Mapping[str, object]) -> MemoryItem | None:
    return memory.get(_text(params, "key"))


def _set(memory: SkillMemory, params: Mapping[str, object]) -> MemoryItem:
    write = decode(MemoryWrite, params.get("write"))
    if write != MemoryWrite(write.key, write.value, write.domain, run=write.run):
        raise Refused("CIS-SKILL-049", "a skill sets a value, and no more of an entry")
    return memory.set(write.key, write.value, domain=write.domain)


def _list(memory: SkillMemory, params: Mapping[str, object]) -> MemoryPage:
    domain = decode(Domain, params["domain"]) if params.get("domain") else None
    return memory.list(_text(params, "prefix"), domain=domain, limit=_limit(params))


_DOING: Mapping[str, Callable[[SkillMemory, Mapping[str, object]], object]] = {
    "memory_get": _get,
    "memory_set": _set,
    "memory_list": _list,
}
"""What a skill may ask for; each blocks."""


def _message(line: bytes) -> tuple[int | str | None, str, Mapping[str, object]]:
    try:
        data: object = json.loads(line)
    except (ValueError, RecursionError):
        data = None
    fields = cast("dict[str, object]", data) if isinstance(data, dict) else {}
    id, method, params = fields.get("id"), fields.get("method"), fields.get("params", {})
    if not isinstance(method, str) or not isinstance(params, dict) or not (id is None or isinstance(id, (int, str))):
        raise Invalid("CIS-SKILL-047", "not a JSON-RPC message")
    return id, method, cast("dict[str, object]", params)


def _text(params: Mapping[str, object], name: str) -> str:
    value = params.get(name, "")
    if not isinstance(value, str):
        raise Invalid("CIS-SKILL-047", f"{name} is no text")
    return value


def _limit(params: Mapping[str, object]) -> int:
    value = params.get("limit", 1000)
    return value if isinstance(value, int) and 0 <= value <= 10_000 else 1000
