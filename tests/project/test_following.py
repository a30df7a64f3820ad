"""Changed files are taken up at once: real files, real notices of the system."""

from __future__ import annotations

import asyncio
import errno
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.project.following import Following
from cis_tui.project.session import ProjectSession
from cis_tui.project.trust import TrustStore
from cis_tui.project.watching import Watcher
from cis_tui.skills.snapshot import Snapshots
from tests.project.test_project_skills import DAG, MANIFEST, trust, write_skill


class Desk:
    """A project that is followed, and what was told of it."""

    def __init__(self, session: ProjectSession, root: Path) -> None:
        self.session = session
        self.root = root
        self.told: list[tuple[str, Mapping[str, object]]] = []

    async def until(self, holds: Callable[[], object], seconds: float = 10) -> float:
        """Seconds until it holds."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < seconds, self.told
            await asyncio.sleep(0.005)
        return time.monotonic() - began

    async def news(self, name: str, change: str) -> Mapping[str, object]:
        """The news of that kind about `name`, once it has come; forgets what was told before it."""

        def found() -> list[Mapping[str, object]]:
            about = [data for _, data in self.told if name in (data.get("skill"), data.get("dag"), data.get("name"))]
            return [data for data in about if data["change"] == change]

        await self.until(found)
        news = found()[0]
        self.told.clear()
        return news


@asynccontextmanager
async def following(home: Home, root: Path, *, author: bool = False) -> AsyncGenerator[Desk]:
    (root / ".cis" / "dags").mkdir(parents=True)
    (root / ".cis" / "dags" / "a.toml").write_text(DAG)
    (root / ".cis" / "project.toml").write_text("name = 'p'\n")
    write_skill(root / ".cis" / "skills" / "greet")
    trust(home, root, author=author)
    session = ProjectSession(home, TrustStore(home), root, Snapshots(home.skill_copies))
    desk = Desk(session, root)
    with ThreadPoolExecutor(2) as threads:
        follow = Following(home, lambda kind, data: desk.told.append((kind, data)), threads)
        await follow.look(session)
        follow.follow(session)
        await asyncio.sleep(0.3)
        try:
            yield desk
        finally:
            await follow.close()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "work"


async def test_a_changed_skill_is_taken_up_within_a_second(home: Home, root: Path) -> None:
    async with following(home, root, author=True) as desk:
        assert desk.told == []
        taken: list[float] = []
        for before, now in (("1.0", "1.1"), ("1.1", "1.2"), ("1.2", "1.3")):
            fresh = root / "skill.toml"
            fresh.write_text(MANIFEST.replace("1.0", now))
            fresh.rename(root / ".cis" / "skills" / "greet" / "skill.toml")
            what = f"skill.toml changed; version {before} → {now}"
            taken.append(await desk.until(lambda what=what: what in [data["what"] for _, data in desk.told]))
            assert desk.session.runnable_skill("greet").version == now
        assert min(taken) < 1, "a busy machine may spoil one, not three"


async def test_a_broken_edit_keeps_the_last_good_one_and_says_why(home: Home, root: Path) -> None:
    async with following(home, root) as desk:
        file = root / ".cis" / "skills" / "greet" / "skill.toml"
        file.write_text(MANIFEST.replace('"greet.sh"', "3"))
        news = await desk.news("greet", "broken")
        assert 'skill.toml:4: "entry" is 3, expected text' in str(news["what"])
        assert str(news["what"]).endswith("1.0 goes on being called")
        assert desk.session.runnable_skill("greet").stale
        file.write_text(MANIFEST)
        assert (await desk.news("greet", "mended"))["trusted"] is True
        assert not desk.session.runnable_skill("greet").stale


async def test_every_way_to_save_is_seen(home: Home, root: Path) -> None:
    async with following(home, root) as desk:
        file = root / ".cis" / "skills" / "greet" / "greet.sh"
        for number in range(3):
            fresh = file.with_suffix(".tmp")
            fresh.write_text(f"#!/bin/sh\necho {number}\n")
            fresh.chmod(0o755)
            fresh.rename(file)
            assert "it is not trusted as it is now" in str((await desk.news("greet", "changed"))["what"])


async def test_dags_new_skills_and_settings_too(home: Home, root: Path) -> None:
    async with following(home, root) as desk:
        (root / ".cis" / "dags" / "a.toml").write_text(DAG + "deps = ['b']\n")
        assert 'a.toml:1: task "a" needs "b"' in str((await desk.news("a", "broken"))["what"])
        write_skill(root / ".cis" / "skills" / "wave", MANIFEST.replace('"greet"', '"wave"'))
        await desk.news("wave", "new")
        write_skill(home.skills / "mine", MANIFEST.replace('"greet"', '"mine"'))
        assert (await desk.news("mine", "new"))["trusted"] is True
        (root / ".cis" / "project.toml").write_text("[memory]\ndefault_domain = 'public'\n")
        await desk.news(".cis/project.toml", "new")
        (root / ".cis" / "dags" / "a.toml").unlink()
        await desk.news("a", "removed")


async def test_a_folder_that_is_replaced_is_followed_on(
    home: Home, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cis_tui.project.watching.LOOK", 200)
    async with following(home, root) as desk:
        (root / ".cis").rename(root / "old")
        write_skill(root / ".cis" / "skills" / "other", MANIFEST.replace('"greet"', '"other"'))
        await desk.news("other", "new")
        write_skill(root / ".cis" / "skills" / "other", MANIFEST.replace('"greet"', '"other"'), "again")
        await desk.news("other", "changed")


async def test_where_the_system_cannot_tell_files_are_looked_at(tmp_path: Path) -> None:
    asked: list[bool] = []
    looked = asyncio.Semaphore(0)
    told: list[str] = []

    async def exhausted(roots: Sequence[Path], polling: bool) -> AsyncGenerator[object]:
        asked.append(polling)
        if not polling:
            raise OSError(errno.ENOSPC, "OS file watch limit reached")
        while True:
            await asyncio.sleep(0.01)
            yield {"a change"}

    async def changed() -> None:
        looked.release()

    watcher = Watcher(lambda: [tmp_path], changed, told.append, changes=exhausted)
    try:
        async with asyncio.timeout(10):
            for _ in range(3):
                await looked.acquire()
    finally:
        await watcher.close()
    assert asked == [False, True]
    assert told == [
        "the system cannot tell of changed files (OS file watch limit reached): they are looked at twice a second"
    ]


async def test_folders_that_cannot_be_looked_at_for_a_moment_are_followed_after_it(tmp_path: Path) -> None:
    looks, seen = 0, asyncio.Event()

    def roots() -> list[Path]:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise PermissionError(13, "Permission denied")
        return [tmp_path]

    async def changed() -> None:
        seen.set()

    watcher = Watcher(roots, changed, lambda text: None)
    try:
        await asyncio.wait_for(seen.wait(), 10)
    finally:
        await watcher.close()


async def test_looking_at_files_finds_changes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cis_tui.project.watching.POLL", 50)
    seen = asyncio.Event()

    async def changed() -> None:
        seen.set()

    watcher = Watcher(lambda: [tmp_path], changed, lambda text: None)
    monkeypatch.setattr(watcher, "_polling", True)
    try:
        await asyncio.sleep(0.4)
        seen.clear()
        (tmp_path / "x").write_text("1")
        await asyncio.wait_for(seen.wait(), 10)
    finally:
        await watcher.close()
