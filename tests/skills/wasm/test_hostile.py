"""Hostile WASM skills: each is stopped, its end has a name of its own, and nothing else notices."""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError, TimedOut
from cis_tui.core.paths import Home
from cis_tui.skills.kernel import this_kernel
from cis_tui.skills.wasm import pool as pools
from cis_tui.skills.wasm.interface import BAD, TOO_LARGE
from tests.conftest import ROOT
from tests.dag.lab import eventually, lives, read
from tests.memory.support import PUBLIC, memory, put
from tests.skills.wasm.support import ALLOC, ECHO, IMPORTS, Shop, granted, handling, module, shop

LOOP = "(loop $for_ever (br $for_ever))"
FUEL_FOR_EVER = {"fuel": 2**62}
SPIN = handling(f"{LOOP} (unreachable)")


def allocating(body: str) -> str:
    """A skill that makes room like this."""
    return f"""(module (memory (export "memory") 1) (func (export "cis_alloc") (param i32) (result i32) {body})
      (func (export "handle") (param i32 i32) (result i64) (i64.const 0)))"""


TRAP, FUEL, TIME, MEMORY, POINTER = (f"CIS-SKILL-0{code}" for code in (68, 69, 70, 71, 72))
NO_JSON, TOO_MUCH, LOST, UNUSABLE = (f"CIS-SKILL-0{code}" for code in (73, 74, 75, 66))


async def failing(here: Shop, text: str, **more: object) -> CisError:
    """How a call of `text` fails; a well behaved skill goes on as before."""
    with pytest.raises(CisError) as failed:
        await here.call(text, **more)
    assert (await here.call(ECHO)).success
    return failed.value


ENDS = {
    "it loops for ever": (SPIN, TIME, r"timed out after 0\.2 s, in handle"),
    "it burns its fuel": (SPIN, FUEL, "used up its fuel, 100000, in handle"),
    "it loops before it is called": (
        module(f"(func $first {LOOP}) (start $first)", handle="(i64.const 0)"),
        TIME,
        "timed out",
    ),
    "it loops where it makes room": (
        allocating(f"{LOOP} (unreachable)"),
        TIME,
        "timed out",
    ),
    "it comes to what is unreachable": (
        handling("(unreachable)"),
        TRAP,
        "trapped: it came to what .* panic does, in handle",
    ),
    "it divides by zero": (
        handling("(drop (i32.div_u (i32.const 1) (local.get $n))) (i64.const 0)"),
        TRAP,
        "divided by zero",
    ),
    "it reads outside": (handling("(i64.load (i32.const -8))"), TRAP, "reached outside of its memory"),
    "it calls a function that is not there": (
        module("(table 1 funcref)", handle="(call_indirect (result i64) (i32.const 0))"),
        TRAP,
        "function that is not there",
    ),
    "it calls itself for ever": (
        module("(func $down (param i32) (result i64) (call $down (local.get 0)))", handle="(call $down (i32.const 0))"),
        TRAP,
        "the stack overflowed, in down < down < down",
    ),
    "it takes all memory": (
        handling("(loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1)))) (unreachable)"),
        MEMORY,
        r"ran out of its memory, 2 MB: it had 2\.0 MB",
    ),
    "it has no room": (
        allocating("(i32.const 0)"),
        MEMORY,
        "cis_alloc had no room for",
    ),
    "it gives room outside of its memory": (
        allocating("(i32.const 65530)"),
        POINTER,
        "cis_alloc gave 65530 for",
    ),
    "it answers what lies outside": (
        handling("(call $pack (i32.const 65530) (i32.const 7))"),
        POINTER,
        "7 bytes at 65530",
    ),
    "it answers less than nothing": (
        handling("(call $pack (i32.const -1) (i32.const 1))"),
        POINTER,
        "1 bytes at 4294967295",
    ),
    "it answers too much": (
        handling("(call $pack (i32.const 0) (i32.const -1))"),
        TOO_MUCH,
        "4294967295 bytes, at most 1 kB",
    ),
    "it answers nothing": (handling("(i64.const 0)"), NO_JSON, "what is no JSON"),
    "it answers no JSON": (
        handling("(call $pack (i32.const 1024) (i32.const 5))", data="{nope"),
        NO_JSON,
        "what is no JSON",
    ),
    "it answers what is almost JSON": (
        handling("(call $pack (i32.const 1024) (i32.const 3))", data="NaN"),
        NO_JSON,
        "NaN",
    ),
    "it answers no text": (
        handling("(call $pack (i32.const 1024) (i32.const 2))", data="\\ff\\fe"),
        NO_JSON,
        "no JSON",
    ),
    "it answers a thousand brackets": (
        handling(
            """(loop $more
              (i32.store8 (i32.add (local.get $n) (i32.const 1024)) (i32.const 91))
              (local.set $n (i32.add (local.get $n) (i32.const 1)))
              (br_if $more (i32.lt_u (local.get $n) (i32.const 1000))))"""
            " (call $pack (i32.const 1024) (i32.const 1000))"
        ),
        NO_JSON,
        "no JSON",
    ),
    "it asks for what does not exist": (
        module(
            '(func (export "handle") (param i32 i32) (result i64) (i64.const 0))',
            more='(import "cis" "cis_shell" (func))',
        ),
        UNUSABLE,
        r"cis\.cis_shell, which does not exist",
    ),
    "it is of no kind that is known": ("(module (func i32.bogus))", UNUSABLE, "cannot be used: .*bogus"),
    "it does not add up": (
        module("(func (result i32) (i64.const 0))", handle="(i64.const 0)"),
        UNUSABLE,
        "type mismatch",
    ),
}


