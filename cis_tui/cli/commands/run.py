"""`cis run`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from cis_tui.cli.arguments import count, days, executor, number
from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, paint, question, show, show_json, status_word, table

if TYPE_CHECKING:
    from cis_tui.dag.views import RunView, TaskView

_LIMIT = 50
_OLDER = 90.0
"""Days after which runs are removed when nothing is said about it."""


async def list_runs(context: Context, arguments: Namespace) -> int:
    """`cis run list`: newest first."""
    from cis_tui.cli.access import reading
    from cis_tui.cli.outcome import moment

    project = context.project_path if context.given_project else ""
    async with reading(context) as api:
        runs = await api.run_list(project, limit=arguments.limit)
        if context.json:
            show_json([await api.run_show(run.id) for run in runs])
            return 0
    if not runs:
        note("no runs yet")
        return 0
    rows = [
        (run.id, run.status, run.dag, f"{run.tasks_ended}/{run.tasks_total}", moment(run.started_at), run.project)
        for run in runs
    ]
    table(("RUN", "STATUS", "DAG", "TASKS", "STARTED (UTC)", "PROJECT"), rows, status=1)
    return 0


async def show_run(context: Context, arguments: Namespace) -> int:
    """`cis run show ID`."""
    from cis_tui.cli.access import reading

    async with reading(context) as api:
        view = await api.run_show(arguments.id)
    if context.json:
        show_json(view)
    else:
        _show(view)
    return 0


async def logs(context: Context, arguments: Namespace) -> int:
    """`cis run logs ID`."""
    from cis_tui.cli.access import reading
    from cis_tui.cli.logs import follow_logs, print_logs

    async with reading(context) as api:
        view = await api.run_show(arguments.id)
        if arguments.follow and not view.status.ended:
            await follow_logs(api, view, arguments.task, json=context.json)
        else:
            await print_logs(api, view, arguments.task, json=context.json, lines=arguments.follow)
    return 0


async def resume(context: Context, arguments: Namespace) -> int:
    """`cis run resume ID`: go on with a run, and follow it."""
    from cis_tui.cli.access import working
    from cis_tui.cli.follow import follow

    async with working(context) as api:
        view = await api.run_resume(arguments.id, yes=arguments.yes, executor=arguments.executor or "")
        return await follow(api, view, context, yes=arguments.yes)


async def rerun(context: Context, arguments: Namespace) -> int:
    """`cis run rerun ID --from TASK`: a new run that takes over what completed before TASK."""
    from cis_tui.cli.access import working
    from cis_tui.cli.follow import follow
    from cis_tui.cli.outcome import number_of_tasks

    async with working(context) as api:
        view = await api.run_rerun(arguments.id, arguments.start, yes=arguments.yes, executor=arguments.executor or "")
        taken = sum(bool(task.taken) for task in view.tasks)
        note(f"run {view.id} takes over {taken} of {number_of_tasks(len(view.tasks))} from {view.rerun_of}")
        return await follow(api, view, context, yes=arguments.yes)


async def rollback(context: Context, arguments: Namespace) -> int:
    """`cis run rollback ID`: take back what a run did, and tell how that goes."""
    from cis_tui.cli.access import reading, working
    from cis_tui.cli.follow import follow
    from cis_tui.core.errors import Exit
    from cis_tui.dag.views import RunStatus

    if arguments.plan:
        return await _plan_rollback(context, arguments.id)
    async with reading(context) as api:
        view = await api.run_show(arguments.id)
    if not arguments.yes and not _agreed(view):
        note("nothing was rolled back")
        return Exit.REFUSED
    async with working(context) as api:
        view = await api.run_rollback(view.id, skip=tuple(arguments.skip), executor=arguments.executor or "")
        code = await follow(api, view, context)
        final = await api.run_show(view.id)
    if not final.undo and not context.json:
        note("there was nothing to take back")
    return Exit.DONE if final.status is RunStatus.ROLLED_BACK else code


async def _plan_rollback(context: Context, run: str) -> int:
    from cis_tui.cli.access import working
    from cis_tui.cli.outcome import UNDO_HEAD, undo_rows

    async with working(context) as api:
        items = await api.run_undo_plan(run)
    if context.json:
        show_json(items)
    elif items:
        table(UNDO_HEAD, undo_rows(items), status=0)
    else:
        note("there is nothing to take back")
    return 0


def _agreed(view: RunView) -> bool:
    """Whether a person at the terminal, if there is one, wants the run to be rolled back."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    from cis_tui.cli.outcome import number_of_tasks

    done = sum(task.status in ("completed", "rolled_back") for task in view.tasks)
    note(f"run {view.id} of {view.dag}, {view.status}: {done} of {number_of_tasks(len(view.tasks))} completed.")
    question("Take back what it did? [y/N] ")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


