"""Writing, changing and deleting on the memory screen, on a real engine."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, IndexType, MemoryItem, MemoryWrite
from cis_tui.tui.app import CisApp
from cis_tui.tui.memory_acts import MemoryActs
from tests.tui.helpers import HOSTILE, attached, paste, text_of, until
from tests.tui.test_memory_screen import SECRET, WRITES, front

if TYPE_CHECKING:
    from textual.pilot import Pilot


async def open_memory(app: CisApp, pilot: Pilot[None], *writes: MemoryWrite) -> None:
    """Go to the memory screen, with these entries in it."""
    await app.link.api.memory_set_many(writes)
    await pilot.press("1")
    await until(pilot, lambda: front(app).table.count == len(writes))


async def entry(app: CisApp, key: str) -> MemoryItem | None:
    """The entry `key`, if there is one."""
    return next((item for item in (await app.link.api.memory_list(key)).items if item.key == key), None)


async def test_an_entry_is_written_corrected_deleted_and_brought_back(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await pilot.press("1", "n")
        await until(pilot, lambda: "Remember something" in text_of(app))
        await pilot.press(*"notes/a", "tab", *"first", "tab", *"public", "tab", *"ideas", "ctrl+s")
        await until(pilot, lambda: "notes/a" in text_of(app) and len(app.screen_stack) == 1)
        found = await entry(app, "notes/a")
        assert found is not None and (found.value, found.domain, found.category) == ("first", Domain.PUBLIC, "ideas")
        await until(pilot, lambda: front(app).table.count == 1)
        await pilot.press("e")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("end", *" and more", "ctrl+s")
        await until(pilot, lambda: "2 versions" in text_of(app) and "first and more" in text_of(app))
        await pilot.press("x")
        await until(pilot, lambda: "writes the first entry" in text_of(app))
        await pilot.press("u")
        await until(pilot, lambda: front(app).table.count == 1)
        found = await entry(app, "notes/a")
        assert found is not None and (found.value, found.category) == ("first and more", "ideas")
        await until(pilot, lambda: "taken back" in text_of(app))
        await pilot.press("u")
        await until(pilot, lambda: "5 versions" in text_of(app))
        found = await entry(app, "notes/a")
        assert found is not None and found.value == "first"


async def test_a_new_entry_says_what_it_will_be_while_it_is_typed(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await pilot.press("1", "n")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(*"user/api-key")
        await until(pilot, lambda: 'will be Sensitive: the key says "api key"' in text_of(app))
        await pilot.press("tab", "x", "tab", *"public")
        await until(pilot, lambda: "a secret in clear" in text_of(app))
        await pilot.press("c", "ctrl+s")
        await until(pilot, lambda: "is private or public" in text_of(app))
        assert await entry(app, "user/api-key") is None


async def test_marked_entries_are_deleted_together_and_come_back_together(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, *WRITES)
        await pilot.press("space", "v", "space", "k", "space", "j", "k")
        await until(pilot, lambda: "2 marked" in text_of(app))
        await pilot.press("x")
        await until(pilot, lambda: "Delete 2 entries?" in text_of(app))
        await pilot.press("enter", "n")
        assert front(app).table.count == len(WRITES)
        await pilot.press("x")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("y")
        await until(pilot, lambda: front(app).table.count == 2 and "marked" not in text_of(app))
        await pilot.press("u")
        await until(pilot, lambda: front(app).table.count == len(WRITES))
        await pilot.press("g", *["space"] * len(WRITES), "x")
        await until(pilot, lambda: "Delete 4 entries?" in text_of(app))
        await pilot.press("y")
        await until(pilot, lambda: front(app).table.count == 0)
        await pilot.press("u")
        await until(pilot, lambda: front(app).table.count == len(WRITES))


async def test_escape_takes_the_marks_away(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, *WRITES)
        await pilot.press("space", "space")
        await until(pilot, lambda: "2 marked" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: "marked" not in text_of(app))
        assert front(app).table.count == len(WRITES)


async def test_a_pin_comes_and_goes(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("k", "v"))
        await pilot.press("p")
        await until(pilot, lambda: "• k" in text_of(app))
        await until(pilot, lambda: "however old" in text_of(app))
        await pilot.press("p")
        await until(pilot, lambda: "• k" not in text_of(app))


async def test_a_person_overrules_a_class_and_a_secret_only_after_a_yes(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("user/token", "no secret at all"))
        await pilot.press("t")
        await until(pilot, lambda: "What is user/token?" in text_of(app))
        await pilot.press("end", "enter")
        await until(pilot, lambda: "This is no secret?" in text_of(app))
        await pilot.press("n", "t")
        await until(pilot, lambda: "What is user/token?" in text_of(app))
        found = await entry(app, "user/token")
        assert found is not None and found.index_type is IndexType.SENSITIVE
        await pilot.press("end", "enter", "y")
        await until(pilot, lambda: "a person said so" in text_of(app))
        found = await entry(app, "user/token")
        assert found is not None and (found.index_type, found.classed) == (IndexType.TEMPORARY, True)
        assert found.value == "no secret at all"


async def test_private_becomes_public_only_after_a_yes_and_a_secret_never(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("a/note", "mine"), MemoryWrite("b/password", SECRET))
        await pilot.press("m")
        await until(pilot, lambda: "Move from private to public" in text_of(app))
        await pilot.press("n", "m", "y")
        await until(pilot, lambda: "◇ a/note" in text_of(app))
        found = await entry(app, "a/note")
        assert found is not None and (found.domain, found.value) == (Domain.PUBLIC, "mine")
        await pilot.press("m")
        await until(pilot, lambda: "◆ a/note" in text_of(app))
        await pilot.press("end", "m")
        await until(pilot, lambda: "a secret stays private" in text_of(app))


async def test_a_copy_goes_to_the_clipboard_and_a_secret_only_after_a_yes(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("a", "long " * 200), MemoryWrite("b/password", SECRET))
        await pilot.press("c")
        await until(pilot, lambda: app.clipboard == "long " * 200)
        await pilot.press("end", "c")
        await until(pilot, lambda: "Copy a secret?" in text_of(app))
        await pilot.press("enter", "n")
        assert app.clipboard != SECRET
        await pilot.press("c", "y")
        await until(pilot, lambda: app.clipboard == SECRET)


async def test_private_entries_leave_as_a_file_only_after_a_yes(home: Home, tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("a", "mine"), MemoryWrite("b", "ours", Domain.PUBLIC))
        await pilot.press("space", "space", "o")
        await until(pilot, lambda: "Export 2 entries" in text_of(app))
        await pilot.press("ctrl+u")
        paste(app, str(target))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "Write private entries into a file?" in text_of(app))
        assert not target.exists()
        await pilot.press("y")
        await until(pilot, lambda: target.exists() and "written to" in text_of(app))
        lines = [json.loads(line) for line in target.read_text().splitlines()]
        assert [(line["key"], line["value"]) for line in lines] == [("a", "mine"), ("b", "ours")]
        assert os.stat(target).st_mode & 0o777 == 0o600
        await pilot.press("end", "o")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press("ctrl+u")
        paste(app, str(target))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "✗ cannot write" in text_of(app))
        assert "Export" in text_of(app), "another name can be given"


@pytest.mark.parametrize(("value", "why"), [("a\x1b[31mb", "not plain text"), ("words " * 2_000, "too long")])
async def test_a_value_that_is_not_plain_text_or_long_is_not_edited_in_place(home: Home, value: str, why: str) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("k", value))
        await pilot.press("e")
        await until(pilot, lambda: "cannot be edited here" in text_of(app))
        assert f"it is {why}; E opens it in your editor" in " ".join(text_of(app).split())
        assert len(app.screen_stack) == 1


async def test_an_act_on_what_is_gone_says_so(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("k", "v"))
        item = front(app).table.chosen
        assert item is not None
        await app.link.api.memory_set(MemoryWrite("k", "other"))
        MemoryActs(app, list).edit(item)
        await until(pilot, lambda: "was changed meanwhile" in text_of(app))
        assert len(app.screen_stack) == 1


@pytest.mark.parametrize("size", [(80, 24), (200, 60)], ids=["80x24", "200x60"])
async def test_hostile_keys_and_values_are_only_text(home: Home, size: tuple[int, int]) -> None:
    from tests.tui.test_hostile import harmless

    key = "[b]bold[/b] [@click=app.quit]x[/] [$error]"
    async with attached(home, None, size=size) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite(f"{key}/{key}", HOSTILE, Domain.PUBLIC, category=key))
        for pressed in ("f", "right", "down", "enter", "enter", "t", "escape", "space", "m", "m", "o", "escape", "p"):
            await pilot.press(pressed)
            await pilot.pause(0.1)
            harmless(app)
        await pilot.press("1", "slash", *"bold")
        await until(pilot, lambda: "found" in text_of(app))
        harmless(app)


async def test_secrets_leave_as_a_file_only_after_a_yes_of_their_own(home: Home, tmp_path: Path) -> None:
    some, every = tmp_path / "some.jsonl", tmp_path / "every.jsonl"

    def keys(path: Path) -> list[str]:
        return [json.loads(line)["key"] for line in path.read_text().splitlines()]

    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("a", "ours", Domain.PUBLIC), MemoryWrite("b/password", SECRET))

        async def ask(path: Path) -> None:
            await pilot.press("o")
            await until(pilot, lambda: "Export" in text_of(app))
            await pilot.press("ctrl+u")
            paste(app, str(path))
            await pilot.press("ctrl+s")
            await until(pilot, lambda: "Write 1 secret in clear?" in text_of(app))
            await pilot.press("enter")
            assert "Write 1 secret in clear?" in text_of(app)

        await pilot.press("end")
        await ask(some)
        await pilot.press("n")
        await until(pilot, lambda: "nothing was written" in text_of(app) and "1 secret left out" in text_of(app))
        await pilot.press("home", "space", "space")
        await ask(some)
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert not some.exists()
        await ask(some)
        await pilot.press("n")
        await until(pilot, lambda: "1 written to" in text_of(app))
        assert (keys(some), SECRET in some.read_text()) == (["a"], False)
        await pilot.press("home", "space", "space")
        await ask(every)
        await pilot.press("y")
        await until(pilot, lambda: "Write private entries into a file?" in text_of(app))
        assert not every.exists()
        await pilot.press("y")
        await until(pilot, lambda: "2 written to" in text_of(app))
        assert (keys(every), every.stat().st_mode & 0o777) == (["a", "b/password"], 0o600)
