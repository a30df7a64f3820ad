"""A process that runs WASM skills, one call at a time: `python -m cis_tui.skills.wasm.worker FD`.

FD is a socket: it is told which modules to load and call, and asks there for what host functions need. On stdin come
the numbers of calls that are to end; when that closes, whoever started it has ended, and so does it. It has no file
open but these, may make none, and sees nothing of the environment.

One call at a time, since the library keeps what a host function raised, and who takes a guest's output, in places that
all threads share.
"""

from __future__ import annotations

import ctypes
import os
import resource
import socket
import sys
from threading import Lock, Thread

import wasmtime
from wasmtime import Config, InstancePre, Linker, Module, Store, WasiConfig, WasmtimeError

from cis_tui.skills.wasm.binary import MAGIC, Malformed, read_module
from cis_tui.skills.wasm.frames import NUMBER, BadFrame, Frame, pack, read
from cis_tui.skills.wasm.guest import Engine, Failed, Guest, Limits
from cis_tui.skills.wasm.interface import WASI, problems_of

OWN_BYTES = 1 << 30
"""What the process may use beside the memory of a guest, also while it compiles."""
IMAGE_BYTES = 1 << 28
"""What a file may hold that it makes: none but the nameless ones in memory, of what a module's memory begins with."""
_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_KILL = 9


def configured() -> wasmtime.Engine:
    """The engine as every module is compiled for it; `cache.CONFIGURATION` names it."""
    config = Config()
    config.consume_fuel = True
    config.epoch_interruption = True
    config.parallel_compilation = False
    for name in ("threads", "memory64", "multi_memory", "gc", "exceptions", "stack_switching", "custom_page_sizes"):
        setattr(config, f"wasm_{name}", False)
    return wasmtime.Engine(config)


class Worker:
    """The loaded modules, and the call that is worked on."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._engine = configured()
        self._linker = Linker(self._engine)
        self._linker.define_wasi()
        self._guest = Guest(Engine(self._ask, self._tell))
        self._guest.define(self._linker)
        self._modules: dict[str, tuple[InstancePre, bool]] = {}
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
            self._modules.pop(digest, None)
        try:
            if table["compiled"]:
                module, compiled = Module.deserialize(self._engine, frame.data), b""
            else:
                module = self._compile(frame.data, table["memory_mb"])
                compiled = bytes(module.serialize())
            wasi = any(each.module == WASI for each in module.imports)
            self._modules[table["digest"]] = (self._linker.instantiate_pre(module), wasi)
        except (WasmtimeError, Malformed) as error:
            self._send(pack("failed", why="module", detail=_short(error)))
        else:
            self._send(pack("loaded", compiled))

    def _compile(self, source: bytes, memory_mb: int) -> Module:
        data = source if source.startswith(MAGIC) else bytes(wasmtime.wat2wasm(source))
        problems = list(problems_of(read_module(data), memory_mb))
        if problems:
            raise Malformed("; ".join(problems))
        return Module(self._engine, data)

    def _call(self, frame: Frame) -> None:
        table = frame.table
        limits = Limits(table["memory"], table["fuel"], table["output"])
        _allow_data(limits.memory + OWN_BYTES)
        instance_of, wasi = self._modules[table["digest"]]
        with Store(self._engine) as store:
            if wasi:
                store.set_wasi(self._closed_world())
            store.set_epoch_deadline(1)
            with self._calls:
                self._number = table["number"]
            try:
                answer = pack("done", self._guest.call(instance_of, store, limits, frame.data))
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
    """Give up what no skill needs: privileges, new files, core dumps, life after whoever started it, precedence."""
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_PDEATHSIG, _KILL, 0, 0, 0)
    library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    library.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (IMAGE_BYTES, IMAGE_BYTES))
    _allow_data(OWN_BYTES)
    os.nice(5)


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
    channel = socket.socket(fileno=int(sys.argv[1]))
    _confine()
    worker = Worker(channel)
    Thread(target=_watch, args=(worker,), daemon=True).start()
    worker.serve()


if __name__ == "__main__":
    main()
