"""A process that runs WASM skills, one call at a time: `python -m cis_tui.skills.wasm.worker FD`.

FD is a socket: it is told which modules to load and call, and asks there for what host functions need. On stdin come
the numbers of calls that are to end; when that closes, whoever started it has ended, and so does it. It has no file
open but these, may make none, and sees nothing of the environment.

One call at a time, since the library keeps what a host function raised, and who takes a guest's output, in places that
all threads share.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Lock, Thread

import wasmtime
from wasmtime import Config, Linker, Module, Store, WasiConfig, WasmtimeError
from wasmtime.component import Component

from cis_tui.core.text import nearest
from cis_tui.skills.jail.order import Network
from cis_tui.skills.wasm.binary import COMPONENT, MAGIC, Malformed, read_module
from cis_tui.skills.wasm.component import ComponentGuest, component_problems
from cis_tui.skills.wasm.frames import NUMBER, BadFrame, Frame, pack, read
from cis_tui.skills.wasm.guest import Engine, Failed, Guest, Limits
from cis_tui.skills.wasm.interface import WASI, problems_of

OWN_BYTES = 1 << 30
"""What the process may use beside the memory of a guest, also while it compiles."""
IMAGE_BYTES = 1 << 28
"""What a file may hold that it makes: none but the nameless ones in memory, of what a module's memory begins with."""
_OF_MODULE, _OF_COMPONENT = b"m", b"c"
"""What compiled code begins with."""


def configured() -> wasmtime.Engine:
    """The engine as every module is compiled for it; `cache.CONFIGURATION` names it."""
    config = Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.parallel_compilation = False
    config.wasm_component_model = True
    for name in ("threads", "memory64", "multi_memory", "gc", "exceptions", "stack_switching", "custom_page_sizes"):
        setattr(config, f"wasm_{name}", False)
    return wasmtime.Engine(config)


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What can be called."""

    call: Callable[[Store, Limits, bytes], bytes]
    wasi: bool
    """Whether it asks for anything of WASI."""


class Worker:
    """The loaded modules, and the call that is worked on."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._engine = configured()
        self._linker = Linker(self._engine)
        self._linker.define_wasi()
        self._guest = Guest(Engine(self._ask, self._tell))
        self._guest.define(self._linker)
        self._components: ComponentGuest | None = None
        self._loaded: dict[str, _Loaded] = {}
        self._calls = Lock()
        self._number = 0
        """Of the call that goes on; 0 between calls."""

    def serve(self) -> None:
        """Do what is asked until nobody asks any more."""
        while True:
            frame = self._receive()
            if frame.kind == "load":
                self._load(frame)
            elif frame.kind == "call":
                self._call(frame)

    def stop(self, number: int) -> None:
        """End the call `number` if it goes on; for another thread."""
        with self._calls:
            if number == self._number:
                self._engine.increment_epoch()

    def _load(self, frame: Frame) -> None:
        table = frame.table
        for digest in table["drop"]:
            self._loaded.pop(digest, None)
        try:
            compiled = b""
            if not table["compiled"]:
                data = frame.data if frame.data.startswith(MAGIC) else bytes(wasmtime.wat2wasm(frame.data))
                is_component = data.startswith(COMPONENT)
                compiled = self._compile_component(data) if is_component else self._compile(data, table["memory_mb"])
            self._loaded[table["digest"]] = self._prepare(compiled or frame.data)
        except (WasmtimeError, Malformed) as error:
            self._send(pack("failed", why="module", detail=_short(error)))
        else:
            self._send(pack("loaded", compiled))

    def _compile(self, data: bytes, memory_mb: int) -> bytes:
        problems = list(problems_of(read_module(data), memory_mb))
        if problems:
            raise Malformed("; ".join(problems))
        return _OF_MODULE + Module(self._engine, data).serialize()

    def _compile_component(self, data: bytes) -> bytes:
        component = Component(self._engine, data)
        problems = list(component_problems(component, self._engine))
        if problems:
            raise Malformed("; ".join(problems))
        return _OF_COMPONENT + component.serialize()

    def _prepare(self, compiled: bytes) -> _Loaded:
        kind, code = compiled[:1], compiled[1:]
        if kind == _OF_COMPONENT:
            guest = self._components = self._components or ComponentGuest(self._engine, self._guest)
            component = Component.deserialize(self._engine, code)
            return _Loaded(partial(guest.call, component), wasi=True)
        module = Module.deserialize(self._engine, code)
        wasi = any(each.module == WASI for each in module.imports)
        return _Loaded(partial(self._guest.call, self._linker.instantiate_pre(module)), wasi)

    def _call(self, frame: Frame) -> None:
        table = frame.table
        limits = Limits(table["memory"], table["fuel"], table["output"])
        _allow_data(limits.memory + OWN_BYTES)
        loaded = self._loaded[table["digest"]]
        with Store(self._engine) as store:
            if loaded.wasi:
                store.set_wasi(self._closed_world())
            store.set_epoch_deadline(1)
            with self._calls:
                self._number = table["number"]
            try:
                answer = pack("done", loaded.call(store, limits, frame.data))
            except Failed as error:
                answer = pack("failed", why=error.why, detail=error.detail[:2000], code=error.code)
            finally:
                with self._calls:
                    self._number = 0
        self._send(answer)

    def _closed_world(self) -> WasiConfig:
        """No files, no environment, no arguments, an empty stdin; what it prints is its log."""
        wasi = WasiConfig()
        wasi.stdout_custom = self._guest.write(-1)
        wasi.stderr_custom = self._guest.write(-2)
        return wasi

    def _ask(self, kind: str, data: bytes, **table: object) -> tuple[int, bytes]:
        self._send(pack(kind, data, **table))
        answer = self._receive()
        return int(answer.table["code"]), answer.data

    def _tell(self, level: int, line: bytes) -> None:
        self._send(pack("log", line, level=level))

    def _send(self, data: bytes) -> None:
        try:
            self._channel.sendall(data)
        except OSError:
            os._exit(0)

    def _receive(self) -> Frame:
        try:
            return read(self._take)
        except (OSError, EOFError, BadFrame):
            os._exit(0)

    def _take(self, count: int) -> bytes:
        parts: list[bytes] = []
        while count:
            part = self._channel.recv(min(count, 1 << 20))
            if not part:
                raise EOFError
            parts.append(part)
            count -= len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)


