"""What two nodes say to each other when they are paired: small JSON objects, none of which is trusted."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import cast

from cis_tui.p2p.names import plain_name

PROTOCOL = "/cis/pair/1.0.0"
_LIMIT = 4096
"""Bytes of a message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One request, or the answer to one."""

    step: str
    """begin and prove are asked; begun, proven and error are answers."""
    plate: str = ""
    data: bytes = b""
    error: str = ""
    """Of an error: closed, other, busy, wrong, failed or garbage."""

    def bytes(self) -> bytes:
        """As it is sent."""
        data = base64.b64encode(self.data).decode("ascii")
        fields = {"step": self.step, "plate": self.plate, "data": data, "error": self.error}
        return json.dumps({name: text for name, text in fields.items() if text}).encode()


@dataclass(frozen=True, slots=True)
class Card:
    """What a node says of itself, sealed for the other."""

    name: str = ""
    own: bool = False
    """Whether it takes the other side for one of the same person's nodes."""

    def bytes(self) -> bytes:
        """As it is sealed."""
        return json.dumps({"name": self.name, "own": self.own}).encode()


def read_message(raw: bytes) -> Message | None:
    """What `Message.bytes` wrote; None if it is anything else."""
    found = _object(raw)
    texts = {name: found.get(name, "") for name in ("step", "plate", "data", "error")}
    if not found or not all(isinstance(text, str) for text in texts.values()):
        return None
    step, plate, data, error = (str(text) for text in texts.values())
    try:
        return Message(step, plate, base64.b64decode(data.encode("ascii"), validate=True), error)
    except ValueError:
        return None


def read_card(raw: bytes) -> Card:
    """What `Card.bytes` wrote; of anything else, what can be read."""
    found = _object(raw)
    name = found.get("name", "")
    return Card(plain_name(name) if isinstance(name, str) else "", found.get("own") is True)


def _object(raw: bytes) -> dict[str, object]:
    if len(raw) > _LIMIT:
        return {}
    try:
        data: object = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, object]", data) if isinstance(data, dict) else {}
