"""A decision asked where it belongs. Its keys work only while it has the focus, and never at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message

from cis_tui.core.clock import Clock
from cis_tui.core.text import count
from cis_tui.dag.answers import Refusal
from cis_tui.dag.verdicts import usual_refusal
from cis_tui.dag.views import Choice, Decision, DecisionKind, Subject
from cis_tui.tui.paint import Line, Piece, Tone, cell_len, fit, fit_middle, shown
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.words import asker, countdown, question

DEAF = 0.4
"""Seconds for which a prompt that has just appeared, changed or got the focus takes no answer."""

HEIGHT = 4
"""Lines."""
TIME_WIDTH = 9


class Answer(StrEnum):
    """What a person says to a decision."""

    APPROVE = "approve"
    REJECT = "reject"
    HOLD = "hold"


class Wish(StrEnum):
    """What a person wants to do before an answer, in a dialog of its own."""

    EDIT = "edit"
    EDITOR = "editor"
    """Edit in their own editor."""
    ALIKE = "alike"
    """Approve all that are alike, once it was said which they are."""
    ALWAYS = "always"
    """Approve, and let such calls run unasked for good, once it was said which they are."""
    REASON = "reason"


class _Mode(Enum):
    """What the keys are for."""

    ANSWER = 0
    VOTE = 1
    REFUSE = 2


_MORE_KEYS = {
    _Mode.VOTE: (
        ("decision.vote-approve", "approve"),
        ("decision.vote-reject", "reject"),
        ("decision.vote-abstain", "abstain"),
    ),
    _Mode.REFUSE: (("decision.skip", "skip"), ("decision.fail", "fail"), ("decision.abort", "abort the run")),
}
"""The ids of keys that another key leads to."""


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
        Binding("e", "wish('edit')", "edit what runs", id="decision.edit"),
        Binding("E", "wish('editor')", "in your editor", show=False, id="decision.editor"),
        Binding("A", "wish('alike')", "approve all alike", id="decision.alike"),
        Binding("p", "wish('always')", "never ask again", id="decision.always"),
        Binding("N", "no", "another no", id="decision.no"),
        Binding("s", "refuse('skip')", "skip the task", id="decision.skip"),
        Binding("f", "refuse('fail')", "let it fail", id="decision.fail"),
        Binding("x", "refuse('abort')", "abort the run", id="decision.abort"),
        Binding("c", "wish('reason')", "give a reason", id="decision.reason"),
        Binding("i", "inspect", "inspect", id="decision.inspect"),
        Binding("escape", "leave", "back", id="decision.leave"),
    ]

    @dataclass
    class Answered(Message):
        """The person answered."""

        decision: Decision
        answer: Answer
        reason: str = ""
        how: Refusal | None = None
        """Which kind of no; None for the usual one."""

    @dataclass
    class Voted(Message):
        """The person cast a ballot."""

        decision: Decision
        choice: Choice
        reason: str = ""

    @dataclass
    class Wished(Message):
        """The person wants to do something first."""

        prompt: DecisionPrompt
        decision: Decision
        wish: Wish

    @dataclass
    class Inspect(Message):
        """The person wants to read all that would run."""

        decision: Decision

    class Left(Message):
        """The person goes back to where they came from."""

    def __init__(self, clock: Clock, timer: Callable[[], float], *, reach: str = "decide") -> None:
        """`reach`: the id of the key that gives it the focus."""
        super().__init__()
        self._reach = reach
        self._clock = clock
        self._timer = timer
        self._deaf_until = 0.0
        self._mode = _Mode.ANSWER
        self.reason = ""
        """What goes with the next answer."""
        self.decision: Decision | None = None
        """The open decision that is shown."""
        self.display = False

    def show(self, decision: Decision | None) -> None:
        """Ask this decision, or none. Another one than before is deaf at first."""
        if decision is None and self.decision is None:
            return
        if (decision and decision.id) != (self.decision and self.decision.id):
            self._deafen()
            self._mode = _Mode.ANSWER
            self.reason = ""
        self.decision = decision
        self.display = decision is not None
        self.styles.height = HEIGHT
        self.refresh(layout=True)
        self.refresh_bindings()

    def on_focus(self) -> None:
        """Keys that were meant for what had the focus before must not answer."""
        self._deafen()

    def on_blur(self) -> None:
        """A vote or a no that was begun and left is not given."""
        self._mode = _Mode.ANSWER

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
        decision = self.decision
        if decision is None:
            return action not in ("answer", "ballot", "vote", "inspect", "wish", "no", "refuse")
        alone, answering = decision.answers_alone, self._mode is _Mode.ANSWER
        match action:
            case "answer":
                counts_down = decision.kind is DecisionKind.RECOMMENDED
                return alone and answering and (parameters != ("hold",) or counts_down)
            case "ballot":
                return not alone and answering
            case "vote":
                return self._mode is _Mode.VOTE
            case "no":
                return answering and _has_ways(decision)
            case "refuse":
                return self._mode is _Mode.REFUSE
            case "wish":
                return answering and _grants(decision, Wish(str(parameters[0])))
            case _:
                return True

    def action_answer(self, answer: str) -> None:
        """Approve, reject, or hold the countdown."""
        if self.decision is not None and not self.deaf:
            self.post_message(self.Answered(self.decision, Answer(answer), self.reason))

    def action_ballot(self) -> None:
        """Choose how to vote."""
        if not self.deaf:
            self._set_mode(_Mode.VOTE)

    def action_vote(self, choice: str) -> None:
        """Cast the ballot."""
        if self.decision is not None and not self.deaf:
            self._set_mode(_Mode.ANSWER)
            self.post_message(self.Voted(self.decision, Choice(choice), self.reason))

    def action_no(self) -> None:
        """Choose which kind of no."""
        if not self.deaf:
            self._set_mode(_Mode.REFUSE)

    def action_refuse(self, how: str) -> None:
        """Say no in this way."""
        if self.decision is not None and not self.deaf:
            self._set_mode(_Mode.ANSWER)
            self.post_message(self.Answered(self.decision, Answer.REJECT, self.reason, Refusal(how)))

    def action_wish(self, wish: str) -> None:
        """Do something before the answer."""
        if self.decision is not None and not self.deaf:
            self.post_message(self.Wished(self, self.decision, Wish(wish)))

    def give_reason(self, reason: str) -> None:
        """Keep a reason for the next answer."""
        self.reason = reason
        self.refresh()

    def action_inspect(self) -> None:
        """Show everything that would run."""
        if self.decision is not None:
            self.post_message(self.Inspect(self.decision))

    def action_leave(self) -> None:
        """Esc: out of the vote or the no first, then out of the prompt."""
        if self._mode is not _Mode.ANSWER:
            self._set_mode(_Mode.ANSWER)
        else:
            self.post_message(self.Left())

    def _set_mode(self, mode: _Mode) -> None:
        self._mode = mode
        self.refresh()
        self.refresh_bindings()

    # Painting

    def line(self, y: int, width: int) -> Line:
        """The question, what would run, who voted if that is asked, and last the keys."""
        decision = self.decision
        if decision is None:
            return ()
        lines = [self._question(decision, width), [("    " + fit(_in_short(decision), width - 4), Tone.PLAIN)]]
        if not decision.answers_alone:
            lines.append([("    " + fit(_ballots(decision), width - 4), Tone.PLAIN)])
        key = keys_of(self)
        for ids in self._keys(decision):
            first = len(lines) == 2 or not decision.answers_alone
            reach = "" if self.has_focus or not first else key(self._reach)
            keys = [(key(id), does) for id, does in ids]
            lines.append([("    ", Tone.PLAIN), *_key_pieces(keys, active=self.has_focus, reach=reach)])
        return lines[y] if y < len(lines) else ()

    def _question(self, decision: Decision, width: int) -> Line:
        left = fit(countdown(decision, self._clock()), TIME_WIDTH)
        room = max(0, width - TIME_WIDTH - 4)
        # The name gives way: what is asked has to be seen.
        asked = f" {question(decision)}"
        name = fit_middle(f"{asker(decision)}{shown(decision.task)}", max(room // 2, room - cell_len(asked)))
        return [("  ? ", Tone.ASK), (left, Tone.ASK), (fit(name + asked, room), Tone.STRONG)]

    def _keys(self, decision: Decision) -> list[list[tuple[str, str]]]:
        """The ids of the keys and what they do, line by line."""
        if self._mode is not _Mode.ANSWER:
            return [[*_MORE_KEYS[self._mode], ("decision.leave", "not now")]]
        reason = [
            ("decision.reason", f"“{fit(shown(self.reason), min(len(self.reason), 24))}”" if self.reason else "reason")
        ]
        if not decision.answers_alone:
            return [[("decision.vote", "vote"), *reason, ("decision.inspect", "inspect")]]
        hold = [("decision.hold", "hold" if decision.deadline else "go on")]
        usual = f"reject: {usual_refusal(decision.kind)}" if _has_ways(decision) else "reject"
        return [
            [
                ("decision.approve", "approve"),
                ("decision.reject", usual),
                *(hold if decision.kind is DecisionKind.RECOMMENDED else []),
                ("decision.inspect", "inspect"),
            ],
            [
                *([("decision.edit", "edit")] if _grants(decision, Wish.EDIT) else []),
                *([("decision.alike", "all alike")] if decision.alike else []),
                *([("decision.always", "always…")] if decision.always else []),
                *([("decision.no", "other no")] if _has_ways(decision) else []),
                *reason,
            ],
        ]


def _has_ways(decision: Decision) -> bool:
    """Whether there are several kinds of no."""
    return decision.answers_alone and decision.subject is Subject.TASK


def _grants(decision: Decision, wish: Wish) -> bool:
    """Whether a person can do this before they answer."""
    if wish is Wish.REASON:
        return True
    if wish is Wish.ALWAYS:
        return bool(decision.always)
    return bool(decision.alike) if wish is Wish.ALIKE else decision.answers_alone


def _in_short(decision: Decision) -> str:
    """What would run in one line; of a call its name, why it is asked about, and how much more there is."""
    if decision.subject is not Subject.TOOL:
        return shown(decision.prompt)
    first, *rest = decision.prompt.split("\n")
    told = [line for line in rest[:2] if line.startswith("asked because ") or line.endswith(" are not shown")]
    more = len(rest) - len(told)
    return ", ".join([shown(first), *map(shown, told), *([count(more, "more line")] if more else [])])


def _ballots(decision: Decision) -> str:
    cast = {ballot.stakeholder: ballot.choice.value for ballot in decision.ballots}
    votes = ", ".join(f"{shown(name)} {cast.get(name, 'not yet')}" for name in decision.stakeholders)
    return f"{len(cast)} of {count(decision.quorum, 'vote')} needed: {votes}"


def _key_pieces(keys: list[tuple[str, str]], *, active: bool, reach: str) -> list[Piece]:
    """Keys with what they do; where the focus is elsewhere, the key that brings it here comes first."""
    pieces: list[Piece] = [(reach, Tone.STRONG), (" to answer:  ", Tone.DIM)] if reach else []
    for key, does in keys:
        pieces += [(key, Tone.STRONG if active else Tone.DIM), (f" {does}  ", Tone.DIM)]
    return pieces
