"""What a call of a WASM skill costs, beside the same call by the bare library in this process."""

from __future__ import annotations

import asyncio
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import pytest
import wasmtime

from cis_tui.skills.native import SkillCall
from cis_tui.skills.wasm.source import Source, read_source
from cis_tui.skills.wasm.worker import configured
from tests.skills.wasm.support import ECHO, Shop, shop

pytestmark = pytest.mark.bench
INPUT = b'{"args":["a"],"input":{"word":"x"},"project":"/p","run":"r1"}'


def bare(source: bytes) -> float:
    """Milliseconds of a call by the library: a store, an instance, the input in, the answer out."""
    engine = configured()
    linker = wasmtime.Linker(engine)
    module = wasmtime.Module(engine, bytes(wasmtime.wat2wasm(source)))
    for each in module.imports:
        linker.define_func(each.module, each.name or "", each.type, lambda *_: 0)  # pyright: ignore[reportArgumentType, reportUnknownLambdaType]
    prepared = linker.instantiate_pre(module)
    times: list[float] = []
    for _ in range(300):
        began = perf_counter()
        with wasmtime.Store(engine) as store:
            store.set_fuel(10**10)
            store.set_epoch_deadline(1)
            exports = prepared.instantiate(store).exports(store)
            memory = exports["memory"]
            assert isinstance(memory, wasmtime.Memory)
            alloc: Any = exports["cis_alloc"]
            handle: Any = exports["handle"]
            at = int(alloc(store, len(INPUT)))
            memory.write(store, INPUT, at)
            answer = int(handle(store, at, len(INPUT)))
            bytes(memory.read(store, answer >> 32, (answer >> 32) + (answer & 0xFFFFFFFF)))
        times.append(perf_counter() - began)
    return median(times) * 1000


async def calls(here: Shop, count: int) -> list[float]:
    """Milliseconds of each of so many calls, one after the other."""
    skill = here.skill(ECHO)
    await here.call(skill)
    times: list[float] = []
    for _ in range(count):
        began = perf_counter()
        assert (await here.skills.run(skill, SkillCall(args=("a",)))).success
        times.append((perf_counter() - began) * 1000)
    return times


async def test_a_warm_call_takes_less_than_a_millisecond(tmp_path: Path) -> None:
    reference = bare(ECHO.encode())
    async with shop(tmp_path) as here:
        times = await calls(here, 300)
    print(f"\nwarm call {median(times):.3f} ms, bare library {reference:.3f} ms: {median(times) / reference:.1f}x")
    assert median(times) < 1.0


async def test_a_compiled_module_is_loaded_in_less_than_five_milliseconds(tmp_path: Path) -> None:
    """From the file of the skill and the cache on the disk to an answer, less what a warm call takes."""
    began = perf_counter()
    async with shop(tmp_path) as here:
        sources = [f";; {number}\n{ECHO}" for number in range(40)]
        for text in sources:
            await here.call(text)
        compiled = perf_counter() - began
    async with shop(tmp_path) as here:
        warm = median(await calls(here, 50))
        times: list[float] = []
        for text in sources:  # of which a worker keeps but a few
            skill = here.skill(text)
            began = perf_counter()
            await here.call(skill)
            times.append((perf_counter() - began) * 1000 - warm)
    print(
        f"\nload {median(times):.2f} ms; compiled anew {compiled * 1000 / len(sources):.1f} ms; warm call {warm:.3f} ms"
    )
    assert median(times) < 5.0


async def test_many_at_once(tmp_path: Path) -> None:
    async with shop(tmp_path) as here:
        skill = here.skill(ECHO)
        await asyncio.gather(*(here.call(skill) for _ in range(16)))
        began = perf_counter()
        await asyncio.gather(*(here.call(skill) for _ in range(500)))
        each = (perf_counter() - began) * 1000 / 500
    print(f"\n500 at once: {each:.3f} ms each")
    assert each < 2.0


def test_the_source_is_read_and_hashed_quickly(tmp_path: Path) -> None:
    (tmp_path / "skill.wasm").write_bytes(b"\0asm" + b"x" * 1_000_000)
    began = perf_counter()
    source: Source = read_source(tmp_path, "skill.wasm")
    took = (perf_counter() - began) * 1000
    print(f"\na megabyte of module: {took:.2f} ms")
    assert len(source.data) == 1_000_004
    assert took < 50