def _short(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(lines)[:2000]


def _confine() -> None:
    """Give up what no skill needs: files, sockets, privileges, core dumps, life after whoever started it, precedence.

    The module is held by its own machine code; this is for the day on which that fails. What the kernel does not offer
    is left out.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (IMAGE_BYTES, IMAGE_BYTES))
    _allow_data(OWN_BYTES)
    os.nice(5)
    if sys.platform != "linux":
        return
    from cis_tui.skills.jail import rules, syscalls, system

    system.die_with_parent(signal.SIGKILL)
    system.gain_nothing()
    system.drop_capabilities()
    with suppress(OSError):
        ruleset = rules.nothing(system.landlock_version())
        system.restrict_self(ruleset)
        os.close(ruleset)
    if system.seccomp_works():
        system.filter_calls(syscalls.common(system.MACHINE))
        system.filter_calls(syscalls.own(Network.NONE, writes=False, machine=system.MACHINE))


def _allow_data(size: int) -> None:
    """Let the process have so many bytes of memory that can be written."""
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    if most != resource.RLIM_INFINITY:
        size = min(size, most)
    resource.setrlimit(resource.RLIMIT_DATA, (size, most))


def _watch(worker: Worker) -> None:
    """Read numbers of calls to end; at the end of them nobody is left."""
    while len(number := os.read(0, NUMBER.size)) == NUMBER.size:
        worker.stop(*NUMBER.unpack(number))
    os._exit(0)


def main() -> None:
    """Serve the socket that is the file descriptor in the first argument."""
    nearest("", ())  # reads a module, which it could not once this is confined
    channel = socket.socket(fileno=int(sys.argv[1]))
    _confine()
    worker = Worker(channel)
    Thread(target=_watch, args=(worker,), daemon=True).start()
    worker.serve()


if __name__ == "__main__":
    main()
