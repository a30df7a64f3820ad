"""The workspace as a program: its engine may come late, go and come back; keys and themes are the person's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cis_tui.core.errors import Invalid, Unavailable
from cis_tui.core.events import Event
from cis_tui.core.paths import Home, theme_files
from cis_tui.engine import Engine
from cis_tui.protocol import EngineApi
from cis_tui.tui.desk import SCREENS
from cis_tui.tui.store import LinkState
from cis_tui.tui.themes import load_theme
from tests.tui.helpers import attached, fill, half_way, text_of, until, workspace


class Breakable(Engine):
    """A real engine whose event stream can be made to end, as a socket's does when its engine dies."""

    broken: asyncio.Event

    async def events(self, since: int | None = None) -> AsyncIterator[Event]:
        self.broken = asyncio.Event()
        await self.broken.wait()
        for event in ():
            yield event


async def test_it_paints_before_the_engine_is_there_and_says_so(home: Home, project: Path) -> None:
    ready = asyncio.Event()

    async def late() -> EngineApi:
        await ready.wait()
        return await Engine.start(home, project=project)

    app = workspace(home, connect=late, project=project)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert "starting engine…" in text_of(app)
        await pilot.press("r", "x", "d", "1", "5", "2")
        assert app.is_running
        ready.set()
        await until(pilot, lambda: "engine ready" in text_of(app))
        assert "hello" in text_of(app)


async def test_the_next_decision_where_none_waits_is_nothing(home: Home, project: Path) -> None:
    async with attached(home, project) as (app, pilot):
        await pilot.press("5")
        await app.action_decide()
        assert app.is_running and app.current_mode == "skills"


async def test_an_engine_that_cannot_be_reached_is_looked_for_again(home: Home, project: Path) -> None:
    tries: list[int] = []

    async def shy() -> EngineApi:
        tries.append(1)
        if len(tries) < 3:
            raise Unavailable("CIS-ENG-001", "another engine is live", hint="cis engine stop ends it")
        return await Engine.start(home, project=project)

    app = workspace(home, connect=shy, project=project)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: "no engine: another engine is live" in text_of(app))
        await until(pilot, lambda: "engine ready" in text_of(app))
        assert len(tries) == 3


async def test_a_lost_engine_is_told_and_found_again(home: Home, project: Path) -> None:
    engines: list[Breakable] = []

    async def connect() -> EngineApi:
        engine = await Breakable.start(home, project=project)
        assert isinstance(engine, Breakable)
        engines.append(engine)
        return engine

    app = workspace(home, connect=connect, project=project)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, lambda: app.store.link is LinkState.READY and hasattr(engines[0], "broken"))
        engines[0].broken.set()
        await until(pilot, lambda: "no engine" in text_of(app))
        await until(pilot, lambda: len(engines) == 2 and app.store.link is LinkState.READY)
        assert "engine ready" in text_of(app)


