"""Machines of a test: a home each, with an engine in a process of its own and the installed command."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar, cast

from cis_tui.api.client import RemoteEngine
from cis_tui.api.launch import connect
from cis_tui.core.codec import encode
from cis_tui.core.paths import Home, write_private
from cis_tui.matrix.model import MatrixStatus
from tests import zygote
from tests.matrix.synapse import Person, Synapse

T = TypeVar("T")


@dataclass
class Machine:
    """A home and its command."""

    home: Path
    env: dict[str, str]

    @classmethod
    def make(cls, folder: Path, room: str) -> Machine:
        """A new one, whose nodes meet in `room`."""
        home = folder / "home"
        home.mkdir(parents=True, mode=0o700)
        write_private(home / "config.toml", f'[matrix]\nroom = "{room}"\n'.encode())
        return cls(home, {**os.environ, "CIS_HOME": str(home)})

    def cis(self, *words: str, input: str = "", exit: int = 0) -> str:
        """What `cis WORDS` prints on stdout; the test fails unless it ends with `exit`."""
        done = zygote.run(*words, cwd=self.home, env=self.env, input=input.encode())
        out, err = done.stdout.decode(), done.stderr.decode()
        assert done.returncode == exit, f"cis {' '.join(words)}: {done.returncode}\n{out}{err}"
        return out

    def json(self, *words: str, input: str = "", exit: int = 0) -> dict[str, object]:
        """The object that `cis WORDS --json` prints."""
        return cast("dict[str, object]", json.loads(self.cis(*words, "--json", input=input, exit=exit)))

    def login(self, server: Synapse, person: Person, *more: str) -> None:
        """Log in by password."""
        words = ("matrix", "login", "--homeserver", server.url, "--user", person.id, "--password-stdin", *more)
        self.cis(*words, input=f"{person.password}\n")

    def ask(self, what: Callable[[RemoteEngine], Awaitable[T]]) -> T:
        """What its live engine answers."""

        async def call() -> T:
            engine = await connect(Home(self.home))
            assert engine is not None
            try:
                return await what(engine)
            finally:
                await engine.close()

        return asyncio.run(call())

    def status(self) -> MatrixStatus:
        """How it stands with its homeserver, as its live engine says."""
        return self.ask(lambda engine: engine.matrix_status())

    def until_state(self, state: str) -> dict[str, object]:
        """The status as JSON has it, once it stands so."""
        found = until(lambda: found if (found := self.status()).state == state else None)
        return cast("dict[str, object]", encode(found))

    def messages(self) -> list[object]:
        """What people were told since the engine started."""

        async def look(engine: RemoteEngine) -> list[object]:
            found: list[object] = []
            with suppress(TimeoutError):
                async with asyncio.timeout(0.3):
                    async for event in engine.events(since=0):
                        found += [event.data["text"]] if event.type == "MatrixMessage" else []
            return found

        return self.ask(look)

    def kill(self) -> None:
        """End the engine as a power cut would."""
        pid = int((self.home / "engine.lock").read_text())
        os.kill(pid, signal.SIGKILL)
        until(lambda: not Path(f"/proc/{pid}").exists())

    def stop(self) -> None:
        """End the engine, if one lives."""
        zygote.run("engine", "stop", cwd=self.home, env=self.env, timeout=30)


def until(holds: Callable[[], T | bool | None], *, seconds: float = 30) -> T:
    """What `holds` gives as soon as that is something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = holds()
        if found:
            return cast("T", found)
        time.sleep(0.05)
    raise AssertionError("it did not happen")
