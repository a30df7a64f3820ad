"""The keys of a screen, generated from its bindings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.app import App

from cis_tui.tui.paint import Line, Tone, fit
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.bars import key_name
from cis_tui.tui.words import LEVEL_MARKS, RUN_MARKS, TASK_MARKS

if TYPE_CHECKING:
    from textual.binding import Binding
    from textual.screen import Screen

KEYS = 16
_OURS = "cis_tui"


class HelpDialog(Dialog[None]):
    """Everything that a key does now, the marks and what they mean."""

    DEFAULT_CLASSES = "-tall"


def help_lines(screen: Screen[object], purpose: str) -> list[Line]:
    """What `screen` is for and what its keys do, those of the focused part first."""
    lines: list[Line] = [[(purpose, Tone.PLAIN)]]
    for title, bindings in binding_groups(screen):
        lines += [[], [(title, Tone.DIM)]]
        for keys, description in merged_keys(bindings):
            lines.append([(fit(keys, KEYS), Tone.STRONG), (description, Tone.PLAIN)])
    return [*lines, [], *_marks()]


def binding_groups(screen: Screen[object]) -> list[tuple[str, list[Binding]]]:
    """The bindings by where they come from: the focused part, the screen, everywhere."""
    groups: dict[str, list[Binding]] = {"Here": [], "On this screen": [], "Everywhere": []}
    for active in screen.active_bindings.values():
        if not active.binding.id:
            continue
        if isinstance(active.node, App):
            groups["Everywhere"].append(active.binding)
        elif active.node is screen:
            groups["On this screen"].append(active.binding)
        else:
            groups["Here"].append(active.binding)
    return [(title, bindings) for title, bindings in groups.items() if bindings]


def merged_keys(bindings: Iterable[Binding]) -> list[tuple[str, str]]:
    """The keys of each action together, with what it does."""
    merged: dict[str, tuple[list[str], str]] = {}
    for binding in bindings:
        keys, _ = merged.setdefault(binding.action, ([], binding.description))
        keys.append(key_name(binding))
    return [(" ".join(dict.fromkeys(keys)), description) for keys, description in merged.values()]


def _marks() -> list[Line]:
    marks = {word: (mark, tone) for mark, word, tone in (*TASK_MARKS.values(), *RUN_MARKS.values())}
    lines: list[Line] = [[("Marks", Tone.DIM)]]
    lines += [[(f"{mark} ", tone), (word, Tone.PLAIN)] for word, (mark, tone) in marks.items()]
    lines += [
        [(f"{letter} ", Tone.STRONG), (f"level: {word}", Tone.PLAIN)] for letter, word in LEVEL_MARKS.values() if word
    ]
    return lines
