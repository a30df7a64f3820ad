"""How a change to a project's code is shown to the person who is to trust it."""

from __future__ import annotations

import difflib

from cis_tui.core.text import clean
from cis_tui.project.code import CodeFile

MAX_SHOWN = 20_000
"""Characters."""
MAX_LINES = 3_000
"""Of a file that is compared line by line."""


def show_change(file: CodeFile, before: bytes | None) -> str:
    """A unified diff against `before`, or the whole text of a file of which nothing older is known."""
    if not file.digest:
        return "it cannot be trusted: not a regular file of at most 64 MB inside the project; it never runs"
    if file.content is None:
        return "larger than 64 kB: it is trusted by its hash, look at it before"
    now = _text(file.content)
    if now is None:
        return f"{len(file.content)} bytes that are not text"
    old = _text(before) if before is not None else None
    return _bounded(_difference(old, now) if old is not None else now)


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8") if b"\0" not in content else None
    except UnicodeDecodeError:
        return None


def _difference(old: str, new: str) -> str:
    before, after = old.splitlines(), new.splitlines()
    if before == after:
        return "the text is the same; whether it may be executed, or where it leads, changed"
    if max(len(before), len(after)) > MAX_LINES:
        return f"too long to be compared line by line; this is the new text:\n{new}"
    return "\n".join(difflib.unified_diff(before, after, "trusted", "now", lineterm=""))


def _bounded(text: str) -> str:
    shown = clean(text, limit=MAX_SHOWN)
    hidden = len(text) - MAX_SHOWN
    if hidden > 0:
        return f"{shown}\n({hidden} more characters are not shown: look at the file)"
    if shown != text.replace("\r\n", "\n"):
        return f"(control or invisible characters in it are not shown)\n{shown}"
    return shown
