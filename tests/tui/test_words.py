"""Times and states in words."""

from __future__ import annotations

import pytest

from cis_tui.core.clock import Instant
from cis_tui.core.errors import CisError
from cis_tui.dag.views import DecisionKind, DecisionStatus, RunStatus, TaskStatus
from cis_tui.memory.keys import locked_error
from cis_tui.tui.detail import answer
from cis_tui.tui.paint import Tone, cell_len, fit, line_width, wrap
from cis_tui.tui.timescale import time_scale
from cis_tui.tui.words import RUN_MARKS, TASK_MARKS, count, countdown, hint_of, place, question, span, time_left, when
from tests.tui.helpers import NOW, decision, half_way


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0s"), (9.94, "9.9s"), (9.96, "9s"), (59.9, "59s"), (245, "4:05"), (11_220, "3h07m"), (1_000_000, "11d")],
)
def test_a_length_of_time_is_short(seconds: float, text: str) -> None:
    assert span(seconds) == text
    assert len(span(seconds)) <= 6


def test_a_countdown_shows_whole_seconds_and_says_when_it_is_held() -> None:
    running = decision("wheel", DecisionKind.RECOMMENDED, left=24)
    assert countdown(running, NOW) == "24s"
    assert countdown(running, Instant(NOW + 23.4)) == "1s"
    assert countdown(running, Instant(NOW + 99)) == "0s"
    held = decision("wheel", DecisionKind.RECOMMENDED, deadline=None, remaining=2.2)
    assert countdown(held, NOW) == "held 3s"
    assert countdown(decision("v", DecisionKind.ARBITRATED, left=3599), NOW) == "59:59"
    assert countdown(decision("v", DecisionKind.ARBITRATED, left=7260), NOW) == "2h01m"


@pytest.mark.parametrize(
    ("left", "text"), [(7260, "2h01m"), (3599, "59m"), (599, "9m"), (120, "2m"), (119, "1:59"), (24, "24s")]
)
def test_beside_the_question_the_time_left_is_told_in_minutes_until_there_are_few(left: float, text: str) -> None:
    assert time_left(decision("v", DecisionKind.ARBITRATED, left=left), NOW) == text


def test_what_is_held_is_told_to_be_held() -> None:
    held = decision("wheel", DecisionKind.RECOMMENDED, deadline=None, remaining=599)
    assert time_left(held, NOW) == countdown(held, NOW) == "held 599s"


def test_a_question_says_what_becomes_of_the_task_without_an_answer() -> None:
    skipped = decision("wheel", DecisionKind.RECOMMENDED, default="skip")
    assert question(skipped) == "is skipped unless approved"
    assert "goes ahead" in question(decision("wheel", DecisionKind.RECOMMENDED))
    assert "approval" in question(decision("wheel", DecisionKind.CONFIRMED))
    assert "run it again?" in question(decision("wheel", DecisionKind.INTERRUPTED))


def test_an_answer_says_who_gave_it() -> None:
    did = "did:key:z6Mku2PE7Hu35mhnyhtHJjenjKyJHXP4aqJTMydMy8BVdJLP"
    voted = decision("v", DecisionKind.ARBITRATED, status=DecisionStatus.APPROVED, by=f"me, {did}")
    assert answer(voted, "me") == "approved by you and z6Mku2PE…dJLP"
    late = decision(
        "wheel", DecisionKind.RECOMMENDED, status=DecisionStatus.APPROVED, by="deadline", reason="\x1b[31mr"
    )
    assert answer(late, "me") == "approved by the clock (r)"


def test_every_state_has_a_mark_and_a_word_of_its_own() -> None:
    for marks, states in ((TASK_MARKS, TaskStatus), (RUN_MARKS, RunStatus)):
        assert set(marks) == set(states)
        assert len({(mark, word) for mark, word, _ in marks.values()}) == len(marks)
        assert all(cell_len(mark) == 1 for mark, _, _ in marks.values())


def test_the_day_is_left_out_of_todays_times() -> None:
    assert when(Instant(NOW + 60), NOW) == "00:01"
    assert when(Instant(NOW - 60), NOW) == "11-23"


def test_paths_are_told_from_the_project_or_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert place("/p/demo/.cis/dags/a.toml", "/p/demo") == ".cis/dags/a.toml"
    assert place("/home/ada/.cis") == "~/.cis"
    assert place("/home/adam/x") == "/home/adam/x"
    assert place("/etc/x", "/p") == "/etc/x"


def test_things_are_counted_in_the_right_number() -> None:
    assert (count(1, "run"), count(2, "run"), count(0, "run")) == ("1 run", "2 runs", "0 runs")


def test_text_is_fitted_by_cells_and_not_by_letters() -> None:
    assert fit("日本語", 4) == "日 …"
    assert fit("ab", 4) == "ab  "
    assert fit("ab", 4, right=True) == "  ab"
    assert all(cell_len(fit(text, 5)) == 5 for text in ("", "abc", "abcdefgh", "日本語日本語"))
    assert fit("abc", 0) == ""


def test_what_does_not_fit_continues_under_the_second_piece() -> None:
    rows = wrap([("label  ", Tone.DIM), ("some words that go on and on", Tone.PLAIN)], 20)
    texts = ["".join(text for text, _ in row) for row in rows]
    assert texts == ["label  some words", "       that go on", "       and on"]
    assert all(line_width(row) <= 20 for row in rows)


def test_a_long_word_is_cut_and_an_empty_line_stays() -> None:
    assert ["".join(text for text, _ in row) for row in wrap([("x" * 25, Tone.PLAIN)], 10)] == [
        "x" * 10,
        "x" * 10,
        "x" * 5,
    ]
    assert wrap([], 10) == [[]]


def test_bars_show_when_each_task_ran_on_one_scale() -> None:
    run = half_way().state
    now = Instant(NOW + 12)
    scale = time_scale(run.started_at, None, Instant(NOW + 17))
    assert scale.seconds == 20
    assert scale.bar(run.tasks["lint"], now, 20) == (0, 4)
    assert scale.bar(run.tasks["types"], now, 20) == (0, 9)
    assert scale.bar(run.tasks["docs"], now, 20) == (9, 3)
    assert scale.bar(run.tasks["publish"], now, 20) == (0, 0)


def test_the_scale_moves_rarely_while_a_run_goes_on_and_fits_once_it_has_ended() -> None:
    assert time_scale(NOW, None, Instant(NOW + 21)) == time_scale(NOW, None, Instant(NOW + 25))
    assert time_scale(NOW, Instant(NOW + 13), Instant(NOW + 99)).seconds == 13
    assert time_scale(NOW, None, Instant(NOW + 100_000)).seconds == 108_000


def test_a_failure_for_a_lock_hints_at_the_key_that_unlocks() -> None:
    keys = {"memory.lock": "F2"}.__getitem__
    assert hint_of(locked_error("cis memory unlock"), keys) == "F2 on the memory screen unlocks it"
    assert hint_of(CisError("CIS-MEM-001", "no", hint="look again"), keys) == "look again"
