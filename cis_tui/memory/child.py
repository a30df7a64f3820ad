"""A helper process of our own, asked over pipes: its lifeline is its stdin, so that it cannot outlive who started it.

A message is its length in four bytes and its content; an answer begins with one more byte, 0 when it is one and 1 when
it says why there is none. What is asked and answered lies in no file.
"""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from threading import Event, Lock, Thread, Timer
from typing import IO

from cis_tui.core.errors import Unavailable

MAX_MESSAGE = 64 * 1024 * 1024
"""Bytes of a message."""
IDLE_SECONDS = 300.0
"""Seconds without a question after which the process ends; the next question starts another one."""
_END_SECONDS = 3.0
_LENGTH = struct.Struct(">I")
_OK, _FAILED = b"\0", b"\1"


class ChildFailed(Unavailable):
    """The process could not answer; `message` says why."""


class Child:
    """One such process, started with the first question; for any number of threads, which take turns."""

    def __init__(
        self,
        module: str,
        *arguments: str,
        env: Mapping[str, str] | None = None,
        idle_seconds: float = IDLE_SECONDS,
        code: str = "CIS-MEM-050",
    ) -> None:
        """`module` calls `serve`; it gets `arguments`, and `env` over the environment of this process, of which it
        sees no setting and no passphrase. `code`: what its failures are called.
        """
        self._command = (sys.executable, "-P", "-m", module, *arguments)
        self._env = {**{n: v for n, v in os.environ.items() if not n.startswith("CIS_")}, **(env or {})}
        self._idle_seconds = idle_seconds
        self._code = code
        self._turn = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._idle: Timer | None = None
        self._last = 0.0
        self._closed = False
        self._warming: Thread | None = None
        self.ready = Event()
        """Set while the process has answered at least once and lives."""
        self.failure = ""
        """Why the last question had no answer; empty when it had one."""

    def ask(self, question: bytes) -> bytes:
        """The answer of the process, which is started if it does not live. Blocks.

        Raises:
            ChildFailed: it cannot be started, has ended, or says why it cannot answer.
        """
        with self._turn:
            if self._closed:
                raise self._failure("it was ended")
            pipe_in, pipe_out = self._pipes()
            try:
                write_message(pipe_in, question)
                answer = read_message(pipe_out)
            except (OSError, ValueError, EOFError) as error:
                self._end()
                raise self._failure("its process has ended") from error
            if answer[:1] != _OK:
                raise self._failure(answer[1:].decode("utf-8", "replace"))
            self.failure = ""
            self.ready.set()
            self._last = time.monotonic()
            self._watch_idle()
            return answer[1:]

    def warm(self, question: bytes, wait: float) -> bool:
        """Have the process started and asked once; wait at most so many seconds. Whether it has answered."""
        if not self.ready.is_set():
            if self._warming is None or not self._warming.is_alive():
                self._warming = Thread(target=self._warm, args=(question,), name="cis-child", daemon=True)
                self._warming.start()
            self._warming.join(wait)
        return self.ready.is_set()

    def restart(self) -> None:
        """End the process; the next question starts another one."""
        with self._turn:
            self._end()

    def close(self) -> None:
        """End the process; it is not started again."""
        process = self._process
        if process is not None and process.stdin is not None and self._turn.locked():
            # Somebody waits for an answer that nobody wants any more.
            process.kill()
        with self._turn:
            self._closed = True
            if self._idle is not None:
                self._idle.cancel()
            self._end()
        if self._warming is not None:
            self._warming.join()

    def _warm(self, question: bytes) -> None:
        with contextlib.suppress(ChildFailed):
            self.ask(question)

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            try:
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=self._env,
                    start_new_session=True,
                )
            except OSError as error:
                raise self._failure(f"no process can be started: {error}") from error
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def _end(self) -> None:
        process, self._process = self._process, None
        self.ready.clear()
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _watch_idle(self) -> None:
        if self._idle is None:
            self._idle = Timer(self._idle_seconds, self._end_idle)
            self._idle.daemon = True
            self._idle.start()

    def _end_idle(self) -> None:
        with self._turn:
            self._idle = None
            if self._closed:
                return
            if time.monotonic() - self._last >= self._idle_seconds:
                self._end()
            else:
                self._watch_idle()

    def _failure(self, reason: str) -> ChildFailed:
        self.failure = reason
        return ChildFailed(self._code, reason, hint="cis doctor says what is missing")


def serve(prepare: Callable[[], Callable[[bytes], bytes]]) -> None:
    """Answer questions until stdin ends, with what `prepare` gives; whatever is raised becomes the answer's reason."""
    questions = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not pass for an answer
    answer: Callable[[bytes], bytes] | None = None
    while True:
        try:
            question = read_message(questions)
        except EOFError:
            return
        try:
            answer = answer or prepare()
            content = _OK + answer(question)
        except Exception as error:
            content = _FAILED + str(error).encode("utf-8", "replace")
        try:
            write_message(answers, content)
        except BrokenPipeError:
            return


def write_message(pipe: IO[bytes], content: bytes) -> None:
    """Write one message.

    Raises:
        OSError: nobody reads any more.
    """
    pipe.write(_LENGTH.pack(len(content)))
    pipe.write(content)
    pipe.flush()


def read_message(pipe: IO[bytes]) -> bytes:
    """Read one message.

    Raises:
        EOFError: the other side has closed the pipe, or says what is no message.
    """
    head = pipe.read(_LENGTH.size)
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else MAX_MESSAGE + 1
    content = pipe.read(length) if length <= MAX_MESSAGE else b""
    if length > MAX_MESSAGE or len(content) != length:
        raise EOFError("the pipe has ended")
    return content
