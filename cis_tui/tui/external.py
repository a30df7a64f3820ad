"""Files and texts in the person's own editor; a private text only ever lies in memory."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import signal
import stat
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.core.errors import Invalid, NotFound, Refused
from cis_tui.memory.records import MAX_VALUE

if TYPE_CHECKING:
    from types import FrameType

    from cis_tui.tui.desk_app import DeskApp

IN_MEMORY = ("tmpfs", "ramfs")
"""File systems that keep nothing on a disk."""
LINE_EDITORS = ("vi", "vim", "nvim", "nano", "emacs", "micro", "joe", "jed", "mg")
"""Editors that begin at a line when told `+LINE`."""
VIMS = ("vim", "nvim", "gvim")
"""Editors that keep what was deleted, and more, in files of their own unless told otherwise."""


def editor_command(env: Mapping[str, str] = os.environ, *, private: bool = False) -> list[str]:
    """The person's editor and its arguments; of a private text it is to keep no copies."""
    command = shlex.split(env.get("VISUAL") or env.get("EDITOR") or "") or ["vi"]
    program = os.path.realpath(shutil.which(command[0]) or command[0])
    if private and os.path.basename(program).startswith(VIMS):
        command[1:1] = ["-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noundofile"]
    return command


def memory_folder(env: Mapping[str, str] = os.environ, mounts: str | None = None) -> Path:
    """A folder whose files never reach a disk and where this person may write.

    `mounts`: as in `/proc/self/mounts`, which is read when None.

    Raises:
        Refused: there is none (CIS-TUI-010).
    """
    if mounts is None:
        table = Path("/proc/self/mounts")
        mounts = table.read_text("utf-8", "replace") if table.exists() else ""
    kinds = {fields[1]: fields[2] for line in mounts.splitlines() if len(fields := line.split(" ")) > 2}
    for name in (env.get("XDG_RUNTIME_DIR", ""), "/dev/shm"):
        folder = Path(name)
        if folder.is_absolute() and folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            on = next(
                str(parent) for parent in (folder, *folder.parents) if str(parent) in kinds or parent.parent == parent
            )
            if kinds.get(on) in IN_MEMORY:
                return folder
    raise Refused(
        "CIS-TUI-010",
        "a private value would have to be written to a disk for your editor",
        hint="there is no folder in memory here (XDG_RUNTIME_DIR, /dev/shm); e edits it in place",
    )


class Draft:
    """A text in a file that only this person can read, and that stays until it is dropped.

    Of a private text it is in memory. What the editor writes beside it goes with it.

    Raises:
        Refused: a private text has no place (CIS-TUI-010).
    """

    def __init__(self, text: str | bytes, *, private: bool) -> None:
        self.before = text
        self.private = private
        self.path = Path(tempfile.mkdtemp(prefix="cis-", dir=memory_folder() if private else None)) / "value.txt"
        data = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
        with os.fdopen(
            os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, stat.S_IRUSR | stat.S_IWUSR), "wb"
        ) as file:
            file.write(data)

    def read(self) -> str | bytes:
        """What the editor left, without the newline that it put at the end by habit.

        Raises:
            Invalid: it is larger than a value may be (CIS-TUI-011).
            NotFound: the file is gone (CIS-TUI-013).
        """
        data = _content(self.path, MAX_VALUE + 2)
        ending = b"\n" if isinstance(self.before, bytes) else "\n"
        if data.endswith(b"\n") and not self.before.endswith(ending):  # type: ignore[arg-type]
            data = data[:-1]
        if len(data) > MAX_VALUE:
            raise Invalid("CIS-TUI-011", f"a value has at most {MAX_VALUE} bytes; nothing was changed")
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data

    @property
    def changed(self) -> bool:
        """Whether there is another text than before, of whatever size."""
        try:
            return self.read() != self.before
        except Invalid:
            return True
        except NotFound:
            return False

    def drop(self) -> None:
        """Remove it, and what lies beside it."""
        shutil.rmtree(self.path.parent, ignore_errors=True)


async def edit_file(app: DeskApp, path: Path, line: int | None = None, *, private: bool = False) -> bool:
    """Whether the file at `path` was changed in the person's editor, which begins at `line` if it knows how.

    The editor has the terminal meanwhile; the engine goes on. Of a `private` file it is to keep no copies elsewhere.

    Raises:
        Refused: the editor cannot be started or failed (CIS-TUI-012), or is open already (CIS-TUI-014).
        NotFound: there is no such file any more (CIS-TUI-013).
    """
    command = editor_command(private=private)
    if line and os.path.basename(command[0]) in LINE_EDITORS:
        command.append(f"+{line}")
    before = await asyncio.to_thread(_content, path)
    # What the editor of a private text writes besides goes the same way as the text.
    env = {**os.environ, "TMPDIR": str(path.parent)} if private else dict(os.environ)
    await _run_editor(app, [*command, str(path)], env)
    return await asyncio.to_thread(_content, path) != before


def _content(path: Path, most: int = -1) -> bytes:
    """What is in a file, at most so many bytes.

    Raises:
        NotFound: there is no such file any more (CIS-TUI-013).
    """
    try:
        with open(path, "rb") as file:
            return file.read(most)
    except OSError as error:
        raise NotFound("CIS-TUI-013", f"{path} cannot be read: {error.strerror}") from error


async def _run_editor(app: DeskApp, command: Sequence[str], env: Mapping[str, str]) -> None:
    """Let an editor have the terminal until it ends.

    Raises:
        Refused: it cannot be started or failed (CIS-TUI-012), or another one has the terminal (CIS-TUI-014).
    """
    from textual.app import SuspendNotSupported

    if app.lent:
        raise Refused("CIS-TUI-014", "your editor was open already", hint="one text at a time")
    try:
        with _lent(app):
            editor = await asyncio.create_subprocess_exec(*command, env=env)
            try:
                code = await editor.wait()
            finally:
                if editor.returncode is None:  # the workspace ends, and the terminal is not to have two owners
                    editor.terminate()
    except SuspendNotSupported as error:
        raise Refused("CIS-TUI-012", "an editor needs a terminal of its own", hint="e edits in place") from error
    except OSError as error:
        hint = "set EDITOR to the editor that you use"
        raise Refused("CIS-TUI-012", f"{command[0]} cannot be started: {error.strerror}", hint=hint) from error
    if code != 0:
        raise Refused("CIS-TUI-012", f"{command[0]} ended with {code}", hint="what it did not save is not taken")


@contextmanager
def _lent(app: DeskApp) -> Generator[None]:
    """The terminal is an editor's, and ours again whatever happens; keys that still come were meant for the editor."""
    # Ctrl+C is for the editor; a handler of ours, other than ignoring it, is not handed on to the child.
    before = signal.signal(signal.SIGINT, _not_for_us)
    suspended = app.suspend()
    try:
        # Nothing is painted over the editor: what changes meanwhile is shown afterwards.
        with app.batch_update():
            suspended.__enter__()
            app.lent = True
            try:
                yield
            finally:
                app.lent = False
                suspended.__exit__(None, None, None)  # told of an error, Textual would not take the terminal back
    finally:
        signal.signal(signal.SIGINT, before)


def _not_for_us(number: int, frame: FrameType | None) -> None:
    """A signal that is meant for the editor."""
