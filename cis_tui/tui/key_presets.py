"""`[ui] keys`: how one moves, for hands that learned it elsewhere; `[keys]` goes over it."""

from __future__ import annotations

from collections.abc import Mapping

_MOVES: Mapping[str, tuple[str, ...]] = {
    "down": ("list.down", "page.down", "chat.down", "boxes.down"),
    "up": ("list.up", "page.up", "chat.up", "boxes.up"),
    "right": ("boxes.right", "tasks.unfold", "tree.unfold"),
    "left": ("boxes.left", "tasks.fold", "tree.fold"),
    "shift+right": ("timeline.later",),
    "shift+left": ("timeline.earlier",),
    "home": ("list.first", "page.top", "boxes.first"),
    "end": ("list.last", "page.bottom", "boxes.last"),
    "pagedown": ("list.page-down", "page.page-down"),
    "pageup": ("list.page-up", "page.page-up"),
}
_EMACS = {
    "down": "ctrl+n",
    "up": "ctrl+p",
    "right": "ctrl+f",
    "left": "ctrl+b",
    "pagedown": "ctrl+v",
    "pageup": "alt+v",
}


def preset_keys(name: str) -> dict[str, str]:
    """Keys by action; of `vi`, which is what is bound anyway, none."""
    if name == "vi":
        return {}
    found = {action: key for key, actions in _MOVES.items() for action in actions}
    if name == "emacs":
        found = {action: f"{key},{_EMACS[key]}" if key in _EMACS else key for action, key in found.items()}
        found["palette"] = "colon,alt+x"
    return found
