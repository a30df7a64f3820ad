"""Keys that come in one go, as a slow line brings them: each is for what has the keys after the one before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual._xterm_parser import XTermParser

from cis_tui.core.paths import Home
from cis_tui.memory.records import MemoryWrite
from cis_tui.tui import key_order
from cis_tui.tui.terminal import take_alt_as_alt
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.writing_line import WritingLine
from tests.tui.helpers import attached, fill, half_way, text_of, until, workspace
from tests.tui.test_memory_acts import entry, open_memory
from tests.tui.test_memory_screen import front

if TYPE_CHECKING:
    from textual.app import App


def at_once(app: App[None], *texts: str) -> None:
    """What a terminal sends, read in one go."""
    take_alt_as_alt()
    for event in XTermParser().feed("".join(texts)):
        app.post_message(event)


@pytest.mark.parametrize(
    ("number", "keys", "focused"),
    [
        ("2", "j", "runs"),
        ("3", "j", "peer-table"),
        ("5", "j", "skill-list"),
        ("6", " ", "events"),
        ("1", "f", "prefixes"),
    ],
)
async def test_a_key_after_a_search_is_for_the_list(home: Home, number: str, keys: str, focused: str) -> None:
    app = workspace(home)
    async with app.run_test(size=(110, 30)) as pilot:
        fill(app, half_way())
        await pilot.press(number)
        at_once(app, "/e\r", keys)
        await until(pilot, lambda: app.focused is not None and app.focused.id == focused)
        assert app.screen.query_one(Filter).value == "e"


async def test_a_key_after_a_search_in_memory_is_about_what_is_found(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, *(MemoryWrite(f"notes/{word}", word) for word in ("apple", "pear", "plum")))
        at_once(app, "/plum\rx")
        await until(pilot, lambda: "deleted notes/plum" in text_of(app))
        assert await entry(app, "notes/plum") is None and await entry(app, "notes/apple") is not None
        assert front(app).filter.value == "plum"


async def test_in_a_dialog_and_out_of_it_again(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(110, 30)) as pilot:
        fill(app, half_way())
        at_once(app, "?roll", "\x1b[A", "x")  # the help, in which one types
        await until(pilot, lambda: "no key does that" in text_of(app))
        at_once(app, *["\x7f"] * 5, "copy", "\x1bOF")
        await until(pilot, lambda: "copy" in text_of(app))


async def test_a_conversation_that_is_looked_for_and_chosen_at_once(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        for title in ("about apples", "about plums"):
            conversation = await app.link.api.agent_new("")
            await app.link.api.agent_rename(conversation.id, title)
        await pilot.press("4")
        await app.run_action("show('chat')")
        at_once(app, "/sessions\r")
        await until(pilot, lambda: "about plums" in text_of(app) and len(app.screen_stack) == 2)
        at_once(app, "apples\r")
        await until(pilot, lambda: len(app.screen_stack) == 1 and "about apples" in text_of(app))


@pytest.mark.parametrize("line_break", ["\n", "\x1b[106;5u", "\x1b[27;5;106~", "\x1b\r"])
async def test_a_line_break_in_what_is_typed_at_once_stays_where_it_is(home: Home, line_break: str) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("4")
        at_once(app, "one", line_break, "two")
        line = app.screen.query_one(WritingLine)
        await until(pilot, lambda: line.text == "one\ntwo")


async def test_what_is_held_for_too_long_is_not_taken_and_the_next_key_is(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_order, "HELD", 0.1)
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app)
        app.hold_keys(True)
        at_once(app, "6")
        await pilot.pause()
        assert app.current_mode == "dags"
        await until(pilot, lambda: not app._ahead)  # pyright: ignore[reportPrivateUsage]
        await pilot.press("5")
        assert app.current_mode == "skills"
