"""One call of a WASM skill, in the worker: its memory, its host functions, its end.

Whatever the guest says is checked before it is used: addresses and lengths are 32 bits without a sign, and lie inside
of its memory as that is now. No host function trusts what an earlier one saw, since memory may have grown meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from wasmtime import (
    Caller,
    ExitTrap,
    FuncType,
    InstancePre,
    Linker,
    Memory,
    Store,
    Trap,
    TrapCode,
    ValType,
    WasmtimeError,
)

from cis_tui.skills.wasm.interface import (
    BAD,
    FUNCTIONS,
    HOST,
    MAX_TABLES,
    PAGE,
    TABLE_ELEMENTS,
    TOO_LARGE,
)

MAX_KEY = 512
MAX_VALUE = 8 * 1024 * 1024
MAX_TASK = 65_536
"""Bytes of what `cis_schedule_task` is given."""
MAX_LINE = 4096
"""Bytes of a line of the log; the rest of a longer one is dropped."""
MAX_LOG = 262_144
"""Bytes of the log of a call."""
MAX_LINES = 4096
_MASK = 0xFFFFFFFF
_REASONS: Mapping[TrapCode, str] = {
    TrapCode.STACK_OVERFLOW: "the stack overflowed",
    TrapCode.MEMORY_OUT_OF_BOUNDS: "it reached outside of its memory",
    TrapCode.TABLE_OUT_OF_BOUNDS: "it reached outside of a table",
    TrapCode.INDIRECT_CALL_TO_NULL: "it called a function that is not there",
    TrapCode.BAD_SIGNATURE: "it called a function as one of another type",
    TrapCode.INTEGER_OVERFLOW: "a number was too great",
    TrapCode.INTEGER_DIVISION_BY_ZERO: "it divided by zero",
    TrapCode.BAD_CONVERSION_TO_INTEGER: "it made an integer of what is none",
    TrapCode.UNREACHABLE: "it came to what it marks as unreachable, as a panic does",
}


class Failed(Exception):
    """The call gave no answer; `why` is one of the words in `run.FAILURES`."""

    def __init__(self, why: str, detail: str = "", code: int = 0) -> None:
        super().__init__(detail)
        self.why = why
        self.detail = detail
        self.code = code
        """The exit code, of a skill that has ended itself."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a call may use."""

    memory: int
    """Bytes."""
    fuel: int
    output: int
    """Bytes of the answer."""


@dataclass(frozen=True, slots=True)
class Engine:
    """How a guest reaches those who sent it."""

    ask: Callable[..., tuple[int, bytes]]
    """Asks a question (its kind, bytes, a table) and gives the answer: a number, and bytes."""
    log: Callable[[int, bytes], None]
    """Passes on a line of the log of this level; -1 and -2 for what was written to stdout and stderr."""


