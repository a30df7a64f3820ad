"""The door for foreign text."""

from __future__ import annotations

import json
import re
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.text import clean, clean_line, count, did_you_mean, drawable, escaped
from cis_tui.tui.paint import shown


@pytest.mark.parametrize(
    ("hostile", "safe"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("a\x1b]52;c;aGVsbG8=\x07b", "ab"),
        ("a\x1b]0;title\x1b\\b", "ab"),
        ("a\x1bP+q544e\x1b\\b", "ab"),
        ("\x9b2Jclear", "clear"),
        ("a\x9d52;c;xx\x9cb", "ab"),
        ("a\x08\x08\x7fb\x00", "ab"),
        ("a\r\nb\rc", "a\nbc"),
        ("abc\u202edef\u2066g", "abcdefg"),
        ("\ud800x", "\ufffdx"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("日本語 ✓", "日本語 ✓"),
    ],
)
def test_control_sequences_leave_and_text_stays(hostile: str, safe: str) -> None:
    assert clean(hostile) == safe


@given(st.text(alphabet=st.characters(codec="utf-8") | st.sampled_from("\x1b[]0;mH\x07\x9b\x90\\P")))
def test_nothing_that_a_terminal_obeys_survives(text: str) -> None:
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", clean(text))


@given(st.text())
def test_clean_text_is_clean(text: str) -> None:
    assert clean(clean(text)) == clean(text)


AWKWARD = (
    "\x1b[]0;mH\x07\x9b\x90\\P\n\t\r\u0301\u0e47\u202e\u2067\u200b\u200d\u200c\ufe0f\u00ad\u3164\u0627❤👩\ud800"
    "\U000e0041"
)


@given(st.text(alphabet=st.characters() | st.sampled_from(AWKWARD)))
def test_what_is_drawn_is_drawn_alike_everywhere(text: str) -> None:
    drawn = drawable(text)
    assert drawable(drawn) == drawn
    kinds = "".join({"M": "m", "C": "c", "Z": "z"}.get(category(letter)[0], "-") for letter in drawn)
    assert "mmmmm" not in kinds, "no pile of marks grows out of its row"
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufe0f]", drawn)
    line = shown(text, limit=40)
    assert shown(line, limit=40) == line and len(line) <= 40 and "\n" not in line and "\t" not in line


@given(st.text(alphabet=st.characters() | st.sampled_from(AWKWARD)))
def test_json_is_the_same_after_it_was_made_harmless(text: str) -> None:
    document = escaped(json.dumps({text: text}, ensure_ascii=False))
    assert json.loads(document) == {text: text}
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", document)


def test_letters_of_all_scripts_stay() -> None:
    for text in ("Ångström", "A\u030angstro\u0308m", "नमस्ते", "می\u200cخواهم", "ที่นี่", "日本語", "Việt", "✓ → ─ █", "👍"):
        assert drawable(text) == text
    assert drawable("👨\u200d👩 ❤\ufe0f") == "👨👩 ❤"


def test_length_is_bounded_and_the_cut_is_shown() -> None:
    assert clean("x" * 100, limit=10) == "x" * 9 + "…"


def test_a_line_is_one_line() -> None:
    assert clean_line("a\n  b\tc") == "a b c"


def test_nearest_name() -> None:
    assert did_you_mean("bild", ["build", "test"]) == 'did you mean "build"?'
    assert did_you_mean("zzz", ["build", "test"]) == ""


def test_what_is_counted_agrees_with_its_number() -> None:
    assert [count(number, "run") for number in (0, 1, 2)] == ["0 runs", "1 run", "2 runs"]
    assert [count(number, "entry", "entries") for number in (1, 1_000)] == ["1 entry", "1,000 entries"]
