"""Words of texts and questions, and the part of a text that a hit shows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cis_tui.memory.database import sqlite
from cis_tui.memory.excerpt import excerpt, mark, matched_words
from cis_tui.memory.wording import CLOSE, OPEN, grams, meaning_of, name_words, quoted, searchable, terms_of

words = st.text("abc déü東京 .,'\n", max_size=40)


def test_a_question_is_its_own_words() -> None:
    assert terms_of("What's my favourite colour?") == ["favourite", "colour"]
    assert terms_of("Deploy THE app, deploy it") == ["deploy", "app"]
    assert terms_of("to be or not to be") == ["to", "be", "or", "not"]
    assert terms_of("?!  ") == []


def test_scripts_without_spaces_are_asked_by_pairs() -> None:
    assert terms_of("東京の天気 tomorrow") == ["tomorrow", "東京", "京の", "の天", "天気"]
    assert terms_of("雨") == ["雨"]
    assert grams("plain") == ""
    assert grams("東京 x 雨") == "東 京 東京 雨"


def test_a_short_value_takes_its_key_along() -> None:
    assert meaning_of(name_words("user/editorTheme"), "dark") == "user editor theme: dark"
    assert meaning_of(name_words("a/b/7"), "dark") == "dark"
    long = "I prefer dark colours in every editor."
    assert meaning_of("user editor theme", long) == long


@given(st.text(max_size=60))
def test_no_question_is_a_syntax_error(question: str) -> None:
    database = sqlite.connect(":memory:")
    try:
        database.execute("CREATE VIRTUAL TABLE words USING fts5(text)")
        expression = " OR ".join(map(quoted, terms_of(question)))
        if expression:
            database.execute("SELECT rowid FROM words WHERE words MATCH ?", (expression,)).fetchall()
    finally:
        database.close()


@given(st.text(max_size=200))
def test_what_is_indexed_holds_no_marks_and_no_controls(text: str) -> None:
    assert not set(searchable(text)) & {OPEN, CLOSE, "\0", "\x1b", "\ud800"}


@given(st.lists(st.tuples(words, st.booleans()), max_size=30), st.integers(10, 80))
def test_marks_point_at_the_matches(parts: list[tuple[str, bool]], width: int) -> None:
    marked = "".join(f"{OPEN}{text}{CLOSE}" if match else text for text, match in parts)
    snippet, marks = excerpt(marked, width)
    matches = {" ".join(text.split()) for text, match in parts if match}
    assert "\n" not in snippet
    assert OPEN not in snippet
    assert len(snippet) <= width + 2
    for start, end in marks:
        assert 0 <= start <= end <= len(snippet)
        inside = " ".join(snippet[start:end].split())
        assert any(inside in match for match in matches)


def test_the_part_with_most_matches_is_shown() -> None:
    filler = "nothing of interest here " * 20
    marked = f"{OPEN}wing{CLOSE} {filler}the {OPEN}wing{CLOSE} and its {OPEN}flow{CLOSE} {filler}"
    snippet, marks = excerpt(marked)
    assert [snippet[start:end] for start, end in marks] == ["wing", "flow"]
    assert snippet.startswith("…")
    assert snippet.endswith("…")
    assert matched_words(marked) == ["wing", "flow"]


def test_a_text_without_matches_shows_its_beginning() -> None:
    snippet, marks = excerpt("one two three " * 50)
    assert snippet.startswith("one two three one")
    assert marks == ()


def test_neighbouring_matches_are_one_mark() -> None:
    snippet, marks = excerpt(mark("明日の東京都の天気", ["東京", "京都", "天気"]))
    assert [snippet[start:end] for start, end in marks] == ["東京", "天気"]
