"""Forms: what is filled in is sent once, and is still there when it is refused."""

from __future__ import annotations

from dataclasses import replace

from cis_tui.core.errors import Refused
from cis_tui.core.paths import Home
from cis_tui.dag.model import Param
from cis_tui.tui.screens.form import Field, FormDialog
from cis_tui.tui.store import Changes
from tests.tui.helpers import DAGS, HOSTILE, fill, show, text_of, until, workspace
from tests.tui.test_skills_screen import LINTER


async def test_what_a_run_was_to_get_is_there_when_it_is_refused(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app)
        app.store.dags = (replace(DAGS[1], params=(Param("version", required=True),)),)
        show(app, Changes(everything=True))
        await pilot.press("enter")
        await until(pilot, lambda: "Run release" in text_of(app))
        await pilot.press(*"1.2.3", "ctrl+s")
        await until(pilot, lambda: "✗ the engine is not there yet" in text_of(app))
        assert "Run release" in text_of(app) and "1.2.3" in text_of(app)


async def test_what_a_skill_was_to_get_is_there_again_when_the_call_was_refused(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app)
        app.store.skills = (replace(LINTER, exports=LINTER.exports[:1]),)
        await pilot.press("5", "enter")
        await until(pilot, lambda: "Call linter" in text_of(app))
        await pilot.press(*"a.py", "tab", "ctrl+u", *"7", "ctrl+s")
        await until(pilot, lambda: "✗ the engine is not there yet" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, FormDialog))
        assert isinstance(app.screen, FormDialog)
        assert app.screen.answers() == {"path": "a.py", "depth": "7", "rules": ""}
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)


async def test_a_form_is_sent_once_until_it_is_refused_and_says_why(home: Home) -> None:
    sent: list[str] = []
    app = workspace(home)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        fill(app)
        form = FormDialog("Notes", [Field("notes")], send=lambda given, _: sent.append(given["notes"]))
        await app.push_screen(form)
        await pilot.press("a", "ctrl+s", "ctrl+s", "enter")
        await until(pilot, lambda: sent == ["a"])
        form.refused(Refused("CIS-X-001", f"too short {HOSTILE}", hint="write more"))
        await until(pilot, lambda: "✗ too short" in text_of(app) and "write more" in text_of(app))
        assert "\x1b" not in text_of(app)
        await pilot.press("b", "ctrl+s")
        await until(pilot, lambda: sent == ["a", "ab"] and "write more" not in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        form.refused(Refused("CIS-X-001", "too late"))
        await until(pilot, lambda: "too late" in text_of(app))