async def pause(context: Context, arguments: Namespace) -> int:
    """`cis run pause ID`: let nothing of a run start any more."""
    from cis_tui.cli.access import live
    from cis_tui.cli.outcome import why_paused

    async with live(context, hint="so nothing runs; cis run resume goes on with a run whose engine ended") as api:
        view = await api.run_pause(arguments.id)
    show_json(view) if context.json else show(f"run {view.id} {view.status}: {why_paused(view)}")
    return 0


async def cancel(context: Context, arguments: Namespace) -> int:
    """`cis run cancel ID [TASK]`."""
    from cis_tui.cli.access import working
    from cis_tui.core.text import clean_line

    async with working(context) as api:
        view = await api.run_cancel(arguments.id, arguments.task or "", reason=arguments.reason)
    if context.json:
        show_json(view)
    elif arguments.task:
        show(f"{clean_line(arguments.task)} of run {view.id} cancelled")
    else:
        show(f"run {view.id} {view.status}")
    return 0


async def prune(context: Context, arguments: Namespace) -> int:
    """`cis run prune`: remove runs that are over."""
    from cis_tui.cli.access import working
    from cis_tui.core.clock import Instant, utc_now

    older = _OLDER if arguments.older_than is None and arguments.keep is None else arguments.older_than
    before = None if older is None else Instant(utc_now() - 86_400 * older)
    async with working(context) as api:
        report = await api.run_prune(before=before, newest=arguments.keep or 0, dry_run=arguments.dry_run)
    if context.json:
        show_json(report)
        return 0
    for run in report.runs if arguments.dry_run else ():
        show(run)
    verb = "would be removed" if report.dry_run else "removed"
    show(f"{len(report.runs)} run{'s' * (len(report.runs) != 1)} {verb}, {report.bytes / 1e6:.1f} MB")
    if report.kept:
        note(f"{len(report.kept)} stay, as they are not over or have open debts: {', '.join(report.kept[:5])}")
    return 0


async def debts(context: Context, arguments: Namespace) -> int:
    """`cis run debts [ID]`: failures that a policy tolerated, oldest first."""
    from cis_tui.cli.access import reading
    from cis_tui.cli.outcome import moment

    project = context.project_path if context.given_project else ""
    async with reading(context) as api:
        found = await api.run_debts(arguments.id or "", project=project, all=arguments.all)
    if context.json:
        show_json(found)
        return 0
    if not found:
        note("no debts" if arguments.all else "no debts are open")
        return 0
    rows = [
        (debt.run, debt.task, debt.dag, moment(debt.at), f"settled: {debt.reason}" if debt.reason else debt.error)
        for debt in found
    ]
    table(("RUN", "TASK", "DAG", "FAILED (UTC)", ""), rows)
    return 0


async def settle(context: Context, arguments: Namespace) -> int:
    """`cis run settle ID TASK --reason TEXT`."""
    from cis_tui.cli.access import working
    from cis_tui.core.text import clean_line

    async with working(context) as api:
        debt = await api.run_settle(arguments.id, arguments.task, reason=arguments.reason)
    show_json(debt) if context.json else show(f"{clean_line(debt.task)} of run {debt.run} settled")
    return 0


