"""Secrets in a stream: none gets through however it is cut, and nothing else is touched or held back."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Callable
from itertools import pairwise
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.memory.masking import MASK, SHORTEST, Masker, forms

SECRET = b"hunter2/pass+word="
KEY = b"-----BEGIN KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8\nq7Xn+/Zc0w==\n-----END KEY-----"

small = st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=40).map(b"".join)
texts = st.lists(st.lists(st.sampled_from([b"a", b"b"]), min_size=1, max_size=6).map(b"".join), max_size=4)


def as_hex(value: bytes) -> bytes:
    return value.hex().encode()


def masked(masker: Masker, data: bytes, cuts: list[int] | None = None) -> bytes:
    """What comes out when `data` comes in pieces."""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts or []), len(data)]
    parts = [masker.feed(data[begin:end]) for begin, end in pairwise(places)]
    return b"".join([*parts, masker.finish()])


def hidden_bytes(data: bytes, secrets: list[bytes]) -> list[bool]:
    """Of each byte, whether it belongs to any occurrence of any secret."""
    hidden = [False] * len(data)
    for secret in secrets:
        for place in range(len(data) - len(secret) + 1):
            if data.startswith(secret, place):
                hidden[place : place + len(secret)] = [True] * len(secret)
    return hidden


def by_definition(data: bytes, secrets: list[bytes]) -> bytes:
    """Each run of bytes that are to be hidden, replaced by one mask."""
    hidden = hidden_bytes(data, secrets)
    out = bytearray()
    for place, byte in enumerate(data):
        if not hidden[place]:
            out.append(byte)
        elif place == 0 or not hidden[place - 1]:
            out += MASK
    return bytes(out)


@given(small, texts, st.lists(st.integers(0, 40)))
def test_the_output_is_what_the_definition_says_however_the_input_is_cut(
    data: bytes, secrets: list[bytes], cuts: list[int]
) -> None:
    assert masked(Masker(secrets), data, cuts) == by_definition(data, secrets)


@given(st.binary(max_size=300), st.binary(min_size=8, max_size=30), st.lists(st.integers(0, 300)))
def test_without_a_secret_every_byte_passes(data: bytes, secret: bytes, cuts: list[int]) -> None:
    texts = forms(secret)
    if not any(text in data for text in texts):
        assert masked(Masker(texts), data, cuts) == data


@given(
    st.binary(max_size=50),
    st.binary(min_size=SHORTEST, max_size=60),
    st.binary(max_size=50),
    st.lists(st.integers(0, 300)),
    st.sampled_from([bytes, base64.b64encode, as_hex]),
)
def test_a_secret_never_gets_through(
    before: bytes, secret: bytes, after: bytes, cuts: list[int], code: Callable[[bytes], bytes]
) -> None:
    hidden = code(secret)
    out = masked(Masker(forms(secret)), before + hidden + after, cuts)
    assert MASK in out
    if hidden not in before + MASK + after:
        assert hidden not in out


@given(small, texts, st.lists(st.integers(0, 40)))
def test_what_is_shown_in_a_pause_is_too_short_to_be_a_secret(
    data: bytes, secrets: list[bytes], cuts: list[int]
) -> None:
    masker = Masker(secrets)
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    out, shown = b"", 0
    for begin, end in pairwise(places):
        out += masker.feed(data[begin:end])
        early = masker.pause()
        assert len(early) < SHORTEST
        shown += len(early)
        out += early
    out += masker.finish()
    expected = by_definition(data, secrets)
    assert out.replace(MASK, b"").count(b"c") == expected.count(b"c"), "nothing that is no secret is lost"
    if not shown:
        assert out == expected


@given(small, texts)
def test_only_what_could_still_become_a_secret_is_held_back(data: bytes, secrets: list[bytes]) -> None:
    out = Masker(secrets).feed(data)
    held = max((size for s in secrets for size in range(len(s)) if data.endswith(s[:size])), default=0)
    assert by_definition(data, secrets).startswith(out)
    assert len(out.replace(MASK, b"")) >= hidden_bytes(data, secrets)[: len(data) - held].count(False)


def test_a_prompt_appears_at_once() -> None:
    masker = Masker(forms(SECRET))
    assert masker.feed(b"Password: ") == b"Password: "
    assert masker.feed(b"hunter") == b""
    assert masker.feed(b"s\n") == b"hunters\n"


def test_a_letter_with_which_a_secret_begins_is_shown_when_nothing_follows() -> None:
    masker = Masker(forms(SECRET))
    assert masker.feed(b"> h") == b"> "
    assert masker.pause() == b"h"
    assert masker.pause() == b""
    assert masker.feed(b"unter") == b""
    assert masker.pause() == b"un"
    assert masker.feed(SECRET[6:] + b"!") == MASK + b"!"
    assert masker.finish() == b""


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        SECRET.hex().encode(),
        SECRET.hex().upper().encode(),
        quote(SECRET, safe="").encode(),
        quote(SECRET).encode(),
        quote_plus(SECRET).encode(),
        quote(SECRET, safe="").lower().encode(),
        json.dumps(SECRET.decode())[1:-1].encode(),
        SECRET.replace(b"/", b"\\/"),
    ],
)
def test_the_usual_forms_of_a_secret_are_masked(shown: bytes) -> None:
    assert masked(Masker(forms(SECRET)), b"<" + shown + b">") == b"<***>"


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("after", ["", "\n", "more", "mo", "m"])
def test_base64_of_more_than_the_secret_does_not_show_it(before: str, after: str) -> None:
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        code = encode(before.encode() + SECRET + after.encode())
        # Characters whose six bits all are the secret's.
        first, last = -(-len(before) * 8 // 6), (len(before) + len(SECRET)) * 8 // 6
        out = masked(Masker(forms(SECRET)), code)
        assert out in (code[:first] + MASK + code[last:], code[:first] + MASK)


@pytest.mark.parametrize("value", ['quo"te\\back\nline', "tick'ed", "a<b>&c", "ümläut€", "tab\tbed", "\x1b[31mred"])
def test_quoted_values_are_masked(value: str) -> None:
    for shown in (json.dumps(value), json.dumps(value, ensure_ascii=False), repr(value), quote(value), value):
        core = shown.strip("\"'").encode()
        assert masked(Masker(forms(value.encode())), core) == MASK, core


@pytest.mark.parametrize("value", ["it's a secret", "plain", 'dou"ble $HOME'])
def test_what_a_shell_traces_is_masked(value: str) -> None:
    traced = subprocess.run(["bash", "-xc", 'true "$S"'], env={"S": value}, capture_output=True, check=True).stderr
    assert masked(Masker(forms(value.encode())), traced).replace(b"'", b"") == b"+ true ***\n"


def test_a_value_of_many_lines_is_masked_as_a_whole_and_line_by_line() -> None:
    texts = forms(KEY)
    assert masked(Masker(texts), b"key: " + KEY + b"\nend\n") == b"key: ***\nend\n"
    assert masked(Masker(texts), b"key: " + KEY.replace(b"\n", b"\r\n") + b"\r\n") == b"key: ***\r\n"
    middle = KEY.splitlines()[1]
    assert masked(Masker(texts), b"    " + middle + b"\n") == b"    ***\n"
    assert masked(Masker(texts), json.dumps({"k": KEY.decode()}).encode()) == b'{"k": "***"}'
    folded = base64.encodebytes(KEY)
    assert masked(Masker(texts), folded) == MASK + b"\n"
    assert masked(Masker(texts), folded.replace(b"\n", b"\r\n")) == MASK + b"\r\n"


def test_secrets_that_overlap_leave_one_mask() -> None:
    assert masked(Masker([b"abcd", b"cdef"]), b"-abcdef-") == b"-***-"
    assert masked(Masker([b"secret", b"secretary"]), b"the secretary's secret") == b"the ***'s ***"
    assert masked(Masker([b"aaaa"]), b"b" + b"a" * 1001 + b"b") == b"b***b"


def test_what_is_too_short_has_no_form() -> None:
    assert forms(b"abc") == frozenset()
    assert forms(b"") == frozenset()
    assert b"abcd" in forms(b"abcd")
    assert b"x" not in forms(b"x\nlong enough\n}")


def test_memory_and_time_are_bounded_for_large_secrets_and_outputs() -> None:
    secret = random.Random(7).randbytes(100_000).translate(None, b"\r\n\0")
    masker = Masker(forms(secret))
    out = bytearray()
    for _ in range(8):
        out += masker.feed(secret[:60_000])
        out += masker.feed(b"harmless " * 5000)
        out += masker.feed(secret[:70_000])
        out += masker.feed(secret[70_000:])
    out += masker.finish()
    assert out.count(MASK) == 8
    assert len(out) == 8 * (60_000 + 45_000 + len(MASK))
