"""Reading the output of a task while it grows."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from cis_tui.dag.views import LogChunk
from cis_tui.tui.output import CHUNK, OutputReader
from cis_tui.tui.widgets.output_log import KEPT_LINES, LONGEST, OutputLog


def chunk(text: str, offset: int, *, ended: bool = False) -> LogChunk:
    return LogChunk(text, offset, 1, ended)


def test_it_starts_near_the_end_and_goes_on_where_it_stopped() -> None:
    reader = OutputReader()
    assert reader.offset == -CHUNK
    assert reader.take(chunk("hello\n", 6)) == "hello\n"
    assert reader.offset == 6
    assert reader.take(chunk("world\n", 12)) == "world\n"


def test_it_says_how_much_it_left_out() -> None:
    reader = OutputReader()
    assert reader.take(chunk("end\n", 1_000_004)) == "… 1000 kB left out; cis run logs has all\nend\n"


def test_falling_behind_it_jumps_to_the_end_and_shows_nothing_twice() -> None:
    reader = OutputReader()
    reader.take(chunk("a" * CHUNK, CHUNK))
    assert reader.behind
    assert reader.take(chunk("aaab\n", CHUNK + 2)) == "b\n"
    assert not reader.behind
    reader.take(chunk("c" * CHUNK, CHUNK * 2 + 2))
    assert reader.take(chunk("d" * 10, CHUNK * 2 + 100)).startswith("… 88 bytes left out")


def test_a_control_sequence_cut_in_two_does_not_leak() -> None:
    reader = OutputReader()
    assert reader.take(chunk("ok \x1b[3", 6)) == "ok "
    assert reader.take(chunk("1mred\x1b[0m\n", 16)) == "red\n"
    assert reader.take(chunk("\x1b]52;c;aGk", 26)) == ""
    assert reader.take(chunk("=\x07done\n", 33)) == "done\n"


def test_of_a_line_that_was_overwritten_the_last_state_is_shown() -> None:
    assert OutputReader().take(chunk("10%\r50%\r100%\nnext\r\n", 19)) == "100%\nnext\n"


def test_what_was_held_back_comes_when_the_task_has_ended() -> None:
    reader = OutputReader()
    assert reader.take(chunk("text \x1b", 6)) == "text "
    assert reader.take(chunk("", 6, ended=True)) == ""


@given(st.lists(st.text("ab\n\x1b[31m0;", max_size=12), max_size=12))
@settings(deadline=None, max_examples=80)
def test_no_escape_ever_reaches_the_screen_however_it_is_cut(parts: list[str]) -> None:
    reader = OutputReader()
    offset = 0
    for part in parts:
        offset += len(part)
        assert "\x1b" not in reader.take(chunk(part, offset))


def test_a_long_output_that_has_ended_is_not_read_for_ever() -> None:
    reader = OutputReader()
    reader.take(chunk("a" * CHUNK, CHUNK * 9, ended=True))
    assert reader.behind, "more may have come while it was read"
    assert reader.take(chunk("a" * CHUNK, CHUNK * 9, ended=True)) == ""
    assert not reader.behind
    assert reader.offset == CHUNK * 9


async def test_the_end_of_an_output_is_in_view_however_fast_it_grows() -> None:
    class Showing(App[None]):
        def compose(self) -> ComposeResult:
            yield OutputLog()

    def top(log: OutputLog) -> str:
        return log.render_line(0).text.rstrip()

    app = Showing()
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.query_one(OutputLog)
        for number in range(0, 9000, 900):
            log.append("".join(f"line {line}\n" for line in range(number, number + 900)))
            await pilot.pause()
            assert top(log) == f"line {number + 900 - log.scrollable_content_region.height}"
        log.scroll_relative(y=-1000, animate=False)
        await pilot.pause()
        read = top(log)
        log.append("".join(f"more {line}\n" for line in range(900)))
        await pilot.pause()
        assert top(log) == read, "what one reads stays where it is"
        log.scroll_end(animate=False)
        for _ in range(9):
            log.append("x" * LONGEST)
        await pilot.pause()
        assert len(log.lines) == KEPT_LINES
        assert len(log.lines[-1]) == LONGEST
        assert log.lines[-1].endswith("x…")
