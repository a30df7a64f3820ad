"""The vector index of public memory on the disk, as this process sees it: an approximate search for many vectors.

It is derived from the logs and owned by a process of its own (`chroma_child`), since two processes on one folder lose
vectors silently. Missing, broken or behind, it is brought up to date in the background; meanwhile the exact search
answers.
"""

from __future__ import annotations

import json
import re
import struct
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cis_tui.memory.child import Child, ChildFailed
from cis_tui.memory.embedder import MODEL

if TYPE_CHECKING:
    from cis_tui.memory.embedder import Vectors

MANY = 50_000
"""Vectors from which on `auto` uses the index: the exact search takes about 5 ms for so many, the index 2 or 3."""
_STEP = 200
"""Vectors that are added before somebody else may ask."""
_DAY = 86_400.0
_HEAD = struct.Struct(">I")
Spot = tuple[str, int]
"""Week and row of a version."""


class ChromaIndex:
    """The index; not for two threads at once."""

    def __init__(self, folder: Path, *, least: int = MANY) -> None:
        """`folder`: where it lies. `least`: vectors below which it is not used."""
        env = {"SQLITE_TMPDIR": str(folder.parent), "TMPDIR": str(folder.parent), "OMP_NUM_THREADS": "1"}
        safe = {"ORT_DISABLE_TELEMETRY": "1", "ANONYMIZED_TELEMETRY": "False", "HF_HUB_OFFLINE": "1"}
        self._folder = folder
        self._child = Child(
            "cis_tui.memory.chroma_child",
            str(folder),
            re.sub(r"[^a-z0-9]", "-", MODEL) + "-",
            env=env | safe,
            idle_seconds=_DAY,
            code="CIS-MEM-052",
        )
        self.least = least
        self._rows: dict[str, set[int]] | None = None
        """What it holds, by week; None while that is not known."""
        self.current = False
        """Whether it holds exactly what it was last told to hold."""
        self.failure = ""
        """Why it is not used any more; empty while it is."""

    def follow(self, wanted: Mapping[Spot, int], vectors: Vectors) -> bool:
        """Bring it a step nearer to hold `wanted`: for each version the row of its vector in `vectors`.

        Returns:
            Whether there is more to do.
        """
        if self.failure or len(wanted) < self.least:
            self.current = False
            return False
        try:
            if self._rows is None:
                self._rows = self._open()
            self.current = self._follow(self._rows, wanted, vectors)
        except ChildFailed as error:
            self.current, self.failure = False, error.message
        return not self.current and not self.failure

    def nearest(self, question: Vectors, limit: int) -> list[tuple[Spot, float]] | None:
        """The versions nearest to `question`, with their cosines; None when the exact search is to be asked."""
        if not self.current:
            return None
        try:
            answer = self._ask({"do": "query", "limit": limit}, question.tobytes())
        except ChildFailed as error:
            self.current, self.failure = False, error.message
            return None
        near = cast("list[tuple[str, int, float]]", answer["near"])
        return [((week, row), cosine) for week, row, cosine in near]

    def forget(self) -> None:
        """Look anew at what it holds, also when it has failed before."""
        self._rows, self.current, self.failure = None, False, ""

    def close(self) -> None:
        """End its process."""
        self._child.close()

    def _open(self) -> dict[str, set[int]]:
        try:
            answer = self._ask({"do": "open"})
        except ChildFailed:
            # What could not be opened is thrown away by now.
            self._child.restart()
            answer = self._ask({"do": "open"})
        rows = cast("dict[str, list[int]]", answer["rows"])
        return {week: set(there) for week, there in rows.items()}

    def _follow(self, rows: dict[str, set[int]], wanted: Mapping[Spot, int], vectors: Vectors) -> bool:
        """Take a step; whether it was the last one."""
        by_week: defaultdict[str, set[int]] = defaultdict(set)
        for week, row in wanted:
            by_week[week].add(row)
        for week in [week for week in rows if week not in by_week]:
            self._ask({"do": "drop", "week": week})
            del rows[week]
        for week, wanted_rows in by_week.items():
            there = rows.setdefault(week, set())
            gone = list(there - wanted_rows)
            if gone:
                self._ask({"do": "remove", "week": week, "rows": gone})
                there.difference_update(gone)
            missing = sorted(wanted_rows - there)[:_STEP]
            if missing:
                data = vectors[[wanted[week, row] for row in missing]].tobytes()
                self._ask({"do": "add", "week": week, "rows": missing}, data)
                there.update(missing)
                return False
        return True

    def _ask(self, question: Mapping[str, object], data: bytes = b"") -> Mapping[str, Any]:
        return unpack(self._child.ask(pack(question, data)))[0]


def pack(head: Mapping[str, object], data: bytes = b"") -> bytes:
    """A message of words and numbers, and data."""
    words = json.dumps(head).encode()
    return _HEAD.pack(len(words)) + words + data


def unpack(message: bytes) -> tuple[Mapping[str, Any], bytes]:
    """What `pack` has packed."""
    end = _HEAD.size + _HEAD.unpack_from(message)[0]
    return json.loads(message[_HEAD.size : end]), message[end:]
