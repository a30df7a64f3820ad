"""The header of a module, read from any bytes, and what is wrong with it."""

from __future__ import annotations

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.skills.wasm.binary import Kind, Limits, Malformed, Signature, read_module
from cis_tui.skills.wasm.interface import problems_of
from tests.skills.wasm.support import ALLOC, ECHO, IMPORTS, handling


def binary(text: str) -> bytes:
    return bytes(wasmtime.wat2wasm(text))


ECHO_BINARY = binary(ECHO)


def test_what_a_module_asks_for_and_offers() -> None:
    module = read_module(ECHO_BINARY)
    assert [each.name for each in module.imports] == [
        "cis_log",
        "cis_memory_get",
        "cis_memory_set",
        "cis_schedule_task",
    ]
    assert module.imports[1].signature == Signature(("i32", "i32"), ("i64",))
    assert module.functions == {
        "cis_alloc": Signature(("i32",), ("i32",)),
        "handle": Signature(("i32", "i32"), ("i64",)),
    }
    assert module.others == {"memory": Kind.MEMORY}
    assert module.memories == (Limits(1, None, plain=True),)
    assert list(problems_of(module)) == []


def test_every_kind_of_import_and_export() -> None:
    text = """(module (import "a" "t" (table 1 2 externref)) (import "a" "m" (memory 1)) (import "a" "g" (global v128))
      (import "a" "e" (tag)) (global (export "g") f64 (f64.const 0)) (table (export "t") 3 funcref)
      (func (export "f") (param f32 funcref externref v128) (result i32 i64) unreachable))"""
    module = read_module(binary(text))
    assert [each.kind for each in module.imports] == [Kind.TABLE, Kind.MEMORY, Kind.GLOBAL, Kind.TAG]
    assert module.others == {"g": Kind.GLOBAL, "t": Kind.TABLE}
    assert str(module.functions["f"]) == "(f32, funcref, externref, v128) -> i32, i64"
    assert module.tables == (Limits(3, None, plain=True),)


HANDLE = '(func (export "handle") (param i32 i32) (result i64) (i64.const 0))'
MEMORY = '(memory (export "memory") 1)'
PROBLEMS = {
    f"(module {MEMORY} {ALLOC})": ["it does not export handle(i32, i32) -> i64"],
    f"(module {MEMORY} {HANDLE})": ["it does not export cis_alloc(i32) -> i32"],
    f"(module {ALLOC.replace('memory.', 'memory.')} (memory 1) {HANDLE})": [
        'it does not export its memory as "memory"'
    ],
    "(module)": [
        "it does not export cis_alloc(i32) -> i32",
        "it does not export handle(i32, i32) -> i64",
        'it does not export its memory as "memory"',
    ],
    f'(module {MEMORY} {ALLOC} (func (export "handle") (result i32) (i32.const 0)))': [
        "its handle is () -> i32; it has to be (i32, i32) -> i64"
    ],
    f'(module {MEMORY} {ALLOC} {HANDLE} (func (export "cis_free")))': ["its cis_free is (); it has to be (i32, i32)"],
    f'(module (import "env" "memory" (memory 1)) (export "memory" (memory 0)) {ALLOC} {HANDLE})': [
        "it imports the memory env.memory; only cis and wasi_snapshot_preview1 can be imported from",
        "it has 0 memories; it has to have one of its own",
    ],
    f'(module (import "cis" "cis_lug" (func)) {MEMORY} {ALLOC} {HANDLE})': [
        'it imports the function cis.cis_lug, which does not exist; did you mean "cis_log"?'
    ],
    f'(module (import "cis" "cis_log" (func (param i64))) {MEMORY} {ALLOC} {HANDLE})': [
        "it imports cis.cis_log as (i64); it is (i32, i32, i32)"
    ],
    f'(module {ALLOC} {HANDLE} (memory (export "memory") 2000))': [
        "it begins with 125 MB of memory, and may have 64 MB; see memory_mb in [limits]"
    ],
    f"(module {MEMORY} {ALLOC} {HANDLE} (table 100001 funcref))": [
        "it has a table of 100001 elements, at most 100000 are allowed"
    ],
    f"(module {MEMORY} {ALLOC} {HANDLE} {'(table 1 funcref)' * 17})": ["it has 17 tables, at most 16 are allowed"],
    f'(module (memory (export "memory") 1 2 shared) {ALLOC} {HANDLE})': [
        "its memory is shared, of 64 bits or has pages of another size, which is not supported"
    ],
}


@pytest.mark.parametrize(("text", "problems"), PROBLEMS.items(), ids=range(len(PROBLEMS)))
def test_every_problem_is_told(text: str, problems: list[str]) -> None:
    assert list(problems_of(read_module(binary(text)))) == problems


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "does not begin as"),
        (b"\x7fELF", "does not begin as"),
        (b"\0asm\2\0\0\0", "of the version 02000000"),
        (b"\0asm\x0d\0\1\0", "is a component"),
        (ECHO_BINARY[:40], "ends in the middle"),
        (b"\0asm\1\0\0\0\1\5\xff\xff\xff\xff\x0f", "not that much"),
        (b"\0asm\1\0\0\0\1\x80\x80\x80\x80\x80\0", "too long"),
        (b"\0asm\1\0\0\0\1\x80\x80\x80\x80\x7f", "too great"),
        (b"\0asm\1\0\0\0\7\x05\1\1a\0\5", "no function 5"),
        (binary("(module (type (struct)))"), "no garbage collection"),
    ],
)
def test_what_is_no_module(data: bytes, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        read_module(data)


@settings(max_examples=80, deadline=None)
@given(st.integers(8, len(ECHO_BINARY) - 1), st.binary(max_size=12), st.integers(0, 12))
def test_any_bytes_give_a_header_or_a_reason(at: int, data: bytes, drop: int) -> None:
    changed = ECHO_BINARY[:at] + data + ECHO_BINARY[at + drop :]
    try:
        list(problems_of(read_module(changed)))
    except Malformed as error:
        assert str(error)


def test_imports_need_not_be_used() -> None:
    assert IMPORTS in ECHO
    assert list(problems_of(read_module(binary(handling("(i64.const 0)"))), 1)) == []
