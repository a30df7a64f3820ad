"""Private memory, locked and unlocked by a key."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from cis_tui.tui.desk import Desk, Failed

if TYPE_CHECKING:
    from cis_tui.memory.records import KeyState
    from cis_tui.protocol import EngineApi


def lock_or_unlock(desk: Desk) -> None:
    """Lock private memory; unlock it when it is locked, after its passphrase if it has one."""

    async def lock(engine: EngineApi) -> KeyState | None:
        state = await engine.memory_key_state()
        if not state.locked:
            await engine.memory_lock()
        return state if state.locked else None

    def done(locked: KeyState | None) -> None:
        if locked is None:
            desk.say("private memory is locked", hint=f"{desk.key('memory.lock')} unlocks it")
        elif locked.kept == "passphrase":
            _ask_passphrase(desk)
        else:
            _unlock(desk, "")

    desk.ask(lock, done)


def _ask_passphrase(desk: Desk) -> None:
    from cis_tui.tui.screens.form import Field, FormDialog

    def send(given: dict[str, str], form: FormDialog) -> None:
        _unlock(desk, given["passphrase"], form.taken, form.refused)

    field = Field("passphrase", note="of private memory", required=True, secret=True)
    desk.dialog(FormDialog("Unlock private memory", [field], send=send))


def _unlock(
    desk: Desk, passphrase: str, done: Callable[[], object] = lambda: None, failed: Failed | None = None
) -> None:
    desk.ask(
        lambda engine: engine.memory_unlock(passphrase),
        lambda _: (done(), desk.say("private memory is open")),
        failed=failed,
    )