async def test_what_is_asked_of_an_engine_that_is_not_there_is_a_notice(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        fill(app)
        await pilot.press("j", "r")
        await until(pilot, lambda: "the engine is not there yet" in text_of(app))


async def test_every_screen_has_its_number(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        for number, name in enumerate(SCREENS, 1):
            await pilot.press("escape", str(number))  # the line of the chat is left first: a number in it is text
            await pilot.pause()
            assert app.current_mode == name


async def test_tab_moves_the_focus_through_the_parts(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        fill(app, half_way())
        await pilot.press("j", "j", "j")
        seen: list[str | None] = []
        for _ in range(4):
            seen.append(app.focused.id or type(app.focused).__name__ if app.focused else None)
            await pilot.press("tab")
            await pilot.pause()
        assert seen == ["runs", "lanes", "DecisionPrompt", "output"]


async def test_keys_can_be_bound_anew(home: Home) -> None:
    app = workspace(home, keys={"go.skills": "f5", "quit": "f10", "dags.run": "f4"})
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("f5")
        assert app.current_mode == "skills"
        assert "F10 quit" in text_of(app)
        await pilot.press("2")
        fill(app)
        await pilot.press("j")
        await until(pilot, lambda: "F4 run" in text_of(app))
        keys = text_of(app).splitlines()[-1]
        assert keys.index("F4 run") < keys.index("v view"), "another key has another place"
        await pilot.press("q")
        assert app.is_running
        await pilot.press("f10")
        await pilot.pause()
        assert not app.is_running


async def test_control_c_only_says_how_to_leave(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "q leaves the workspace" in text_of(app))
        await pilot.press("ctrl+q")
        await pilot.pause()
        assert not app.is_running


async def test_it_comes_back_on_the_screen_on_which_it_was_left(home: Home) -> None:
    app = workspace(home)
    async with app.run_test() as pilot:
        await pilot.press("5")
        await until(pilot, lambda: '"screen": "skills"' in (home.root / "workspace.json").read_text())
    for found, mode in [(None, "skills"), ('{"": {"screen": "[red]"}}', "dags")]:
        if found is not None:
            (home.root / "workspace.json").write_text(found)
        again = workspace(home)
        async with again.run_test() as pilot:
            await pilot.pause()
            assert again.current_mode == mode
            await pilot.press("2")
            await until(pilot, lambda app=again: "No project here." in text_of(app))


# Themes


def test_shipped_themes_are_whole(home: Home) -> None:
    themes = [load_theme(path) for path in theme_files(home).values()]
    assert len(themes) >= 8
    assert [theme.name for theme in themes if not theme.dark] == [
        "cis-light",
        "high-contrast-light",
        "paper",
        "sixteen-light",
    ]


async def test_a_theme_of_the_home_wins_over_a_shipped_one(home: Home) -> None:
    home.themes.mkdir()
    (home.themes / "cis-dark.toml").write_text('primary = "#ff0000"\n')
    (home.themes / "mine.toml").write_text('primary = "#00ff00"\ndark = false\n')
    assert theme_files(home)["cis-dark"].parent == home.themes
    app = workspace(home, theme="mine")
    async with app.run_test():
        assert app.theme == "mine"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("primary = ", "not TOML"),
        ('primry = "#fff"', 'did you mean "primary"?'),
        ('primary = "reddish"', "is not a colour"),
        ("primary = 3", "must be str"),
        ("dark = true", '"primary" is missing'),
    ],
)
async def test_a_broken_theme_is_a_notice_and_the_default_is_used(home: Home, text: str, complaint: str) -> None:
    home.themes.mkdir()
    (home.themes / "mine.toml").write_text(text)
    with pytest.raises(Invalid) as caught:
        load_theme(home.themes / "mine.toml")
    assert complaint in f"{caught.value.message} {caught.value.hint}"
    app = workspace(home, theme="mine")
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        assert app.theme == "cis-dark"
        await until(pilot, lambda: 'theme "mine" is not used' in text_of(app))


async def test_a_theme_follows_its_file(home: Home) -> None:
    home.themes.mkdir()
    path = home.themes / "mine.toml"
    path.write_text('primary = "#00ff00"\nbackground = "#102030"\n')
    app = workspace(home, theme="mine")
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await pilot.pause()
        before = app.screen.styles.background

        def rewritten() -> bool:
            """Until the folder is watched, nobody hears of a change."""
            path.write_text('primary = "#00ff00"\nbackground = "#804020"\n')
            return app.screen.styles.background.r > before.r + 50

        await until(pilot, rewritten)
        path.write_text("primary = ")
        await until(pilot, lambda: 'theme "mine" is not used' in text_of(app))
        assert app.screen.styles.background.r > before.r + 50


@pytest.mark.parametrize("name", ["nope", "textual-dark"])
async def test_a_theme_that_does_not_exist_names_those_that_do(home: Home, name: str) -> None:
    app = workspace(home, theme=name)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await until(pilot, lambda: "high-contrast" in text_of(app))
        assert app.theme == "cis-dark"


async def test_a_theme_is_chosen_from_the_palette(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"theme cis-light")
        await until(pilot, lambda: "colours, for this session" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == "cis-light")


async def test_a_project_that_cannot_be_read_does_not_keep_the_workspace_away(home: Home, project: Path) -> None:
    (project / ".cis" / "dags" / "broken.toml").write_text("[dag\n")
    async with attached(home, project) as (app, pilot):
        await until(pilot, lambda: "✗ 1 error" in text_of(app))
        await pilot.press("r", "enter")
        assert app.is_running