@pytest.mark.parametrize(("text", "code", "message"), list(ENDS.values()), ids=list(ENDS))
async def test_every_end_has_a_name_of_its_own(tmp_path: Path, text: str, code: str, message: str) -> None:
    limits = {"memory_mb": 2, "output_kb": 1} | {"fuel": 100_000 if code == FUEL else 2**62}
    async with shop(tmp_path) as here:
        error = await failing(here, text, limits=limits, timeout=0.2 if code == TIME else 5.0)
        assert len(here.pool.pids) == 1, "the process has outlived it"
    assert error.code == code
    assert re.search(message, error.message)
    assert isinstance(error, TimedOut) == (code == TIME)


async def test_a_table_grows_only_so_far(tmp_path: Path) -> None:
    grow = "(table.grow $t (ref.null func) (i32.const {count}))"
    table = "(table $t 1 funcref)"
    async with shop(tmp_path) as here:
        much = module(table, handle=f"(call $number {grow.format(count=10_000_000)})")
        assert (await here.call(much)).output == -1
        assert (await here.call(module(table, handle=f"(call $number {grow.format(count=1000)})"))).output == 1


OUTSIDE = (("0", "65537"), ("65530", "7"), ("-1", "1"), ("-1", "-1"), ("1024", "-1"), ("2147483647", "2147483647"))


@pytest.mark.parametrize(("at", "length"), OUTSIDE)
async def test_bad_pointers_are_seen_by_every_host_function(tmp_path: Path, home: Home, at: str, length: str) -> None:
    bad = f"(i32.const {at}) (i32.const {length})"
    good = "(i32.const 1024) (i32.const 9)"
    calls = (f"(call $set {bad} {good})", f"(call $set {good} {bad})", f"(call $schedule {bad})")
    with memory(home) as service:
        async with shop(tmp_path, service) as here:
            may = granted(("",), ("",))
            for call in (*calls, f"(i32.wrap_i64 (call $get {bad}))"):
                result = await here.call(handling(f"(call $number {call})", data="project/x"), permissions=may)
                assert result.output == BAD, call
            await here.call(handling(f"(call $log (i32.const 1) {bad}) (call $number (i32.const 0))"))
            assert b"cis_log was given what is not in its memory" in here.log
        assert service.list("").items == ()


async def test_what_lies_over_each_other_harms_nobody(tmp_path: Path, home: Home) -> None:
    same = "(i32.const 1024) (i32.const 9)"
    with memory(home) as service:
        async with shop(tmp_path, service) as here:
            text = handling(f"(call $number (call $set {same} {same}))", data="project/x")
            assert (await here.call(text, permissions=granted(("",), ("",)))).output == 0
        item = service.get("project/x")
        assert item is not None
        assert item.value == "project/x"


