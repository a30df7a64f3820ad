"""What waits to be sent to one client, bounded: a slow reader loses chatter first and its connection last."""

from __future__ import annotations

from collections import OrderedDict, deque
from itertools import count

LOSSY_LINES = 1_000
"""Of the lines that may be lost, as many as may wait; older ones make room."""
MAX_LINES = 20_000
MAX_BYTES = 64 * 1024 * 1024


class Outbox:
    """Lines in order. Those marked `lossy` make room when the reader is slow; the others never do."""

    def __init__(
        self, *, lossy_lines: int = LOSSY_LINES, max_lines: int = MAX_LINES, max_bytes: int = MAX_BYTES
    ) -> None:
        self._lossy_lines = lossy_lines
        self._max_lines = max_lines
        self._max_bytes = max_bytes
        self._lines: OrderedDict[int, bytes] = OrderedDict()
        self._lossy: deque[int] = deque()
        self._bytes = 0
        self._numbers = count()
        self.dropped = 0
        """Lines lost so far."""

    def __len__(self) -> int:
        return len(self._lines)

    @property
    def full(self) -> bool:
        """Whether what has no hurry should wait before it is put."""
        return len(self._lines) >= self._max_lines or self._bytes >= self._max_bytes

    @property
    def overflown(self) -> bool:
        """Whether twice as much waits as should: the reader is to be cut off."""
        return len(self._lines) > 2 * self._max_lines or self._bytes > 2 * self._max_bytes

    def put(self, line: bytes, *, lossy: bool = False) -> None:
        """Add `line` at the end."""
        number = next(self._numbers)
        self._lines[number] = line
        self._bytes += len(line)
        if lossy:
            self._lossy.append(number)
        while self._lossy and (len(self._lossy) > self._lossy_lines or self.full):
            self._bytes -= len(self._lines.pop(self._lossy.popleft()))
            self.dropped += 1

    def take(self, limit: int = 256 * 1024) -> bytes:
        """The first lines, until they are `limit` bytes or more; empty when nothing waits."""
        taken: list[bytes] = []
        size = 0
        while self._lines and size < limit:
            number, line = self._lines.popitem(last=False)
            if self._lossy and self._lossy[0] == number:
                self._lossy.popleft()
            taken.append(line)
            size += len(line)
        self._bytes -= size
        return b"".join(taken)
