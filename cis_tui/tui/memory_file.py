"""Entries of memory as lines of a file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.core.codec import dumps
from cis_tui.core.errors import Refused
from cis_tui.memory.records import Domain, IndexType, MemoryItem
from cis_tui.tui.desk import Desk
from cis_tui.tui.memory_acts import names, whole
from cis_tui.tui.read_only import looks_only
from cis_tui.tui.screens.confirm import ConfirmDialog
from cis_tui.tui.screens.form import Field, FormDialog
from cis_tui.tui.words import count

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi


def export(desk: Desk, items: Sequence[MemoryItem], done: Callable[[], object]) -> None:
    """Ask for a file and write entries into it, as `cis memory import` reads it; then call `done`.

    Secrets only after a yes, without which they are left out; private entries only after another one. To close a
    question is to write nothing.
    """
    if looks_only(desk):
        return

    def send(given: dict[str, str], form: FormDialog) -> None:
        def go(taken: Sequence[MemoryItem]) -> None:
            _ask_for_private(desk, taken, lambda: write(given["file"], taken, form), form.taken)

        _ask_for_secrets(desk, items, go, form.taken)

    def write(name: str, taken: Sequence[MemoryItem], form: FormDialog) -> None:
        async def written(engine: EngineApi) -> str:
            return write_lines(name, [await whole(engine, item) for item in taken])

        hint = _left_out(len(items) - len(taken))
        desk.ask(
            written,
            lambda path: (form.taken(), done(), desk.say(f"{len(taken)} written to {path}", hint=hint)),
            failed=form.refused,
        )

    fields = [Field("file", f"memory-{len(items)}.jsonl", "a new one, JSON lines, in clear", required=True)]
    desk.dialog(FormDialog(f"Export {names(items, most=1)}", fields, send=send))


def _ask_for_secrets(
    desk: Desk,
    items: Sequence[MemoryItem],
    then: Callable[[Sequence[MemoryItem]], object],
    otherwise: Callable[[], object],
) -> None:
    """Go on with all entries, or with those that are no secrets; `otherwise` when nothing is to be written."""
    secrets = [item for item in items if item.index_type is IndexType.SENSITIVE]
    if not secrets:
        then(items)
        return

    def answered(yes: bool | None) -> None:
        if yes:
            then(items)
        elif yes is not None and len(secrets) < len(items):
            then([item for item in items if item.index_type is not IndexType.SENSITIVE])
        else:
            otherwise()
            desk.say("nothing was written", hint=_left_out(0 if yes is None else len(secrets)))

    text = f"The file would show what is masked here; n leaves it out.\n\n{names(secrets)}"
    desk.dialog(ConfirmDialog(f"Write {count(len(secrets), 'secret')} in clear?", text), answered)


def _ask_for_private(
    desk: Desk, items: Sequence[MemoryItem], then: Callable[[], object], otherwise: Callable[[], object]
) -> None:
    private = [item for item in items if item.domain is Domain.PRIVATE]
    if not private:
        then()
        return
    text = f"The file holds them in clear, for whoever can read it.\n\n{names(private)}"
    title = "Write private entries into a file?"
    desk.dialog(ConfirmDialog(title, text), lambda yes: then() if yes else otherwise())


def _left_out(secrets: int) -> str:
    return f"{count(secrets, 'secret')} left out" if secrets else ""


def write_lines(name: str, items: Sequence[MemoryItem]) -> str:
    """Write a new file that only this person can read; gives its path.

    Raises:
        Refused: there is such a file already, or it cannot be written (CIS-TUI-021).
    """
    path = Path(name).expanduser().absolute()
    text = "".join(f"{dumps(item)}\n" for item in items)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
    except OSError as error:
        raise Refused("CIS-TUI-021", f"cannot write {path}: {error.strerror}", hint="name another file") from error
    return str(path)
