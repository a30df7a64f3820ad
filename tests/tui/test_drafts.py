"""Texts in the person's own editor, a real program: nothing of what they wrote is ever lost."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import pytest
from textual.app import App
from textual.events import Key

from cis_tui.core.errors import Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.records import MemoryWrite
from cis_tui.tui.app import CisApp
from cis_tui.tui.link import Link
from cis_tui.tui.screens.untaken import UntakenDialog
from tests.tui.helpers import attached, fill, text_of, until, workspace
from tests.tui.test_memory_acts import entry, open_memory

PASSPHRASE = "correct horse"
Editor = Callable[[str], None]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Editor]:
    """Makes a shell script the editor: `$1` is the file. A terminal that nobody has need not be given away."""
    monkeypatch.setattr(App, "suspend", staticmethod(nullcontext))
    program = tmp_path / "editor"
    monkeypatch.setenv("VISUAL", str(program))

    def write(script: str) -> None:
        program.write_text(f"#!/bin/sh\necho x >> {tmp_path}/opened\n{script}\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    yield write


def file_named(app: CisApp) -> Path:
    """The file that the dialog in front names."""
    assert isinstance(app.screen, UntakenDialog)
    return app.screen.file


async def test_what_locked_memory_refuses_is_edited_again_as_it_was_left(home: Home, editor: Editor) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("notes/a", "first"))
        await app.link.api.memory_rekey("passphrase", new=PASSPHRASE)
        await app.link.api.memory_unlock(PASSPHRASE)
        gate = home.root / "gate"
        editor(f'printf "a long thought" > "$1"; while [ ! -e {gate} ]; do sleep 0.02; done')
        await pilot.press("E")
        await until(pilot, lambda: app.lent)
        await app.link.api.memory_lock()
        gate.touch()
        await until(pilot, lambda: isinstance(app.screen, UntakenDialog))
        assert "Your text was not taken: notes/a" in text_of(app) and "L on the memory screen" in text_of(app)
        file = file_named(app)
        assert file.read_text() == "a long thought"
        await app.link.api.memory_unlock(PASSPHRASE)
        editor('sed -i s/long/short/ "$1"')
        await pilot.press("E")
        await until(pilot, lambda: not file.exists())
        found = await entry(app, "notes/a")
        assert found is not None and found.value == "a short thought"


async def test_a_text_that_is_too_long_stays_in_a_file_that_is_named(home: Home, editor: Editor) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("k", "short"))
        editor('head -c 9000000 /dev/zero | tr "\\0" x > "$1"')
        await pilot.press("E")
        await until(pilot, lambda: "at most" in text_of(app))
        file = file_named(app)
        await pilot.press("escape")
        await until(pilot, lambda: "your text is in" in text_of(app))
        assert file.stat().st_size == 9_000_000 and file.stat().st_mode & 0o777 == 0o600
        assert file.parent.parent in (Path("/dev/shm"), Path(os.environ.get("XDG_RUNTIME_DIR", "/dev/shm")))
        file.unlink()
        file.parent.rmdir()


async def test_what_was_changed_meanwhile_is_told_before_it_is_written_over(home: Home, editor: Editor) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("k", "first"))
        gate = home.root / "gate"
        editor(f'printf mine > "$1"; while [ ! -e {gate} ]; do sleep 0.02; done')
        await pilot.press("E")
        await until(pilot, lambda: app.lent)
        await app.link.api.memory_set(MemoryWrite("k", "of somebody else"))
        gate.touch()
        await until(pilot, lambda: "changed meanwhile" in text_of(app))
        file = file_named(app)
        await pilot.press("s")
        await until(pilot, lambda: not file.exists())
        assert [each.value for each in await app.link.api.memory_history("k")] == ["mine", "of somebody else", "first"]


async def test_an_engine_that_is_gone_meanwhile_takes_nothing_along(
    home: Home, editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("k", "first"))

        def gone(_: Link) -> None:
            raise Unavailable("CIS-ENG-050", "the engine is not there yet")

        engine, gate = app.link.api, home.root / "gate"
        editor(f'printf mine > "$1"; while [ ! -e {gate} ]; do sleep 0.02; done')
        await pilot.press("E")
        await until(pilot, lambda: app.lent)
        with monkeypatch.context() as patch:
            patch.setattr(Link, "api", property(gone))
            gate.touch()
            await until(pilot, lambda: "the engine is not there yet" in text_of(app))
            file = file_named(app)
            first = app.screen
            await pilot.press("s")
            await until(pilot, lambda: app.screen is not first and file_named(app) == file)
            assert file.read_text() == "mine"
        await pilot.press("s")
        await until(pilot, lambda: not file.exists())
        assert [each.value for each in await engine.memory_history("k")] == ["mine", "first"]


@pytest.mark.parametrize(("script", "says"), [("exit 1", "ended with 1"), ('printf mine > "$1"; kill -9 $$', "-9")])
async def test_an_editor_that_fails_loses_nothing_that_it_saved(
    home: Home, editor: Editor, script: str, says: str
) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("k", "first"))
        editor(script)
        await pilot.press("E")
        await until(pilot, lambda: says in text_of(app))
        assert isinstance(app.screen, UntakenDialog) is ("printf" in script)
        if isinstance(app.screen, UntakenDialog):
            folder = file_named(app).parent
            await pilot.press("x")
            await until(pilot, lambda: not folder.exists())


async def test_one_editor_at_a_time_and_no_key_of_its_text_is_taken(home: Home, editor: Editor, tmp_path: Path) -> None:
    file = tmp_path / "bad.toml"
    file.write_text("x")
    app = workspace(home)
    async with app.run_test() as pilot:
        fill(app)
        gate = tmp_path / "gate"
        editor(f"while [ ! -e {gate} ]; do sleep 0.02; done")
        done: list[bool] = []
        complaints: list[object] = []
        app.edit_file(file, done.append, failed=complaints.append)
        app.edit_file(file, done.append, failed=complaints.append)
        await until(pilot, lambda: "open already" in str(complaints))
        for key in ("6", "q"):
            app.post_message(Key(key, key))
        await pilot.pause()
        assert app.current_mode == "dags" and app.is_running
        gate.touch()
        await until(pilot, lambda: done == [False])
        assert (tmp_path / "opened").read_text() == "x\n"
        await pilot.press("6")
        assert app.current_mode == "activity"


async def test_a_form_stays_open_until_what_it_says_was_taken(home: Home) -> None:
    async with attached(home, None) as (app, pilot):
        await open_memory(app, pilot, MemoryWrite("notes/a", "first"))
        await app.link.api.memory_rekey("passphrase", new=PASSPHRASE)
        await app.link.api.memory_unlock(PASSPHRASE)
        await pilot.press("e")
        await until(pilot, lambda: len(app.screen_stack) == 2)
        await app.link.api.memory_lock()
        await pilot.press("end", *" thought", "ctrl+s")
        await until(pilot, lambda: "L on the memory screen" in text_of(app))
        assert "first thought" in text_of(app) and len(app.screen_stack) == 2
        await app.link.api.memory_unlock(PASSPHRASE)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: len(app.screen_stack) == 1)
        found = await entry(app, "notes/a")
        assert found is not None and found.value == "first thought"


async def test_an_editor_that_cannot_be_started_gives_the_terminal_back(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back: list[str] = []

    @contextmanager
    def suspend() -> Generator[None]:
        """As that of Textual, which passes an error on before it takes the terminal back."""
        yield
        back.append("back")

    monkeypatch.setattr(App, "suspend", staticmethod(suspend))
    monkeypatch.setenv("VISUAL", str(tmp_path / "nosuch"))
    (tmp_path / "file").touch()
    app = workspace(home)
    async with app.run_test() as pilot:
        complaints: list[object] = []
        app.edit_file(tmp_path / "file", complaints.append, failed=complaints.append)
        await until(pilot, lambda: "cannot be started" in str(complaints))
        assert back == ["back"] and not app.lent
