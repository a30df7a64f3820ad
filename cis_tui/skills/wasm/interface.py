"""What a WASM skill and cis offer each other (contract, "WASM interface"), and what is wrong with a module."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.skills.wasm.binary import Import, Kind, Module, Signature

HOST = "cis"
"""The module from which a skill imports the host functions."""
WASI = "wasi_snapshot_preview1"
PAGE = 65_536
MEMORY_MB = 64
"""Memory of a call, unless the manifest's `memory_mb` says otherwise."""
FUEL = 10_000_000_000
"""What a call may burn, about one for each instruction, unless the manifest's `fuel` says otherwise."""
TABLE_ELEMENTS = 100_000
"""In each table."""
MAX_TABLES = 16
MISSING, DENIED, BAD, TOO_LARGE = -1, -2, -3, -4
"""What host functions answer instead of a value."""
LEVELS = ("debug", "info", "warn", "error")
"""Of `cis_log`, by number."""


def _takes(count: int, *results: str) -> Signature:
    return Signature(("i32",) * count, results)


FUNCTIONS: Mapping[str, Signature] = {
    "cis_log": _takes(3),
    "cis_memory_get": _takes(2, "i64"),
    "cis_memory_set": _takes(4, "i32"),
    "cis_schedule_task": _takes(2, "i32"),
}
"""What a skill may import from `cis`."""
REQUIRED: Mapping[str, Signature] = {"cis_alloc": _takes(1, "i32"), "handle": _takes(2, "i64")}
"""What it has to export, beside its `memory`."""
OPTIONAL: Mapping[str, Signature] = {"cis_free": _takes(2), "_initialize": _takes(0)}


def problems_of(module: Module, memory_mb: int = MEMORY_MB) -> Iterator[str]:
    """Every reason why `module` cannot be a skill, a sentence each."""
    for each in module.imports:
        yield from _import_problems(each)
    for name, signature in REQUIRED.items():
        if name not in module.functions:
            yield f"it does not export {name}{signature}"
    for name, signature in {**REQUIRED, **OPTIONAL}.items():
        found = module.functions.get(name)
        if found is not None and found != signature:
            yield f"its {name} is {found}; it has to be {signature}"
    yield from _memory_problems(module, memory_mb)
    if len(module.tables) > MAX_TABLES:
        yield f"it has {len(module.tables)} tables, at most {MAX_TABLES} are allowed"
    for table in module.tables:
        if table.least > TABLE_ELEMENTS:
            yield f"it has a table of {table.least} elements, at most {TABLE_ELEMENTS} are allowed"


def _import_problems(asked: Import) -> Iterator[str]:
    name = f"{clean_line(asked.module, limit=60)}.{clean_line(asked.name, limit=60)}"
    if asked.module == WASI and asked.kind is Kind.FUNCTION:
        return
    if asked.module != HOST:
        yield f"it imports the {asked.kind} {name}; only {HOST} and {WASI} can be imported from"
    elif asked.name not in FUNCTIONS or asked.kind is not Kind.FUNCTION:
        hint = did_you_mean(asked.name, FUNCTIONS) or f"there are {', '.join(FUNCTIONS)}"
        yield f"it imports the {asked.kind} {name}, which does not exist; {hint}"
    elif asked.signature != FUNCTIONS[asked.name]:
        yield f"it imports {name} as {asked.signature}; it is {FUNCTIONS[asked.name]}"


def _memory_problems(module: Module, memory_mb: int) -> Iterator[str]:
    if module.others.get("memory") is not Kind.MEMORY:
        yield 'it does not export its memory as "memory"'
    elif len(module.memories) != 1:
        yield f"it has {len(module.memories)} memories; it has to have one of its own"
    for memory in module.memories:
        if not memory.plain:
            yield "its memory is shared, of 64 bits or has pages of another size, which is not supported"
        elif memory.least * PAGE > memory_mb << 20:
            least = -(-memory.least * PAGE >> 20)
            yield f"it begins with {least} MB of memory, and may have {memory_mb} MB; see memory_mb in [limits]"
