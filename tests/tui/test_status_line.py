"""The line under every screen: the most urgent wins where there is little room, all is there where there is much."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.agents.model import AgentInfo
from cis_tui.core.clock import Instant
from cis_tui.core.events import Event
from cis_tui.p2p.model import PeerIdentity, PeerStatus
from cis_tui.tui.paint import Line, Tone, line_width
from cis_tui.tui.store import LinkState, Store, summary_of
from cis_tui.tui.widgets.status_line import COUNTDOWN_WIDTH, WIDE, Fact, StatusLine, laid_out
from tests.tui.helpers import DID, HOSTILE, NOW, ROOT, HandClock, half_way

CLAUDE = AgentInfo("claude", "messages", "claude-sonnet", default=True)


def text(line: Line) -> str:
    return "".join(piece for piece, _ in line)


def busy(agent: AgentInfo = CLAUDE, **peers: int) -> Store:
    """An engine with a run that asks, peers and a model."""
    store = Store(ROOT)
    store.link = LinkState.READY
    story = half_way()
    store.reset([summary_of(story.state)], [story.state])
    store.apply(story.events)
    counts = {"connected": 1, "allowed": 2, "queued": 3, "pending": 1} | peers
    store.peer_status = PeerStatus(PeerIdentity(DID, "12D3"), "whitelist", **counts)  # type: ignore[arg-type]
    store.agents = (agent,)
    return store


def at(store: Store, width: int) -> str:
    line = StatusLine(store, HandClock(Instant(NOW + 13))).line(0, width)
    assert line_width(line) == width
    return text(line)


def test_in_a_wide_window_all_is_there_in_words() -> None:
    said = at(busy(), 200)
    for words in (
        " ? 23s ",
        "1 decision, first release / wheel",
        "▶ 1 run: release 3 of 8",
        "? 1 peer pending",
        "↑ 3 changes to sync",
        "model claude-sonnet ready",
        "1 of 2 peers connected",
        "● engine ready",
    ):
        assert words in said


def test_in_a_narrow_window_the_most_urgent_stays() -> None:
    assert at(busy(), 80).startswith(" ? 23s       1 decision   ▶ 1 run ")
    assert "? 1 peer pending" in at(busy(), 80)
    said = at(busy(), 40)
    assert said.startswith(" ? 23s       1 decision   ▶ 1 run") and "engine" not in said


@pytest.mark.parametrize(
    ("agent", "failed", "said"),
    [
        (CLAUDE, False, "model claude-sonnet ready"),
        (CLAUDE, True, "✗ claude-sonnet did not answer the last time"),
        (
            AgentInfo("claude", "messages", "claude-sonnet", ready=False, problem="no key", default=True),
            False,
            "no key",
        ),
        (AgentInfo("offline", "offline", default=True), False, "no model: memory answers"),
        (AgentInfo("other", "messages", "unused"), False, ""),
    ],
)
def test_whether_somebody_would_answer(agent: AgentInfo, failed: bool, said: str) -> None:
    store = busy(agent)
    store.peer_status = None
    data = {"conversation": "c", "turn": "t", "project": ROOT, "status": "failed" if failed else "completed"}
    changes = store.apply([Event(900, NOW, "AgentCompleted", data)])
    assert changes.models is failed
    line = at(store, 200)
    assert said in line and "unused" not in line
    stopped = store.apply([Event(901, NOW, "AgentCompleted", data | {"status": "cancelled"})])
    assert not stopped.models, "who stops an answer has learnt nothing new"
    assert store.apply([Event(902, NOW, "AgentCompleted", data | {"status": "completed"})]).models is failed


def test_nothing_of_a_model_or_a_link_reaches_the_line_raw() -> None:
    store = busy(AgentInfo("x", "messages", HOSTILE, ready=False, problem=HOSTILE, default=True))
    assert at(store, 200).isprintable()
    store.link, store.link_note = LinkState.LOST, HOSTILE
    assert at(store, 80).isprintable() and "✗ no engine" in at(store, 80)


WORDS = st.tuples(st.text("abc", min_size=1, max_size=20), st.text("xyz", max_size=30), st.booleans())


def a_fact(words: str, more: str, left: bool) -> Fact:
    return Fact.of(words, Tone.DIM, long=words + more, left=left)


@given(st.lists(WORDS, max_size=9), st.integers(1, 220))
def test_it_never_leaves_its_line_and_what_comes_first_is_never_left_out_for_what_comes_later(
    words: list[tuple[str, str, bool]], width: int
) -> None:
    facts = [a_fact(*each) for each in words]
    line = laid_out(facts, width)
    assert line_width(line) == width
    if facts and width > line_width([facts[0].short]):
        assert facts[0].short[0].strip() in text(line)
    if width >= max(WIDE, sum(line_width([fact.long]) for fact in facts)):
        assert all(fact.long[0].strip() in text(line) for fact in facts)


def test_a_second_repaints_no_more_than_the_countdown() -> None:
    store, clock = busy(), HandClock(Instant(NOW + 13))
    before = text(StatusLine(store, clock).line(0, 80))
    clock.forward(1)
    after = text(StatusLine(store, clock).line(0, 80))
    assert before != after and before[COUNTDOWN_WIDTH:] == after[COUNTDOWN_WIDTH:]
