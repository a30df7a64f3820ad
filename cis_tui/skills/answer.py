"""What a skill answers: bounded in memory, whole in a file when it is longer, clean either way."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import cast

from cis_tui.core.paths import private_dir
from cis_tui.core.text import clean, clean_line

ANSWER_KB = 1024
"""How long an answer may be in the result, unless the manifest's `output_kb` says otherwise."""
MAX_KEPT = 1 << 30
"""Bytes of one answer that are kept in its file."""


class Answer:
    """Takes an answer as it comes. What does not fit is kept, together with what does, in a file."""

    def __init__(self, limit: int, overflow: Path | None = None) -> None:
        """`limit`: bytes in memory; without `overflow`, what is longer is lost."""
        self.limit = limit
        self.data = bytearray()
        self.too_long = False
        self.size = 0
        """Bytes that were answered."""
        self.failure: OSError | None = None
        """Why the file lacks what came after."""
        self._overflow = overflow
        self._file: int | None = None

    def feed(self, data: bytes) -> None:
        """Take the next part."""
        room = self.limit - len(self.data)
        self.size += len(data)
        if self.too_long:
            self._keep(data)
        elif len(data) > room:
            self.too_long = True
            self._keep(bytes(self.data) + data)
        self.data += data[:room]

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    @property
    def text(self) -> str:
        """What is in memory, as text."""
        return bytes(self.data).decode("utf-8", "ignore" if self.too_long else "replace").strip()

    @property
    def file(self) -> str:
        """Where all of it is; empty when it is not too long, or is lost."""
        return str(self._overflow) if self.too_long and self._overflow is not None and self.failure is None else ""

    def _keep(self, data: bytes) -> None:
        if self._overflow is None or self.failure is not None or self.size - len(data) > MAX_KEPT:
            return
        try:
            if self._file is None:
                private_dir(self._overflow.parent)
                flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
                self._file = os.open(self._overflow, flags, 0o600)
            view = memoryview(data)
            while view:
                view = view[os.write(self._file, view) :]
        except OSError as error:
            self.failure = error


def parse_answer(text: str) -> object:
    """The one JSON document that `text` is, or else the text itself; free of control sequences either way."""
    try:
        return clean_tree(json.loads(text, parse_constant=_no_constant))
    except (ValueError, RecursionError):
        return clean(text, limit=len(text) + 1)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


def clean_tree(value: object) -> object:
    """A JSON document without control sequences."""
    if isinstance(value, str):
        return clean(value, limit=len(value) + 1)
    if isinstance(value, dict):
        items = cast("dict[str, object]", value).items()
        return {clean(key, limit=len(key) + 1): clean_tree(item) for key, item in items}
    if isinstance(value, list):
        return [clean_tree(item) for item in cast("list[object]", value)]
    return value


def notice_of(output: object) -> str:
    """What an answer asks to be shown to whoever looks: its text `notify`, in a line; empty if it has none."""
    if isinstance(output, str) and output.startswith('{"notify":'):
        output = parse_answer(output)
    told = cast("dict[str, object]", output).get("notify") if isinstance(output, dict) else None
    return clean_line(told, limit=300) if isinstance(told, str) else ""
