"""A few fields to fill in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, TextArea

from cis_tui.core.errors import CisError
from cis_tui.core.text import clean
from cis_tui.tui.paint import Line, Tone, cell_len, fit, shown, wrap
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.words import hint_of, text_of

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult
    from textual.geometry import Size

LONGEST_TEXT, LONGEST_LINE = 200_000, 10_000
"""Characters in a field: all of a line is wrapped and painted anew for each key, which of a megabyte takes seconds."""
Complaint = Callable[[str, str], str]
"""Name of a field and what was filled in to what is wrong with it; empty when nothing is."""

Send = Callable[[dict[str, str], "FormDialog"], object]
"""Does something with what was filled in, and tells the form that it was `taken` or `refused`."""
REFUSAL_ROWS = 4


@dataclass(frozen=True, slots=True)
class Field:
    """One thing to fill in."""

    name: str
    value: str = ""
    note: str = ""
    required: bool = False
    lines: bool = False
    """Whether it may be of several lines."""
    secret: bool = False
    """Whether what is typed is not shown."""


class FieldLabel(LineWidget):
    """The name of a field, what belongs into it, and what is wrong with it."""

    def __init__(self, field: Field) -> None:
        super().__init__()
        self._field = field
        self._complaint = ""

    def complain(self, complaint: str) -> None:
        """Say what is wrong."""
        self._complaint = complaint
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        name = shown(self._field.name, limit=40)
        note = f"  {shown(self._field.note)}" if self._field.note else ""
        trouble = f"  ✗ {self._complaint}" if self._complaint else ""
        return [
            (name, Tone.STRONG),
            (fit(note, max(0, width - cell_len(name) - cell_len(trouble))), Tone.DIM),
            (trouble, Tone.BAD),
        ]


class Refusal(LineWidget):
    """Why what was filled in was not taken, in a few lines; nothing at first."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self.display = False

    def say(self, text: str) -> None:
        """Say it; nothing takes no line."""
        self._text = text
        self.display = bool(text)
        self.refresh(layout=True)

    def _rows(self, width: int) -> list[Line]:
        lines = self._text.split("\n")
        pieces: list[Line] = [[("✗ ", Tone.BAD), (shown(lines[0], limit=1000), Tone.PLAIN)]]
        pieces += [[("  ", Tone.PLAIN), (shown(line), Tone.DIM)] for line in lines[1:]]
        return [row for line in pieces for row in wrap(line, max(1, width))][:REFUSAL_ROWS]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many lines as it takes."""
        return len(self._rows(width))

    def line(self, y: int, width: int) -> Line:
        """One of them."""
        rows = self._rows(width)
        return rows[y] if y < len(rows) else ()


class TextField(TextArea):
    """A field of several lines."""

    def __init__(self, text: str) -> None:
        super().__init__(clean(text), soft_wrap=True, tab_behavior="focus")
        self.cursor_blink = False

    async def _on_paste(self, event: events.Paste) -> None:
        """Take what has room; of the rest nothing, for half of a text is another one."""
        event.stop()
        if not has_room(self.text + event.text):
            event.prevent_default()
            self.notify("this is too long to be written here", severity="warning", markup=False)


class FormDialog(Dialog[dict[str, str]]):
    """Gives what was filled in by the names of the fields. Enter goes to the next field, or is done; so is Ctrl+S."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "done", "done", id="form.done"),
        # They come first, so that what is typed ahead goes into the field that it is meant for.
        Binding("tab", "app.focus_next", "next field", show=False, priority=True, id="form.next"),
        Binding("shift+tab", "app.focus_previous", "field before", show=False, priority=True, id="form.previous"),
        Binding("escape", "close", "cancel", id="dialog.close"),
    ]

    def __init__(
        self, title: str, fields: Sequence[Field], complaint: Complaint | None = None, *, send: Send | None = None
    ) -> None:
        """`complaint` says what is wrong with a text in a field of a name.

        With `send` the form closes only once it is taken, so that nothing is lost of what is refused.
        """
        super().__init__(title)
        self._fields = fields
        self._complaint = complaint
        self._send = send
        self._sending = False
        self._refusal = Refusal()
        self._first: dict[str, str] = {}
        self._labels = {field.name: FieldLabel(field) for field in fields}
        self._inputs = {field.name: _editor(field) for field in fields}

    def content(self) -> ComposeResult:
        """A label and an editor for each field."""
        with VerticalScroll(id="dialog-form"):
            for field in self._fields:
                yield self._labels[field.name]
                yield self._inputs[field.name]
        yield self._refusal

    def on_mount(self) -> None:
        """Start in the first field."""
        self._first = self.answers()
        # At once, so that what is typed ahead goes into it.
        self.set_focus(self._inputs[self._fields[0].name])

    @on(Input.Submitted)
    def _next(self, event: Input.Submitted) -> None:
        """With Enter in its last field a form is done."""
        if event.input is self._inputs[self._fields[-1].name]:
            self.action_done()
        else:
            self.focus_next()

    def action_done(self) -> None:
        """Close with what was filled in, once nothing is missing."""
        answers = self.answers()
        if self.deaf and answers == self._first:
            return  # the key may have been meant for what was before; what is typed ahead was not
        complaints = {field.name: self.complaint(field, answers[field.name]) for field in self._fields}
        for name, complaint in complaints.items():
            self._labels[name].complain(complaint)
        if not any(complaints.values()):
            self.done(answers)

    def done(self, answers: dict[str, str]) -> None:
        """Nothing is missing: close with it, or send it, once until it is refused."""
        if self._send is None:
            self.dismiss(answers)
        elif not self._sending:
            self._sending = True
            self._refusal.say("")
            # By the app: what is asked after the form has closed is answered too.
            self.workspace.call_next(self._send, answers, self)

    def taken(self) -> None:
        """What was sent is done: close."""
        if self.is_current:
            self.dismiss(None)

    def refused(self, error: CisError | OSError | None = None) -> None:
        """What was sent is not done, because of `error`, if not because the person would not: it can be changed."""
        self._sending = False
        if error is not None and self.is_attached:
            self._refusal.say("\n".join(filter(None, (text_of(error), hint_of(error, self.workspace.key)))))
        elif error is not None:
            self.workspace.complain(error)

    def answers(self) -> dict[str, str]:
        """What is filled in now, by the names of the fields."""
        texts: dict[str, str] = {}
        for name, editor in self._inputs.items():
            texts[name] = editor.text if isinstance(editor, TextArea) else editor.value
        return texts

    def complaint(self, field: Field, text: str) -> str:
        """What is wrong with `text` in a field; empty when nothing is."""
        if self._complaint is not None:
            return self._complaint(field.name, text)
        return "is needed" if field.required and not text else ""


def has_room(text: str) -> bool:
    """Whether a field can hold a text and still answers each key at once."""
    return len(text) <= LONGEST_TEXT and max(map(len, text.split("\n"))) <= LONGEST_LINE


def _editor(field: Field) -> Input | TextArea:
    if field.lines:
        return TextField(field.value)
    value = shown(field.value, limit=LONGEST_LINE)
    line = Input(value, compact=True, password=field.secret, max_length=LONGEST_LINE)
    line.cursor_blink = False
    return line
