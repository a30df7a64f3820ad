"""What is said where nothing is to be seen yet: what would be here, and the keys or commands that bring it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING

from textual.binding import Binding

from cis_tui.tui.paint import Line, Tone, cell_len
from cis_tui.tui.widgets.bars import key_name

if TYPE_CHECKING:
    from textual.widget import Widget

Keys = Callable[[str], str]
"""The name of the key that is bound to an action now, by the id of its binding; what is none is given back."""
Step = tuple[str, str]
"""The id of a binding, or a command as it is typed; and what it does."""
WIDEST = 24
"""Cells of a key or command that stands beside what it does; a longer one stands over it."""


def taught(keys: Keys, title: str, *steps: Step) -> list[Line]:
    """A title, and under it a line for each step, with the key that is bound now."""
    names = [(keys(word), does) for word, does in steps]
    width = max((cell_len(name) for name, _ in names if cell_len(name) <= WIDEST), default=0)
    lines: list[Line] = [[(title, Tone.PLAIN)], *([[]] if steps else [])] if title else []
    for name, does in names:
        if cell_len(name) > WIDEST:
            lines += [[(name, Tone.STRONG)], [("  ", Tone.DIM), (does, Tone.DIM)]]
        else:
            lines.append([(f"{name:<{width}}  ", Tone.STRONG), (does, Tone.DIM)])
    return lines


def keys_of(widget: Widget, *others: type) -> Keys:
    """The keys of a widget, of what it is in and of what is beside it on its screen, or of the classes `others`."""

    def key(id: str) -> str:
        for binding in _bindings(widget, others):
            if binding.id == id:
                # There is no public way to what became of `[keys]`.
                keymap = widget.app._keymap  # pyright: ignore[reportPrivateUsage, reportUnknownMemberType]
                first = keymap.get(id, binding.key).split(",")[0].strip()
                return key_name(replace(binding, key=first))
        return id

    return key


def _bindings(widget: Widget, others: tuple[type, ...]) -> Iterator[Binding]:
    """Those nearest first; what stands further away is looked at only if it has to be."""
    for owner in chain(_classes(widget), others):
        yield from (each for each in owner.__dict__.get("BINDINGS", ()) if isinstance(each, Binding))


def _classes(widget: Widget) -> Iterator[type]:
    for node in widget.ancestors_with_self:
        yield from type(node).__mro__
    if widget.is_attached:
        for node in widget.screen.walk_children():
            yield from type(node).__mro__
