"""Modules in text for the tests, and a shop in which they are called."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from cis_tui.memory.service import MemoryService
from cis_tui.skills.memory import SkillMemory
from cis_tui.skills.model import Permissions, SkillManifest, SkillResult, SkillType
from cis_tui.skills.native import SkillCall
from cis_tui.skills.wasm.cache import CompiledCache
from cis_tui.skills.wasm.pool import Pool
from cis_tui.skills.wasm.run import WasmSkills

IMPORTS = """
  (import "cis" "cis_log" (func $log (param i32 i32 i32)))
  (import "cis" "cis_memory_get" (func $get (param i32 i32) (result i64)))
  (import "cis" "cis_memory_set" (func $set (param i32 i32 i32 i32) (result i32)))
  (import "cis" "cis_schedule_task" (func $schedule (param i32 i32) (result i32)))
"""
ALLOC = """
  (global $next (mut i32) (i32.const 32768))
  (func $alloc (export "cis_alloc") (param $len i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (local.get $at) (local.get $len)))
    (block $fits
      (br_if $fits (i32.le_u (global.get $next) (i32.mul (memory.size) (i32.const 65536))))
      (br_if $fits (i32.ne (memory.grow (i32.shr_u (local.get $len) (i32.const 15))) (i32.const -1)))
      (return (i32.const 0)))
    (local.get $at))
"""
ANSWER = """
  (func $pack (param $at i32) (param $len i32) (result i64)
    (i64.or (i64.shl (i64.extend_i32_u (local.get $at)) (i64.const 32)) (i64.extend_i32_u (local.get $len))))
  ;; The number as JSON, with a minus where it has one; at 512.
  (func $number (param $n i32) (result i64)
    (local $at i32) (local $left i32)
    (local.set $at (i32.const 540))
    (local.set $left (local.get $n))
    (if (i32.lt_s (local.get $n) (i32.const 0)) (then (local.set $left (i32.sub (i32.const 0) (local.get $n)))))
    (loop $digits
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $left) (i32.const 10))))
      (local.set $left (i32.div_u (local.get $left) (i32.const 10)))
      (br_if $digits (local.get $left)))
    (if (i32.lt_s (local.get $n) (i32.const 0))
      (then
        (local.set $at (i32.sub (local.get $at) (i32.const 1)))
        (i32.store8 (local.get $at) (i32.const 45))))
    (call $pack (local.get $at) (i32.sub (i32.const 540) (local.get $at))))
"""


def module(body: str, *, handle: str = "", data: str = "", pages: str = "1", more: str = "") -> str:
    """A skill in text: `handle` is the body of its function, `body` goes beside it, `data` lies at 1024."""
    text = f'(data (i32.const 1024) "{data}")' if data else ""
    head = '(func $handle (export "handle") (param $at i32) (param $len i32) (result i64) (local $n i32) (local $v i64)'
    function = f"{head} {handle})" if handle else ""
    return f'(module {IMPORTS} {more} (memory (export "memory") {pages}) {text} {ALLOC} {ANSWER} {body} {function})'


def handling(handle: str, **more: str) -> str:
    """A skill of one function."""
    return module("", handle=handle, **more)


ECHO = handling("(call $pack (local.get $at) (local.get $len))")


@dataclass
class Shop:
    """Calls skills that are written into one folder."""

    folder: Path
    pool: Pool
    skills: WasmSkills
    told: list[tuple[str, Mapping[str, object]]] = field(default_factory=list[tuple[str, Mapping[str, object]]])
    log: bytearray = field(default_factory=bytearray)

    def skill(self, text: str | bytes, **more: object) -> SkillManifest:
        """A skill whose module is `text`; what else is in its manifest."""
        self.folder.mkdir(exist_ok=True)
        name = f"{abs(hash(text)):x}.{'wasm' if isinstance(text, bytes) else 'wat'}"
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        manifest = SkillManifest("guest", "1", SkillType.WASM, name, folder=self.folder)
        return replace(manifest, **{"timeout": 5.0, **more})  # pyright: ignore[reportArgumentType]

    async def call(self, text: str | bytes | SkillManifest, *args: str, **more: object) -> SkillResult:
        """Call a skill; options of its manifest."""
        manifest = text if isinstance(text, SkillManifest) else self.skill(text, **more)
        given = SkillCall(args=args, input={"word": "hé"}, project="/p", run="r1", task="t")
        return await self.skills.run(manifest, given, on_log=self.log.extend)


@asynccontextmanager
async def shop(folder: Path, memory: MemoryService | None = None, **pool: object) -> AsyncGenerator[Shop]:
    """A shop, its compiled modules in `folder` too."""
    workers = Pool(CompiledCache(folder / "cache", b"k" * 32), **pool)  # pyright: ignore[reportArgumentType]
    told: list[tuple[str, Mapping[str, object]]] = []
    skills = WasmSkills(
        workers,
        memory=None
        if memory is None
        else lambda caller: SkillMemory(memory, caller, lambda kind, data: told.append((kind, data))),
    )
    try:
        yield Shop(folder / "skill", workers, skills, told)
    finally:
        await skills.close()


def granted(read: tuple[str, ...] = (), write: tuple[str, ...] = ()) -> Permissions:
    """Permissions in memory."""
    return Permissions(memory_read=read, memory_write=write)
