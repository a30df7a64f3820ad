"""What a person does in the room: says something, and does something with a message."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from cis_tui.core.errors import CisError
from cis_tui.matrix.messages import RoomMessage
from cis_tui.matrix.model import SendState
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.peer_detail import labelled
from cis_tui.tui.room_words import People
from cis_tui.tui.words import calendar_time

if TYPE_CHECKING:
    from textual.widget import Widget

    from cis_tui.protocol import EngineApi
    from cis_tui.tui.widgets.writing_line import WritingLine

    Call = Callable[[EngineApi], Awaitable[object]]

REACTIONS = (
    "\N{THUMBS UP SIGN}",
    "\N{THUMBS DOWN SIGN}",
    "\N{HEAVY BLACK HEART}",
    "\N{PARTY POPPER}",
    "\N{EYES}",
    "\N{WHITE HEAVY CHECK MARK}",
)
"""What is offered; it is said in the room as it stands here, also from a terminal that cannot draw it."""
_ME = "/me "


class Pane(Protocol):
    """The screen, as its acts see it."""

    desk: Desk
    text: WritingLine

    @property
    def people(self) -> People:
        """Who is in the room."""
        ...

    def show_lines(self) -> None:
        """Repaint what stands above and below the messages."""
        ...

    def set_focus(self, widget: Widget | None) -> None:
        """Give the keys to a part of it."""
        ...


class RoomActs:
    """The acts of the room; what then holds comes back as an event."""

    def __init__(self, pane: Pane) -> None:
        self._pane = pane
        self._desk = pane.desk
        self._of: RoomMessage | None = None
        """The message that is answered or edited."""
        self._edits = False
        self._draft = ""
        """What was being written before the edit began."""

    @property
    def mode(self) -> str:
        """What the line is for, if not for a message of its own."""
        if self._of is None:
            return ""
        if self._edits:
            return "editing your message"
        return f"answering {self._pane.people.short(self._of.sender)}: {shown(self._of.text, limit=60)}"

    def act(self, name: str, message: RoomMessage) -> None:
        """Do something with a message."""
        match name:
            case "reply":
                self._begin(message, edits=False)
            case "edit":
                self._begin(message, edits=True)
            case "react":
                self._react(message)
            case "remove":
                self._remove(message)
            case "retry":
                self._desk.ask(lambda engine: engine.matrix_retry(message.id))
            case _:
                self._read(message)

    # The line

    def _begin(self, message: RoomMessage, *, edits: bool) -> None:
        if not self._edits:
            self._draft = self._pane.text.text
        if edits:
            self._pane.text.write(message.text)
        elif self._edits:
            self._pane.text.write(self._draft)
        self._of, self._edits = message, edits
        self._pane.set_focus(self._pane.text)
        self._pane.show_lines()

    def leave(self) -> None:
        """Answer or edit nothing; what was written before an edit is there again."""
        if self._edits:
            self._pane.text.write(self._draft)
        self._of, self._edits, self._draft = None, False, ""
        self._pane.show_lines()

    def send(self, text: str) -> None:
        """Say what was written; if that cannot be done now, it is in the line again."""
        if not text.strip():
            return
        of, edits, emote = self._of, self._edits, text.startswith(_ME)
        if text.startswith("/") and not emote and not text.startswith("//"):
            word = shown(text.split()[0], limit=30)
            self._desk.say(
                f"there is no command {word}", hint="/me says what you do; // begins with a stroke", bad=True
            )
            return
        said = text.removeprefix(_ME) if emote else text[1:] if text.startswith("//") else text

        async def call(engine: EngineApi) -> object:
            if of is not None and edits:
                return await engine.matrix_edit(of.id, said)
            return await engine.matrix_say(said, answers=of.id if of is not None else "", emote=emote)

        self._pane.text.forget()
        self.leave()
        self._pane.text.said.append(text)
        self._desk.ask(self._or_back(call, text))

    def _or_back(self, call: Call, text: str) -> Call:
        """The call that writes the text into the line again if it fails."""

        async def tried(engine: EngineApi) -> object:
            try:
                return await call(engine)
            except CisError:
                if not self._pane.text.text:
                    self._pane.text.write(text)
                raise

        return tried

    # A message

    def _react(self, message: RoomMessage) -> None:
        from cis_tui.tui.screens.choice import ChoiceDialog

        mine = {reaction.key for reaction in message.reactions if reaction.mine}
        keys = list(dict.fromkeys((*REACTIONS, *(reaction.key for reaction in message.reactions))))
        options = [(key, "takes yours back" if key in mine else "") for key in keys]

        def chosen(index: int | None) -> None:
            if index is None:
                return
            if index == len(keys):
                self._react_otherwise(message)
            else:
                self._desk.ask(lambda engine: engine.matrix_react(message.id, keys[index]))

        self._desk.dialog(ChoiceDialog("React how?", [*options, ("another…", "an emoji or a word")]), chosen)

    def _react_otherwise(self, message: RoomMessage) -> None:
        from cis_tui.tui.screens.form import Field, FormDialog

        def send(given: dict[str, str], form: FormDialog) -> None:
            self._desk.ask(
                lambda engine: engine.matrix_react(message.id, given["reaction"]),
                lambda _: form.taken(),
                failed=form.refused,
            )

        fields = [Field("reaction", note="an emoji or a word", required=True)]
        self._desk.dialog(FormDialog("React how?", fields, send=send))

    def _remove(self, message: RoomMessage) -> None:
        from cis_tui.tui.screens.confirm import ConfirmDialog

        if message.state is SendState.FAILED:
            title, note = "Forget this message?", "It was not sent, and is gone then."
        elif message.mine:
            title, note = "Remove this message?", "Its text is taken from the room; that it was there stays to be seen."
        else:
            title = "Remove the message of another?"
            note = "The homeserver lets only moderators do that."

        def answered(yes: bool | None) -> None:
            if yes:
                self._desk.ask(lambda engine: engine.matrix_remove(message.id))

        text = f"{note}\n\n{self._pane.people.short(message.sender)}: {shown(message.text, limit=200)}"
        self._desk.dialog(ConfirmDialog(title, text), answered)

    def _read(self, message: RoomMessage) -> None:
        from cis_tui.tui.screens.reader import ReaderDialog

        self._desk.dialog(ReaderDialog("This message", message_lines(message, self._pane.people)))


def message_lines(message: RoomMessage, people: People) -> list[Line]:
    """All that is known of a message."""
    mark, word, tone = people.badge(message.sender)
    member = people.members.get(message.sender)
    sent: list[Line] = (
        [] if message.state is SendState.SENT else [labelled("sent", shown(message.problem) or "not yet")]
    )
    return [
        [(f"{mark} ", tone), (people.short(message.sender), Tone.STRONG), (f"  {word}", tone)],
        *([labelled("calls itself", shown(member.name))] if member and member.name else []),
        *([labelled("node", shown(member.did))] if member and member.did else []),
        labelled("at", f"{calendar_time(message.at)} UTC"),
        labelled("event", shown(message.id)),
        *sent,
        *(
            labelled(shown(reaction.key), ", ".join(people.short(sender) for sender in reaction.senders))
            for reaction in message.reactions
        ),
        [],
        *([(line, Tone.PLAIN)] for line in message.text.split("\n")),
    ]
