"""What tasks print: kept in files without its secrets, shown as clean text, bounded in memory whatever comes."""

from __future__ import annotations

import asyncio
import codecs
import hashlib
import re
from collections.abc import Callable
from pathlib import Path

from cis_tui.core.text import clean
from cis_tui.dag.logfile import LogFile, pieces, read_bytes
from cis_tui.dag.secrecy import Secrets, SecretStream
from cis_tui.dag.views import LogChunk

TAIL = 65_536
"""Bytes of output that an outcome keeps."""
LIMIT = 64_000_000
"""Bytes of a log, unless the settings say otherwise."""
BURST = 16_384
"""Bytes that one event shows; what comes faster is in the file only."""
INTERVAL = 0.1
"""Seconds between the events of one task."""

# The start of a control sequence, or of a line end, whose rest may come with the next bytes.
_UNFINISHED = re.compile(r"(?:\r|\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|[\]PX^_][^\x07\x1b]{0,256}|[ -/]{0,8})?)\Z")


def log_path(runs: Path, run: str, task: str, attempt: int) -> Path:
    """Where the output of an attempt of a task lies: ids can hold what the name of a file cannot."""
    digest = hashlib.sha256(task.encode()).hexdigest()[:16]
    return runs / run / f"{re.sub('[^A-Za-z0-9_-]+', '_', task)[:40]}-{digest}.{attempt}.log"


def plain(text: str) -> str:
    """Output as lines of clean text; what a carriage return would overwrite stays, on a line of its own."""
    return clean(text.replace("\r\n", "\n").replace("\r", "\n"))


class TextFeed:
    """Turns bytes that arrive in any pieces into clean text."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """The text that `data` completes; a character or control sequence that is cut is held back."""
        text = self._held + self._decoder.decode(data, final)
        self._held = ""
        if not final and (cut := _UNFINISHED.search(text)):
            text, self._held = text[: cut.start()], text[cut.start() :]
        return plain(text)

    def skip(self) -> None:
        """Forget what is held back: bytes are missing before those that come next."""
        self._decoder.reset()
        self._held = ""


class Output:
    """The output of one running attempt: masked, written to its log, told in bursts, its end kept for the outcome."""

    def __init__(
        self, path: Path, on_text: Callable[[str], None], *, secrets: Secrets | None = None, limit: int = LIMIT
    ) -> None:
        """Begin the log at `path`, of at most `limit` bytes, anew.

        `on_text` gets text at most every `INTERVAL` seconds.

        Raises:
            OSError: the file cannot be made.
        """
        self._log = LogFile(path, limit)
        self._masking = SecretStream(secrets or Secrets())
        self._on_text = on_text
        self._tail = bytearray()
        self._shown_tail = bytearray()
        self._burst = bytearray()
        self._skipped = 0
        self._text = TextFeed()
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    @property
    def failure(self) -> OSError | None:
        """Why the log lacks what came after."""
        return self._log.failure

    def feed(self, data: bytes) -> None:
        """Take what the task printed."""
        _keep_end(self._tail, data, TAIL)
        shown = self._masking.feed(data)
        if not shown:
            return
        self._keep(shown)
        if self._timer is None:
            self._tell()
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._again)

    def tail(self) -> str:
        """The last 64 kB as clean text, with every secret: for the tasks after this one, not to be stored."""
        return _text(self._tail)

    def shown_tail(self) -> str:
        """The last 64 kB as they may be stored and shown; nothing comes after."""
        self._end()
        return _text(self._shown_tail)

    def close(self) -> None:
        """Tell what is left and close the log."""
        if self._timer is not None:
            self._timer.cancel()
        self._end()
        self._tell(final=True)
        self._log.close()

    def _end(self) -> None:
        if not self._ended:
            self._ended = True
            self._keep(self._masking.finish())

    def _keep(self, shown: bytes) -> None:
        self._log.write(shown)
        _keep_end(self._shown_tail, shown, TAIL)
        self._skipped += _keep_end(self._burst, shown, BURST)

    def _again(self) -> None:
        self._timer = None
        if self._burst:
            self._tell()
            self._timer = asyncio.get_running_loop().call_later(INTERVAL, self._again)

    def _tell(self, *, final: bool = False) -> None:
        if self._skipped:
            self._text.skip()
        text = self._text.feed(bytes(self._burst), final=final)
        if self._skipped:
            text = f"… {self._skipped} bytes are only in the log …\n{text}"
        self._burst.clear()
        self._skipped = 0
        if text:
            self._on_text(text)


def _text(tail: bytearray) -> str:
    return plain(bytes(tail[-TAIL:]).decode("utf-8", "replace"))


def _keep_end(kept: bytearray, data: bytes, limit: int) -> int:
    """Append `data` to `kept` and drop from its front once it is twice as long as `limit`; bytes dropped."""
    kept += data[-limit:]
    dropped = max(len(data) - limit, 0)
    if len(kept) > 2 * limit:
        dropped += len(kept) - limit
        del kept[:-limit]
    return dropped


def read_chunk(path: Path, attempt: int, offset: int, limit: int, *, live: bool) -> LogChunk:
    """Output from byte `offset` on, at most `limit` bytes; a negative offset counts from the end. Blocks.

    A chunk ends at the end of a line where it can, so that no character and no control sequence is cut in two. Of what
    was too long to be kept, a line tells how much is missing.
    """
    try:
        found = pieces(path)
    except FileNotFoundError:
        return LogChunk("", 0, attempt, ended=not live)
    size = found[-1].end
    missing, start, data = read_bytes(found, max(size + offset, 0) if offset < 0 else offset, max(limit, 1))
    told = f"… {missing} bytes were not kept: the log was too long …\n" if missing else ""
    more = live or start + len(data) < size
    if more:
        data = _whole(data)
    end = start + len(data)
    return LogChunk(told + plain(data.decode("utf-8", "replace")), end, attempt, ended=not live and end >= size)


def _whole(data: bytes) -> bytes:
    """`data` up to its last line end, or without a character that is cut at its end."""
    line_end = data.rfind(b"\n") + 1
    if line_end:
        return data[:line_end]
    for back in range(1, min(4, len(data)) + 1):
        if data[-back] & 0xC0 == 0xC0:
            needed = 2 + (data[-back] >= 0xE0) + (data[-back] >= 0xF0)
            return data[:-back] if back < needed and len(data) > back else data
    return data
