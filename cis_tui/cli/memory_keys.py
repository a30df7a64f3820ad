"""`cis memory lock|unlock|rekey`: the key of private memory."""

from __future__ import annotations

import os
from argparse import Namespace
from typing import TYPE_CHECKING

from cis_tui.cli import passphrase
from cis_tui.cli.access import live
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json
from cis_tui.core.errors import CisError
from cis_tui.memory.passphrase import given_passphrase
from cis_tui.memory.records import KeyState, RekeyReport

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi

_WRONG = "CIS-MEM-021"
_TRIES = 3


async def lock(context: Context, arguments: Namespace) -> int:
    """`cis memory lock`: the live engine forgets the key."""
    hint = "nothing is unlocked then: every command asks for the passphrase itself"
    async with live(context, hint=hint) as engine:
        await engine.memory_lock()
        state = await engine.memory_key_state()
    show_json(state) if context.json else show("Private memory is locked")
    return 0


async def unlock(context: Context, arguments: Namespace) -> int:
    """`cis memory unlock`: the live engine has the key again."""
    hint = "cis engine start starts one; a command of its own takes CIS_PASSPHRASE, or asks"
    async with live(context, hint=hint) as engine:
        if (await engine.memory_key_state()).kept == "passphrase":
            await _unlock_by_passphrase(engine)
        else:
            await engine.memory_unlock()
        state = await engine.memory_key_state()
    show_json(state) if context.json else show(f"Private memory is unlocked{_until(state)}")
    return 0


async def rekey(context: Context, arguments: Namespace) -> int:
    """`cis memory rekey`: a new key, by the live engine or, without one, by this command."""
    from cis_tui.api.launch import connect

    engine = await connect(context.home)
    if engine is None:
        report = _rekey_here(context, arguments.kept)
    else:
        try:
            state = await engine.memory_key_state()
            note("changing the key of private memory …")
            report = await engine.memory_rekey(arguments.kept, current=_current(state), new=_new(state, arguments.kept))
        finally:
            await engine.close()
    show_json(report) if context.json else show(_told(report))
    return 0


def described(state: KeyState) -> str:
    """How the key is kept, in a few words."""
    how = {"passphrase": "by a passphrase", "keyring": "in the keyring", "file": "in a file"}.get(state.kept)
    if how is None:
        return "no key yet"
    return f"key kept {how}" + (", locked" if state.locked else _until(state))


async def _unlock_by_passphrase(engine: EngineApi) -> None:
    given = given_passphrase(os.environ) or passphrase.from_stdin()
    if given is not None:
        await engine.memory_unlock(given)
        return
    for attempt in range(1, _TRIES + 1):
        try:
            await engine.memory_unlock(passphrase.ask(attempt > 1) or "")
        except CisError as error:
            if error.code != _WRONG or attempt == _TRIES:
                raise
        else:
            return


def _rekey_here(context: Context, kept: str) -> RekeyReport:
    from cis_tui.memory.rekey import Rekey
    from cis_tui.memory.service import MemoryService

    service = MemoryService(context.home.ensure())
    try:
        state = service.private.state()
        return service.private.rekey(Rekey(kept, _current(state), _new(state, kept)), _show_step)
    finally:
        service.close()


def _current(state: KeyState) -> str:
    """The passphrase of the present key, if it has one."""
    if state.kept != "passphrase":
        return ""
    return given_passphrase(os.environ) or passphrase.ask() or ""


def _new(state: KeyState, kept: str) -> str:
    return passphrase.find_new(first=state.kept != "passphrase") if kept == "passphrase" else ""


def _show_step(done: int, count: int, what: str) -> None:
    note(f"[{done}/{count}] {what}")


def _told(report: RekeyReport) -> str:
    files = "1 file" if report.files == 1 else f"{report.files} files"
    where = described(KeyState(report.kept, locked=False)).removeprefix("key ")
    return f"Private memory has a new key, {where}; {files} encrypted anew in {report.seconds:.1f} s"


def _until(state: KeyState) -> str:
    if state.lock_in is None:
        return ""
    minutes = max(round(state.lock_in / 60), 1)
    return f"; it is locked after {minutes} min without use"
