"""The keyboard and the signs on the screen, as a person wants or a terminal needs them."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.binding import Binding

from cis_tui.core.paths import Home
from cis_tui.tui.keymap import complaints, scopes
from cis_tui.tui.plain_signs import PLAIN, wants_plain_signs
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
