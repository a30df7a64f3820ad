"""What a WebAssembly module asks for and offers, read from its sections (WebAssembly core specification 3.0, 5.5).

No function body is read, nothing is compiled: it is cheap enough to be done whenever skills are listed, and fit for
any bytes. The compiler checks the rest before a module runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

MAGIC = b"\0asm"
MODULE = MAGIC + b"\1\0\0\0"
"""How a module begins."""
COMPONENT = MAGIC + b"\x0d\0\1\0"
"""How a component begins (component model, binary format)."""
_TYPES = {0x7F: "i32", 0x7E: "i64", 0x7D: "f32", 0x7C: "f64", 0x7B: "v128", 0x70: "funcref", 0x6F: "externref"}
_TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _EXPORT = 1, 2, 3, 4, 5, 7
_SECTIONS = {_TYPE, _IMPORT, _FUNCTION, _TABLE, _MEMORY, _EXPORT}
T = TypeVar("T")


class Malformed(ValueError):
    """The bytes are no module; says why, and where."""


class Kind(StrEnum):
    """What an import or export is; in the order of their numbers."""

    FUNCTION = "function"
    TABLE = "table"
    MEMORY = "memory"
    GLOBAL = "global"
    TAG = "tag"


_KINDS = tuple(Kind)


@dataclass(frozen=True, slots=True)
class Signature:
    """The type of a function."""

    params: tuple[str, ...]
    results: tuple[str, ...]

    def __str__(self) -> str:
        result = f" -> {', '.join(self.results)}" if self.results else ""
        return f"({', '.join(self.params)}){result}"


@dataclass(frozen=True, slots=True)
class Limits:
    """The size of a memory, in pages of 64 KiB, or of a table, in elements."""

    least: int
    most: int | None
    plain: bool
    """Neither shared, nor of 64 bits, nor with pages of another size."""


@dataclass(frozen=True, slots=True)
class Import:
    """What a module asks for."""

    module: str
    name: str
    kind: Kind
    signature: Signature | None = None
    """Of a function."""


@dataclass(frozen=True, slots=True)
class Module:
    """A module by its header."""

    imports: tuple[Import, ...]
    functions: dict[str, Signature]
    """Those that it exports, by name."""
    others: dict[str, Kind]
    """What else it exports."""
    memories: tuple[Limits, ...]
    """Those that it defines."""
    tables: tuple[Limits, ...]


@dataclass(slots=True)
class _Found:
    types: Sequence[Signature] = ()
    imports: Sequence[Import] = ()
    functions: Sequence[int] = ()
    tables: Sequence[Limits] = ()
    memories: Sequence[Limits] = ()
    exports: dict[str, tuple[Kind, int]] = field(default_factory=dict[str, tuple[Kind, int]])


def read_module(data: bytes) -> Module:
    """The header of the module `data`.

    Raises:
        Malformed: it is none.
    """
    if not data.startswith(MODULE):
        raise Malformed(_no_module(data))
    found = _Found()
    reader = _Reader(data, len(MODULE), len(data))
    while not reader.ended:
        id, size = reader.byte(), reader.number()
        section = reader.part(size)
        if id in _SECTIONS:
            _read_section(id, section, found)
            if not section.ended:
                raise section.malformed("a section is longer than what it holds")
    return _module(found)


def _read_section(id: int, section: _Reader, found: _Found) -> None:
    if id == _TYPE:
        found.types = section.vector(_signature)
    elif id == _IMPORT:
        found.imports = section.vector(lambda reader: _import(reader, found.types))
    elif id == _FUNCTION:
        found.functions = section.vector(_Reader.number)
    elif id == _TABLE:
        found.tables = section.vector(_table)
    elif id == _MEMORY:
        found.memories = section.vector(_limits)
    else:
        for name, kind, index in section.vector(_export):
            if name in found.exports:
                raise section.malformed(f"{name!a:.80} is exported twice")
            found.exports[name] = (kind, index)


def _module(found: _Found) -> Module:
    imported = [each.signature for each in found.imports if each.signature is not None]
    signatures = imported + [_at(found.types, index, "type") for index in found.functions]
    functions = {
        name: _at(signatures, index, "function")
        for name, (kind, index) in found.exports.items()
        if kind is Kind.FUNCTION
    }
    others = {name: kind for name, (kind, _) in found.exports.items() if kind is not Kind.FUNCTION}
    return Module(tuple(found.imports), functions, others, tuple(found.memories), tuple(found.tables))


def _no_module(data: bytes) -> str:
    if data.startswith(COMPONENT):
        return "it is a component, not a core module"
    if data.startswith(MAGIC):
        return f"it is WebAssembly of the version {data[4:8].hex()}, which is not known"
    return "it does not begin as a WebAssembly module does"


def _signature(reader: _Reader) -> Signature:
    form = reader.byte()
    if form != 0x60:
        raise reader.malformed(f"a type of the form {form:#x}: only functions are supported, no garbage collection")
    return Signature(tuple(reader.vector(_value_type)), tuple(reader.vector(_value_type)))


def _value_type(reader: _Reader) -> str:
    code = reader.byte()
    if code in (0x63, 0x64):
        reader.number()
        return "reference"
    if code not in _TYPES and not 0x68 <= code < 0x75:
        raise reader.unknown("type", code)
    return _TYPES.get(code, "reference")


def _import(reader: _Reader, types: Sequence[Signature]) -> Import:
    module, name, kind = reader.name(), reader.name(), _kind(reader)
    signature = None
    if kind is Kind.FUNCTION:
        signature = _at(types, reader.number(), "type")
    elif kind is Kind.TABLE:
        _value_type(reader)
        _limits(reader)
    elif kind is Kind.MEMORY:
        _limits(reader)
    elif kind is Kind.GLOBAL:
        _value_type(reader)
        reader.byte()
    else:
        reader.byte()
        reader.number()
    return Import(module, name, kind, signature)


def _export(reader: _Reader) -> tuple[str, Kind, int]:
    return reader.name(), _kind(reader), reader.number()


def _kind(reader: _Reader) -> Kind:
    code = reader.byte()
    if code >= len(_KINDS):
        raise reader.unknown("kind", code)
    return _KINDS[code]


def _table(reader: _Reader) -> Limits:
    if reader.data[reader.at : reader.at + 1] == b"\x40":
        raise reader.malformed("a table with an initial value is not supported")
    _value_type(reader)
    return _limits(reader)


def _limits(reader: _Reader) -> Limits:
    flags = reader.byte()
    least = reader.number(bits=64)
    most = reader.number(bits=64) if flags & 1 else None
    if flags & 8:
        reader.number()
    return Limits(least, most, plain=flags in (0, 1))


def _at(items: Sequence[T], index: int, what: str) -> T:
    if index >= len(items):
        raise Malformed(f"there is no {what} {index}")
    return items[index]


class _Reader:
    """Reads values one after the other, never beyond `end`."""

    def __init__(self, data: bytes, at: int, end: int) -> None:
        self.data = data
        self.at = at
        self.end = end

    @property
    def ended(self) -> bool:
        return self.at >= self.end

    def malformed(self, why: str) -> Malformed:
        return Malformed(f"{why} (at byte {self.at})")

    def unknown(self, what: str, code: int) -> Malformed:
        return self.malformed(f"the {what} {code:#x} is not known")

    def byte(self) -> int:
        return self.take(1)[0]

    def take(self, count: int) -> bytes:
        if count > self.end - self.at:
            raise self.malformed("it ends in the middle")
        self.at += count
        return self.data[self.at - count : self.at]

    def part(self, count: int) -> _Reader:
        """A reader of the next `count` bytes, which are passed over."""
        start = self.at
        if count > self.end - start:
            raise self.malformed("it ends in the middle of a section")
        self.at += count
        return _Reader(self.data, start, self.at)

    def number(self, bits: int = 32) -> int:
        """An unsigned LEB128."""
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift >= bits:
                raise self.malformed("a number is too long")
        if value >= 1 << bits:
            raise self.malformed("a number is too great")
        return value

    def name(self) -> str:
        data = self.take(self.number())
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise self.malformed("a name is not UTF-8") from None

    def vector(self, read: Callable[[_Reader], T]) -> list[T]:
        count = self.number()
        if count > self.end - self.at:  # each takes a byte at least
            raise self.malformed("there is not that much in the section")
        return [read(self) for _ in range(count)]
