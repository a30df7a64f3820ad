"""Looking things up on the memory screen, on a real engine."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.queries import Hit, Parts
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.tui.app import CisApp
from cis_tui.tui.memory_detail import MASK
from cis_tui.tui.pages import SIZE, Pages
from cis_tui.tui.paint import Line
from cis_tui.tui.screens.memory import MemoryScreen
from tests.tui.helpers import HandClock, attached, item, text_of, until, workspace

SECRET = "hunter2-correct-horse"
WRITES = (
    MemoryWrite("project/demo/config/retry", '{"max": 3, "backoff": 1.5}', Domain.PUBLIC),
    MemoryWrite("project/demo/wheel", "dist/demo-1.0.0-py3-none-any.whl", Domain.PUBLIC),
    MemoryWrite("user/name", "Ada Lovelace\nCountess of Lovelace", Domain.PRIVATE, pinned=True),
    MemoryWrite("user/password", SECRET),
)
THEMES = pytest.mark.parametrize("theme", ["cis-dark", "cis-light"])
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)], ids=["80x24", "120x36", "200x60"])


def front(app: CisApp) -> MemoryScreen:
    screen = app.screen_stack[0]
    assert isinstance(screen, MemoryScreen)
    return screen


async def test_what_is_remembered(home: Home) -> None:
    async with attached(home, None, size=(120, 36), clock=HandClock()) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1")
        await until(pilot, lambda: "user/name" in text_of(app))
        await pilot.press("j", "j", "space")
        await until(pilot, lambda: "1 marked" in text_of(app))
        await pilot.press("k")
        await until(pilot, lambda: "Countess" in text_of(app))


async def test_a_key_that_was_looked_for(home: Home) -> None:
    async with attached(home, None, size=(80, 24), clock=HandClock()) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1", "slash", *"user/n", "enter")
        await until(pilot, lambda: front(app).table.count and "Countess" in text_of(app))
        await until(pilot, lambda: "meaning follows" not in text_of(app))
        chosen = front(app).table.chosen
        assert chosen is not None and chosen.key == "user/name"
        await pilot.press("escape")
        await until(pilot, lambda: front(app).table.count == len(WRITES))
        assert "notes" not in text_of(app)
        await pilot.press("f", "down", "right")
        await until(pilot, lambda: "demo/" in text_of(app))


async def test_an_empty_memory_says_which_key_writes(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await pilot.press("1")
        await until(pilot, lambda: "writes the first entry" in text_of(app))


async def test_what_cannot_be_read_is_said_where_it_would_be(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set(MemoryWrite("k", "v", Domain.PUBLIC))
    for path in (home.memory / "public").glob("*.db*"):
        path.write_bytes(b"this is no database " * 1000)
    async with attached(home, None) as (app, pilot):
        await pilot.press("1")
        await until(pilot, lambda: "✗" in text_of(app).split("engine ready")[0] and ".db" in text_of(app))


async def test_a_secret_is_masked_until_it_is_asked_for_and_again_when_left(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1")
        await until(pilot, lambda: "user/password" in text_of(app))
        await pilot.press("end")
        await until(pilot, lambda: "s reveals it" in text_of(app))
        assert SECRET not in text_of(app) and MASK in text_of(app)
        await pilot.press("s")
        await until(pilot, lambda: SECRET in text_of(app))
        await pilot.press("s")
        assert SECRET not in text_of(app)
        await pilot.press("s", "k", "j")
        await pilot.pause()
        assert SECRET not in text_of(app)
        await pilot.press("s")
        await until(pilot, lambda: SECRET in text_of(app))
        await pilot.press("2", "1")
        await until(pilot, lambda: "s reveals it" in text_of(app))
        assert SECRET not in text_of(app)


async def test_a_secret_is_masked_again_by_itself(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set(MemoryWrite("user/password", SECRET))
        await pilot.press("1")
        await until(pilot, lambda: "s reveals it" in text_of(app))
        front(app).reveal_seconds, page, seen = 0.5, front(app).page, list[str]()
        show = page.show

        def shown(lines: Sequence[Line]) -> None:
            seen.append(str(lines))  # a slow machine may mask it again before anybody looks at the screen
            show(lines)

        monkeypatch.setattr(page, "show", shown)
        await until(pilot, lambda: front(app)._history)  # pyright: ignore[reportPrivateUsage] # the value comes with it
        await pilot.press("s")
        await until(pilot, lambda: SECRET in "".join(seen) and SECRET not in text_of(app))


async def test_the_value_of_a_secret_does_not_come_with_the_listing(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1")
        await until(pilot, lambda: front(app).table.count == len(WRITES))
        await pilot.press("end")
        chosen = front(app).table.chosen
        assert chosen is not None and (chosen.key, chosen.value) == ("user/password", "")


async def test_the_tree_says_where_entries_are_and_shows_them(home: Home) -> None:
    async with attached(home, None, size=(120, 36)) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1")
        await until(pilot, lambda: "▸ project/" in text_of(app) and "all of memory" in text_of(app))
        await pilot.press("f", "down", "right")
        await until(pilot, lambda: "▾ project/" in text_of(app) and "▸ demo/" in text_of(app))
        await pilot.press("right", "right")
        await until(pilot, lambda: "▸ config/" in text_of(app) and front(app).table.count == 2)
        await pilot.press("left", "left", "left")
        await until(pilot, lambda: "▸ project/" in text_of(app) and "demo/ " not in text_of(app).split("│")[0])
        await pilot.press("down", "enter")
        await until(pilot, lambda: front(app).table.has_focus and "user/  2 entries" in text_of(app))
        await app.link.api.memory_set(MemoryWrite("user/new", "x"))
        await until(pilot, lambda: "user/  3 entries" in text_of(app))


async def test_on_a_narrow_screen_the_tree_comes_and_goes_by_a_key(home: Home) -> None:
    async with attached(home, None, size=(80, 24)) as (app, pilot):
        await app.link.api.memory_set_many(WRITES)
        await pilot.press("1")
        await until(pilot, lambda: front(app).table.count == len(WRITES))
        assert "▸ project/" not in text_of(app)
        await pilot.press("f")
        await until(pilot, lambda: "▸ project/" in text_of(app))
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: "user/  2 entries" in text_of(app) and "▸ project/" not in text_of(app))


async def test_what_others_write_appears_by_itself(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await pilot.press("1")
        await until(pilot, lambda: "writes the first entry" in text_of(app))
        await app.link.api.memory_set(MemoryWrite("from/elsewhere", "x"))
        await until(pilot, lambda: "from/elsewhere" in text_of(app))


async def test_a_search_finds_by_words_at_once_and_by_meaning_after(home: Home) -> None:
    async with attached(home, None, size=(120, 36)) as (app, pilot):
        await app.link.api.memory_set_many(
            (*WRITES, MemoryWrite("notes/drink", "The good coffee is brewed on the third floor"))
        )
        await pilot.press("1", "slash", *"coffee")
        await until(pilot, lambda: "holds coffee" in text_of(app))
        await until(pilot, lambda: re.search(r"meaning 0\.[1-9].*words (0\.[1-9]|1)", text_of(app)), seconds=60)
        await pilot.press("down", "escape")
        await until(pilot, lambda: front(app).table.count == 5)


async def test_a_new_search_goes_to_the_best_that_it_finds(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set_many(tuple(MemoryWrite(key, "x", Domain.PUBLIC) for key in ("tea", "team")))
        await pilot.press("1", "slash", "t")
        table = front(app).table
        await until(pilot, lambda: table.count == 2)
        table.show_rows(2, cursor=1)
        await pilot.press("e")
        await until(pilot, lambda: table.cursor == 0 and table.chosen is not None)


async def test_what_is_found_later_and_fits_better_comes_first_until_a_person_is_in_the_list(home: Home) -> None:
    parts = Parts(0.5, 0.5, 0.0, 0.0)
    one, other = (Hit(item(key), 0.5, parts, "x", ((0, 1),), "by words") for key in ("tea", "team"))
    app = workspace(home)  # no engine: nothing else is found meanwhile
    async with app.run_test() as pilot:
        await pilot.press("1", "slash")
        table = front(app).table

        def found(*hits: Hit) -> str:
            pages = Pages("", "te")
            pages.take_found((), hits)
            table.show(pages)
            assert table.chosen is not None
            return table.chosen.key

        assert found(one, other) == one.item.key
        assert found(other, one) == other.item.key
        await pilot.press("enter")
        await until(pilot, lambda: table.has_focus)
        assert found(one, other) == other.item.key


async def test_the_key_itself_comes_first_and_those_that_begin_with_it_next(home: Home) -> None:
    writes = [MemoryWrite(key, "plain plain", Domain.PUBLIC) for key in ("plain/more", "plain", "other")]
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set_many(tuple(writes))
        await pilot.press("1", "slash", *"plain", "enter")

        def keys() -> list[str]:
            pages = front(app).table._pages  # pyright: ignore[reportPrivateUsage] # the order of the rows
            return [item.key for index in range(front(app).table.count) if (item := pages.item(index))]

        await until(pilot, lambda: keys() == ["plain", "plain/more", "other"])  # unsearched, there are three rows too


async def test_a_search_that_finds_nothing_says_what_it_looked_for(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await pilot.press("1", "slash", *"zzz", "enter")
        await until(pilot, lambda: 'Nothing is found for "zzz".' in text_of(app))


async def test_a_large_memory_is_read_as_it_is_looked_at(home: Home) -> None:
    writes = tuple(MemoryWrite(f"many/{number:05d}", "x", Domain.PUBLIC) for number in range(1500))
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set_many(writes)
        await pilot.press("1")
        await until(pilot, lambda: front(app).table.count == 1500)
        assert len(front(app).table._pages._items) <= 2 * SIZE  # pyright: ignore[reportPrivateUsage] # what was read
        await pilot.press("end")
        await until(pilot, lambda: "many/01499" in text_of(app))
        await app.link.api.memory_set(MemoryWrite("many/zz", "new"))
        await until(pilot, lambda: front(app).table.count == 1501)
        chosen = front(app).table.chosen
        assert chosen is not None and chosen.key == "many/01499", "the cursor stays on its entry"


async def test_opening_an_entry_counts_as_use(home: Home, trusted: Path) -> None:
    async with attached(home, trusted) as (app, pilot):
        await app.link.api.memory_set(MemoryWrite("k", "v"))
        await pilot.press("1")
        await until(pilot, lambda: front(app).table.count == 1)
        before = (await app.link.api.memory_list("")).items[0].uses
        await pilot.press("enter")
        await until(pilot, lambda: front(app).page.has_focus)
        while (await app.link.api.memory_list("")).items[0].uses == before:
            await pilot.pause(0.02)


async def test_the_layers_tell_their_hits_and_times(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set(MemoryWrite("k", "v"))
        for _ in range(4):
            await app.link.api.memory_get("k")
        await pilot.press("1", "i")
        await until(pilot, lambda: "layer by layer" in text_of(app))
        assert "3 of 4 answered" in text_of(app) and "75%" in text_of(app)
        assert "private  1 entry, 1 open week" in text_of(app)
