"""Native skills of tests: small programs, called as the engine calls them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from cis_tui.core.paths import Home
from cis_tui.skills.kernel import Kernel, this_kernel
from cis_tui.skills.model import Permissions, SkillManifest, SkillOrigin, SkillResult, SkillType
from cis_tui.skills.native import NativeSkills, SkillCall
from cis_tui.skills.process import Processes
from cis_tui.skills.surroundings import confined_env

TOOLS = ("cat", "head", "tr", "sleep", "sed", "env", "touch", "ls", "ln", "mkdir", "true", "seq")


@asynccontextmanager
async def processes() -> AsyncGenerator[Processes]:
    mine = Processes()
    try:
        yield mine
    finally:
        await mine.close()


def skill(folder: Path, script: str, *, python: bool = False, **more: object) -> SkillManifest:
    """A skill whose program is a script, for sh unless it is for `python`; it may start the usual small programs."""
    folder.mkdir(exist_ok=True)
    file = folder / "run"
    file.write_text(f"#!/usr/bin/env -S python3 -I -S\n{script}\n" if python else f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    manifest = SkillManifest(
        "greet",
        "1",
        SkillType.NATIVE,
        "run",
        permissions=Permissions(command=TOOLS),
        folder=folder,
        file=str(folder / "skill.toml"),
        origin=SkillOrigin.PROJECT,
    )
    return replace(manifest, **more)  # pyright: ignore[reportArgumentType]


async def call(
    manifest: SkillManifest, folder: Path, *args: str, kernel: Kernel | None = None, **more: object
) -> tuple[SkillResult, bytes]:
    """The result of a call from the project `folder`, and everything that the skill printed."""
    (answer,), log = await calls([manifest], folder, *args, kernel=kernel, **more)
    return answer, log


async def calls(
    manifests: Sequence[SkillManifest], folder: Path, *args: str, kernel: Kernel | None = None, **more: object
) -> tuple[list[SkillResult], bytes]:
    """Call one skill after the other."""
    log = bytearray()
    async with processes() as mine:
        native = NativeSkills(Home(folder / "home"), mine, probe=lambda: kernel or this_kernel())
        results: list[SkillResult] = []
        for manifest in manifests:
            env = confined_env(manifest.name, project=str(folder), run="r1", task="t", attempt=2)
            given = SkillCall(args=args, input={"tag": "1.0"}, project=str(folder), run="r1", cwd=folder, env=env)
            changed = replace(given, **more)  # pyright: ignore[reportArgumentType]
            results.append(await native.run(manifest, changed, on_log=log.extend))
    return results, bytes(log)