async def test_what_is_too_long_or_no_text_is_refused(tmp_path: Path, home: Home) -> None:
    with memory(home) as service:
        async with shop(tmp_path, service) as here:
            may = granted(("",), ("",))
            long = "(call $number (call $set (i32.const 1024) (i32.const 9) (i32.const 0) (i32.const 8388609)))"
            assert (await here.call(handling(long, data="project/x", pages="200"), permissions=may)).output == TOO_LARGE
            task = "(call $number (call $schedule (i32.const 0) (i32.const 65537)))"
            assert (await here.call(handling(task, pages="2"), permissions=may)).output == TOO_LARGE
            for length in (0, 513):
                key = f"(call $number (i32.wrap_i64 (call $get (i32.const 1024) (i32.const {length}))))"
                assert (await here.call(handling(key, data="a" * 513), permissions=may)).output == BAD
            key = "(call $number (i32.wrap_i64 (call $get (i32.const 1024) (i32.const 2))))"
            assert (await here.call(handling(key, data="\\ff\\fe"), permissions=may)).output == BAD


ASKS_AGAIN = f"""(module {IMPORTS} (memory (export "memory") 1) (data (i32.const 1024) "project/x")
  (global $asked (mut i32) (i32.const 0))
  (func (export "cis_alloc") (param i32) (result i32)
    (global.set $asked (i32.wrap_i64 (call $get (i32.const 1024) (i32.const 9))))
    (i32.const 4096))
  (func (export "handle") (param i32 i32) (result i64)
    (drop (call $get (i32.const 1024) (i32.const 9)))
    (i32.store8 (i32.const 2048) (i32.add (i32.const 48) (i32.eq (global.get $asked) (i32.const {BAD}))))
    (i64.const {2048 << 32 | 1})))"""


async def test_who_makes_room_asks_for_nothing_meanwhile(tmp_path: Path, home: Home) -> None:
    with memory(home) as service:
        put(service, "project/x", "v", PUBLIC)
        async with shop(tmp_path, service) as here:
            assert (await here.call(ASKS_AGAIN, permissions=granted(("",)))).output == 1


async def test_a_value_for_which_there_is_no_room_ends_the_call(tmp_path: Path, home: Home) -> None:
    with memory(home) as service:
        put(service, "project/x", "v" * 3_000_000, PUBLIC)
        async with shop(tmp_path, service) as here:
            text = handling("(call $get (i32.const 1024) (i32.const 9))", data="project/x")
            error = await failing(here, text, permissions=granted(("",)), limits={"memory_mb": 2})
            assert error.code == MEMORY


