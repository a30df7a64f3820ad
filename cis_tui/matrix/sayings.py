"""What nodes say of memory in a room: the data of three kinds of operations.

    memory    {"entries":[ENTRY…],"fills":[[N,N]…],"last":N,"log":LOG,"media":{SHA256:"mxc://…"},"seq":N}
    digest    {"heard":{DID:[LOG,N]},"last":N,"log":LOG}
    request   {"did":DID,"log":LOG,"ranges":[[N,N]…]}

LOG names the numbering of a node in a room: 18 hexadecimal digits, of which the first 12 are the milliseconds since
1970 at which it began; a node that lost it begins another, later one. `seq` numbers what is said there, from 1 without
gaps; an answer to a request has none (0), and `fills` numbers instead. `last` is the greatest number given so far. A
digest also says how far its node has heard the others. A request with an empty LOG is for all there is.

An ENTRY is one of `sync.entries`, with `hlc` and `undoes` as text, since servers of Matrix take no number beyond 2⁵³.
The value of one that is larger than `LARGE` lies in the media store of a server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from cis_tui.core.errors import Invalid
from cis_tui.core.text import clean_line
from cis_tui.matrix.ranges import MAX_NUMBER, Ranges, read_ranges

MEMORY, DIGEST, REQUEST = "memory", "digest", "request"
TYPES = {MEMORY: "m.room.message", DIGEST: "io.cis.sync.digest", REQUEST: "io.cis.sync.request"}
"""The type of the event that each kind of operation goes in."""
ENTRIES = 100
"""Of one operation."""
BYTES = 38 * 1024
"""Of the entries of one operation; with its envelope and that of the event it stays below 48 kB, with the
places of large values too."""
LARGE = 32 * 1024
"""Bytes of an entry that goes whole."""
RANGES = 32
"""Of one request, and filled by one answer."""
HEARD = 64
"""Nodes that a digest tells of."""
_AS_TEXT = ("hlc", "undoes")
_DIGITS = 19

Data = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class MemorySaying:
    """Versions of entries."""

    log: str
    seq: int
    last: int
    entries: Sequence[object]
    """As `sync.entries.read_entry` takes them; not checked any further."""
    fills: Ranges = ()
    media: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where large values lie, by their SHA-256."""

    def data(self) -> dict[str, object]:
        """As it is signed and sent."""
        entries = [_written(cast("Data", entry)) for entry in self.entries]
        return {
            "entries": entries,
            "fills": [list(each) for each in self.fills],
            "last": self.last,
            "log": self.log,
            "media": dict(self.media),
            "seq": self.seq,
        }


@dataclass(frozen=True, slots=True)
class Digest:
    """How far a node has come with telling and hearing."""

    log: str
    last: int
    heard: Mapping[str, tuple[str, int]]
    """By DID: the log, and the number up to which nothing of it is missing."""

    def data(self) -> dict[str, object]:
        """As it is signed and sent."""
        heard = {did: [log, upto] for did, (log, upto) in list(self.heard.items())[:HEARD]}
        return {"heard": heard, "last": self.last, "log": self.log}


@dataclass(frozen=True, slots=True)
class Request:
    """A wish that a node says again what another has not heard."""

    did: str
    log: str
    """Empty for whatever log that is."""
    ranges: Ranges

    def data(self) -> dict[str, object]:
        """As it is signed and sent."""
        return {"did": self.did, "log": self.log, "ranges": [list(each) for each in self.ranges[:RANGES]]}


def read_memory(data: Data) -> MemorySaying:
    """What somebody said of entries.

    Raises:
        Invalid: it has not the shape of that (CIS-MATRIX-070, 071).
    """
    _fields(data, "entries fills last log media seq")
    entries, media = data["entries"], data["media"]
    if not isinstance(entries, list) or len(cast("list[object]", entries)) > ENTRIES:
        raise _wrong(f"entries are no list of at most {ENTRIES}")
    if not isinstance(media, dict) or len(cast("dict[str, object]", media)) > ENTRIES:
        raise _wrong("media is no table")
    places = {name: _text(value, "media", 500) for name, value in cast("dict[str, object]", media).items()}
    return MemorySaying(
        log=read_log(data["log"]),
        seq=_number(data["seq"], "seq"),
        last=_number(data["last"], "last"),
        entries=[_read(entry) for entry in cast("list[object]", entries)],
        fills=read_ranges(data["fills"], RANGES),
        media=places,
    )


def read_digest(data: Data) -> Digest:
    """How far somebody says to have come.

    Raises:
        Invalid: it has not the shape of that (CIS-MATRIX-070).
    """
    _fields(data, "heard last log")
    heard = data["heard"]
    if not isinstance(heard, dict) or len(cast("dict[str, object]", heard)) > HEARD:
        raise _wrong("heard is no table of some nodes")
    return Digest(
        log=read_log(data["log"]),
        last=_number(data["last"], "last"),
        heard={_did(did): _far(far) for did, far in cast("dict[str, object]", heard).items()},
    )


def read_request(data: Data) -> Request:
    """What somebody wants to hear again.

    Raises:
        Invalid: it has not the shape of that (CIS-MATRIX-070, 071).
    """
    _fields(data, "did log ranges")
    log = data["log"]
    return Request(_did(data["did"]), read_log(log) if log != "" else "", read_ranges(data["ranges"], RANGES))


def read_log(value: object) -> str:
    """The name of a numbering.

    Raises:
        Invalid: it is none (CIS-MATRIX-070).
    """
    if isinstance(value, str) and len(value) == 18 and all(digit in "0123456789abcdef" for digit in value):
        return value
    raise _wrong(f"{value!a:.40} names no log")


def _written(entry: Data) -> dict[str, object]:
    return {name: str(value) if name in _AS_TEXT else value for name, value in entry.items()}


def _read(entry: object) -> object:
    """An entry with its numbers as numbers; anything else as it is, for `read_entry` to refuse."""
    if not isinstance(entry, dict):
        return entry
    fields = dict(cast("Data", entry))
    for name in _AS_TEXT:
        text = fields.get(name)
        if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= _DIGITS:
            fields[name] = int(text)
    return fields


def _far(value: object) -> tuple[str, int]:
    pair = cast("list[object]", value) if isinstance(value, list) else []
    if len(pair) != 2:
        raise _wrong("heard is no table of logs and numbers")
    return read_log(pair[0]), _number(pair[1], "heard")


def _fields(data: Data, names: str) -> None:
    if set(data) != set(names.split()):
        raise _wrong(f"its fields are not {names}")


def _did(value: object) -> str:
    text = _text(value, "did", 128)
    if not text.startswith("did:"):
        raise _wrong(f"{text!a} is no DID")
    return text


def _text(value: object, name: str, most: int) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= most or clean_line(value) != value:
        raise _wrong(f"{name} is no text of at most {most} characters")
    return value


def _number(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value <= MAX_NUMBER:
        raise _wrong(f"{name} is no number")
    return value


def _wrong(why: str) -> Invalid:
    return Invalid("CIS-MATRIX-070", f"this is not what nodes say of memory: {why}")
