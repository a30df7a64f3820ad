"""Skills that are components: the same interface in types instead of addresses (component model; see docs/wasm.md).

In the worker, as `guest`. What a component and cis hand each other the library lifts and lowers, and checks.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import wasmtime
from wasmtime import Store, Trap, WasmtimeError
from wasmtime.component import Component, FuncType, Linker, ResultType, String, Variant

from cis_tui.skills.wasm.guest import MAX_KEY, MAX_LINE, MAX_TASK, MAX_VALUE, Failed, Guest, Limits, failure
from cis_tui.skills.wasm.interface import BAD, MAX_TABLES, MISSING, TABLE_ELEMENTS, TOO_LARGE

HOST = "cis:skill/host@1.0.0"
"""The interface that a component may import, beside those of WASI."""
_WORDS = {BAD: "bad arguments", TOO_LARGE: "too large"}
_INSTANCES = 32
"""Core instances of one component."""
_MEMORIES = 4


def component_problems(component: Component, engine: wasmtime.Engine) -> Iterator[str]:
    """Every reason why `component` cannot be a skill, a sentence each."""
    for name in component.type.imports(engine):
        if name != HOST and not name.startswith("wasi:"):
            yield f"it imports {name!a:.80}; only {HOST} and wasi can be imported from"
    handle = component.type.exports(engine).get("handle")
    if handle is None:
        yield "it does not export handle: func(input: string) -> result<string, string>"
    elif not _is_handle(handle.ty):
        yield "its handle is of another type than func(input: string) -> result<string, string>"


def _is_handle(found: object) -> bool:
    if not isinstance(found, FuncType) or [type(kind) for _, kind in found.params] != [String]:
        return False
    result = found.result
    return isinstance(result, ResultType) and isinstance(result.ok, String) and isinstance(result.err, String)


class ComponentGuest:
    """Calls components, one call at a time."""

    def __init__(self, engine: wasmtime.Engine, guest: Guest) -> None:
        """`guest` is where the log goes, and what is asked."""
        self._guest = guest
        self._linker = Linker(engine)
        self._linker.add_wasip2()
        functions: dict[str, Callable[..., Any]] = {
            "log": self._log,
            "memory-get": self._memory_get,
            "memory-set": self._memory_set,
            "schedule-task": self._schedule_task,
        }
        with self._linker.root() as root, root.add_instance(HOST) as host:
            for name, function in functions.items():
                host.add_func(name, function)

    def call(self, component: Component, store: Store, limits: Limits, input: bytes) -> bytes:
        """What `handle` answers to `input`, as JSON; `store` has its deadline.

        Raises:
            Failed: it did not.
        """
        self._guest.begin()
        store.set_fuel(limits.fuel)
        store.set_limits(limits.memory, TABLE_ELEMENTS, _INSTANCES, MAX_TABLES, _MEMORIES)
        try:
            handle: Any = self._linker.instantiate(store, component).get_func(store, "handle")
            answer: Variant = handle(store, input.decode())
            handle.post_return(store)
        except (Trap, WasmtimeError) as error:
            raise failure(error, 0, limits.memory) from None
        data = str(answer.payload).encode()
        if answer.tag == "err":
            data = json.dumps({"success": False, "error": str(answer.payload)}).encode()
        if len(data) > limits.output:
            raise Failed("output", f"{len(data)} bytes")
        return data

    def _log(self, store: object, level: int, text: str) -> None:
        self._guest.tell(level if level <= 3 else 1, text.encode()[:MAX_LINE])

    def _memory_get(self, store: object, key: str) -> Variant:
        data = key.encode()
        code, value = self._guest.ask("get", data) if len(data) <= MAX_KEY else (BAD, b"")
        if code == MISSING:
            return Variant("ok", None)
        return Variant("ok", value.decode("utf-8", "replace")) if code == 0 else Variant("err", _word(code))

    def _memory_set(self, store: object, key: str, value: str) -> str | None:
        name, data = key.encode(), value.encode()
        if len(name) > MAX_KEY:
            return _word(BAD)
        if len(data) > MAX_VALUE:
            return _word(TOO_LARGE)
        code, _ = self._guest.ask("set", name + data, key=len(name))
        return None if code == 0 else _word(code)

    def _schedule_task(self, store: object, task: str) -> str | None:
        data = task.encode()
        code, _ = self._guest.ask("schedule", data) if len(data) <= MAX_TASK else (TOO_LARGE, b"")
        return None if code == 0 else _word(code)


def _word(code: int) -> str:
    return _WORDS.get(code, "denied")
