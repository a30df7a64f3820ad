"""What would run, to be changed before it is approved."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.dag.answers import Edit
from cis_tui.dag.views import Decision
from cis_tui.tui.deciding import edit_of, json_table
from cis_tui.tui.paint import shown
from cis_tui.tui.screens.form import LONGEST_LINE, Field, FormDialog

NOTES = {
    "command": "a line for the shell; nothing in it is a template",
    "arguments": "words, quoted as for the shell",
    "input": "a JSON object; •••••• stands for a private value and may stay",
}
Send = Callable[[Edit, FormDialog], object]
"""Gives an edit to the engine; see `FormDialog`."""


def needs_lines(name: str, text: str) -> bool:
    """Whether one line would not show all of a part of a call."""
    return name != "arguments" or shown(text, limit=LONGEST_LINE) != text


class EditDialog(FormDialog):
    """Approves what is asked about as it was changed. It stays open until the engine has taken the change."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "done", "approve it so", id="form.done")]

    def __init__(
        self, decision: Decision, parts: Mapping[str, str], send: Send, given: Mapping[str, str] | None = None
    ) -> None:
        """`parts`: what would run, by name; `given`: what was changed already."""
        texts = {**parts, **(given or {})}
        fields = [
            Field(name, texts[name], NOTES[name], required=name == "command", lines=needs_lines(name, texts[name]))
            for name in parts
        ]
        before = dict(parts)

        def send_edit(answers: dict[str, str], form: FormDialog) -> None:
            edit = edit_of(before, answers)
            if edit:
                send(edit, form)
            else:
                form.refused()
                self.notify("nothing was changed", markup=False)

        super().__init__(f"Run {decision.task} like this", fields, send=send_edit)

    def complaint(self, field: Field, text: str) -> str:
        """See `FormDialog`."""
        try:
            if field.name == "input":
                json_table(text)
            elif field.name == "arguments":
                shlex.split(text)
        except ValueError as error:
            return str(error)
        return super().complaint(field, text)
