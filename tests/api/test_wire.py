"""The messages of the socket."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.api import wire
from cis_tui.api.blocking import PROTOCOL
from cis_tui.api.wire import methods
from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid, NotFound
from cis_tui.core.events import Event
from cis_tui.dag.views import Choice
from cis_tui.memory.records import Domain, MemoryItem, MemoryWrite
from cis_tui.protocol import PROTOCOL_VERSION, EngineApi

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_what_may_be_called_is_what_the_protocol_offers() -> None:
    public = {name for name in dir(EngineApi) if not name.startswith("_")}
    assert set(methods()) == public - {"events", "close"}
    assert methods()["memory_get"].result == MemoryItem | None


def test_both_clients_speak_the_same_protocol() -> None:
    assert PROTOCOL == PROTOCOL_VERSION


def test_arguments_become_values() -> None:
    vote = methods()["decision_vote"].arguments({"id": "7", "choice": "reject"})
    assert vote == {"id": "7", "choice": Choice.REJECT}
    write = methods()["memory_set"].arguments({"write": {"key": "k", "value": {"base64": "AP8="}, "domain": "public"}})
    assert write == {"write": MemoryWrite("k", b"\x00\xff", Domain.PUBLIC)}
    assert methods()["memory_list"].arguments({"domain": None}) == {"domain": None}


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("memory_get", {}),
        ("memory_get", {"key": "k", "extra": 1}),
        ("memory_get", {"key": 3}),
        ("memory_list", {"domain": "secret"}),
        ("decision_vote", {"id": "1", "choice": "maybe"}),
        ("run_logs", {"run": "a", "task": "b", "offset": True}),
        ("memory_set", {"write": {"value": "no key"}}),
        ("memory_set", {"write": {"key": "k", "value": {"base64": "not base64!"}}}),
    ],
)
def test_wrong_arguments_are_refused_by_name(method: str, params: Mapping[str, object]) -> None:
    with pytest.raises(Invalid, match=method) as caught:
        methods()[method].arguments(params)
    assert caught.value.code == "CIS-ENG-014"


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b'{"method":3}', b'{"params":[]}', b"[" * 99_999]
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(Invalid, match="not a JSON-RPC message"):
        wire.parse(line)


@given(st.integers(0, 2**31), JSON)
@settings(deadline=None, max_examples=60)
def test_an_answer_arrives_as_it_was_sent(id: int, value: object) -> None:
    line = wire.result(id, value)
    assert line.count(b"\n") == 1
    message = wire.parse(line)
    assert (message.id, message.result, message.error) == (id, value, None)


def test_an_error_arrives_with_its_hint_and_a_standard_code() -> None:
    error = NotFound("CIS-ENG-013", "no such method", hint="look", context={"a": 1})
    line = wire.failure(4, error)
    assert json.loads(line)["error"]["code"] == -32601
    message = wire.parse(line)
    assert isinstance(message.error, NotFound)
    assert message.error.to_json() == error.to_json()


def test_half_a_file_name_survives_the_wire() -> None:
    name = b"caf\xe9.toml".decode("utf-8", "surrogateescape")
    assert wire.parse(wire.result(1, name)).result == name


def test_an_answer_that_is_too_long_becomes_an_error() -> None:
    message = wire.parse(wire.result(1, "x" * wire.MAX_LINE))
    assert isinstance(message.error, Invalid)
    assert message.id == 1


def test_an_event_is_a_notification() -> None:
    message = wire.parse(wire.event_line(Event(9, Instant(0), "TaskStarted", {"run": "r"})))
    assert message.id is None
    assert message.method == "event"
    assert message.params["event"] == {
        "seq": 9,
        "at": "1970-01-01T00:00:00.000Z",
        "type": "TaskStarted",
        "data": {"run": "r"},
    }
