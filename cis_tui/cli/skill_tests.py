"""Runs the tests of a skill in a home of their own, each in a project of its own; they share a memory."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.cli.access import working
from cis_tui.cli.context import Context
from cis_tui.core.errors import CisError
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.skills.cases import Case, failure
from cis_tui.skills.digest import COMPILED

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi
    from cis_tui.skills.model import SkillResult

SETUP_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Tried:
    """How one test went."""

    skill: str
    name: str
    ok: bool
    why: str
    """Why it failed."""


async def try_skill(name: str, folder: Path, others: Iterable[Path], cases: Iterable[Case]) -> list[Tried]:
    """Try all `cases` of the skill `name` in `folder`; `others` are the folders of skills that it needs."""
    async with _laboratory([folder, *others]) as (api, place):
        return [await _try(api, place / str(number), name, case) for number, case in enumerate(cases)]


@asynccontextmanager
async def _laboratory(folders: Iterable[Path]) -> AsyncGenerator[tuple[EngineApi, Path]]:
    """An engine on a new home that has copies of these skills, and a folder for projects."""
    place = Path(tempfile.mkdtemp(prefix="cis-skill-test-"))
    try:
        home = place / "home"
        for folder in folders:
            shutil.copytree(folder, home / "skills" / folder.name, ignore=shutil.ignore_patterns(COMPILED))
        os.chmod(home, 0o700)
        async with working(Context(home=str(home))) as api:
            yield api, place
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def _try(api: EngineApi, project: Path, name: str, case: Case) -> Tried:
    await asyncio.to_thread(_furnish, project, case.files)
    entries = [(Domain.PUBLIC, case.memory), (Domain.PRIVATE, case.private)]
    writes = [MemoryWrite(key, value, domain) for domain, texts in entries for key, value in texts.items()]
    if writes:
        await api.memory_set_many(tuple(writes))
    why = await _set_up(project, case.setup) if case.setup else ""
    why = why or failure(case, await _came(api, project, name, case))
    why = why or await _after(api, project, case)
    return Tried(name, case.name, not why, why)


def _furnish(project: Path, files: Mapping[str, str]) -> None:
    (project / PROJECT_DIR).mkdir(parents=True)
    (project / PROJECT_DIR / PROJECT_FILE).write_text('name = "test"\n', "utf-8")
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")


async def _set_up(project: Path, line: str) -> str:
    """What went wrong; empty when nothing did."""
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-ec",
        line,
        cwd=project,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), SETUP_SECONDS)
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if not isinstance(error, TimeoutError):
            raise
        return f"setup took more than {SETUP_SECONDS} s"
    return f"setup failed: {said.decode('utf-8', 'replace').strip()}" if process.returncode else ""


async def _came(api: EngineApi, project: Path, name: str, case: Case) -> SkillResult | CisError:
    try:
        return await api.skill_run(str(project), name, case.args, case.input)
    except CisError as error:
        return error


async def _after(api: EngineApi, project: Path, case: Case) -> str:
    """What is not as it should be after the call; empty when all is."""
    for key, value in case.remembers.items():
        item = await api.memory_get(key)
        if item is None or item.value != value:
            return f"{key} was to be {value}, it is {item.value if item else 'not there'}"
    for path in case.present:
        if not (project / path).exists():
            return f"{path} was to be there"
    for path in case.absent:
        if (project / path).exists():
            return f"{path} must not be there"
    return ""
