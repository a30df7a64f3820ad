"""The output of one attempt of a task, read in chunks as it grows."""

from __future__ import annotations

import re

from cis_tui.core.text import clean
from cis_tui.dag.views import LogChunk

CHUNK = 65_536
"""Bytes that are asked for at once, and that are shown of an output that was already there."""

PACE = 0.15
"""Seconds from one reading to the next: what grows faster than it can be read is not sent to the screen more often."""

_UNFINISHED = re.compile(r"\x1b(?:[^a-zA-Z\x07\\]{0,200}|\][^\x07\x1b]{0,2000})$")
_OVERWRITTEN = re.compile(r"[^\n]*\r(?=[^\n])")


class OutputReader:
    """Where reading stands: `offset` is the byte to ask for next; `take` turns an answer into text to show."""

    def __init__(self, chunk: int = CHUNK) -> None:
        """`chunk`: bytes that are asked for at once."""
        self._chunk = chunk
        self.offset = -chunk
        """Negative: counted from the end, as `EngineApi.run_logs` takes it."""
        self._read = 0
        self._held = ""

    def take(self, chunk: LogChunk) -> str:
        """The new text of `chunk`, safe to show; says how much was left out where reading fell behind."""
        text = chunk.text
        size = len(text.encode("utf-8", "replace"))
        skipped = ""
        if self.offset < 0:
            missed = chunk.offset - size - self._read
            if missed > 0:
                skipped = f"… {_amount(missed)} left out; cis run logs has all\n"
            elif missed < 0:
                text = text.encode("utf-8", "replace")[-missed:].decode("utf-8", "replace")
                size += missed
        self._read = chunk.offset
        # A full chunk means that more has come than can be read: go on from the end.
        self.offset = -self._chunk if size >= self._chunk - 4 else chunk.offset
        return skipped + self._printable(text, last=chunk.ended)

    @property
    def behind(self) -> bool:
        """Whether more is there already."""
        return self.offset < 0

    def _printable(self, text: str, *, last: bool) -> str:
        """`text` without control sequences, also of one that two chunks share; of overwritten lines the last state."""
        text = self._held + text
        self._held = ""
        cut = None if last else _UNFINISHED.search(text)
        if cut:
            self._held, text = text[cut.start() :], text[: cut.start()]
        return clean(_OVERWRITTEN.sub("", text.replace("\r\n", "\n")))


def _amount(size: int) -> str:
    return f"{size} bytes" if size < 10_000 else f"{size // 1000} kB"
