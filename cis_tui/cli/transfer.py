"""`cis memory export` and `import`: JSON lines, in parts, so that no more than one part is ever held."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show_json
from cis_tui.cli.progress import Progress
from cis_tui.cli.store import LOCKED, Store, open_store
from cis_tui.core.codec import dumps
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused, Unavailable, cannot_write
from cis_tui.core.paths import real, replacing
from cis_tui.core.text import count
from cis_tui.memory.classify import classify
from cis_tui.memory.inherit import DECLASSIFIED, Kind, check_class
from cis_tui.memory.lines import MAX_LINE, unknown_fields, write_of
from cis_tui.memory.records import IndexType, MemoryWrite

_BATCH = 500
_BATCH_BYTES = 2 * 1024 * 1024
"""Entries, and bytes of lines, that are sent to memory at once."""
_LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}
"""What some readers take for the end of a line."""
_PROBLEMS = 20
"""Bad lines that are told in full."""


def export(context: Context, prefix: str, *, output: str | None, private: bool, sensitive: bool) -> int:
    """`cis memory export`."""
    progress = Progress("entries exported", quiet=output is None and sys.stdout.isatty())
    withheld = 0
    with open_store(context) as store, _sink(output) as sink:
        for items, passed in store.export(prefix, private, sensitive):
            for item in items:
                sink.write(f"{dumps(item).translate(_LINE_ENDS)}\n".encode())
            withheld += passed
            progress.add(len(items))
    more = f" to {output}" if output else ""
    if withheld:
        more += f"; {withheld} Sensitive left out (--include-sensitive takes them too, in clear)"
    if not progress.count and not private:
        more += "; private ones are left out without --include-private"
    if output and context.json:
        show_json({"exported": progress.count, "withheld": withheld, "file": output})
    progress.end(more)
    return 0


def import_(context: Context, source: str, *, skip_invalid: bool, yes: bool) -> int:
    """`cis memory import`: from a file only if every line of it is right, unless bad ones are to be skipped.

    What is Sensitive, by what a line holds or by what memory has, becomes nothing else without a `yes`.
    """
    progress = Progress("entries imported")
    with _opened(source) as file, open_store(context) as store:
        name = "stdin" if source == "-" else source
        reader = _Lines(file, name, lambda line: _write_of(store, line, yes=yes), skip_invalid=skip_invalid)
        if source != "-" and not skip_invalid and file.seekable():
            reader.check_all()
            file.seek(0)
        try:
            for batch in reader.batches():
                with _uninterrupted():
                    store.set_many(batch)
                    progress.add(len(batch))
        except (CisError, OSError, KeyboardInterrupt) as error:
            progress.clear()
            note(f"kept {count(progress.count, 'entry', 'entries')} of {name}; importing it again does no harm")
            raise error
    if context.json:
        show_json({"imported": progress.count, "skipped": reader.bad})
    lines = "1 bad line" if reader.bad == 1 else f"{reader.bad} bad lines"
    progress.end(f"; {lines} skipped" if reader.bad else "")
    return 0


def _write_of(store: Store, line: bytes, *, yes: bool) -> MemoryWrite:
    """The write that `line` asks for.

    Raises:
        Invalid: it cannot be kept, or not without a `yes` (see `write_of`).
    """
    write = write_of(line, declassify=yes)
    if write.index_type is None or write.declassify:
        return write
    try:
        found = classify(write.key, write.value)
        check_class(write.key, Kind(found.index_type, found.reason, classed=False), write.index_type)
        item = store.current(write.key)
        if item is not None:
            kind = Kind(IndexType(str(item["index_type"])), str(item["reason"]), classed=item["classed"] is True)
            check_class(write.key, kind, write.index_type)
    except Refused as error:
        if error.code != DECLASSIFIED:
            raise
        raise Invalid("CIS-MEM-080", f"{error.message}; cis memory import --yes keeps it so") from error
    except Unavailable as error:
        # What lies in locked memory is not touched by a public entry; for a private one the write says that it is.
        if error.code != LOCKED:
            raise
    return write


class _Lines:
    """The lines of an import."""

    def __init__(
        self, file: BinaryIO, name: str, write_of: Callable[[bytes], MemoryWrite], *, skip_invalid: bool
    ) -> None:
        self._file = file
        self._name = name
        self._write_of = write_of
        self._skip = skip_invalid
        self.bad = 0
        """Lines that cannot be kept."""

    def check_all(self) -> None:
        """Look at every line.

        Raises:
            Invalid: some cannot be kept (CIS-MEM-080).
        """
        problems: list[str] = []
        total = 0
        unknown: set[str] = set()
        for number, line in self._numbered():
            total += 1
            try:
                self._write_of(line)
                unknown |= unknown_fields(line)
            except Invalid as error:
                self.bad += 1
                if len(problems) < _PROBLEMS:
                    problems.append(f"{self._name}:{number}: {error.message}")
        if self.bad:
            for problem in problems:
                note(problem)
            raise Invalid(
                "CIS-MEM-080",
                f"{self.bad} of {total} lines of {self._name} cannot be kept, {problems[0]}; nothing was imported",
                hint="mend them, or --skip-invalid leaves them out",
                context={"problems": problems, "bad": self.bad, "lines": total},
            )
        if unknown:
            note(f"fields that mean nothing here are ignored: {', '.join(sorted(unknown)[:5])}")

    def batches(self) -> Iterator[tuple[MemoryWrite, ...]]:
        """What the lines ask for, some hundred at once; before a bad line is complained about, all that precede it.

        Raises:
            Invalid: a line cannot be kept (CIS-MEM-080), and bad ones are not to be skipped.
        """
        batch: list[MemoryWrite] = []
        size = 0
        for number, line in self._numbered():
            try:
                write = self._write_of(line)
            except Invalid as error:
                if not self._skip and batch:
                    yield tuple(batch)
                self._complain(number, error)
                continue
            if batch and (len(batch) == _BATCH or size + len(line) > _BATCH_BYTES):
                yield tuple(batch)
                batch, size = [], 0
            batch.append(write)
            size += len(line)
        if batch:
            yield tuple(batch)

    def _complain(self, number: int, error: Invalid) -> None:
        problem = f"{self._name}:{number}: {error.message}"
        if not self._skip:
            hint = "mend the line, or --skip-invalid leaves such lines out"
            raise Invalid("CIS-MEM-080", problem, hint=hint) from error
        self.bad += 1
        if self.bad <= _PROBLEMS:
            note(problem)

    def _numbered(self) -> Iterator[tuple[int, bytes]]:
        """Every line that is not blank, after its number; of one that is too long only as much as shows it."""
        number = 0
        while line := self._file.readline(MAX_LINE + 1):
            number += 1
            rest = line
            while len(rest) > MAX_LINE and not rest.endswith(b"\n"):
                rest = self._file.readline(MAX_LINE + 1)
            if number == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if line.strip():
                yield number, line


@contextmanager
def _opened(source: str) -> Generator[BinaryIO]:
    if source == "-":
        if sys.stdin.isatty():
            note("reading lines from the terminal; Ctrl-D ends them")
        yield sys.stdin.buffer
        return
    hint = "name a file that cis memory export has written, or - for stdin"
    try:
        file = Path(source).open("rb")  # noqa: SIM115 - the block below closes it
    except FileNotFoundError as error:
        raise NotFound("CIS-MEM-081", f"there is no file {source}", hint=hint) from error
    except OSError as error:
        raise Refused("CIS-MEM-081", f"cannot read {source}: {error.strerror}", hint=hint) from error
    with file:
        yield file


@contextmanager
def _sink(output: str | None) -> Generator[BinaryIO]:
    """Where an export goes: stdout, or a file that appears complete or not at all; where a link leads, if it is one."""
    if output is None or output == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        return
    path = Path(output)
    try:
        if _is_open_or_device(path):
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC), "wb") as file:
                yield file
            return
        with replacing(real(path)) as file:
            yield file
    except ConnectionError:
        raise
    except OSError as error:
        raise cannot_write(output, error) from error


def _is_open_or_device(path: Path) -> bool:
    """Whether nothing can take the place of `path`, such as /dev/stdout, also where that is a file."""
    folder = real(path.parent)
    return (path.exists() and not path.is_file()) or folder == Path("/dev") or folder.is_relative_to("/proc")


@contextmanager
def _uninterrupted() -> Generator[None]:
    """Let Ctrl-C wait until the block is done, so that what is durable can be said."""
    pressed: list[int] = []

    def remember(number: int, frame: FrameType | None) -> None:
        pressed.append(number)

    before = signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if pressed:
        raise KeyboardInterrupt
