"""Components: the same interface in types; the same limits, the same names for what goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.skills.wasm.source import all_problems, read_source
from tests.memory.support import PRIVATE, PUBLIC, memory, put, value_of
from tests.skills.wasm.support import ECHO, granted, shop

HANDLE = '(param "input" string) (result (result string (error string)))'


def component(handle: str, *, data: str = "", type: str = HANDLE, imports: str = "", pages: str = "1") -> str:
    """A component whose `handle` has this body: the input is `$len` bytes at `$at`, the result goes to 16."""
    return f"""(component
  (import "cis:skill/host@1.0.0" (instance $host
    (export "log" (func (param "level" u8) (param "text" string)))
    (export "memory-get" (func (param "key" string) (result (result (option string) (error string)))))
    (export "memory-set" (func (param "key" string) (param "value" string) (result (result (error string)))))
    (export "schedule-task" (func (param "task" string) (result (result (error string)))))))
  {imports}
  (core module $libc
    (memory (export "memory") {pages})
    (data (i32.const 1024) "{data}")
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (i32.and (i32.add (global.get $next) (i32.const 7)) (i32.const -8)))
      (global.set $next (i32.add (local.get $at) (local.get 3)))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (alias core export $libc "memory" (core memory $memory))
  (alias core export $libc "realloc" (core func $realloc))
  (core func $log (canon lower (func $host "log") (memory $memory)))
  (core func $get (canon lower (func $host "memory-get") (memory $memory) (realloc $realloc)))
  (core func $set (canon lower (func $host "memory-set") (memory $memory) (realloc $realloc)))
  (core func $schedule (canon lower (func $host "schedule-task") (memory $memory) (realloc $realloc)))
  (core module $main
    (import "host" "log" (func $log (param i32 i32 i32)))
    (import "host" "get" (func $get (param i32 i32 i32)))
    (import "host" "set" (func $set (param i32 i32 i32 i32 i32)))
    (import "host" "schedule" (func $schedule (param i32 i32 i32)))
    (import "libc" "memory" (memory 1))
    (func $answer (param $error i32) (param $at i32) (param $len i32) (result i32)
      (i32.store8 (i32.const 16) (local.get $error))
      (i32.store (i32.const 20) (local.get $at))
      (i32.store (i32.const 24) (local.get $len))
      (i32.const 16))
    (func $handle (export "handle") (param $at i32) (param $len i32) (result i32) {handle}))
  (core instance $main (instantiate $main
    (with "host" (instance (export "log" (func $log)) (export "get" (func $get)) (export "set" (func $set))
      (export "schedule" (func $schedule))))
    (with "libc" (instance $libc))))
  (alias core export $main "handle" (core func $handle))
  (func (export "handle") {type} (canon lift (core func $handle) (memory $memory) (realloc $realloc))))"""


ECHOES = component("(call $answer (i32.const 0) (local.get $at) (local.get $len))")
LOOP = component("(loop $more (br $more)) (unreachable)")


async def test_a_component_is_called_like_a_module(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        for _ in range(2):
            result = await here.call(ECHOES, "a")
            assert result.output == {"args": ["a"], "input": {"word": "hé"}, "project": "/p", "run": "r1"}
    async with shop(tmp_path) as here:
        assert (await here.call(ECHOES)).success, "also when it comes from the cache"
        assert (await here.call(ECHO)).success, "a module beside it"


async def test_its_log_and_its_error(tmp_path: Path) -> None:
    body = """(call $log (i32.const 2) (i32.const 1024) (i32.const 7))
      (call $answer (i32.const 1) (i32.const 1024) (i32.const 7))"""
    async with shop(tmp_path) as here:
        result = await here.call(component(body, data="no luck"))
        assert (result.success, result.exit_code) == (False, 1)
        assert result.output == {"success": False, "error": "no luck"}
        assert here.log == b"warn: no luck\n"


GET = """
  (call $get (i32.const 1024) (i32.const 11) (i32.const 64))
  ;; an error: its text; nothing: null, at 1100; else the value
  (if (i32.load8_u (i32.const 64))
    (then (return (call $answer (i32.const 1) (i32.load (i32.const 68)) (i32.load (i32.const 72))))))
  (if (i32.eqz (i32.load8_u (i32.const 68)))
    (then (return (call $answer (i32.const 0) (i32.const 1040) (i32.const 4)))))
  (call $answer (i32.const 0) (i32.load (i32.const 72)) (i32.load (i32.const 76)))"""


async def test_it_reads_what_it_may(tmp_path: Path, home: Home) -> None:
    getting = component(GET, data="project/key     null")
    async with shop(tmp_path) as here:
        assert (await here.call(getting)).output == {"success": False, "error": "denied"}
    with memory(home) as service:
        async with shop(tmp_path, service) as here:
            may = granted(read=("project/",))
            assert (await here.call(getting, permissions=may)).output is None
            put(service, "project/key", '"seen"', PUBLIC)
            assert (await here.call(getting, permissions=may)).output == "seen"
            put(service, "project/key", '"planted"', PRIVATE)
            assert (await here.call(getting, permissions=may)).output == {"success": False, "error": "denied"}


async def test_it_writes_what_it_may(tmp_path: Path, home: Home) -> None:
    body = """(call $set (i32.const 1024) (i32.const 11) (i32.const 1035) (i32.const 1) (i32.const 64))
      (if (i32.load8_u (i32.const 64))
        (then (return (call $answer (i32.const 1) (i32.load (i32.const 68)) (i32.load (i32.const 72))))))
      (call $answer (i32.const 0) (i32.const 1035) (i32.const 1))"""
    with memory(home) as service:
        async with shop(tmp_path, service) as here:
            text = component(body, data="project/key1")
            assert (await here.call(text)).output == {"success": False, "error": "denied"}
            assert (await here.call(text, permissions=granted(write=("project/",)))).output == 1
        assert value_of(service, "project/key") == "1"


FAILURES = {
    "time": (LOOP, "CIS-SKILL-070", "timed out"),
    "fuel": (LOOP, "CIS-SKILL-069", "used up its fuel"),
    "trap": (component("(unreachable)"), "CIS-SKILL-068", "unreachable"),
    "memory": (component("(unreachable)", pages="100"), "CIS-SKILL-071", "memory"),
    "pointer": (
        component("(call $answer (i32.const 0) (i32.const -9) (i32.const 8))"),
        "CIS-SKILL-068",
        "out.of.bounds",
    ),
    "output": (component("(call $answer (i32.const 0) (i32.const 0) (i32.const 9999))"), "CIS-SKILL-074", "too much"),
    "json": (
        component("(call $answer (i32.const 0) (i32.const 1024) (i32.const 2))", data="{x"),
        "CIS-SKILL-073",
        "JSON",
    ),
    "no text": (
        component("(call $answer (i32.const 0) (i32.const 1024) (i32.const 2))", data="\\ff\\fe"),
        "CIS-SKILL-068",
        "utf-8",
    ),
    "import": (
        component("(unreachable)", imports='(import "x:y/z" (instance))'),
        "CIS-SKILL-066",
        "it imports 'x:y/z'",
    ),
    "no handle": ("(component)", "CIS-SKILL-066", "does not export handle"),
    "another handle": (
        component("(i32.const 0)", type='(param "input" string) (result string)'),
        "CIS-SKILL-066",
        "of another type",
    ),
}


@pytest.mark.parametrize(("text", "code", "message"), FAILURES.values(), ids=FAILURES)
async def test_every_end_has_a_name_of_its_own(tmp_path: Path, text: str, code: str, message: str) -> None:
    limits = {"memory_mb": 2, "output_kb": 1, "fuel": 100_000 if "069" in code else 2**62}
    async with shop(tmp_path) as here:
        with pytest.raises(CisError, match=f"(?is){message}") as failed:
            await here.call(text, limits=limits, timeout=0.2 if "070" in code else 5.0)
        assert failed.value.code == code
        assert (await here.call(ECHO)).success
        assert len(here.pool.pids) == 1


def test_it_is_checked_with_its_code(tmp_path: Path) -> None:
    (tmp_path / "good.wat").write_text(ECHOES)
    assert all_problems(read_source(tmp_path, "good.wat"), 64) == []
    (tmp_path / "bad.wat").write_text("(component)")
    (problem,) = all_problems(read_source(tmp_path, "bad.wat"), 64)
    assert problem.startswith("it does not export handle: func(input: string)")
