"""The last door: whatever a request holds, the values of Sensitive entries are not in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

from cis_tui.agents.model import Block, Message
from cis_tui.agents.provider import Request
from cis_tui.core.errors import CisError
from cis_tui.memory.detect.spans import secret_spans
from cis_tui.memory.masking import forms
from cis_tui.memory.records import Domain, ExportPage, IndexType

MASK = "[left out: a secret]"
PRIVATE = "[left out: private memory]"
SHORTEST = 6
"""Bytes from which a secret is looked for; shorter ones are in any text by chance."""
LONG = 12
"""Bytes from which a private value is looked for; shorter ones, which are words and names, are in many texts."""
PIECE = 64
ENDS = 4096
MAX_PAGES = 100


def _pieces(value: str | bytes) -> list[str | bytes]:
    """Of a long value parts by which it is known when an output was cut: of its first and last thousands of bytes."""
    if len(value) <= PIECE:
        return []
    ends = (value,) if len(value) <= 2 * ENDS else (value[:ENDS], value[-ENDS:])
    return [end[at : at + PIECE] for end in ends for at in range(0, len(end), PIECE)]


class Pages(Protocol):
    """What gives the entries; see `MemoryService.export`."""

    def export(
        self, prefix: str = "", *, after: str = "", include_private: bool = False, include_sensitive: bool = False
    ) -> ExportPage: ...


class Door:
    """Takes the values that it knows, in the forms that programs give them, out of texts."""

    def __init__(self, values: Iterable[str | bytes] = (), *, shortest: int = SHORTEST, mask: str = MASK) -> None:
        self._mask = mask
        found: set[str] = set()
        for value in values:
            raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            if len(raw.strip()) >= shortest:
                found.update(form.decode("utf-8", "ignore") for form in forms(raw))
        self._forms = sorted((form for form in found if len(form) >= shortest), key=len, reverse=True)

    def mask(self, text: str) -> str:
        """`text` without them."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, self._mask)
        return text

    def through(self, request: Request) -> tuple[Request, bool]:
        """`request` as it may leave, and whether anything was left out."""
        if not self._forms:
            return request, False
        safe = replace(
            request,
            system=self.mask(request.system),
            messages=tuple(self._message(message) for message in request.messages),
        )
        return safe, safe != request

    def _message(self, message: Message) -> Message:
        return replace(message, blocks=tuple(self._block(block) for block in message.blocks))

    def _block(self, block: Block) -> Block:
        text, input = self.mask(block.text), cast("Mapping[str, object]", mapped(block.input, self.mask))
        return block if text == block.text and input == block.input else replace(block, text=text, input=input)


def mapped(value: object, change: Callable[[str], str]) -> object:
    """JSON data with each text in it changed."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {name: mapped(item, change) for name, item in cast("Mapping[str, object]", value).items()}
    if isinstance(value, (list, tuple)):
        return [mapped(item, change) for item in cast("list[object]", value)]
    return value


def without_tokens(text: str) -> str:
    """`text` without the keys and tokens that show themselves, whether memory knows them or not."""
    data = text.encode("utf-8", "surrogateescape")
    for begin, end in reversed(secret_spans(data)):
        data = data[:begin] + MASK.encode() + data[end:]
    return data.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Doors:
    """What is kept back of all that leaves, and of what programs answer besides."""

    secrets: Door
    """Knows every Sensitive value."""
    private: Door
    """Knows the longer private values that agents may not read: a program that runs as the person can read them all."""

    def leaving(self, text: str) -> str:
        """What is told to a model: without secrets, whether memory knows them or not."""
        return without_tokens(self.secrets.mask(text))

    def answer(self, text: str) -> str:
        """What a program answered, as an agent may see it."""
        return self.private.mask(self.leaving(text))

    def answers(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """The same of JSON data."""
        return cast("Mapping[str, object]", mapped(data, self.answer))


def build_doors(memory: Pages, granted: Sequence[str] = ()) -> Doors:
    """Doors for the values there are now; while private memory is locked, for those in public memory. May block.

    `granted`: prefixes of private keys that agents may read.
    """
    secrets: list[str | bytes] = []
    private: list[str | bytes] = []
    may_read = tuple(prefix for prefix in granted if prefix)
    after = ""
    for _ in range(MAX_PAGES):
        try:
            page = memory.export(after=after, include_private=True, include_sensitive=True)
        except CisError:
            break  # what is locked here is locked for every tool as well
        for item in page.items:
            if item.index_type is IndexType.SENSITIVE:
                secrets.append(item.value)
            elif item.domain is Domain.PRIVATE and not item.key.startswith(may_read):
                private += [item.value, *_pieces(item.value)]
        after = page.after
        if not after:
            break
    return Doors(Door(secrets), Door(private, shortest=LONG, mask=PRIVATE))
