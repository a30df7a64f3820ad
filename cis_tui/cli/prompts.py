"""Decisions of a followed run: announced on stderr, and asked when a person sits at the terminal."""

from __future__ import annotations

import asyncio
import os
import shlex
import sys
from collections.abc import Coroutine

from cis_tui.cli.context import Context
from cis_tui.cli.outcome import seconds
from cis_tui.cli.output import note, paint, question
from cis_tui.core.clock import Clock, utc_now
from cis_tui.core.errors import CisError
from cis_tui.core.text import clean_line
from cis_tui.dag.answers import Refusal
from cis_tui.dag.views import Choice, Decision, DecisionKind, DecisionStatus
from cis_tui.protocol import EngineApi

_DEFAULTS = {"execute": "it runs", "skip": "it is skipped", "abort": "the run ends", "reject": "it is rejected"}
_REFUSALS = tuple(refusal.value for refusal in Refusal)
_YES, _NO, _ABSTAIN = ("y", "yes"), ("n", "no"), ("a", "abstain")


def announcement(decision: Decision, options: str = "", clock: Clock = utc_now) -> list[str]:
    """The question and the exact commands that answer it; `options` are added to each command."""
    when = ""
    if decision.deadline is not None:
        then = _DEFAULTS.get(decision.default, decision.default)
        when = f" (without an answer {then} in {seconds(decision.deadline - clock())})"
    lines = [f"{clean_line(decision.task)} waits: {clean_line(decision.prompt)}{when}"]
    if decision.kind is DecisionKind.ARBITRATED:
        answers = (f"show {decision.id}", f"vote {decision.id} approve|reject|abstain")
    else:
        answers = tuple(f"{answer} {decision.id}" for answer in ("show", "approve", "reject"))
    return [*lines, *(f"  cis decision {answer}{options}" for answer in answers)]


def answer_call(api: EngineApi, decision: Decision, text: str) -> Coroutine[object, object, Decision] | None:
    """The call that a line typed by a person stands for; None when it is no answer."""
    word = text.strip().lower()
    if decision.kind is DecisionKind.ARBITRATED:
        choices = {**dict.fromkeys(_YES, Choice.APPROVE), **dict.fromkeys(_NO, Choice.REJECT)}
        choice = (choices | dict.fromkeys(_ABSTAIN, Choice.ABSTAIN)).get(word)
        return api.decision_vote(decision.id, choice) if choice else None
    if word in _YES:
        return api.decision_approve(decision.id)
    if word in _REFUSALS:
        return api.decision_reject(decision.id, how=Refusal(word))
    return api.decision_reject(decision.id) if word in _NO else None


class Prompts:
    """Keeps the open decisions of one run and, on a terminal, asks them one after the other."""

    def __init__(self, api: EngineApi, context: Context, *, yes: bool) -> None:
        """With `yes`, only what `--yes` leaves open is announced and asked."""
        self._api = api
        self._answered = (DecisionKind.RECOMMENDED, DecisionKind.CONFIRMED) if yes else ()
        self._options = f" --home {shlex.quote(context.given_home)}" if context.given_home else ""
        self._open: dict[str, Decision] = {}
        self._announced: set[str] = set()
        self._asked = ""
        self._calls: set[asyncio.Task[None]] = set()
        self._asks = sys.stdin.isatty() and sys.stderr.isatty()

    def __enter__(self) -> Prompts:
        if self._asks:
            asyncio.get_running_loop().add_reader(sys.stdin.fileno(), self._read)
        return self

    def __exit__(self, *_: object) -> None:
        if self._asks:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        for call in self._calls:
            call.cancel()

    def update(self, decision: Decision) -> None:
        """Take the present form of a decision."""
        if decision.kind in self._answered:
            return
        if decision.status is DecisionStatus.PENDING:
            self._announce(decision)
            self._open[decision.id] = decision
        else:
            self._open.pop(decision.id, None)
            if decision.id == self._asked:
                self._break_line()
        self._ask()

    def before_line(self) -> None:
        """Make room for a line of progress."""
        self._break_line()

    def after_line(self) -> None:
        """Ask again after a line of progress."""
        self._ask()

    def _announce(self, decision: Decision) -> None:
        if decision.id not in self._announced:
            self._announced.add(decision.id)
            self._break_line()
            for line in announcement(decision, self._options):
                note(line)

    def _break_line(self) -> None:
        if self._asked:
            note("")
        self._asked = ""

    def _ask(self) -> None:
        if not self._asks or self._asked or not self._open:
            return
        decision = next(iter(self._open.values()))
        self._asked = decision.id
        keys = "y/n/a" if decision.kind is DecisionKind.ARBITRATED else "y/n"
        what = "vote" if decision.kind is DecisionKind.ARBITRATED else "approve"
        question(f"{paint(clean_line(decision.task), 'bold', sys.stderr)}: {what}? [{keys}] ")

    def _read(self) -> None:
        typed = os.read(sys.stdin.fileno(), 4096)
        if not typed:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
            return
        decision = self._open.get(self._asked)
        self._asked = ""
        call = answer_call(self._api, decision, typed.decode("utf-8", "replace")) if decision else None
        if decision is None or call is None:
            self._ask()
            return
        del self._open[decision.id]
        task = asyncio.ensure_future(self._send(call, decision))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _send(self, call: Coroutine[object, object, Decision], decision: Decision) -> None:
        try:
            await call
        except CisError as error:
            note(f"{paint('error:', 'red', sys.stderr)} {error.message}")
            self._open.setdefault(decision.id, decision)
            self._ask()
