"""Countdowns: what nobody could see pass does not count."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from cis_tui.core.clock import Instant
from cis_tui.core.config import DecisionSettings
from cis_tui.core.events import Event, EventBus, EventType
from cis_tui.dag.countdown import BLIND, Countdowns
from cis_tui.dag.decisions import DecisionService, Question
from cis_tui.dag.journal import Journal
from cis_tui.dag.model import Action, Level, LevelKind
from cis_tui.dag.views import DecisionStatus
from tests.dag.lab import OWNER, eventually


class Hand:
    """Countdowns on clocks that are moved by hand."""

    def __init__(self) -> None:
        self.timer = 1000.0
        self.wall = 5000.0
        self.over: list[str] = []
        self.moved: list[tuple[list[str], bool]] = []
        self.countdowns = Countdowns(
            over=self.over.append,
            moved=lambda ids, anew: self.moved.append((ids, anew)),
            timer=lambda: self.timer,
            wall=lambda: self.wall,
        )

    def forward(self, seconds: float, *, wall: float | None = None) -> None:
        """Let time pass without a look, then look."""
        self.timer += seconds
        self.wall += seconds if wall is None else wall
        self.countdowns.look()


async def test_it_ends_when_its_time_is_over() -> None:
    hand = Hand()
    hand.countdowns.start("a", 3)
    hand.countdowns.start("b", 30)
    for _ in range(4):
        hand.forward(1)
    assert (hand.over, hand.moved) == (["a"], [])
    assert hand.countdowns.left("b") == 26
    hand.countdowns.stop("b")


@pytest.mark.parametrize("slept", [BLIND + 1.5, 8 * 3600.0])
async def test_after_a_sleep_all_start_anew_and_none_has_ended(slept: float) -> None:
    hand = Hand()
    hand.countdowns.start("a", 3)
    hand.countdowns.start("b", 300)
    hand.forward(1)
    hand.forward(slept)
    assert (hand.over, hand.moved) == ([], [(["a", "b"], True)])
    assert (hand.countdowns.left("a"), hand.countdowns.left("b")) == (3, 300)
    for _ in range(3):
        hand.forward(1)
    assert hand.over == ["a"], "now somebody could see it"
    hand.countdowns.stop("b")


async def test_a_question_right_after_a_sleep_sees_the_new_time() -> None:
    hand = Hand()
    hand.countdowns.start("a", 3)
    hand.timer += 100
    assert hand.countdowns.left("a") == 3
    hand.countdowns.stop("a")


@pytest.mark.parametrize("jump", [3600.0, -3600.0])
async def test_when_the_clock_on_the_wall_is_set_only_the_deadlines_told_change(jump: float) -> None:
    hand = Hand()
    hand.countdowns.start("a", 10)
    hand.forward(1, wall=jump)
    assert (hand.over, hand.moved) == ([], [(["a"], False)])
    assert hand.countdowns.left("a") == 9
    hand.countdowns.stop("a")


async def test_a_busy_machine_is_not_asleep() -> None:
    hand = Hand()
    hand.countdowns.start("a", 3)
    hand.forward(BLIND)
    assert hand.over == ["a"]


async def test_a_decision_whose_deadline_passed_unseen_is_told_anew(tmp_path: Path) -> None:
    events: list[Event] = []
    bus = EventBus()
    bus.subscribe(events.append)
    journal = Journal(tmp_path / "runs.db", bus, identity=OWNER)
    now = 1000.0
    service = DecisionService(
        journal=journal,
        identity=OWNER,
        settings=DecisionSettings(),
        clock=lambda: Instant(1_800_000_000 + now),
        stored=lambda: (),
        known=lambda _: None,
        timer=lambda: now,
    )
    level = Level(LevelKind.RECOMMENDED, timeout=60, default_action=Action.EXECUTE)

    asked = asyncio.ensure_future(service.ask(Question(run="r", dag="d", task="t", prompt="true", level=level)))
    await eventually(lambda: bool(events))
    now += 3600
    service.countdowns.look()
    await eventually(lambda: len(events) == 2)
    assert not asked.done(), "the machine slept through the deadline"
    assert (events[1].type, events[1].data["why"]) == (EventType.DECISION_REQUESTED, "anew")
    (decision,) = service.list()
    assert decision.deadline == Instant(1_800_000_000 + now + 60)
    for _ in range(60):
        now += 1
        service.countdowns.look()
    made = await asked
    assert (made.status, made.by) == (DecisionStatus.APPROVED, "deadline")
    await service.close()
    journal.close()
