"""A decision asked where it belongs. Its keys work only while it has the focus, and never at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from cis_tui.core.clock import Clock
from cis_tui.dag.views import Choice, Decision, DecisionKind
from cis_tui.tui.paint import Line, Piece, Tone, fit, shown
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.words import countdown, question

DEAF = 0.4
"""Seconds for which a prompt that has just appeared, changed or got the focus takes no answer."""

TIME_WIDTH = 9


class Answer(StrEnum):
    """What a person says to a decision."""

    APPROVE = "approve"
    REJECT = "reject"
    HOLD = "hold"


class DecisionPrompt(LineWidget, can_focus=True):
    """One open decision: what it asks, what will run, how long is left, and the keys that answer it.

    Enter is not among them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('approve')", "approve", id="decision.approve"),
        Binding("n", "answer('reject')", "reject", id="decision.reject"),
        Binding("space", "answer('hold')", "hold or go on", id="decision.hold"),
        Binding("v", "ballot", "vote", id="decision.vote"),
        Binding("a", "vote('approve')", "vote for it", id="decision.vote-approve"),
        Binding("r", "vote('reject')", "vote against", id="decision.vote-reject"),
        Binding("b", "vote('abstain')", "abstain", id="decision.vote-abstain"),
        Binding("i", "inspect", "inspect", id="decision.inspect"),
        Binding("escape", "leave", "back", id="decision.leave"),
    ]

    @dataclass
    class Answered(Message):
        """The person answered."""

        decision: Decision
        answer: Answer

    @dataclass
    class Voted(Message):
        """The person cast a ballot."""

        decision: Decision
        choice: Choice

    @dataclass
    class Inspect(Message):
        """The person wants to read all that would run."""

        decision: Decision

    class Left(Message):
        """The person goes back to where they came from."""

    def __init__(self, clock: Clock, timer: Callable[[], float]) -> None:
        super().__init__()
        self._clock = clock
        self._timer = timer
        self._deaf_until = 0.0
        self._voting = False
        self.decision: Decision | None = None
        """The open decision that is shown."""
        self.display = False

    def show(self, decision: Decision | None) -> None:
        """Ask this decision, or none. Another one than before is deaf at first."""
        if decision is None and self.decision is None:
            return
        if (decision and decision.id) != (self.decision and self.decision.id):
            self._deafen()
            self._voting = False
        self.decision = decision
        self.display = decision is not None
        self.styles.height = 4 if decision and decision.kind is DecisionKind.ARBITRATED else 3
        self.refresh(layout=True)
        self.refresh_bindings()

    def on_focus(self) -> None:
        """Keys that were meant for what had the focus before must not answer."""
        self._deafen()

    def on_blur(self) -> None:
        """A vote begun and left is not cast."""
        self._voting = False

    def _deafen(self) -> None:
        self._deaf_until = self._timer() + DEAF

    @property
    def deaf(self) -> bool:
        """Whether an answer would be ignored now."""
        return self._timer() < self._deaf_until

    def tick(self) -> None:
        """A second passed: repaint the time alone."""
        if self.decision is not None:
            self.refresh(Region(4, 0, TIME_WIDTH, 1))

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only the keys that this kind of decision knows."""
        if self.decision is None:
            return action not in ("answer", "ballot", "vote", "inspect")
        ballot = self.decision.kind is DecisionKind.ARBITRATED
        if action == "answer":
            counts_down = self.decision.kind is DecisionKind.RECOMMENDED
            return not ballot and (parameters != ("hold",) or counts_down)
        if action == "ballot":
            return ballot and not self._voting
        if action == "vote":
            return ballot and self._voting
        return True

    def action_answer(self, answer: str) -> None:
        """Approve, reject, or hold the countdown."""
        if self.decision is not None and not self.deaf:
            self.post_message(self.Answered(self.decision, Answer(answer)))

    def action_ballot(self) -> None:
        """Choose how to vote."""
        if not self.deaf:
            self._set_voting(True)

    def action_vote(self, choice: str) -> None:
        """Cast the ballot."""
        if self.decision is not None and not self.deaf:
            self._set_voting(False)
            self.post_message(self.Voted(self.decision, Choice(choice)))

    def action_inspect(self) -> None:
        """Show everything that would run."""
        if self.decision is not None:
            self.post_message(self.Inspect(self.decision))

    def action_leave(self) -> None:
        """Esc: out of the vote first, then out of the prompt."""
        if self._voting:
            self._set_voting(False)
        else:
            self.post_message(self.Left())

    def _set_voting(self, voting: bool) -> None:
        self._voting = voting
        self.refresh()
        self.refresh_bindings()

    # Painting

    def line(self, y: int, width: int) -> Line:
        """The question, what would run, who voted if that is asked, and last the keys."""
        decision = self.decision
        if decision is None:
            return ()
        lines = [self._question(decision, width), [("    " + fit(shown(decision.prompt), width - 4), Tone.PLAIN)]]
        if decision.kind is DecisionKind.ARBITRATED:
            lines.append([("    " + fit(_ballots(decision), width - 4), Tone.PLAIN)])
        lines.append([("    ", Tone.PLAIN), *_key_pieces(self._keys(decision), active=self.has_focus)])
        return lines[y] if y < len(lines) else ()

    def _question(self, decision: Decision, width: int) -> Line:
        left = fit(countdown(decision, self._clock()), TIME_WIDTH)
        text = f"{shown(decision.task)} {question(decision)}"
        return [("  ? ", Tone.ASK), (left, Tone.ASK), (fit(text, max(0, width - TIME_WIDTH - 4)), Tone.STRONG)]

    def _keys(self, decision: Decision) -> list[tuple[str, str]]:
        if self._voting:
            return [("a", "approve"), ("r", "reject"), ("b", "abstain"), ("Esc", "not now")]
        if decision.kind is DecisionKind.ARBITRATED:
            return [("v", "vote"), ("i", "inspect")]
        hold = [("Space", "hold" if decision.deadline else "go on")]
        return [
            ("y", "approve"),
            ("n", "reject"),
            *(hold if decision.kind is DecisionKind.RECOMMENDED else []),
            ("i", "inspect"),
        ]


def _ballots(decision: Decision) -> str:
    cast = {ballot.stakeholder: ballot.choice.value for ballot in decision.ballots}
    votes = ", ".join(f"{shown(name)} {cast.get(name, 'not yet')}" for name in decision.stakeholders)
    return f"{len(cast)} of {decision.quorum} votes needed: {votes}"


def _key_pieces(keys: list[tuple[str, str]], *, active: bool) -> list[Piece]:
    """Keys with what they do; where the focus is elsewhere, the key that brings it here comes first."""
    pieces: list[Piece] = [] if active else [("d", Tone.STRONG), (" to answer:  ", Tone.DIM)]
    for key, does in keys:
        pieces += [(key, Tone.STRONG if active else Tone.DIM), (f" {does}  ", Tone.DIM)]
    return pieces
