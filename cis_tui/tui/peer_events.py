"""What happens to peers, in words; everything that a peer says of itself is shown as text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from cis_tui.core.events import Event, EventType
from cis_tui.p2p.model import PairingState
from cis_tui.tui.paint import shown
from cis_tui.tui.peer_words import VIAS
from cis_tui.tui.words import count
from cis_tui.tui.writers import NOBODY, Names, node_name

Data = Mapping[str, object]

_CHANGES: Mapping[str, str] = {
    "pending": "waits for a word of yours",
    "added": "has an address more",
    "allowed": "was allowed",
    "denied": "was denied",
    "renamed": "is called so now",
    "shared": "is given other keys",
    "forgotten": "is a stranger again",
}
_PAIRINGS: Mapping[str, str] = {
    PairingState.PAIRED: "is paired",
    PairingState.EXPIRED: "a pairing code was typed nowhere in time",
    PairingState.SPENT: "a pairing code was typed wrong too often",
    PairingState.CANCELLED: "a pairing code was taken back",
}


def peer_text(event: Event, names: Names = NOBODY) -> str:
    """A sentence for what happened to a peer or to the sync; empty for other events."""
    say = _SAID.get(event.type)
    if say is None:
        return ""
    did = str(event.data.get("peer") or event.data.get("origin") or "")
    return say({**event.data, "name": event.data.get("name") or names.get(did, "")})


def _text(data: Data, name: str, limit: int = 200) -> str:
    return shown(str(data.get(name) or ""), limit=limit)


def _who(data: Data) -> str:
    did = str(data.get("peer") or data.get("origin") or "")
    return node_name(did, {did: str(data.get("name") or "")}) if did else "somebody who proved no key"


def _because(data: Data) -> str:
    reason = _text(data, "reason")
    return f": {reason}" if reason else ""


def _node(data: Data) -> str:
    problem = _text(data, "problem")
    return f"this node is {_text(data, 'state')}{f': {problem}' if problem else ''}"


def _discovered(data: Data) -> str:
    via = _text(data, "via")
    return f"{_who(data)} was found: {VIAS.get(via, via)}"


def _connected(data: Data) -> str:
    where = " ".join(filter(None, (_text(data, "transport"), _text(data, "addr"))))
    return f"{_who(data)} is connected{f': {where}' if where else ''}"


def _refused(data: Data) -> str:
    addr = _text(data, "addr")
    return f"{_who(data)}{f' at {addr}' if addr else ''} was refused{_because(data)}"


def _changed(data: Data) -> str:
    change = _text(data, "change")
    return f"{_who(data)} {_CHANGES.get(change, change)}"


def _paired(data: Data) -> str:
    state = _text(data, "change")
    said = _PAIRINGS.get(state, state)
    return f"{_who(data)} {said}" if data.get("peer") else said


def _queued(data: Data) -> str:
    peers = data.get("peers")
    number = len(cast("list[object]", peers)) if isinstance(peers, (list, tuple)) else 0
    waits = f"waits for {count(number, 'peer')}" if number else "everybody has it"
    return f"{_text(data, 'key')}  {waits}"


def _acked(data: Data) -> str:
    pending = data.get("pending")
    left = f"; {count(pending, 'change')} to go" if isinstance(pending, int) and pending else ""
    return f"{_who(data)} has acknowledged{left or ' everything'}"


def _merged(data: Data) -> str:
    said = "stands against another version, written" if data.get("concurrent") else "came, written"
    return f"{_text(data, 'key')}  {said} by {_who(data)}"


_STATES: Mapping[str, str] = {
    "off": "nobody is logged in",
    "connecting": "connecting",
    "online": "the room is followed",
    "retrying": "the homeserver is away",
    "auth-failed": "log in anew: cis matrix login",
}


def _matrix(data: Data) -> str:
    state, problem = _text(data, "state"), _text(data, "problem")
    return f"Matrix: {_STATES.get(state, state)}{f': {problem}' if problem else ''}"


_SAID: Mapping[str, Callable[[Data], str]] = {
    EventType.NODE_CHANGED: _node,
    EventType.PEER_DISCOVERED: _discovered,
    EventType.PEER_CONNECTED: _connected,
    EventType.PEER_DISCONNECTED: lambda data: f"{_who(data)} is gone{_because(data)}",
    EventType.PEER_REFUSED: _refused,
    EventType.PEER_CHANGED: _changed,
    EventType.PAIRING_ENDED: _paired,
    EventType.SYNC_QUEUED: _queued,
    EventType.SYNC_ACKED: _acked,
    EventType.MEMORY_MERGED: _merged,
    EventType.MATRIX_CONNECTED: _matrix,
    EventType.MATRIX_MESSAGE: lambda data: f"{_text(data, 'sender')}: {_text(data, 'text')}",
}
