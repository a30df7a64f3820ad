"""What a WASM skill asks of the engine while it runs: memory, tasks for later, a place for its log."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Executor

from cis_tui.core.errors import CisError, Invalid, Refused
from cis_tui.core.text import clean_line
from cis_tui.skills.memory import SkillMemory
from cis_tui.skills.process import Sink
from cis_tui.skills.scheduling import Task, read_task
from cis_tui.skills.wasm.frames import Frame
from cis_tui.skills.wasm.interface import BAD, DENIED, LEVELS, MISSING, TOO_LARGE

MAX_ACCESSES = 10_000
"""Accesses to memory in one call; what comes after is refused."""
Answer = tuple[int, bytes]
PutOff = Callable[[Task, int], Awaitable[None]]
"""Has a task done later, of which so many were put off before; durable when it returns."""


class Desk:
    """Serves one call; implements `pool.Host`."""

    def __init__(
        self, memory: SkillMemory | None, put_off: PutOff, threads: Executor | None, on_log: Sink | None
    ) -> None:
        """`memory`: None for a skill that is called where there is none. `threads`: for what blocks."""
        self._memory = memory
        self._put_off = put_off
        self._tasks = 0
        self._threads = threads
        self._on_log = on_log
        self._accesses = 0
        self._answers: Mapping[str, Callable[[Frame], Answer]] = {"get": self._get, "set": self._set}

    def log(self, level: int, line: bytes) -> None:
        """A line of `cis_log`, or what was written to stdout (-1) or stderr (-2), as it was."""
        if self._on_log is None:
            return
        if level < 0:
            self._on_log(line)
            return
        text = clean_line(line.decode("utf-8", "replace"), limit=4096)
        self._on_log(f"{LEVELS[level if level < len(LEVELS) else 1]}: {text}\n".encode())

    async def answer(self, question: Frame) -> Answer:
        """See `pool.Host`; what is refused is said in the log."""
        try:
            return await self._answer(question)
        except Refused as error:
            return self._refuse(DENIED, error)
        except Invalid as error:
            return self._refuse(BAD, error)
        except CisError as error:
            return self._refuse(DENIED, error)

    async def _answer(self, question: Frame) -> Answer:
        if question.kind == "schedule":
            await self._put_off(read_task(question.data), self._tasks)
            self._tasks += 1
            return 0, b""
        answer = self._answers.get(question.kind)
        self._accesses += 1
        if answer is None or self._accesses > MAX_ACCESSES:
            return DENIED, b""
        return await asyncio.get_running_loop().run_in_executor(self._threads, answer, question)

    def _refuse(self, code: int, error: CisError) -> Answer:
        self.log(2, error.message.encode())
        return code, b""

    # What follows runs on a thread.

    def _get(self, question: Frame) -> Answer:
        key = _text(question.data)
        if key is None:
            return BAD, b""
        if self._memory is None:
            return DENIED, b""
        item = self._memory.get(key)
        if item is None:
            return MISSING, b""
        return 0, item.value.encode() if isinstance(item.value, str) else item.value

    def _set(self, question: Frame) -> Answer:
        length = question.table.get("key")
        key = _text(question.data[:length]) if isinstance(length, int) else None
        if key is None:
            return BAD, b""
        if self._memory is None:
            return DENIED, b""
        try:
            self._memory.set(key, question.data[length:])
        except Invalid as error:
            return TOO_LARGE if error.code == "CIS-MEM-002" else BAD, b""
        return 0, b""


def _text(data: bytes) -> str | None:
    """A key; None if there can be no such."""
    try:
        return data.decode() or None
    except UnicodeDecodeError:
        return None