class Guest:
    """Calls a module, again and again, one call at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._allocating = False
        self._logged = 0
        self._lines = 0

    def define(self, linker: Linker) -> None:
        """Offer the host functions to whatever is linked."""
        functions: Mapping[str, Callable[..., int | None]] = {
            "cis_log": self._log,
            "cis_memory_get": self._memory_get,
            "cis_memory_set": self._memory_set,
            "cis_schedule_task": self._schedule_task,
        }
        kinds = {"i32": ValType.i32, "i64": ValType.i64}
        for name, signature in FUNCTIONS.items():
            params, results = ([kinds[each]() for each in side] for side in (signature.params, signature.results))
            linker.define_func(HOST, name, FuncType(params, results), functions[name], access_caller=True)

    def call(self, instance_of: InstancePre, store: Store, limits: Limits, input: bytes) -> bytes:
        """What `handle` answers to `input`; `store` has its deadline.

        Raises:
            Failed: it did not.
        """
        self.begin()
        store.set_fuel(limits.fuel)
        store.set_limits(limits.memory, TABLE_ELEMENTS, 1, MAX_TABLES, 1)
        memory: Memory | None = None
        try:
            exports = instance_of.instantiate(store).exports(store)
            memory = exports["memory"]  # pyright: ignore[reportAssignmentType]
            assert isinstance(memory, Memory)
            if "_initialize" in exports:
                exports["_initialize"](store)  # pyright: ignore[reportCallIssue]
            pointer = self._place(store, memory, exports["cis_alloc"], input)
            handle: Any = exports["handle"]
            answer = int(handle(store, pointer, len(input)))
            return self._answer(store, memory, exports, answer, limits)
        except ExitTrap as error:
            raise Failed("exit", code=error.code) from None
        except (Trap, WasmtimeError) as error:
            raise failure(error, memory.data_len(store) if memory else 0, limits.memory) from None

    def begin(self) -> None:
        """Count anew what a call says."""
        self._allocating, self._logged, self._lines = False, 0, 0

    def ask(self, kind: str, data: bytes, **table: object) -> tuple[int, bytes]:
        """Ask the engine; see `Engine.ask`."""
        return self._engine.ask(kind, data, **table)

    def _answer(self, store: Store, memory: Memory, exports: Mapping[str, Any], answer: int, limits: Limits) -> bytes:
        pointer, length = answer >> 32 & _MASK, answer & _MASK
        if length > limits.output:
            raise Failed("output", f"{length} bytes")
        if pointer + length > memory.data_len(store):
            raise Failed("pointer", f"its answer is said to be {length} bytes at {pointer}")
        data = bytes(memory.read(store, pointer, pointer + length))
        if "cis_free" in exports and length:
            exports["cis_free"](store, pointer, length)
        return data

    def _place(self, context: Store | Caller, memory: Memory, alloc: Any, data: bytes) -> int:
        """Have the guest make room for `data`, and put it there; its address.

        Raises:
            Failed: there is no room, or it is not in its memory.
        """
        self._allocating = True
        try:
            pointer: int = alloc(context, len(data)) & _MASK
        finally:
            self._allocating = False
        if pointer == 0:
            raise Failed("memory", f"cis_alloc had no room for {len(data)} bytes")
        if pointer + len(data) > memory.data_len(context):
            raise Failed("pointer", f"cis_alloc gave {pointer} for {len(data)} bytes")
        if data:
            memory.write(context, data, pointer)
        return pointer

    # Host functions (contract, "WASM interface")

    def _log(self, caller: Caller, level: int, pointer: int, length: int) -> None:
        if self._full:
            return  # before it is read, which would cost what a guest likes
        line = self._read(caller, pointer, length & _MASK, cut=MAX_LINE)
        if line is None:
            self.tell(2, b"cis_log was given what is not in its memory")
        else:
            self.tell(level if 0 <= level <= 3 else 1, line)

    def _memory_get(self, caller: Caller, pointer: int, length: int) -> int:
        key = self._read(caller, pointer, length, most=MAX_KEY)
        memory, alloc = caller.get("memory"), caller.get("cis_alloc")
        if key is None or not isinstance(memory, Memory) or alloc is None or self._allocating:
            return BAD
        code, value = self._engine.ask("get", key)
        if code != 0:
            return code
        return _signed(self._place(caller, memory, alloc, value) << 32 | len(value))

    def _memory_set(self, caller: Caller, key_at: int, key_length: int, value_at: int, value_length: int) -> int:
        key = self._read(caller, key_at, key_length, most=MAX_KEY)
        if key is None or not self._inside(caller, value_at, value_length):
            return BAD
        value = self._read(caller, value_at, value_length, most=MAX_VALUE)
        if value is None:
            return TOO_LARGE
        return self._engine.ask("set", key + value, key=len(key))[0]

    def _schedule_task(self, caller: Caller, pointer: int, length: int) -> int:
        if not self._inside(caller, pointer, length):
            return BAD
        task = self._read(caller, pointer, length, most=MAX_TASK)
        return TOO_LARGE if task is None else self._engine.ask("schedule", task)[0]

    def _inside(self, caller: Caller, pointer: int, length: int) -> bool:
        memory = caller.get("memory")
        return isinstance(memory, Memory) and (pointer & _MASK) + (length & _MASK) <= memory.data_len(caller)

    def _read(self, caller: Caller, pointer: int, length: int, *, most: int = MAX_VALUE, cut: int = 0) -> bytes | None:
        """What lies there; None if it is not in the guest's memory, or longer than `most`. `cut`: no more than that."""
        memory = caller.get("memory")
        pointer, length = pointer & _MASK, length & _MASK
        if not isinstance(memory, Memory) or pointer + length > memory.data_len(caller):
            return None
        if not cut and length > most:
            return None
        return bytes(memory.read(caller, pointer, pointer + min(length, cut or length)))

    @property
    def _full(self) -> bool:
        """Whether more was logged than is passed on."""
        return self._lines > MAX_LINES or self._logged > MAX_LOG

    def tell(self, level: int, data: bytes) -> None:
        """Pass on a line of the log, or what was written to stdout and stderr, until it is too much."""
        if self._full:
            return
        self._lines += 1
        self._logged += len(data)
        if self._full:
            level, data = 2, b"its log is too long; the rest is dropped"
        self._engine.log(level, data)

    def write(self, level: int) -> Callable[[bytes], None]:
        """What takes the guest's stdout or stderr."""
        return lambda data: self.tell(level, data[:MAX_LOG])


def failure(error: Trap | WasmtimeError, used: int, allowed: int) -> Failed:
    """Why a call ended with `error`; `used` bytes of memory of those `allowed`, 0 when that is not known."""
    code = error.trap_code if isinstance(error, Trap) else None
    text = str(error).strip().splitlines()
    last = text[-1].strip().removeprefix("wasm trap: ")
    if code is TrapCode.OUT_OF_FUEL or last == "all fuel consumed by WebAssembly":
        return Failed("fuel", _where(error))
    if code is TrapCode.INTERRUPT or last == "interrupt":
        return Failed("interrupted", _where(error))
    if code is None and any("limit" in line or "resource" in line for line in text[:3]):
        return Failed("memory", text[0])
    if used and used > allowed - max(16 * PAGE, allowed // 16):
        return Failed("memory", f"it had {used / 1048576:.1f} MB; {_reason(error, code)}")
    return Failed("trap", f"{_reason(error, code)}{_where(error)}")


def _reason(error: Trap | WasmtimeError, code: TrapCode | None) -> str:
    if code is None:
        return str(error).strip().splitlines()[-1].strip().removeprefix("wasm trap: ")
    return _REASONS.get(code, code.name.lower().replace("_", " "))


def _where(error: Trap | WasmtimeError) -> str:
    """The functions in which it ended, innermost first, as far as they have names."""
    names = (
        [frame.func_name or f"function {frame.func_index}" for frame in error.frames[:3]]
        if isinstance(error, Trap)
        else []
    )
    return f", in {' < '.join(names)}" if names else ""


def _signed(value: int) -> int:
    """64 bits as WebAssembly takes them from Python."""
    return value - (1 << 64) if value >= 1 << 63 else value
