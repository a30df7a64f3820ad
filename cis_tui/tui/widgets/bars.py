"""The lines that frame every screen: where one is, how the engine does, and which keys matter now."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import Binding

from cis_tui.tui.desk import SCREENS, TITLES
from cis_tui.tui.paint import Line, Piece, Tone, fit, line_width, shown
from cis_tui.tui.read_only import CHANGES
from cis_tui.tui.store import Store
from cis_tui.tui.widgets.painted import LineWidget

if TYPE_CHECKING:
    from textual import events
    from textual.screen import Screen

    from cis_tui.tui.desk_app import DeskApp

UNREAD = "•"
"""An answer has ended, or somebody has said something in the room, that was not looked at."""


class NavBar(LineWidget):
    """The six screens with their keys, and the open project."""

    def __init__(self, store: Store, current: str) -> None:
        super().__init__()
        self._store = store
        self._current = current
        self._spots: list[tuple[int, int, str]] = []

    def line(self, y: int, width: int) -> Line:
        """The only line; on a narrow screen the other screens are just their numbers."""
        long = sum(len(title) + 4 for title in TITLES.values()) <= width
        pieces: list[Piece] = []
        self._spots = []
        for number, name in enumerate(SCREENS, 1):
            here = name == self._current
            title = f"{number} {TITLES[name]}" if long or here else f"{number}"
            if (name == "chat" and self._store.unread) or (name == "peers" and self._store.room_news):
                title += UNREAD
            start = line_width(pieces)
            pieces.append((f"▌{title} " if here else f" {title} ", Tone.LIVE if here else Tone.DIM))
            self._spots.append((start, line_width(pieces), name))
        return _spread(pieces, self._place(width - line_width(pieces) - 1), width)

    def _place(self, room: int) -> list[Piece]:
        """The project and whether it is trusted; where there is little room, it is the name that is cut."""
        project = self._store.project
        if project is None:
            return [("no project ", Tone.DIM)] if not self._store.project_root else []
        trust = (" trusted ", Tone.DIM)
        if project.pending:
            trust = (" not trusted " if project.trust == "untrusted" else " changed ", Tone.ASK)
        elif project.trust == "author":
            trust = (" yours ", Tone.DIM)
        name = shown(project.name, limit=40)
        room = max(1, room - line_width([trust]))
        return [(fit(name, room) if line_width([(name, Tone.STRONG)]) > room else name, Tone.STRONG), trust]

    async def on_click(self, event: events.Click) -> None:
        """A click on a name goes there."""
        for start, end, name in self._spots:
            if start <= event.x < end:
                await self.run_action(f"app.show('{name}')")


class ClickableKeys(LineWidget):
    """Keys with what they do; a click on one presses it."""

    def __init__(self) -> None:
        super().__init__()
        self.spots: dict[int, list[tuple[int, int, str]]] = {}
        """From which cell to which of a line a click presses which key."""

    def on_click(self, event: events.Click) -> None:
        """Press what is there."""
        for start, end, key in self.spots.get(event.y, ()):
            if start <= event.x < end:
                self.app.simulate_key(key)  # pyright: ignore[reportUnknownMemberType] # App is not parametrised


class KeyLine(ClickableKeys):
    """The keys that do something now: those of the focused part first."""

    LAST: ClassVar[tuple[str, ...]] = ("help", "quit")
    """Actions whose keys are always visible, at the right."""

    def on_mount(self) -> None:
        """Follow the focus."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)  # pyright: ignore[reportUnknownMemberType] # Textual leaves the type of the screen open

    def _changed(self, _screen: Screen[object]) -> None:
        if self.screen.is_current:
            self.repaint_changed()

    def line(self, y: int, width: int) -> Line:
        """The only line; keys for which there is no room are left to the help."""
        keys: list[tuple[str, list[Piece]]] = []
        last: list[Piece] = self._ways()
        ends: list[tuple[int, int, str]] = []
        for binding in visible_bindings(self.screen):
            pieces: list[Piece] = [(key_name(binding), Tone.STRONG), (f" {binding.description}  ", Tone.DIM)]
            if binding.action.removeprefix("app.") in self.LAST:
                start = line_width(last)
                last.extend(pieces)
                ends.append((start, line_width(last), binding.key))
            else:
                keys.append((binding.key, pieces))
        room = width - 1 - line_width(last)
        first: list[Piece] = [(" ", Tone.PLAIN)]
        spots = self.spots[y] = [
            (start + width - line_width(last), end + width - line_width(last), key) for start, end, key in ends
        ]
        for key, pieces in keys:
            start, end = line_width(first), line_width(first) + line_width(pieces)
            if end <= room:
                first.extend(pieces)
                spots.append((start, end, key))
        return _spread(first, last, width)

    def _ways(self) -> list[Piece]:
        """Where a number is text, the keys to the other screens."""
        focused = self.screen.focused
        if focused is None or not focused.check_consume_key("1", "1"):
            return []
        active = [each.binding for each in self.screen.active_bindings.values()]
        keys = [key_name(binding) for binding in active if (binding.id or "").startswith("typing.")]
        alike = len({key[:-1] for key in keys}) == 1
        return [(f"{keys[0]}-{keys[-1][-1]}" if alike else " ".join(keys), Tone.STRONG), (" screens  ", Tone.DIM)]


def visible_bindings(screen: Screen[object]) -> list[Binding]:
    """The bindings that do something now and may be shown, once each, nearest to the focus first."""
    found: dict[str, Binding] = {}
    app = cast("DeskApp", screen.app)  # pyright: ignore[reportUnknownMemberType] # App is not parametrised
    refused = CHANGES if app.store.read_only else ()
    all_active = list(screen.active_bindings.values())
    if app.settings.keys:
        # Textual puts those with another key behind the others of their part.
        parts = list(dict.fromkeys(active.node for active in all_active))
        all_active.sort(key=lambda active: (parts.index(active.node), _place(type(active.node), active.binding.id)))
    for active in all_active:
        binding = active.binding
        if binding.show and active.enabled and binding.id not in refused:
            found.setdefault(binding.action, binding)
    return list(found.values())


def _place(part: type, id: str | None) -> int:
    """Which of the bindings of a part it is, those of what it is made from first."""
    owners = (owner.__dict__.get("BINDINGS", ()) for owner in reversed(part.__mro__))
    ids = [binding.id for bindings in owners for binding in bindings if isinstance(binding, Binding)]
    return ids.index(id) if id in ids else len(ids)


_KEYS = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "delete": "Del",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "slash": "/",
    "colon": ":",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
}


def key_name(binding: Binding) -> str:
    """A key as people write it, such as `Ctrl+P`."""
    *modifiers, key = binding.key.split("+")
    name = _KEYS.get(key) or (key if len(key) == 1 and not modifiers else key.capitalize())
    return "+".join([*(modifier.capitalize() for modifier in modifiers), name])


def _spread(left: list[Piece], right: list[Piece], width: int) -> list[Piece]:
    """Two groups at both ends of a line; the right one gives way when there is no room."""
    used, wanted = line_width(left), line_width(right)
    if used + wanted > width:
        keep = max(0, width - used)
        text = fit("".join(text for text, _ in right), keep) if keep > 3 else ""
        return [*left, (text, right[0][1] if right else Tone.PLAIN)]
    return [*left, (" " * (width - used - wanted), Tone.PLAIN), *right]
