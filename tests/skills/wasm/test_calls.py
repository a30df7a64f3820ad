"""What a WASM skill is given, may ask, and answers (contract, "WASM interface")."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
import wasmtime

from cis_tui.core.paths import Home
from cis_tui.memory.rollback import roll_back
from cis_tui.skills.native import SkillCall
from cis_tui.skills.wasm.interface import BAD, DENIED, MISSING
from tests.memory.support import PRIVATE, PUBLIC, SetClock, memory, put, value_of
from tests.skills.wasm.support import ECHO, granted, handling, module, shop


async def test_it_is_given_what_the_contract_says(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        result = await here.call(ECHO, "a b", "c")
    assert (result.success, result.exit_code) == (True, 0)
    assert result.output == {"args": ["a b", "c"], "input": {"word": "hé"}, "project": "/p", "run": "r1"}


async def test_the_binary_form_is_called_like_the_text(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        assert (await here.call(bytes(wasmtime.wat2wasm(ECHO)))).success


async def test_log_lines_have_a_level_and_nothing_that_moves_a_cursor(tmp_path: Path) -> None:
    lines = "".join(f"(call $log (i32.const {level}) (i32.const 1024) (i32.const 10))" for level in (0, 1, 2, 3, 9))
    async with shop(tmp_path) as here:
        await here.call(handling(f"{lines} (call $number (i32.const 7))", data="a\\1b[2Jb\\0ac\\ff"))
    told = [f"{level}: ab c\ufffd" for level in ("debug", "info", "warn", "error", "info")]
    assert here.log.decode().splitlines() == told


async def test_a_long_log_is_cut(tmp_path: Path) -> None:
    forever = """
      (loop $more
        (call $log (i32.const 1) (i32.const 1024) (i32.const 20000))
        (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $more (i32.lt_u (local.get $n) (i32.const 50000))))
      (call $number (local.get $n))"""
    async with shop(tmp_path) as here:
        assert (await here.call(handling(forever, data="x"))).output == 50000
    assert len(here.log) < 300_000
    assert here.log.endswith(b"its log is too long; the rest is dropped\n")


GET = """
  (local.set $v (call $get (i32.const 1024) (i32.const {length})))
  (if (i64.lt_s (local.get $v) (i64.const 0)) (then (return (call $number (i32.wrap_i64 (local.get $v))))))
  (local.get $v)"""


def getting(key: str) -> str:
    return handling(GET.format(length=len(key)), data=key)


async def test_it_reads_what_it_may(tmp_path: Path, home: Home) -> None:
    with memory(home) as service:
        put(service, "project/x", '"vål"', PUBLIC)
        put(service, "project/own", '"planted"', PRIVATE)
        put(service, "other/x", '"planted"', PUBLIC)
        async with shop(tmp_path, service) as here:
            may = granted(read=("project/", "own/named"))
            assert (await here.call(getting("project/x"), permissions=may)).output == "vål"
            assert (await here.call(getting("project/none"), permissions=may)).output == MISSING
            assert (await here.call(getting("project/own"), permissions=may)).output == DENIED
            assert (await here.call(getting("other/x"), permissions=may)).output == DENIED
            put(service, "own/named", '"mine"', PRIVATE)
            assert (await here.call(getting("own/named"), permissions=may)).output == "mine"
            assert b"warn: the skill guest may not read other/x" in here.log
            denied = [data["key"] for _, data in here.told if data.get("denied")]
            assert denied == ["project/own", "other/x"]
            assert all(data["skill"] == "guest" and data["run"] == "r1" for _, data in here.told)


SET = "(call $number (call $set (i32.const 1024) (i32.const {key}) (i32.const {at}) (i32.const {length})))"


def setting(key: str, value: str) -> str:
    return handling(SET.format(key=len(key), at=1024 + len(key), length=len(value)), data=key + value)


async def test_what_it_writes_is_the_runs(tmp_path: Path, home: Home) -> None:
    with memory(home) as service:
        put(service, "project/own", "mine", PRIVATE)
        async with shop(tmp_path, service) as here:
            may = granted(write=("project/",))
            assert (await here.call(setting("project/x", "new"), permissions=may)).output == 0
            assert value_of(service, "project/x") == "new"
            for key in ("project/own", "project/api-key", "other/x"):
                assert (await here.call(setting(key, "new"), permissions=may)).output == DENIED
            assert (await here.call(setting("project/ x ", "new"), permissions=may)).output == BAD
            assert value_of(service, "project/own") == "mine"
        roll_back(service, "r1", SetClock()())
        assert value_of(service, "project/x") is None


async def test_nothing_is_read_while_there_is_no_memory(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        assert (await here.call(getting("project/x"), permissions=granted(("",), ("",)))).output == DENIED
        assert (await here.call(setting("project/x", "1"), permissions=granted(("",), ("",)))).output == DENIED


async def test_an_answer_may_say_that_the_call_failed(tmp_path: Path) -> None:
    answer = '{"success": false, "error": "no such file"}'
    text = handling(f"(call $pack (i32.const 1024) (i32.const {len(answer)}))", data=answer.replace('"', '\\"'))
    async with shop(tmp_path) as here:
        result = await here.call(text)
    assert (result.success, result.exit_code, result.output) == (False, 1, {"success": False, "error": "no such file"})


WASI = """
  (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_read" (func $fd_read (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "path_open"
    (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
"""


async def test_wasi_has_no_files_no_environment_and_an_empty_stdin(tmp_path: Path) -> None:
    body = """
      ;; An address and a length at 2048: the text at 1024, of 12 bytes.
      (i32.store (i32.const 2048) (i32.const 1024)) (i32.store (i32.const 2052) (i32.const 12))
      (drop (call $fd_write (i32.const 1) (i32.const 2048) (i32.const 1) (i32.const 2100)))
      (drop (call $fd_write (i32.const 2) (i32.const 2048) (i32.const 1) (i32.const 2100)))
      (i32.store (i32.const 2108) (i32.const 99))
      (drop (call $fd_read (i32.const 0) (i32.const 2048) (i32.const 1) (i32.const 2108)))
      (drop (call $environ (i32.const 2112) (i32.const 2116)))
      ;; bytes read + variables * 10 + 100 if a file could be opened
      (local.set $n (i32.add (i32.load (i32.const 2108)) (i32.mul (i32.load (i32.const 2112)) (i32.const 10))))
      (if (i32.eqz (call $open (i32.const 3) (i32.const 0) (i32.const 1024) (i32.const 11) (i32.const 0)
            (i64.const 2) (i64.const 0) (i32.const 0) (i32.const 2120)))
        (then (local.set $n (i32.add (local.get $n) (i32.const 100)))))
      (call $number (local.get $n))"""
    async with shop(tmp_path) as here:
        result = await here.call(handling(body, more=WASI, data="/etc/passwd\\0a"))
    assert result.output == 0
    assert here.log == b"/etc/passwd\n" * 2


async def test_a_skill_that_ends_itself_has_failed_with_its_exit_code(tmp_path: Path) -> None:
    body = "(call $log (i32.const 3) (i32.const 1024) (i32.const 2)) (call $exit (i32.const 3)) (unreachable)"
    async with shop(tmp_path) as here:
        result = await here.call(handling(body, more=WASI, data="no"))
    assert (result.success, result.exit_code, result.output) == (False, 3, "error: no")


async def test_what_it_initializes_first(tmp_path: Path) -> None:
    text = module(
        '(global $ready (mut i32) (i32.const 0)) (func (export "_initialize") (global.set $ready (i32.const 42)))',
        handle="(call $number (global.get $ready))",
    )
    async with shop(tmp_path) as here:
        assert (await here.call(text)).output == 42


async def test_calls_share_nothing(tmp_path: Path) -> None:
    text = module(
        "(global $calls (mut i32) (i32.const 0))",
        handle="(global.set $calls (i32.add (global.get $calls) (i32.const 1))) (call $number (global.get $calls))",
    )
    async with shop(tmp_path) as here:
        assert [(await here.call(text)).output for _ in range(3)] == [1, 1, 1]
        assert len(here.pool.pids) == 1, "the process is used again"


@pytest.mark.timeout(60)
async def test_a_hundred_calls_at_once(tmp_path: Path, home: Home) -> None:
    with memory(home) as service:
        async with shop(tmp_path, service, limit=4) as here:
            may = granted(read=("",), write=("project/",))
            skill = here.skill(getting("project/x"), permissions=may)
            put(service, "project/x", '"seen"', PUBLIC)
            results = await asyncio.gather(*(here.call(skill) for _ in range(100)))
            assert [result.output for result in results] == ["seen"] * 100
            assert len(here.pool.pids) == 4


async def test_an_answer_that_is_too_long_is_kept_in_a_file(tmp_path: Path) -> None:
    fill = """
      (memory.fill (i32.const 0) (i32.const 49) (i32.const 5000))
      (call $pack (i32.const 0) (i32.const 5000))"""
    async with shop(tmp_path) as here:
        skill = here.skill(handling(fill), limits={"output_kb": 2})
        given = SkillCall(overflow=tmp_path / "out" / "all")
        result = await here.skills.run(skill, given)
    assert (result.success, result.output, result.output_file) == (True, "1" * 2048, str(given.overflow))
    assert (tmp_path / "out" / "all").read_text() == "1" * 5000