async def test_one_that_is_cancelled_is_gone(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        await here.call(ECHO)
        (pid,) = here.pool.pids
        going = asyncio.ensure_future(here.call(SPIN, timeout=1000.0, limits=FUEL_FOR_EVER))
        await asyncio.sleep(0.2)
        going.cancel()
        with pytest.raises(asyncio.CancelledError):
            await going
        assert not lives(pid)
        assert (await here.call(ECHO)).success


async def test_a_process_that_dies_takes_nobody_with_it(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        other = asyncio.ensure_future(here.call(SPIN, timeout=1000.0, limits=FUEL_FOR_EVER))
        await eventually(lambda: len(here.pool.pids) == 1)
        (first,) = here.pool.pids
        going = asyncio.ensure_future(here.call(SPIN, timeout=1000.0, limits=FUEL_FOR_EVER))
        await eventually(lambda: len(here.pool.pids) == 2)
        await asyncio.sleep(0.2)
        os.kill(next(pid for pid in here.pool.pids if pid != first), signal.SIGKILL)
        with pytest.raises(CisError, match="the process of the skill guest has ended: ended by SIGKILL") as lost:
            await going
        assert (lost.value.code, lost.value.retryable) == (LOST, True)
        assert not other.done()
        other.cancel()
        with pytest.raises(asyncio.CancelledError):
            await other
        assert (await here.call(ECHO)).success


SLEEP = handling(
    """
    ;; a subscription to a clock, in 1000 s
    (i32.store (i32.const 2064) (i32.const 1)) (i64.store (i32.const 2072) (i64.const 1000000000000))
    (drop (call $poll (i32.const 2048) (i32.const 3000) (i32.const 1) (i32.const 3100)))
    (call $number (i32.const 0))""",
    more='(import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))',
)


async def test_one_that_sleeps_where_nothing_interrupts_it_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pools, "STOP_SECONDS", 0.3)
    async with shop(tmp_path) as here:
        await here.call(ECHO)
        (pid,) = here.pool.pids
        began = time.monotonic()
        error = await failing(here, SLEEP, timeout=0.2)
        assert error.code == TIME
        assert time.monotonic() - began < 5
        assert not lives(pid)


async def test_processes_that_nobody_needs_end(tmp_path: Path) -> None:
    async with shop(tmp_path, idle_seconds=0.1) as here:
        await here.call(ECHO)
        (pid,) = here.pool.pids
        await eventually(lambda: not lives(pid))
        assert here.pool.pids == []
        assert (await here.call(ECHO)).success
        (pid,) = here.pool.pids
    assert not lives(pid)


@pytest.mark.parametrize(
    "text",
    [
        f"(module {'(' * 5000}",
        f'(module {ALLOC} (memory (export "memory") 100000))',
        "\0asm\1\0\0\0\x01",
        "\0asm\x0d\0\1\0",
        "",
        "\xff",
    ],
)
async def test_what_is_no_module_is_told_as_such(tmp_path: Path, text: str) -> None:
    async with shop(tmp_path) as here:
        assert (await failing(here, text)).code == UNUSABLE


BREAKS_OUT = """
import os, socket, sys
from cis_tui.skills.wasm import worker
worker._confine()
def tried(what, call):
    try:
        call()
    except OSError as error:
        print(what, error.errno)
    else:
        print(what, "works")
tried("read", lambda: open("/etc/passwd"))
tried("write", lambda: open(sys.argv[1], "w"))
tried("list", lambda: os.listdir("/"))
tried("connect", lambda: socket.create_connection(("127.0.0.1", 1), 1))
tried("local", lambda: socket.socket(socket.AF_UNIX).connect("/x"))
tried("start", lambda: os.execv("/bin/true", ["true"]))
"""


async def test_machine_code_that_breaks_out_of_its_module_finds_nothing(tmp_path: Path) -> None:
    command = (sys.executable, "-c", BREAKS_OUT, str(tmp_path / "file"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: ASYNC221 - a test
    told = dict(line.split() for line in done.stdout.splitlines())
    kernel = this_kernel()
    if kernel.landlock:
        assert {told[what] for what in ("read", "write", "list", "start")} == {str(errno.EACCES)}
    if kernel.seccomp:
        assert {told[what] for what in ("connect", "local")} <= {str(errno.EPERM), str(errno.EACCES)}
    assert len(told) == 6, done.stderr


async def test_a_process_has_nothing_open_and_knows_nothing_of_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "planted")
    async with shop(tmp_path) as here:
        await here.call(ECHO)
        (pid,) = here.pool.pids
        opened = sorted(os.readlink(f"/proc/{pid}/fd/{fd}").partition(":")[0] for fd in os.listdir(f"/proc/{pid}/fd"))
        assert opened == ["/dev/null", "pipe", "pipe", "socket"]
        assert "planted" not in read(Path(f"/proc/{pid}/environ"))


ENGINE = """
import asyncio, sys
from pathlib import Path
from tests.skills.wasm.support import handling, shop
async def main():
    async with shop(Path(sys.argv[1])) as here:
        spin = handling("(loop $l (br $l)) (unreachable)")
        call = asyncio.ensure_future(here.call(spin, timeout=1000.0, limits={"fuel": 2**62}))
        while not here.pool.pids:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.3)
        print(*here.pool.pids, flush=True)
        await call
asyncio.run(main())
"""


async def test_no_process_outlives_an_engine_that_is_killed(tmp_path: Path) -> None:
    command = (sys.executable, "-c", ENGINE, str(tmp_path))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as engine:  # noqa: ASYNC220 - a test
        assert engine.stdout is not None
        pid = int(engine.stdout.readline())
        assert lives(pid)
        engine.kill()
        await eventually(lambda: not lives(pid))
