"""The keyboard and the signs on the screen, as a person wants or a terminal needs them."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual import events
from textual._xterm_parser import XTermParser
from textual.binding import Binding

from cis_tui.core.paths import Home
from cis_tui.tui.key_presets import preset_keys
from cis_tui.tui.keymap import complaints, scopes
from cis_tui.tui.plain_signs import PLAIN, wants_plain_signs
from cis_tui.tui.terminal import take_alt_as_alt
from cis_tui.tui.widgets.chat_line import ChatLine
from tests.conftest import ROOT
from tests.tui.conftest import Compare
from tests.tui.helpers import fill, half_way, text_of, until, vote, workspace


def test_nothing_is_wrong_with_the_keys_as_they_are_shipped() -> None:
    shipped = {str(binding.id): binding.key for _, bindings in scopes() for binding in bindings}
    assert len(shipped) > 100
    assert complaints({"dags.run": "ctrl+r"}) == []


def test_an_action_that_there_is_not_is_named_with_the_nearest() -> None:
    assert complaints({"dags.rnu": "x"}) == ['there is no action "dags.rnu"; did you mean "dags.run"?']


def test_a_key_that_would_mean_two_things_is_told() -> None:
    one, other = Binding("a", "a", id="s.one"), Binding("b", "b", id="s.other")
    anywhere = Binding("q", "quit", id="quit")
    known = [("CisApp", (anywhere,)), ("SomeScreen", (one, other))]
    assert complaints({"s.one": "b"}, iter(known)) == ['"b" means both s.one and s.other']
    assert complaints({"quit": "x, b"}, iter(known)) == ['"b" means both s.other and quit']
    assert complaints({"s.one": "b", "s.other": "a"}, iter(known)) == []


async def test_a_clash_is_a_notice(home: Home) -> None:
    app = workspace(home, keys={"dags.cancel": "p"})
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: '"p" means both dags.cancel and dags.pause' in text_of(app))


async def test_a_letter_jumps_to_a_part_of_the_screen(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, half_way())
        await pilot.pause()
        focused = app.focused
        await pilot.press("ctrl+o")
        await until(pilot, lambda: " a " in text_of(app) and " s " in text_of(app))
        await pilot.press("s")
        await until(pilot, lambda: app.focused not in (focused, None))
        now = app.focused
        await pilot.press("ctrl+o")
        await until(pilot, lambda: " a " in text_of(app))
        await pilot.press("!")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        assert app.focused is now


async def test_without_other_signs_the_screen_is_drawn_in_ascii(home: Home, looks_right: Compare) -> None:
    app = workspace(home, ascii=True)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, half_way().asked(12, vote()))
        for keys in (["d"], ["v"], ["?"], ["escape", "1"], ["3"], ["4"], ["5"], ["6"]):
            await pilot.press(*keys)
            await pilot.pause()
            assert text_of(app).isascii(), text_of(app)
        await pilot.press("2")
        await pilot.pause()
        looks_right(app)


def test_every_sign_that_the_workspace_uses_has_one_in_ascii() -> None:
    pages = [path.read_text("utf-8") for path in (ROOT / "cis_tui" / "tui").rglob("*.py")]
    signs = {sign for page in pages for sign in page if not sign.isascii() and not sign.isalpha()}
    assert {sign for sign in signs if ord(sign) not in PLAIN} == set()
    assert all(cell_len(sign) == 1 for sign in map(chr, PLAIN))


@pytest.mark.parametrize(("term", "plain"), [("linux", True), ("xterm-256color", False), ("tmux-256color", False)])
def test_the_linux_console_has_no_other_signs(monkeypatch: pytest.MonkeyPatch, term: str, plain: bool) -> None:
    monkeypatch.setenv("TERM", term)
    assert wants_plain_signs(asked=False) is plain
    assert wants_plain_signs(asked=True)


@pytest.mark.parametrize("name", ["vi", "arrows", "emacs"])
def test_no_preset_means_two_things_with_a_key(name: str) -> None:
    assert complaints(preset_keys(name)) == []


def test_alt_with_a_number_and_with_enter_are_keys() -> None:
    take_alt_as_alt()
    parser = XTermParser()
    read = [event for text in ("\x1b4x\x1b\r\x1b[A", "") for event in parser.feed(text)]
    assert [event.key for event in read if isinstance(event, events.Key)] == ["alt+4", "x", "alt+enter", "up"]


async def test_where_letters_are_text_the_keys_that_lead_away_are_shown_and_work(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app, half_way())
        await pilot.press("4")
        await until(pilot, lambda: "Alt+1-6 screens  F1 help" in text_of(app))
        # In one go, as a slow line brings them: each key does its work before the next one.
        for key in (*"one", "ctrl+j", *"twq", "backspace", *"o", "alt+x"):
            app.post_message(events.Key(key, key if len(key) == 1 else "x" if key == "alt+x" else None))
        line = app.screen.query_one(ChatLine)
        await until(pilot, lambda: line.text == "one\ntwo")
        await pilot.press("alt+1")
        await until(pilot, lambda: app.current_mode == "memory")
        assert line.text == "one\ntwo"


async def test_the_help_is_searched_in_words_of_ones_own(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 40)) as pilot:
        fill(app, half_way())
        await pilot.press("1", "f1")
        for words, found in {
            "approve": "on a decision (d goes to it)",
            "rollback": "u               roll back",
            "undo run": "u               roll back",
            "find": "/               search",
            "copy": "c               copy",
            "frobnicate": "no key does that",
        }.items():
            await pilot.press(*words)
            await until(pilot, lambda found=found: found in text_of(app))
            await pilot.press("escape")
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)


async def test_the_palette_finds_what_is_done_in_words_of_ones_own(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 40)) as pilot:
        fill(app, half_way().asked(12, vote()))
        for words, found in {
            "approve": "Approve or reject",
            "rollback": "Roll back run release 1111",
            "undo run": "Roll back run release 1111",
            "find": "Search memory",
            "ui.theme": "Setting ui.theme",
            "change key": "Setting ui.keys",
            "copy": "Copy the DID of this node" if app.store.peer_status else "Copy",
        }.items():
            await pilot.press("ctrl+p")
            await pilot.pause()
            await pilot.press(*words)
            await until(pilot, lambda found=found: found in text_of(app))
            await pilot.press("escape")
            await pilot.pause()


async def test_a_click_on_a_key_presses_it(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app, half_way())
        await pilot.pause()
        row = text_of(app).split("\n")[23]
        await pilot.click(offset=(row.index("? help") + 2, 23))
        await until(pilot, lambda: "type what you look for" in text_of(app))
        rows = text_of(app).split("\n")
        y = next(index for index, row in enumerate(rows) if "Esc close" in row)
        await pilot.click(offset=(rows[y].index("Esc close"), y))
        await until(pilot, lambda: len(app.screen_stack) == 1)
        await pilot.click(offset=(row.index("/ filter"), 23))
        await until(pilot, lambda: app.focused is not None and app.focused.id == "filter")
