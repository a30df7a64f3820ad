"""`cis decision`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json, table

if TYPE_CHECKING:
    from cis_tui.dag.views import Decision

_NO_ENGINE = "nothing waits for an answer; cis run resume ID goes on with a run that is paused"
_CHOICES = ("approve", "reject", "abstain")


async def list_decisions(context: Context, arguments: Namespace) -> int:
    """`cis decision list`: what waits for an answer, oldest first."""
    from cis_tui.cli.access import reading
    from cis_tui.cli.outcome import moment

    async with reading(context) as api:
        decisions = await api.decision_list()
    if context.json:
        show_json(decisions)
    elif not decisions:
        note("nothing waits for an answer")
    else:
        rows = [
            (d.id, d.kind, d.dag, d.task, moment(d.deadline) or "held", _votes(d) or "-", d.prompt) for d in decisions
        ]
        table(("ID", "KIND", "DAG", "TASK", "CLOSES (UTC)", "VOTES", "WHAT"), rows)
    return 0


async def approve(context: Context, arguments: Namespace) -> int:
    """`cis decision approve ID`."""
    from cis_tui.cli.access import live

    async with live(context, hint=_NO_ENGINE) as api:
        decision = await api.decision_approve(arguments.id, reason=arguments.reason)
    return _tell(context, decision)


async def reject(context: Context, arguments: Namespace) -> int:
    """`cis decision reject ID`."""
    from cis_tui.cli.access import live

    async with live(context, hint=_NO_ENGINE) as api:
        decision = await api.decision_reject(arguments.id, reason=arguments.reason)
    return _tell(context, decision)


async def vote(context: Context, arguments: Namespace) -> int:
    """`cis decision vote ID approve|reject|abstain`."""
    from cis_tui.cli.access import live
    from cis_tui.dag.views import Choice

    async with live(context, hint=_NO_ENGINE) as api:
        decision = await api.decision_vote(
            arguments.id, Choice(arguments.choice), seat=arguments.seat, reason=arguments.reason
        )
    return _tell(context, decision)


def _tell(context: Context, decision: Decision) -> int:
    from cis_tui.core.text import clean_line

    if context.json:
        show_json(decision)
        return 0
    votes = f", {_votes(decision)} votes" if decision.stakeholders else ""
    show(f"{decision.id} {clean_line(decision.task)}: {decision.status}{votes}")
    return 0


def _votes(decision: Decision) -> str:
    """Such as `1/2`; empty when it is no vote."""
    return f"{len(decision.ballots)}/{len(decision.stakeholders)}" if decision.stakeholders else ""


def _answer(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="as cis decision list shows it")
    _reason(parser)


def _vote(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="as cis decision list shows it")
    parser.add_argument("choice", metavar="|".join(_CHOICES), choices=_CHOICES)
    parser.add_argument("--as", dest="seat", metavar="SEAT", default="", help="vote for this stakeholder only")
    _reason(parser)


def _reason(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", default="", help="kept with the answer")


COMMANDS = (
    Command("list", "list what waits for an answer", list_decisions),
    Command("approve", "let the task run", approve, _answer),
    Command("reject", "do not let the task run", reject, _answer),
    Command("vote", "vote for the seats that you hold", vote, _vote),
)
