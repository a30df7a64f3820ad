"""A few fields to fill in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, TextArea

from cis_tui.core.text import clean
from cis_tui.tui.paint import Line, Tone, cell_len, fit, shown
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.painted import LineWidget

if TYPE_CHECKING:
    from textual import events
    from textual.app import ComposeResult


LONGEST_TEXT, LONGEST_LINE = 200_000, 10_000
"""Characters in a field: all of a line is wrapped and painted anew for each key, which of a megabyte takes seconds."""
Complaint = Callable[[str, str], str]
"""Name of a field and what was filled in to what is wrong with it; empty when nothing is."""

Send = Callable[[dict[str, str], Callable[[], object]], object]
"""Does something with what was filled in, and calls back once that is done; until then the form stays open."""


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

        With `send` the form closes only once that is done, so that nothing is lost of what is refused.
        """
        super().__init__(title)
        self._fields = fields
        self._complaint = complaint
        self._send = send
        self._first: dict[str, str] = {}
        self._labels = {field.name: FieldLabel(field) for field in fields}
        self._inputs = {field.name: _editor(field) for field in fields}

    def content(self) -> ComposeResult:
        """A label and an editor for each field."""
        with VerticalScroll(id="dialog-form"):
            for field in self._fields:
                yield self._labels[field.name]
                yield self._inputs[field.name]

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
        """Nothing is missing: close with it, or when it was sent."""
        if self._send is None:
            self.dismiss(answers)
        else:
            self._send(answers, self._sent)

    def _sent(self) -> None:
        if self.is_current:
            self.dismiss(None)

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
