"""`cis decision`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from cis_tui.cli.arguments import count
from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json, table

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cis_tui.cli.offline import Offline
    from cis_tui.dag.answers import Edit
    from cis_tui.dag.inspection import Rule
    from cis_tui.dag.views import Decision
    from cis_tui.protocol import EngineApi

_NO_ENGINE = "nothing waits for an answer; cis run resume ID goes on with a run that is paused"
_LATEST_RUNS = 50
_CHOICES = ("approve", "reject", "abstain")
_REFUSALS = ("skip", "fail", "abort")


async def list_decisions(context: Context, arguments: Namespace) -> int:
    """`cis decision list`: what waits for an answer, oldest first."""
    from cis_tui.cli.access import reading
    from cis_tui.cli.outcome import moment

    async with reading(context) as api:
        decisions = await api.decision_list(all=arguments.all)
        asleep = "" if decisions else await _asleep(api)
    if context.json:
        show_json(decisions)
    elif not decisions:
        note("nothing waits for an answer" + asleep)
    elif arguments.all:
        _table_of_all(decisions)
    else:
        rows = [
            (d.id, d.kind, _whose(d), d.task, moment(d.deadline) or "held", _votes(d) or "-", d.prompt)
            for d in decisions
        ]
        table(("ID", "KIND", "DAG", "TASK", "CLOSES (UTC)", "VOTES", "WHAT"), rows)
    return 0


async def _asleep(api: EngineApi | Offline) -> str:
    """How to be asked again by the latest run whose engine ended before it did; empty if there is none."""
    runs = await api.run_list(limit=_LATEST_RUNS)
    run = next((run for run in runs if run.interrupted), None)
    return f"; the engine of run {run.id} ended, and cis run resume {run.id} goes on with it" if run else ""


def _whose(decision: Decision) -> str:
    """The DAG that asks, with the node if that is another one."""
    there = f" on {decision.origin.name}" if decision.origin else ""
    return f"{decision.dag or decision.subject}{there}"


def _table_of_all(decisions: Iterable[Decision]) -> None:
    from cis_tui.cli.outcome import moment, short_name

    rows = [
        (d.id, d.status, d.kind, _whose(d), d.task, moment(d.decided_at) or "-", short_name(d.by), d.reason)
        for d in decisions
    ]
    table(("ID", "STATUS", "KIND", "DAG", "TASK", "AT (UTC)", "BY", "REASON"), rows, status=1)


async def show_decision(context: Context, arguments: Namespace) -> int:
    """`cis decision show ID`: what would run, what was tried before, and what happened to it."""
    from cis_tui.cli.access import reading
    from cis_tui.cli.output import paint
    from cis_tui.dag.telling import detail_rows

    async with reading(context) as api:
        detail = await api.decision_show(arguments.id)
    if context.json:
        show_json(detail)
        return 0
    before = ""
    for label, text in detail_rows(detail):
        show(f"{paint((label if label != before else '').ljust(10), 'dim')} {text}")
        before = label
    return 0


async def approve(context: Context, arguments: Namespace) -> int:
    """`cis decision approve ID`."""
    from cis_tui.cli.access import live

    edit = _edit(arguments)
    async with live(context, hint=_NO_ENGINE) as api:
        decision = await api.decision_approve(arguments.id, reason=arguments.reason, edit=edit, alike=arguments.alike)
    if arguments.alike and not context.json:
        note(f"{decision.alike}: approved from now on; cis decision withdraw {decision.id} ends that")
    return _tell(context, decision)


async def reject(context: Context, arguments: Namespace) -> int:
    """`cis decision reject ID`."""
    from cis_tui.cli.access import live
    from cis_tui.dag.answers import Refusal

    how = Refusal(arguments.how) if arguments.how else None
    async with live(context, hint=_NO_ENGINE) as api:
        decision = await api.decision_reject(arguments.id, reason=arguments.reason, how=how)
    return _tell(context, decision)


async def hold(context: Context, arguments: Namespace) -> int:
    """`cis decision hold ID`: stop a countdown, or let it go on."""
    from cis_tui.cli.access import live

    async with live(context, hint=_NO_ENGINE) as api:
        decision = await api.decision_hold(arguments.id)
    if context.json:
        return _tell(context, decision)
    left = decision.remaining
    show(f"{decision.id}: " + ("the countdown goes on" if left is None else f"held, with {left:.0f} s left"))
    return 0


async def vote(context: Context, arguments: Namespace) -> int:
    """`cis decision vote ID approve|reject|abstain`."""
    from cis_tui.cli.access import live
    from cis_tui.dag.views import Choice

    async with live(context, hint=_NO_ENGINE) as api:
        decision = await api.decision_vote(
            arguments.id, Choice(arguments.choice), seat=arguments.seat, reason=arguments.reason
        )
    return _tell(context, decision)


async def rules(context: Context, arguments: Namespace) -> int:
    """`cis decision rules`: what was approved all alike and still is."""
    from cis_tui.cli.access import reading
    from cis_tui.cli.outcome import moment, short_name

    async with reading(context) as api:
        found = await api.decision_rules(arguments.run, all=arguments.all)
    if context.json:
        show_json(found)
    elif not found:
        note("nothing is approved all alike")
    else:
        rows = [(r.id, r.run, r.dag, str(r.used), short_name(r.by), moment(r.at), _words(r)) for r in found]
        table(("ID", "RUN", "DAG", "USED", "BY", "SINCE (UTC)", "WHAT"), rows)
    return 0


def _words(rule: Rule) -> str:
    from cis_tui.cli.outcome import moment

    return rule.words if rule.withdrawn_at is None else f"withdrawn {moment(rule.withdrawn_at)}: {rule.words}"


async def withdraw(context: Context, arguments: Namespace) -> int:
    """`cis decision withdraw ID`: approve no more by itself what is alike."""
    from cis_tui.cli.access import live

    async with live(context, hint=_NO_ENGINE) as api:
        rule = await api.decision_withdraw(arguments.id, reason=arguments.reason)
    if context.json:
        show_json(rule)
    else:
        show(f"{rule.id}: withdrawn; what it approved stays approved")
    return 0


async def audit(context: Context, arguments: Namespace) -> int:
    """`cis decision audit [ID]`: the trail that `cis doctor` verifies."""
    from cis_tui.cli.access import reading
    from cis_tui.cli.outcome import moment, short_name
    from cis_tui.dag.telling import what_happened

    async with reading(context) as api:
        found = await api.decision_trail(arguments.id, run=arguments.run, limit=arguments.limit)
    if context.json:
        show_json(found)
    elif not found:
        note("nothing was decided yet")
    else:
        rows = [
            (str(e.number), moment(e.at), e.decision, e.task, what_happened(e), short_name(e.by), e.reason)
            for e in found
        ]
        table(("ROW", "AT (UTC)", "ID", "TASK", "WHAT", "BY", "REASON"), rows)
    return 0


def _tell(context: Context, decision: Decision) -> int:
    from cis_tui.core.text import clean_line

    if context.json:
        show_json(decision)
        return 0
    votes = f", {_votes(decision)} votes" if decision.stakeholders else ""
    how = f" ({decision.refusal})" if decision.refusal in ("fail", "abort") else ""
    edited = ", edited" if decision.edit else ""
    show(f"{decision.id} {clean_line(decision.task)}: {decision.status}{how}{edited}{votes}")
    return 0


def _votes(decision: Decision) -> str:
    """Such as `1/2`; empty when it is no vote."""
    return f"{len(decision.ballots)}/{len(decision.stakeholders)}" if decision.stakeholders else ""


def _edit(arguments: Namespace) -> Edit | None:
    """What is to run instead."""
    import shlex

    from cis_tui.cli.arguments import json_object, text_of
    from cis_tui.cli.failure import usage
    from cis_tui.dag.answers import Edit

    input = None
    if arguments.input is not None:
        input = json_object(text_of(arguments.input, "--input"))
    try:
        args = None if arguments.args is None else tuple(shlex.split(arguments.args))
    except ValueError as error:
        raise usage(f"--args cannot be taken apart: {error}", """such as --args 'src "two words"'""") from error
    return Edit(arguments.instead, args, input) or None


def _id(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="as cis decision list shows it")


def _answer(parser: ArgumentParser) -> None:
    _id(parser)
    _reason(parser)


def _list(parser: ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="also the latest that are decided")


def _approve(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("--command", dest="instead", metavar="TEXT", help="run this line instead")
    parser.add_argument("--args", metavar="WORDS", help="give the skill these arguments instead")
    parser.add_argument("--input", metavar="JSON", help="give it this input instead; - reads stdin")
    parser.add_argument(
        "--alike", action="store_true", help="approve all that are alike in this run, now and later; show says which"
    )
    _reason(parser)


def _reject(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument(
        "--as",
        dest="how",
        metavar="|".join(_REFUSALS),
        choices=_REFUSALS,
        help="leave the task out, let it fail, or cancel the run; else a recommended one is skipped, another fails",
    )
    _reason(parser)


def _vote(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("choice", metavar="|".join(_CHOICES), choices=_CHOICES)
    parser.add_argument("--as", dest="seat", metavar="SEAT", default="", help="vote for this stakeholder only")
    _reason(parser)


def _rules(parser: ArgumentParser) -> None:
    parser.add_argument("--run", metavar="RUN", default="", help="of this run only")
    parser.add_argument("--all", action="store_true", help="also those that were withdrawn or whose run has ended")


def _audit(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", nargs="?", default="", help="of this decision only")
    parser.add_argument("--run", metavar="RUN", default="", help="of this run only")
    parser.add_argument("--limit", metavar="N", type=count, default=200, help="the newest N rows (200)")


def _reason(parser: ArgumentParser) -> None:
    parser.add_argument("--reason", metavar="TEXT", default="", help="kept with the answer")


COMMANDS = (
    Command("list", "list what waits for an answer", list_decisions, _list),
    Command("show", "show what would run, and all about the question", show_decision, _id),
    Command("approve", "let it run, also after an edit", approve, _approve),
    Command("reject", "do not let it run", reject, _reject),
    Command("hold", "stop a countdown, or let it go on", hold, _id),
    Command("vote", "vote for the seats that you hold", vote, _vote),
    Command("rules", "list what is approved all alike", rules, _rules),
    Command("withdraw", "approve no more by itself what is alike", withdraw, _answer),
    Command("audit", "print the audit trail of decisions", audit, _audit),
)
