"""A new entry of memory, and what it will be taken as while it is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import on
from textual.widgets import Input, TextArea

from cis_tui.memory.records import Domain, IndexType, MemoryWrite
from cis_tui.tui.paint import Line, Tone, fit_line, shown
from cis_tui.tui.screens.form import Field, FormDialog, Send
from cis_tui.tui.widgets.painted import LineWidget

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

PAUSE = 0.1
"""Seconds without a key after which it is looked at."""
FIELDS = (
    Field("key", note="such as project/notes", required=True),
    Field("value", lines=True),
    Field("domain", note="private or public; empty: private, unless the project says otherwise"),
    Field("category", note="empty: the first part of the key"),
)


class Verdict(LineWidget):
    """What an entry will be taken as, and why."""

    def __init__(self) -> None:
        super().__init__(id="verdict")
        self._pieces: Line = ()

    def show(self, line: Line) -> None:
        """Say it."""
        self._pieces = line
        self.refresh()

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        return fit_line(self._pieces, width)


class EntryDialog(FormDialog):
    """The fields of a new entry."""

    def __init__(self, key: str = "", send: Send | None = None) -> None:
        """`key`: how it begins."""
        fields = (Field("key", key, FIELDS[0].note, required=True), *FIELDS[1:])
        super().__init__("Remember something", fields, send=send)
        self._verdict = Verdict()
        self._waiting: Timer | None = None

    def content(self) -> ComposeResult:
        """The fields, and under them the verdict."""
        yield from super().content()
        yield self._verdict

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _changed(self) -> None:
        if self._waiting is not None:
            self._waiting.stop()
        self._waiting = self.set_timer(PAUSE, self._judge)

    def _judge(self) -> None:
        given = self.answers()
        self._verdict.show(verdict(given["key"], given["value"], given["domain"]))

    def complaint(self, field: Field, text: str) -> str:
        """See `FormDialog`."""
        if field.name == "domain" and text and domain_of(text) is None:
            return "is private or public"
        return super().complaint(field, text)


def domain_of(text: str) -> Domain | None:
    """The domain that is meant, if there is such a one."""
    word = text.strip().lower()
    return next((domain for domain in Domain if word == domain.value), None)


def write_of(given: dict[str, str]) -> MemoryWrite:
    """What was filled in, as a write."""
    return MemoryWrite(given["key"], given["value"], domain_of(given["domain"]), given["category"].strip())


def verdict(key: str, value: str, domain: str) -> Line:
    """What memory will take an entry as, and where it will lie, as a line."""
    if not key:
        return ()
    from cis_tui.memory.classify import classify

    found = classify(key, value)
    secret = found.index_type is IndexType.SENSITIVE
    pieces: Line = [
        ("will be ", Tone.DIM),
        (found.index_type.value, Tone.ASK if secret else Tone.STRONG),
        (f": {shown(found.reason)}", Tone.DIM),
    ]
    if secret and domain_of(domain) is Domain.PUBLIC:
        return [("✗ a secret in clear: ", Tone.BAD), *pieces[1:]]
    return pieces