def _show(view: RunView) -> None:
    from cis_tui.cli.outcome import UNDO_HEAD, moment, seconds, undo_rows, why_paused
    from cis_tui.core.text import clean_line

    facts = {
        "status": status_word(view.status),
        "paused": clean_line(why_paused(view)),
        "dag": clean_line(view.dag),
        "rerun of": view.rerun_of,
        "executor": "" if view.executor == "local" else clean_line(view.executor),
        "project": clean_line(view.project),
        "started": f"{moment(view.started_at)} UTC",
        "took": seconds(view.ended_at - view.started_at) if view.ended_at is not None else "",
        "params": clean_line(", ".join(f"{name}={value}" for name, value in view.params.items())),
        "error": clean_line(view.error),
    }
    show(paint(f"run {view.id}", "bold"))
    for name, value in facts.items():
        if value:
            show(f"{name:<8} {value}")
    show()
    where = any(task.worker for task in view.tasks)
    rows = [
        (task.id, task.status, task.level, task.attempts or "-", *([task.worker or "here"] * where), _remark(task))
        for task in view.tasks
    ]
    table(("TASK", "STATUS", "LEVEL", "ATTEMPTS", *(["WORKER"] * where), ""), rows, status=1)
    if view.undo:
        show()
        table(UNDO_HEAD, undo_rows(view.undo), status=0)


def _remark(task: TaskView) -> str:
    return f"taken over from {task.taken}" if task.taken else task.error or task.name


def _id(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the run's id, or an unambiguous beginning of it")


def _executor(parser: ArgumentParser, help: str) -> None:
    parser.add_argument("--executor", metavar="WHERE", type=executor, help=help)


def _list(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="N", type=count, default=_LIMIT, help=f"at most so many ({_LIMIT})")


def _logs(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("-f", "--follow", action="store_true", help="go on printing until the run ends")
    parser.add_argument("--task", metavar="T", help="only this task")


def _resume(parser: ArgumentParser) -> None:
    _id(parser)
    _executor(parser, "carry it out there, not where it was until now: local, dask, or dask://HOST:PORT")
    parser.add_argument("--yes", action="store_true", help="approve recommended and confirmed tasks, never votes")


def _rerun(parser: ArgumentParser) -> None:
    _resume(parser)
    parser.add_argument("--from", dest="start", metavar="TASK", required=True, help="the first task that runs again")


def _debts(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", nargs="?", help="only those of this run")
    parser.add_argument("--all", action="store_true", help="those that are settled, too")


def _settle(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("task", metavar="TASK", help="the task that failed")
    parser.add_argument("--reason", metavar="TEXT", required=True, help="how it was made good")


def _prune(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--older-than", metavar="TIME", type=days, help="those that ended longer ago, such as 90d, 2w, 12h (90d)"
    )
    parser.add_argument("--keep", metavar="N", type=number, help="never the newest N; alone: all but the newest N")
    parser.add_argument("--dry-run", action="store_true", help="only say which")


def _cancel(parser: ArgumentParser) -> None:
    _id(parser)
    parser.add_argument("task", metavar="TASK", nargs="?", help="only this task, which then counts as failed")
    parser.add_argument("--reason", metavar="TEXT", default="", help="why, for those who read the run later")


def _rollback(parser: ArgumentParser) -> None:
    _id(parser)
    _executor(parser, "run the rollback commands there, not where their tasks ran")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--plan", action="store_true", help="only print what would be taken back")
    parser.add_argument(
        "--skip", metavar="TASK", action="append", default=[], help="leave out the rollback commands of this task"
    )


COMMANDS = (
    Command("list", "list runs, newest first", list_runs, _list),
    Command("show", "show one run with its tasks", show_run, _id),
    Command("logs", "print what the tasks of a run printed", logs, _logs),
    Command("pause", "start no more tasks of a run; those that run go on to their end", pause, _id),
    Command("resume", "go on with a run that is paused, whose engine ended, or that failed", resume, _resume),
    Command("rerun", "run a part again: a new run that takes over what completed before it", rerun, _rerun),
    Command("rollback", "take back what a run did: its tasks, files and memory", rollback, _rollback),
    Command("cancel", "end a run, or one task of it, and every process of it", cancel, _cancel),
    Command("debts", "list failures that were tolerated and not made good", debts, _debts),
    Command("prune", "remove old runs that are over, with their logs", prune, _prune),
    Command("settle", "say that a debt is made good, and how", settle, _settle),
)
