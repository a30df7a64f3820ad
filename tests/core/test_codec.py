"""Dataclasses to JSON and back."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.core.codec import decode, dumps, encode
from cis_tui.core.errors import Invalid


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True)
class Inner:
    at: Instant
    data: str | bytes


@dataclass(frozen=True)
class Outer:
    name: str
    inner: tuple[Inner, ...]
    colour: Colour | None = None
    numbers: Mapping[str, int] | None = None
    size: float = 1.0


moments = st.integers(0, 4_000_000_000_000).map(lambda ms: Instant(ms / 1000))
inners = st.builds(Inner, at=moments, data=st.text() | st.binary())
outers = st.builds(
    Outer,
    name=st.text(),
    inner=st.lists(inners, max_size=3).map(tuple),
    colour=st.none() | st.just(Colour.RED),
    numbers=st.none() | st.dictionaries(st.text(), st.integers()),
    size=st.floats(allow_nan=False, allow_infinity=False),
)


@given(outers)
def test_what_was_written_is_read(value: Outer) -> None:
    assert decode(Outer, json.loads(dumps(value))) == value


def test_half_a_character_survives_and_leaves_text_that_utf_8_can_express() -> None:
    name = os.fsdecode(b"caf\xe9 caf\xc3\xa9")
    assert dumps([name]).encode() == b'["caf\\udce9 caf\xc3\xa9"]'
    assert json.loads(dumps([name])) == [name]


def test_moments_are_iso_and_bytes_are_base64() -> None:
    assert encode(Inner(Instant(0.5), b"\0")) == {"at": "1970-01-01T00:00:00.500Z", "data": {"base64": "AA=="}}


def test_unknown_fields_of_a_newer_program_are_ignored() -> None:
    assert decode(Outer, {"name": "a", "inner": [], "later": 1}) == Outer("a", ())


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        [],
        "text",
        {"name": 1, "inner": []},
        {"name": "a"},
        {"name": "a", "inner": [], "colour": "blue"},
        {"name": "a", "inner": [], "size": 10**400},
    ],
)
def test_a_wrong_shape_is_an_error_of_ours(wrong: object) -> None:
    with pytest.raises(Invalid, match="unexpected data"):
        decode(Outer, wrong)
