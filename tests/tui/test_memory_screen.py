"""The memory screen on a real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.tui.app import CisApp
from cis_tui.tui.memory_detail import MASK
from cis_tui.tui.pages import SIZE, WHOLE, Pages
from cis_tui.tui.screens.memory import MemoryScreen
from tests.tui.conftest import Compare
from tests.tui.helpers import HandClock, attached, item, text_of, until

SECRET = "hunter2-correct-horse"
WRITES = (
    MemoryWrite("project/demo/wheel", "dist/demo-1.0.0-py3-none-any.whl", Domain.PUBLIC),
    MemoryWrite("user/name", "Ada Lovelace\nCountess of Lovelace", Domain.PRIVATE),
    MemoryWrite("user/password", SECRET),
)


def front(app: CisApp) -> MemoryScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, MemoryScreen)
    return screen


@pytest.mark.parametrize("theme", ["cis-dark", "cis-light"])
@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)], ids=["80x24", "120x36", "200x60"])
async def test_what_is_remembered(home: Home, looks_right: Compare, size: tuple[int, int], theme: str) -> None:
    async with attached(home, None, size=size, clock=HandClock(), theme=theme) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1")
        await until(pilot, lambda: "user/name" in text_of(app))
        await pilot.press("j")
        await until(pilot, lambda: "Countess" in text_of(app))
        looks_right(app)


async def test_an_empty_memory_says_which_key_writes(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await pilot.press("1")
        await until(pilot, lambda: "n writes the first entry" in text_of(app))


async def test_a_secret_is_masked_until_it_is_asked_for_and_again_when_left(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1")
        await until(pilot, lambda: "user/password" in text_of(app))
        await pilot.press("end")
        await until(pilot, lambda: "s reveals it" in text_of(app))
        assert SECRET not in text_of(app) and MASK in text_of(app)
        await pilot.press("s")
        assert SECRET in text_of(app)
        await pilot.press("space")
        assert SECRET not in text_of(app)
        await pilot.press("s", "k", "j")
        await pilot.pause()
        assert SECRET not in text_of(app)


async def test_an_entry_is_written_corrected_and_deleted(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await pilot.press("1", "n")
        await until(pilot, lambda: "Remember something" in text_of(app))
        await pilot.press(*"notes/a", "tab", *"first", "tab", *"public", "ctrl+s")
        await until(pilot, lambda: "notes/a" in text_of(app) and len(app.screen_stack) == 1)
        found = await app.link.api.memory_get("notes/a")
        assert found is not None and (found.value, found.domain) == ("first", Domain.PUBLIC)
        await pilot.press("e")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("end", *" and more", "ctrl+s")
        await until(pilot, lambda: "2 versions" in text_of(app))
        assert "first and more" in text_of(app)
        await pilot.press("D")
        await until(pilot, lambda: "Delete this entry?" in text_of(app))
        await pilot.press("enter", "n")
        assert await app.link.api.memory_get("notes/a") is not None
        await pilot.press("D")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("y")
        await until(pilot, lambda: "n writes the first entry" in text_of(app))


async def test_a_domain_that_does_not_exist_is_refused(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await pilot.press("1", "n")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(*"k", "tab", *"v", "tab", *"secret", "ctrl+s")
        await until(pilot, lambda: "no domain" in text_of(app))
        assert await app.link.api.memory_get("k") is None


async def test_what_others_write_appears_by_itself(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await pilot.press("1")
        await until(pilot, lambda: "n writes" in text_of(app))
        await app.link.api.memory_set(MemoryWrite("from/elsewhere", "x"))
        await until(pilot, lambda: "from/elsewhere" in text_of(app))


async def test_the_filter_looks_anywhere_in_the_key(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1", "slash", *"DEMO", "enter")
        await until(pilot, lambda: front(app).table.count == 1)
        assert "project/demo/wheel" in text_of(app)
        await pilot.press("slash", "escape")
        await until(pilot, lambda: front(app).table.count == 3)


async def test_a_large_memory_is_read_as_it_is_looked_at(home: Home) -> None:
    writes = tuple(MemoryWrite(f"many/{number:05d}", "x", Domain.PUBLIC) for number in range(WHOLE + 500))
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set_many(writes)
        await pilot.press("1")
        await until(pilot, lambda: front(app).table.count == WHOLE + 500)
        assert len(front(app).table._pages._items) <= 2 * SIZE  # pyright: ignore[reportPrivateUsage] # what was read
        await pilot.press("end")
        await until(pilot, lambda: f"many/{WHOLE + 499:05d}" in text_of(app))
        await pilot.press("slash", *"many/0001")
        await until(pilot, lambda: front(app).table.count == 10)


def test_pages_are_asked_for_once_and_only_where_they_are_looked_at() -> None:
    pages = Pages()
    assert pages.to_read(0, 30) == [0]
    assert pages.to_read(0, 30) == []
    pages.total = 1000
    assert pages.to_read(250, 320) == [200, 300]
    assert pages.item(250) is None


def test_values_that_are_no_text_are_described() -> None:
    from cis_tui.tui.memory_detail import preview

    assert preview(item("blob", b"\xff\xfe\x00")) == "3 bytes that are not text"


async def test_opening_an_entry_counts_as_use(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await app.link.api.memory_set(MemoryWrite("k", "v"))
        await pilot.press("1")
        await until(pilot, lambda: front(app).table.count == 1)
        before = (await app.link.api.memory_list("")).items[0].access_count
        await pilot.press("enter")
        await until(pilot, lambda: front(app).page.has_focus)
        while (await app.link.api.memory_list("")).items[0].access_count == before:
            await pilot.pause(0.02)


async def test_a_value_that_an_editor_would_change_is_not_edited(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set(MemoryWrite("k", "a\x1b[31mb"))
        await pilot.press("1")
        await until(pilot, lambda: front(app).table.count == 1)
        await pilot.press("e")
        await until(pilot, lambda: "cannot be edited here" in text_of(app))
        assert len(app.screen_stack) == 1
