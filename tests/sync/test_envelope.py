"""Envelopes are signed, of one kind, and written in one way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.identity import Identity
from cis_tui.sync.canonical import MAX_DEPTH, canonical, parse
from cis_tui.sync.envelope import open_envelope, seal

ANN, BEN = Identity(b"a" * 32), Identity(b"b" * 32)
TEXT = st.text(st.characters(codec="utf-8"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=50, deadline=None)
@given(VALUES)
def test_what_is_written_is_read(value: object) -> None:
    assert parse(canonical(value), 1_000_000) == value


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(TEXT, VALUES, max_size=3))
def test_what_is_sealed_is_opened(body: dict[str, object]) -> None:
    assert open_envelope(seal(ANN, "vote", body), "vote", 1_000_000) == (ANN.did, body)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b'{"a":1',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'{"a":1.0}',
        b'{"a":1e3}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":"\\u0041"}',
        b'{"a":"\\ud800"}',
        b'{"a":9223372036854775808}',
        b"1" * 5000,
        b"[" * 100_000,
        b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1),
    ],
)
def test_what_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid) as caught:
        parse(data, 1_000_000)
    assert caught.value.code == "CIS-SYNC-001"


@pytest.mark.parametrize("value", [1.5, b"x", {1: 2}, {"a": {2}}, "\ud800", 2**63])
def test_what_has_no_canonical_form_is_not_written(value: object) -> None:
    with pytest.raises(Invalid):
        canonical(value)


def test_a_message_that_is_too_large_is_not_even_read() -> None:
    with pytest.raises(Invalid) as caught:
        parse(b"[" * 1001, 1000)
    assert caught.value.code == "CIS-SYNC-002"


@pytest.mark.parametrize("change", [{"body": {"yes": False}}, {"by": BEN.did}, {"sig": "00" * 64}, {"sig": 7}])
def test_a_changed_envelope_is_refused(change: dict[str, object]) -> None:
    said = json.loads(seal(ANN, "vote", {"yes": True})) | change
    with pytest.raises(Refused) as caught:
        open_envelope(canonical(said), "vote", 10_000)
    assert caught.value.code == "CIS-SYNC-004"


def test_a_signature_of_one_kind_serves_for_no_other() -> None:
    said = json.loads(seal(ANN, "vote", {})) | {"kind": "task"}
    with pytest.raises(Refused):
        open_envelope(canonical(said), "task", 10_000)
    with pytest.raises(Invalid):
        open_envelope(seal(ANN, "vote", {}), "task", 10_000)


@pytest.mark.parametrize("change", [{"v": 2}, {"kind": None}, {"body": []}, {"by": 1}, {"more": 1}])
def test_what_is_shaped_otherwise_is_no_envelope(change: dict[str, object]) -> None:
    said = json.loads(seal(ANN, "vote", {})) | change
    with pytest.raises(Invalid) as caught:
        open_envelope(canonical(said), "vote", 10_000)
    assert caught.value.code == "CIS-SYNC-003"


def test_a_signature_is_written_in_one_way() -> None:
    said = json.loads(seal(ANN, "vote", {}))
    with pytest.raises(Refused):
        open_envelope(canonical(said | {"sig": said["sig"].upper()}), "vote", 10_000)
