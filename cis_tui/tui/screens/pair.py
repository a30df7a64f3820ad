"""Pairing: our code to be typed on the other machine, or the other's code typed here."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.widgets import Digits, Input

from cis_tui.core.clock import Clock
from cis_tui.core.errors import CisError
from cis_tui.p2p.model import Pairing, PairingState, PeerInfo
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone, fit, fit_line, shown
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.painted import LineWidget

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from cis_tui.protocol import EngineApi

TIME = 6
"""Cells of the time left."""
_ENDED = {
    PairingState.EXPIRED: "nobody typed it in time",
    PairingState.SPENT: "it was typed wrong too often: somebody may be guessing",
    PairingState.CANCELLED: "it was taken back",
    PairingState.PAIRED: "paired",
}


class Say(LineWidget):
    """One line that says something, and another thing later."""

    def __init__(self, text: str = "", tone: Tone = Tone.PLAIN, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line: Line = [(text, tone)]

    def say(self, text: str, tone: Tone = Tone.PLAIN) -> None:
        """Say this."""
        self._line = [(text, tone)]
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        return [(fit(text, width), tone) for text, tone in self._line]


class TimeLeft(LineWidget):
    """For how long the code is good, or how it ended."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.pairing: Pairing | None = None

    def tick(self) -> None:
        """A second passed."""
        self.refresh(Region(0, 0, TIME, 1))

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        pairing = self.pairing
        if pairing is None:
            return [("asking for a code…", Tone.DIM)]
        if pairing.state is not PairingState.OPEN:
            return [(fit(f"✗ {_ENDED[pairing.state]}; Ctrl+N shows a new one", width), Tone.ASK)]
        left = max(0, math.ceil(pairing.expires_at - self._clock()))
        time = fit(f"{left // 60}:{left % 60:02d}", TIME)
        said = [("left for ", Tone.DIM), (shown(pairing.code), Tone.STRONG), ("; three wrong tries end it", Tone.DIM)]
        return fit_line([(time, Tone.ASK), *said], width)


class PairDialog(Dialog[PeerInfo]):
    """Gives the peer, once both sides have admitted each other. When it closes, its code is good no more."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+n", "renew", "new code", id="pair.renew"),
        Binding("ctrl+y", "copy", "copy the code", show=False, id="pair.copy"),
        Binding("ctrl+o", "own", "yours or another's", id="pair.own"),
        Binding("tab", "app.focus_next", "next field", show=False, priority=True, id="form.next"),
        Binding("shift+tab", "app.focus_previous", "field before", show=False, priority=True, id="form.previous"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__("Pair with another machine")
        self._desk = desk
        self._own = True
        self._whose = Say()
        self._digits = Digits("", id="pair-code")
        self._time = TimeLeft(desk.clock)
        self._code = _input("pair-typed", "such as 42-719-305, then Enter")
        self._at = _input("pair-at", "its address, if it is elsewhere; cis peer id prints it there")
        self._said = Page(id="pair-said")
        self._said.can_focus = False

    def content(self) -> ComposeResult:
        """Our code over what is typed of the other's."""
        yield Say("On the other machine type this: p there too, or cis peer pair CODE", Tone.PLAIN)
        yield self._digits
        yield self._time
        yield self._whose
        yield Say("Or type the other's code here", Tone.STRONG, id="pair-or")
        yield self._code
        yield self._at
        yield self._said

    def on_mount(self) -> None:
        """A code is open from the beginning; what is typed goes into the field for the other's."""
        self.set_focus(self._code)
        self._show_whose()
        self.action_renew()
        self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        pairing = self._time.pairing
        if pairing is not None and pairing.state is PairingState.OPEN:
            self._time.tick()

    def _show_whose(self) -> None:
        self._whose.say("for a machine of your own" if self._own else "for the machine of another person", Tone.DIM)

    # Our code

    def action_copy(self) -> None:
        """Give the code to the clipboard."""
        pairing = self._time.pairing
        if pairing is not None and pairing.state is PairingState.OPEN:
            self._desk.copy(pairing.code, "the code")

    def action_renew(self) -> None:
        """Show another code; the one before is good no more."""
        own = self._own
        self._desk.ask(lambda engine: engine.peer_pair_open(own=own), self._opened, group="pair-open")

    def action_own(self) -> None:
        """It is one of the person's own machines, or it is not."""
        self._own = not self._own
        self._show_whose()
        self.action_renew()

    def _opened(self, pairing: Pairing) -> None:
        if not self.is_mounted:
            self._take_back(pairing)
            return
        self.show_code(pairing)
        self._desk.ask(lambda engine: engine.peer_pair_wait(pairing.id), self._ended, group="pair-wait", quiet=True)

    def show_code(self, pairing: Pairing) -> None:
        """Show a code, or how it ended."""
        self._time.pairing = pairing
        self._digits.update(pairing.code if pairing.state is PairingState.OPEN else "")
        self._time.refresh()

    def _ended(self, pairing: Pairing) -> None:
        mine = self._time.pairing
        if mine is None or mine.id != pairing.id or not self.is_mounted:
            return
        self.show_code(pairing)
        if pairing.state is PairingState.PAIRED:
            self._paired(pairing.did)

    def _take_back(self, pairing: Pairing) -> None:
        self._desk.ask(lambda engine: engine.peer_pair_cancel(pairing.id), quiet=True)

    # The other's code

    @on(Input.Submitted)
    def _submitted(self) -> None:
        code, at, own = self._code.value.strip(), self._at.value.strip(), self._own
        if not code:
            self._say("✗ first the code that the other machine shows", Tone.BAD)
            self.set_focus(self._code)
            return
        self._say("looking for the machine that shows it…", Tone.LIVE)

        async def join(engine: EngineApi) -> PeerInfo | CisError:
            try:
                return await engine.peer_pair_join(code, at=at, own=own)
            except CisError as error:
                return error

        self._desk.ask(join, self._joined, group="pair-join")

    def _joined(self, answer: PeerInfo | CisError) -> None:
        if not self.is_mounted:
            return
        if isinstance(answer, CisError):
            self._say(f"✗ {shown(answer.message)}; {shown(answer.hint)}".removesuffix("; "), Tone.BAD)
            self.set_focus(self._code)
        else:
            self._close(answer)

    def _say(self, text: str, tone: Tone) -> None:
        self._said.show([[(text, tone)]])
        self.refresh(layout=True)

    def _paired(self, did: str) -> None:
        async def find(engine: EngineApi) -> PeerInfo | None:
            return next((peer for peer in await engine.peer_list() if peer.did == did), None)

        self._desk.ask(find, self._close)

    def _close(self, peer: PeerInfo | None) -> None:
        """Closes once, with what is open over it if need be."""
        if self.is_current:
            self._leave()
            self.dismiss(peer)

    def _leave(self) -> None:
        pairing = self._time.pairing
        if pairing is not None and pairing.state is PairingState.OPEN:
            self._take_back(pairing)

    def action_close(self) -> None:
        """Close, and take the code back."""
        self._leave()
        super().action_close()


def _input(id: str, placeholder: str) -> Input:
    line = Input(placeholder=placeholder, compact=True, id=id)
    line.cursor_blink = False
    return line
