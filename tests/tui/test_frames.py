"""Frames of which only what changed is sent: the terminal shows the same, and gets less."""

from __future__ import annotations

import pyte
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from cis_tui.tui.frames import Frames

AUTOWRAP = 7
WIDTH, HEIGHT = 40, 5
STYLES = (
    *("", "1", "31", "1;31", "31;1", "3;97;100", "39;44", "38;5;9;4", "4;48;5;20", "38;2;10;20;30"),
    *("1;38;2;10;20;30;48;2;200;200;200", "1;38;2;10;20;30;48;2;0;0;9", "1;38;2;9;9;9;48;2;0;0;9"),
)
WORDS = st.text("ab │●é…", min_size=1, max_size=8)


@st.composite
def frames(draw: st.DrawFn) -> str:
    """As Textual writes them: pieces of rows at their places, none over the edge, in styles that end with each text."""
    out: list[str] = []
    for _ in range(draw(st.integers(1, 6))):
        row = draw(st.integers(1, HEIGHT))
        out.append(f"\x1b[{row};{draw(st.integers(1, WIDTH - 31))}H")
        for _ in range(draw(st.integers(1, 4))):
            style, text = draw(st.sampled_from(STYLES)), draw(WORDS)
            out.append(f"\x1b[{style}m{text}\x1b[0m" if style else text)
        out.append(draw(st.sampled_from(["", "\n"])) if row < HEIGHT else "")
    return "".join(out) + f"\x1b[{draw(st.integers(1, HEIGHT))};1H"


def terminal() -> tuple[pyte.Screen, pyte.Stream]:
    """One that does not wrap its lines, as the workspace asks of it."""
    screen = pyte.Screen(WIDTH, HEIGHT)
    screen.reset_mode(AUTOWRAP, private=True)
    return screen, pyte.Stream(screen)


@settings(max_examples=60)
@given(st.lists(frames(), min_size=1, max_size=5))
def test_the_terminal_shows_what_whole_frames_would_show(written: list[str]) -> None:
    (whole, all_of_it), (screen, stream), differ = terminal(), terminal(), Frames()
    for frame in written:
        all_of_it.feed(frame)
        stream.feed(differ.changed(frame))
        assert screen.buffer == whole.buffer
        assert (screen.cursor.y, screen.cursor.x) == (whole.cursor.y, whole.cursor.x)


@given(st.lists(st.tuples(st.sampled_from(STYLES), st.text("ab │●é…", min_size=1, max_size=8)), max_size=4))
def test_what_is_shown_already_is_not_sent_again(pieces: list[tuple[str, str]]) -> None:
    differ = Frames()
    frame = "\x1b[2;3H" + "".join(f"\x1b[{style}m{text}\x1b[0m" for style, text in pieces)
    differ.changed(frame)
    assert differ.changed(frame + "\x1b[9;9H") == "\x1b[9;9H"
    assert differ.changed(frame + "\x1b[9;9H") == ""


def test_one_changed_word_of_a_row_is_all_that_is_sent() -> None:
    differ = Frames()
    row = "\x1b[3;1H\x1b[1mdeploy\x1b[0m  waiting      for ada    "
    differ.changed(row)
    sent = differ.changed(row.replace("ada", "bob"))
    assert sent == "\x1b[3;26Hbob"


def test_where_only_the_ground_is_another_only_that_is_sent() -> None:
    differ = Frames()
    sent = differ.changed(
        "\x1b[1;1H\x1b[1;38;2;1;2;3;48;2;4;5;6m9\x1b[0m\x1b[3;1H\x1b[1;38;2;1;2;3;48;2;7;8;9m9\x1b[0m"
    )
    assert sent == "\x1b[1;1H\x1b[1;38;2;1;2;3;48;2;4;5;6m9\x1b[3;1H\x1b[48;2;7;8;9m9\x1b[0m"


@pytest.mark.parametrize("wide", ["日本", "a日b", "👍", "e\u0301x", "⚠\ufe0f"])
def test_text_of_which_terminals_see_other_widths_is_sent_whole_with_all_behind_it(wide: str) -> None:
    differ = Frames()
    row = f"\x1b[1;1Hname: \x1b[1m{wide}\x1b[0m│ok"
    behind = 7 + cell_len(wide)
    differ.changed(row)
    assert differ.changed(row) == ""
    bold = row.replace("[1m", "[1;4m")
    assert differ.changed(bold) == f"\x1b[1;7H\x1b[1;4m{wide}\x1b[1;{behind}H\x1b[0m│ok"
    differ.changed("\x1b[1;7Hx")
    assert differ.changed(bold) == f"\x1b[1;7H\x1b[1;4m{wide}\x1b[1;{behind}H\x1b[0m│ok"
    assert differ.changed("\x1b[1;1Hname: plain  ok") == "\x1b[1;7Hplain  ok"
    assert differ.changed("\x1b[1;1Hname: plain  ok") == ""


def test_a_row_that_moved_on_is_sent_with_its_colours() -> None:
    differ = Frames()
    differ.changed("\x1b[1;1H\x1b[31mone\x1b[0m\x1b[32mtwo\x1b[0m")
    assert differ.changed("\x1b[1;1H\x1b[32mone\x1b[0m\x1b[32mtwo\x1b[0m") == "\x1b[1;1H\x1b[32mone\x1b[0m"


def test_links_open_and_close_where_they_are() -> None:
    differ = Frames()
    frame = "\x1b[1;1Hsee \x1b]8;id=1;https://example.org\x1b\\here\x1b]8;;\x1b\\ now"
    sent = differ.changed(frame)
    assert sent == "\x1b[1;1Hsee \x1b]8;id=1;https://example.org\x1b\\here\x1b]8;;\x1b\\ now"
    assert differ.changed(frame) == ""


def test_what_is_no_frame_goes_through_and_all_is_sent_after_it() -> None:
    differ = Frames()
    row = "\x1b[1;1Hhello"
    differ.changed(row)
    assert differ.changed("\x1b[1;1H\x1b[2J") == "\x1b[1;1H\x1b[2J"
    assert differ.changed(row) == row


def test_a_resized_terminal_is_drawn_anew() -> None:
    differ = Frames()
    row = "\x1b[1;1Hhello"
    differ.changed(row)
    differ.forget()
    assert differ.changed(row) == row
