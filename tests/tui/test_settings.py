"""Settings on the screen: what is in force, where it comes from, and a change that is written."""

from __future__ import annotations

from cis_tui.core.attribute_docs import setting_words
from cis_tui.core.config import load_config
from cis_tui.core.paths import Home
from cis_tui.memory.records import MemoryWrite
from tests.tui.helpers import attached, text_of, until, workspace


async def test_each_setting_tells_where_it_comes_from(home: Home) -> None:
    home.config_file.write_text('[ui]\ntheme = "paper"\n')
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_settings()
        await pilot.pause()
        await pilot.press(*"ui.")
        await until(pilot, lambda: "ui.theme" in text_of(app))
        rows = text_of(app).splitlines()
        assert [row for row in rows if "ui.theme" in row and "paper" in row and "config.toml" in row]
        assert [row for row in rows if "ui.ascii" in row and "default" in row]


def test_of_each_setting_it_is_known_what_it_is_for(home: Home) -> None:
    names = [setting.name for setting in load_config(home.config_file).values]
    assert names and [name for name in names if not setting_words().get(name)] == []


async def test_a_setting_tells_what_it_is_for_and_is_found_by_that(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        await app.action_settings()
        await until(pilot, lambda: "debug, info, warning or error." in text_of(app))
        await pilot.press("down")
        await until(pilot, lambda: "Tasks that run at the same time" in text_of(app))
        await pilot.press(*"vote stays")
        await until(pilot, lambda: "Seconds that a vote stays open." in text_of(app))
        assert "decisions.arbitrated" in text_of(app) and "core." not in text_of(app)


async def test_a_setting_is_changed_and_holds_at_once(home: Home) -> None:
    home.config_file.write_text("# mine\n[decisions]\nrecommended = 9\n")
    app = workspace(home)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await pilot.press("colon")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(*"settings")
        await until(pilot, lambda: "what is in force" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: "part of a name" in text_of(app))
        await pilot.press(*"theme", "enter")
        await until(pilot, lambda: "Change ui.theme" in text_of(app))
        await pilot.press("ctrl+a", "ctrl+k", *"textual-dark", "enter")
        await until(pilot, lambda: 'there is no theme "textual-dark"' in text_of(app))
        await pilot.press("ctrl+a", "ctrl+k", *"moss", "enter")
        await until(pilot, lambda: "ui.theme is written" in text_of(app))
        assert app.theme == "moss"
    written = home.config_file.read_text()
    assert written.startswith("# mine\n[decisions]\nrecommended = 9\n") and 'theme = "moss"' in written


async def test_a_value_that_does_not_fit_is_not_taken(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await app.action_settings()
        await pilot.pause()
        await pilot.press(*"hot_weeks", "enter")
        await until(pilot, lambda: "Change memory.hot_weeks" in text_of(app))
        await pilot.press("ctrl+a", "ctrl+k", *"many", "enter")
        await until(pilot, lambda: "✗ expected a whole number from 1 to 52" in text_of(app))
    assert not home.config_file.exists()


async def test_the_palette_finds_what_is_remembered(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await app.link.api.memory_set(MemoryWrite("project/[red]motto", b"ship on Fridays"))
        await pilot.press("colon")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await pilot.press(*"motto")
        await until(pilot, lambda: "Entry project/[red]motto" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "memory" and "ship on Fridays" in text_of(app))
