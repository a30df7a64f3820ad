"""The last door: whatever a request holds, the values of Sensitive entries are not in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Protocol, cast

from cis_tui.agents.model import Block, Message
from cis_tui.agents.provider import Request
from cis_tui.core.errors import CisError
from cis_tui.memory.detect.spans import secret_spans
from cis_tui.memory.masking import forms
from cis_tui.memory.records import ExportPage, IndexType

MASK = "[left out: a secret]"
SHORTEST = 6
"""Characters from which a value is looked for; shorter ones are in any text by chance."""
MAX_PAGES = 100


class Pages(Protocol):
    """What gives the entries; see `MemoryService.export`."""

    def export(
        self, prefix: str = "", *, after: str = "", include_private: bool = False, include_sensitive: bool = False
    ) -> ExportPage: ...


class Door:
    """Takes the values that it knows, in the forms that programs give them, out of texts."""

    def __init__(self, values: Iterable[str | bytes] = ()) -> None:
        found: set[str] = set()
        for value in values:
            raw = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
            if len(raw.strip()) >= SHORTEST:
                found.update(form.decode("utf-8", "ignore") for form in forms(raw))
        self._forms = sorted((form for form in found if len(form) >= SHORTEST), key=len, reverse=True)

    def mask(self, text: str) -> str:
        """`text` without them."""
        for form in self._forms:
            if form in text:
                text = text.replace(form, MASK)
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

    def tree(self, value: Mapping[str, object]) -> Mapping[str, object]:
        """JSON data without them."""
        return cast("Mapping[str, object]", self._value(value)) if self._forms else value

    def _message(self, message: Message) -> Message:
        return replace(message, blocks=tuple(self._block(block) for block in message.blocks))

    def _block(self, block: Block) -> Block:
        text, input = self.mask(block.text), cast("Mapping[str, object]", self._value(block.input))
        return block if text == block.text and input == block.input else replace(block, text=text, input=input)

    def _value(self, value: object) -> object:
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, Mapping):
            items = cast("Mapping[str, object]", value).items()
            return {name: self._value(item) for name, item in items}
        if isinstance(value, (list, tuple)):
            return [self._value(item) for item in cast("list[object]", value)]
        return value


def without_tokens(text: str) -> str:
    """`text` without the keys and tokens that show themselves, whether memory knows them or not."""
    data = text.encode("utf-8", "surrogateescape")
    for begin, end in reversed(secret_spans(data)):
        data = data[:begin] + MASK.encode() + data[end:]
    return data.decode("utf-8", "replace")


def build_door(memory: Pages) -> Door:
    """A door that knows every Sensitive value there is now; while private memory is locked, those in public memory.

    May block.
    """
    values: list[str | bytes] = []
    after = ""
    for _ in range(MAX_PAGES):
        try:
            page = memory.export(after=after, include_private=True, include_sensitive=True)
        except CisError:
            break  # what is locked here is locked for every tool as well
        values += [item.value for item in page.items if item.index_type is IndexType.SENSITIVE]
        after = page.after
        if not after:
            break
    return Door(values)
