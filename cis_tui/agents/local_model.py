"""The process of a model that runs on this machine: `python -m cis_tui.agents.local_model FILE WINDOW FOLDER MEMORY`.

It is told and tells JSON, a line each, on its standard input and output, keeps nothing, and ends with its standard
input: see `local`. What runs the model is native code that reads a file of anybody's making, so the process may read
that file, the system's libraries and nothing else, reach nobody over TCP, and take so much memory and no more.
"""

from __future__ import annotations

import json
import os
import queue
import resource
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

Messages = Sequence[Mapping[str, str]]
_LOG_BYTES = 1 << 20
_OOM_FIRST = b"500"
"""Among processes, the kernel ends this one early when memory is short: it is easily started again."""
_NICE = 5
_MAKE_SOCKET = 1 << 9
"""Landlock's right to make a unix socket."""
_REPEAT_PENALTY = 1.1
"""Without it, small models repeat themselves until their limit: 4 of 14 prompts, with it none."""


class Model:
    """The model, loaded."""

    def __init__(self, file: str, window: int, folder: str) -> None:
        """`folder`: where it may make a socket, which nobody needs.

        Raises:
            RuntimeError: it cannot be loaded; why, its library has written on stderr.
        """
        import xllamacpp

        library: Any = xllamacpp
        params: Any = library.CommonParams()
        params.model.path = file
        params.n_ctx = window
        params.n_parallel = 1
        params.offline = True
        params.warmup = params.ui = params.endpoint_slots = params.fit_params = False
        params.cache_ram_mib = 0
        params.verbosity = 1
        params.n_threads_http = 1
        # Half of the cores: the rest is for who waits for the answer, and more threads than free cores are slower.
        params.cpuparams.n_threads = params.cpuparams_batch.n_threads = max(1, (os.cpu_count() or 2) // 2)
        # The library always listens somewhere. Here it is a socket that goes before anybody could ask it, with a key.
        socket = os.path.join(folder, "model.sock")
        params.hostnames = [socket]
        params.api_keys = [secrets.token_hex(16)]
        self._server: Any = library.Server(params)
        os.unlink(socket)
        self._padding = " the" * window
        once, self.window = self._too_many([{"role": "user", "content": self._padding}])
        twice, _ = self._too_many([{"role": "user", "content": self._padding * 2}])
        self._padding_tokens = twice - once

    def fitting(self, messages: Messages, room: int) -> dict[str, int]:
        """From which of `messages` on the rest leaves `room` tokens of the window, and how many tokens that rest has.

        The first one stays if it is the system's; what is left begins with a person's, and is never less than the last.
        """
        system: Messages = messages[:1] if messages[0]["role"] == "system" else ()
        starts = [at for at, each in enumerate(messages) if each["role"] == "user"]
        most = self.window - room
        low, high = 0, len(starts) - 1
        while low < high:
            middle = (low + high) // 2
            fits = self.count([*system, *messages[starts[middle] :]]) <= most
            low, high = (low, middle) if fits else (middle + 1, high)
        start = starts[low]
        return {"start": start - len(system), "tokens": self.count([*system, *messages[start:]])}

    def count(self, messages: Messages) -> int:
        """Tokens of `messages`: the library tells how many there are when there are too many, so too many there are."""
        *most, last = messages
        return self._too_many([*most, {**last, "content": last["content"] + self._padding}])[0] - self._padding_tokens

    def answer(self, asked: Mapping[str, Any], say: Callable[[str], None], stopped: Callable[[], bool]) -> object:
        """What the answer took, when it is whole; `say` gets each piece, and no more once it is `stopped`.

        Raises:
            ValueError: the library refuses.
        """
        usage: dict[str, int] = {}
        ends: list[str] = []

        def take(chunk: Mapping[str, Any]) -> bool:
            if "error" in chunk:
                raise ValueError(str(chunk["error"]["message"]))
            usage.update(chunk.get("usage") or {})
            for choice in chunk.get("choices") or ():
                ends.extend([choice["finish_reason"]] if choice.get("finish_reason") else [])
                if piece := choice["delta"].get("content"):
                    say(piece)
            return stopped()

        options = {"stream": True, "stream_options": {"include_usage": True}, "repeat_penalty": _REPEAT_PENALTY}
        self._run({**asked, **options}, take)
        tokens = {"input": usage.get("prompt_tokens", 0), "output": usage.get("completion_tokens", 0)}
        return {"stop": ends[-1] if ends else "", **tokens}

    def _too_many(self, messages: Messages) -> tuple[int, int]:
        found: list[Any] = []
        self._run({"messages": messages, "max_tokens": 1, "stream": True}, lambda chunk: bool(found.append(chunk)))
        error: Any = found[0].get("error") if found else None
        if not error or "n_prompt_tokens" not in error:
            raise ValueError(f"it cannot be asked: {error['message'] if error else 'it does not say why'}")
        return int(error["n_prompt_tokens"]), int(error["n_ctx"])

    def _run(self, asked: Mapping[str, Any], take: Callable[[Mapping[str, Any]], bool]) -> None:
        """Have the library answer; what `take` raises is raised here, as the library would not pass it on."""
        failures: list[Exception] = []

        def safely(chunk: Mapping[str, Any]) -> bool:
            try:
                return bool(failures) or take(chunk)
            except Exception as error:
                failures.append(error)
                return True

        self._server.handle_chat_completions(dict(asked), safely)
        if failures:
            raise failures[0]


def confine(file: str, folder: str, memory: int) -> None:
    """Hold this process to what it needs, as far as the kernel can."""
    for limit, value in (
        (resource.RLIMIT_DATA, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, _LOG_BYTES),
    ):
        most = resource.getrlimit(limit)[1]
        value = value if most == resource.RLIM_INFINITY else min(value, most)
        resource.setrlimit(limit, (value, value))
    os.nice(_NICE)
    if sys.platform == "linux":
        with suppress(OSError):
            Path("/proc/self/oom_score_adj").write_bytes(_OOM_FIRST)
        _landlock(file, folder)


def _landlock(file: str, folder: str) -> None:
    from cis_tui.skills.jail import rules, system
    from cis_tui.skills.jail.order import Access, Limits, Network, Order

    version = system.landlock_version()
    if not version:
        return
    system.gain_nothing()
    ruleset = rules.begin(version, Network.NONE, rules.System())
    paths = ((file, int(Access.READ)), (folder, int(Access.WRITE)))
    order = Order(0, (), (), "", paths, "", (), Network.NONE, (), "", version, False, False, Limits(0, 0, 0, 0))
    rules.complete(ruleset, order, version)
    place = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    system.allow_path(ruleset, place, _MAKE_SOCKET)
    os.close(place)
    system.restrict_self(ruleset)


class Line:
    """What it is told, read by a thread, so that it hears of a stop while it answers."""

    def __init__(self) -> None:
        self.asked: queue.SimpleQueue[Mapping[str, Any]] = queue.SimpleQueue()
        self.stopped = 0
        """The newest question whose answer nobody wants any more."""
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)  # what the library prints must not pass for an answer
        threading.Thread(target=self._read, daemon=True).start()

    def tell(self, **what: object) -> None:
        """Say something; nobody hears it once the engine is gone."""
        with suppress(BrokenPipeError):
            self._out.write(json.dumps(what) + "\n")
            self._out.flush()

    def _read(self) -> None:
        for line in sys.stdin.buffer:
            told = json.loads(line)
            if "stop" in told:
                self.stopped = max(self.stopped, told["stop"])
            else:
                self.asked.put(told)
        os._exit(0)


def serve(model: Model, line: Line) -> None:
    """Answer what is asked, one thing after the other, for ever."""
    while True:
        told = line.asked.get()
        id = int(told["id"])
        try:
            if "fit" in told:
                line.tell(id=id, **model.fitting(told["fit"], told["room"]))
                continue
            done = model.answer(told["ask"], lambda text: line.tell(id=id, text=text), lambda: line.stopped >= id)  # noqa: B023
            line.tell(id=id, done=done)
        except Exception as error:
            line.tell(id=id, error=str(error))


def main() -> None:
    """See above."""
    file, window, folder, memory = sys.argv[1:]
    if sys.platform == "linux":
        from cis_tui.skills.jail import system

        # The library holds the interpreter's lock while it loads: the end of the input would be heard late.
        system.die_with_parent(signal.SIGKILL)
    import xllamacpp  # noqa: F401 # pyright: ignore[reportUnusedImport] - it cannot be read any more below

    confine(file, folder, int(memory))
    line = Line()
    model = Model(file, int(window), folder)
    line.tell(window=model.window)
    serve(model, line)


if __name__ == "__main__":
    main()
