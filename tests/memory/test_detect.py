"""Which values hold a secret: measured on labelled values, and on hostile ones."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.memory.classify import classify
from cis_tui.memory.detect import secret_in
from cis_tui.memory.records import IndexType
from tests.memory import heldout, labelled
from tests.memory.conversation import turns

Labelled = list[tuple[str, str]]


def _shares(secrets: Labelled, harmless: Labelled) -> tuple[float, float, str]:
    """Recall, precision, and what went wrong."""
    missed = [f"missed {name}: {value!r}" for name, value in secrets if not secret_in(value)]
    false = [f"false {name}: {value!r}: {secret_in(value)}" for name, value in harmless if secret_in(value)]
    hits = len(secrets) - len(missed)
    return hits / len(secrets), hits / max(1, hits + len(false)), "\n".join(missed + false)


@pytest.mark.parametrize("seed", range(3))
def test_secrets_are_found_and_harmless_values_are_not(seed: int) -> None:
    recall, precision, wrong = _shares(list(labelled.secrets(Random(seed))), list(labelled.harmless(Random(seed))))
    assert recall >= 0.97, wrong
    assert precision >= 0.97, wrong


@pytest.mark.parametrize("seed", range(3))
def test_so_it_is_with_values_made_in_another_way(seed: int) -> None:
    recall, precision, wrong = _shares(list(heldout.secrets(Random(seed))), list(heldout.harmless(Random(seed))))
    assert recall >= 0.92, wrong
    assert precision >= 0.85, wrong


def test_a_thousand_turns_of_conversation_hold_no_secret() -> None:
    said = list(turns(Random(11), 1_000))
    assert len(set(said)) > 950
    assert [turn for turn in said if secret_in(turn)] == []


@pytest.mark.parametrize("name", labelled.vendor_tokens(Random(0)))
def test_a_token_is_found_in_the_middle_of_a_long_text(name: str) -> None:
    token = labelled.vendor_tokens(Random(5))[name]
    prose = " ".join(turns(Random(3), 300))
    found = classify("notes/today", f"{prose}\n{token}\n{prose}")
    assert found.index_type is IndexType.SENSITIVE
    assert found.reason.startswith("the value holds ")


def test_a_reason_names_no_part_of_the_value() -> None:
    for seed in range(3):
        for name, value in labelled.secrets(Random(seed)):
            reason = classify("notes/today", value).reason
            words = {word for word in value.split() if any(map(str.isdigit, word))}
            assert not any(word in reason for word in words), name


@pytest.mark.parametrize(
    "hidden", ["my pass\u200bword is {}", "ｐａｓｓｗｏｒｄ＝{}", "pass\u00adword: {}", "PASSWORD\u2060={}"]
)
def test_what_has_no_width_hides_no_secret(hidden: str) -> None:
    assert secret_in(hidden.replace("{}", "sunflower42"))


@pytest.mark.parametrize("value", ["abandon " * 11 + "about", "test " * 11 + "junk"])
def test_the_mnemonics_of_examples_are_mnemonics(value: str) -> None:
    assert secret_in(value) == "a recovery phrase"


@pytest.mark.parametrize("value", ["key " * 40, "logic azure " * 20])
def test_other_rows_of_short_words_are_not(value: str) -> None:
    assert secret_in(value) == ""


def test_a_text_with_too_many_names_to_read_is_taken_for_a_secret() -> None:
    assert secret_in("password " * 20_000) == "more names of secrets than can be read"
    assert secret_in("key " * 60_000) == "more names of secrets than can be read"


def _repeated(text: str) -> Callable[[int], str]:
    return lambda size: (text * (size // len(text) + 1))[:size]


HOSTILE: dict[str, Callable[[int], str]] = {
    "a value's name without end": lambda size: "a" * size + "=value",
    **{
        text: _repeated(text)
        for text in (
            *(
                "password_",
                "password is ",
                'password="',
                "password for a ",
                "token: ",
                '"token": null, ',
                "api key ",
                "key=",
            ),
            *(
                "pin ",
                "code ",
                "recovery codes ",
                "login: a/",
                "密码是必填",
                "eyJa.",
                "eyJ-",
                "sk-",
                "00aA-",
                "t1.a",
                "PRIVATE KEY",
            ),
            *(
                "-----BEGIN ",
                "://",
                "://a:b",
                "?token=",
                "x-a-b-c-",
                "curl -u ",
                "mysql  -",
                "bearer ",
                "otpauth://",
                "hooks.a/",
            ),
            *(
                "4111 ",
                "DE12 3456 ",
                "AA11",
                "ab12-cd34 ",
                "abandon ability able about above ",
                "Ab",
                "a-",
                "a1-b2_",
                "usr/local/",
            ),
            *(
                "0b2f6b9e-1a58-4c79-9b2e-2b1f0e7b8c11 ",
                "Aa1_-.~+/=",
                "we have ",
                "ich habe a ",
                "A",
                "0",
                " ",
                "\n",
                "\u200bp",
                "ＡＰＩ ",
            ),
        )
    },
    "base64": lambda size: "".join(Random(1).choices(labelled.ALNUM + "+/", k=size)),
    "hexadecimal": lambda size: "".join(Random(1).choices(labelled.HEX, k=size)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_the_time_grows_no_faster_than_the_value(name: str) -> None:
    size = 60_000
    short, long = HOSTILE[name](size), HOSTILE[name](4 * size)
    # A busy machine may spoil one measurement, not three.
    growth = (_seconds(long) / max(_seconds(short), 0.01) for _ in range(3))
    assert any(each <= 8 for each in growth), "four times the letters took more than twice as long as they should"


def test_a_megabyte_of_anything_is_classified_in_bounded_time() -> None:
    slowest = max(((_seconds(make(1_000_000)), name) for name, make in HOSTILE.items()), key=lambda each: each[0])
    assert slowest[0] < 1.5, slowest


def _seconds(value: str) -> float:
    gc.disable()  # it is not the value that makes the garbage of other tests
    try:
        began = time.process_time()
        classify("notes/today", value)
        return time.process_time() - began
    finally:
        gc.enable()


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=200), st.text(max_size=200), st.sampled_from(sorted(labelled.vendor_tokens(Random(0)))))
def test_no_words_around_it_hide_a_token(before: str, after: str, name: str) -> None:
    token = labelled.vendor_tokens(Random(9))[name]
    assert secret_in(f"{before} {token} {after}")
