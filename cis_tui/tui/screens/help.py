"""The keys of a screen, generated from its bindings; what is typed is looked for in them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import App
from textual.binding import Binding, BindingType
from textual.widgets import Input

from cis_tui.tui.desk import TITLES
from cis_tui.tui.gantt import LEGEND, ON_PATH, PATH, TONES
from cis_tui.tui.paint import Line, Tone, fit
from cis_tui.tui.said_also import also
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.bars import key_name
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.words import LEVEL_MARKS, RUN_MARKS, TASK_MARKS

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.screen import Screen

KEYS = 16
NOTHING = "no key does that; Esc, then : looks among all commands, and all that has a name"
PLACES: Mapping[str, str] = {
    "DecisionPrompt": "on a decision (d goes to it)",
    "TaskReader": "reading a task (Enter on it)",
    "PartList": "in what was said in the chat",
    "Transcript": "in what was said in the chat",
    "ChatLine": "in the line of the chat",
    "RoomList": "on a message of the room",
    "RoomScreen": "in the room (m on Peers)",
    **{f"{name.capitalize()}Screen": f"on {title}" for name, title in TITLES.items()},
}
"""Where else keys do something, by the class that has them."""


@dataclass(frozen=True, slots=True)
class KeyHelp:
    """What keys do, and other words for it."""

    keys: str
    does: str
    also: str = ""

    def fits(self, words: Sequence[str]) -> bool:
        """Whether all of `words` are in it, or it is the key itself."""
        text = f"{self.does} {self.also}".lower()
        joined = text.replace(" ", "")
        return words == [self.keys.lower()] or all(word in text or word in joined for word in words)

    @property
    def line(self) -> Line:
        """As it is shown."""
        return [(fit(self.keys, KEYS), Tone.STRONG), (self.does, Tone.PLAIN)]


Group = tuple[str, Sequence[KeyHelp]]
"""Where keys are, and what they do."""


class HelpDialog(Dialog[None]):
    """Everything that a key does now, the marks and what they mean; letters narrow it, also to keys elsewhere."""

    DEFAULT_CLASSES = "-tall"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll('scroll_up')", "up", show=False, priority=True, id="page.up"),
        Binding("down", "scroll('scroll_down')", "down", show=False, priority=True, id="page.down"),
        Binding("home", "scroll('scroll_home')", "top", show=False, priority=True, id="page.top"),
        Binding("end", "scroll('scroll_end')", "bottom", show=False, priority=True, id="page.bottom"),
        Binding("pageup", "scroll('page_up')", "page up", show=False, priority=True, id="page.page-up"),
        Binding("pagedown", "scroll('page_down')", "page down", show=False, priority=True, id="page.page-down"),
    ]

    def __init__(self, screen: Screen[object], purpose: str) -> None:
        super().__init__("Keys")
        self._purpose = purpose
        self._groups = key_groups(screen)
        self._elsewhere: Sequence[Group] = ()
        self._page = Page(help_lines(purpose, self._groups), id="dialog-page")
        self._words = Input(placeholder="type what you look for: approve, copy, undo", compact=True, id="help-words")
        self._words.cursor_blink = False

    def content(self) -> ComposeResult:
        """What is looked for, and the keys."""
        yield self._words
        yield self._page

    def on_mount(self) -> None:
        """Letters go into the line; the keys of other screens are read meanwhile."""
        self._words.focus()
        self.run_worker(self._read_elsewhere, group="help")

    async def _read_elsewhere(self) -> None:
        self._elsewhere = await asyncio.to_thread(keys_elsewhere)
        self._narrow()

    @on(Input.Changed, "#help-words")
    def _narrow(self) -> None:
        words = self._words.value.lower().split()
        here = help_lines(self._purpose, self._groups) if not words else found_lines(self._all(), words)
        self._page.show(here)

    def _all(self) -> list[Group]:
        here = {(key.keys, key.does) for _, keys in self._groups for key in keys}
        others = [(place, [key for key in keys if (key.keys, key.does) not in here]) for place, keys in self._elsewhere]
        return [*self._groups, *others]

    def action_scroll(self, how: str) -> None:
        """Scroll the page, while the line keeps the letters."""
        getattr(self._page, f"action_{how}")()

    def action_close(self) -> None:
        """Forget what is looked for first."""
        if self._words.value:
            self._words.value = ""
        else:
            super().action_close()


def help_lines(purpose: str, groups: Sequence[Group]) -> list[Line]:
    """What a screen is for and what its keys do, those of the focused part first."""
    lines: list[Line] = [[(purpose, Tone.PLAIN)]]
    for title, keys in groups:
        lines += [[], [(title, Tone.DIM)], *(key.line for key in keys)]
    return [*lines, [], *_marks()]


def found_lines(groups: Iterable[Group], words: Sequence[str]) -> list[Line]:
    """The keys that fit, and where they do that."""
    lines: list[Line] = []
    for title, keys in groups:
        found = [key.line for key in keys if key.fits(words)]
        lines += [*([[]] if lines else []), [(title, Tone.DIM)], *found] if found else []
    return lines or [[(NOTHING, Tone.DIM)]]


def key_groups(screen: Screen[object]) -> list[Group]:
    """What keys do by where they come from: the focused part, the screen, everywhere."""
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
    return [(title, merged_keys(bindings)) for title, bindings in groups.items() if bindings]


def keys_elsewhere() -> list[Group]:
    """What keys do on the other screens. Reads the module of each."""
    from cis_tui.tui.keymap import scopes

    return [(PLACES[name], merged_keys(bindings)) for name, bindings in scopes() if name in PLACES]


def merged_keys(bindings: Iterable[Binding]) -> list[KeyHelp]:
    """The keys of each action together, with what it does; those that only move come last."""
    merged: dict[str, tuple[list[str], Binding]] = {}
    # What moves has a name with a capital.
    for binding in sorted(bindings, key=lambda each: (each.description[:1].isupper(), not each.show)):
        for key in binding.key.split(","):
            keys, _ = merged.setdefault(binding.action, ([], binding))
            keys.append(key_name(Binding(key.strip(), "", "")))
    return [
        KeyHelp(" ".join(dict.fromkeys(keys)), binding.description, also(binding.id))
        for keys, binding in merged.values()
    ]


def _marks() -> list[Line]:
    marks = {word: (mark, tone) for mark, word, tone in (*TASK_MARKS.values(), *RUN_MARKS.values())}
    lines: list[Line] = [[("Marks", Tone.DIM)]]
    lines += [[(f"{mark} ", tone), (word, Tone.PLAIN)] for word, (mark, tone) in marks.items()]
    lines += [
        [(f"{letter} ", Tone.STRONG), (f"level: {word}", Tone.PLAIN)] for letter, word in LEVEL_MARKS.values() if word
    ]
    lines += [[], [("Bars of the timeline", Tone.DIM)]]
    lines += [[(f"{doing.value} ", TONES[doing]), (word, Tone.PLAIN)] for doing, word in LEGEND.items()]
    return [*lines, [(f"{ON_PATH} ", Tone.GOOD), (f"ran, on the critical path; its tasks have {PATH}", Tone.PLAIN)]]
