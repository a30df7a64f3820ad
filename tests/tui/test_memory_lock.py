"""Private memory locked and unlocked from the screen, and conflicts settled on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.memory.test_merge import record
from tests.tui.helpers import attached, text_of, until
from tests.tui.test_memory_screen import front

PASSPHRASE = "correct horse"
WRITES = (MemoryWrite("open/note", "seen by all", Domain.PUBLIC), MemoryWrite("own/diary", "for me alone"))


async def test_what_is_private_leaves_the_screen_with_its_key_and_comes_back(home: Home) -> None:
    async with attached(home, None, size=(120, 36)) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await app.link.api.memory_rekey("passphrase", new=PASSPHRASE)
        await app.link.api.memory_unlock(PASSPHRASE)
        await pilot.press("1")
        await until(pilot, lambda: front(app).table.count == 2)
        await pilot.press("end", "space")
        await until(pilot, lambda: "for me alone" in text_of(app) and "1 marked" in text_of(app))
        await pilot.press("L")
        await until(pilot, lambda: "private memory is locked, L unlocks it" in text_of(app))
        await until(pilot, lambda: "for me alone" not in text_of(app) and "own/" not in text_of(app))
        assert "marked" not in text_of(app) and "open/note" in text_of(app)

        await pilot.press("L")
        await until(pilot, lambda: "Unlock private memory" in text_of(app))
        await pilot.press(*"wrong")
        assert "wrong" not in text_of(app), "what is typed is not shown"
        await pilot.press("enter")
        await until(pilot, lambda: "this is not its passphrase" in text_of(app))
        assert "Unlock private memory" in text_of(app)
        await pilot.press(*["backspace"] * 5, *PASSPHRASE, "enter")
        await until(pilot, lambda: front(app).table.count == 2 and "own/diary" in text_of(app))
        await until(pilot, lambda: "L unlocks it" not in text_of(app).split("\n")[1])


async def test_a_key_that_lies_in_a_file_cannot_be_locked_and_says_why(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1", "L")
        await until(pilot, lambda: "cannot be locked" in text_of(app) and "rekey --passphrase" in text_of(app))


@pytest.fixture
def disputed(home: Home) -> Callable[[], None]:
    """Writes an entry of which another node, not knowing it, wrote one too."""

    def write() -> None:
        service = MemoryService(home)
        service.set(MemoryWrite("note", "ours", Domain.PUBLIC))
        service.merge([record("note", "theirs")])
        service.close()

    return write


async def test_a_conflict_is_marked_and_settled(home: Home, disputed: Callable[[], None]) -> None:
    disputed()
    async with attached(home, None, size=(120, 36)) as (app, pilot):
        await pilot.press("1")
        await until(pilot, lambda: "≠ note" in text_of(app) and "1 conflict, C settles" in text_of(app))
        await until(pilot, lambda: "s version of 20" in text_of(app) and "C settles it" in text_of(app))
        await pilot.press("C")
        await until(pilot, lambda: "Which one of note?" in text_of(app))
        rows = [row for row in text_of(app).split("\n") if ": ours" in row or ": theirs" in row]
        await pilot.press(*(["enter"] if "theirs" in rows[0] else ["down", "enter"]))
        await until(pilot, lambda: "conflict" not in text_of(app).split("\n")[1] and "≠ note" not in text_of(app))
        (found,) = (await app.link.api.memory_list("note")).items
        assert found.value == "theirs"
