"""What the page of a skill says, as lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median

from cis_tui.core.clock import Instant
from cis_tui.skills.model import ExportedCommand, Permissions, SkillInfo, SkillOrigin, SkillRun
from cis_tui.tui.detail import labelled, problem_lines
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.words import place, span, when

CALLS = 50
"""Calls that the statistic is about."""
SHOWN = 5
"""Calls that are listed."""


def skill_lines(
    skill: SkillInfo, root: str = "", runs: Sequence[SkillRun] = (), now: Instant | None = None, *, trust: str = "t"
) -> list[Line]:
    """One skill: what it is and can, what it may do, what is wrong with it, and how its last calls went.

    `trust` is the key that shows what would run.
    """
    lines: list[Line] = [
        [(shown(skill.name), Tone.STRONG), (f"  {shown(skill.version)}  {shown(skill.type)}", Tone.DIM)]
    ]
    if skill.description:
        lines.append([(shown(skill.description), Tone.PLAIN)])
    if not skill.trusted:
        lines.append([("not trusted as it is now: ", Tone.ASK), (f"{trust} shows what would run", Tone.PLAIN)])
    lines += problem_lines(skill.problems, root)
    if skill.exports:
        lines += [[], [("It can", Tone.DIM)], *(_command(command) for command in skill.exports)]
    lines += [[], [("It may", Tone.DIM)]]
    lines += [[("  ", Tone.PLAIN), (sentence, Tone.PLAIN)] for sentence in permission_sentences(skill.permissions)]
    if skill.not_enforced:
        lines += [[], [("Not enforced here", Tone.ASK), (", so each call is confirmed:", Tone.PLAIN)]]
        lines += [[("  ", Tone.PLAIN), (shown(gap), Tone.PLAIN)] for gap in skill.not_enforced]
    if skill.dependencies:
        needs = ", ".join(f"{need.name} {need.version}".strip() for need in skill.dependencies)
        lines.append([("  ", Tone.PLAIN), (f"needs {shown(needs)}", Tone.PLAIN)])
    if runs and now is not None:
        lines += [[], [("Last calls", Tone.DIM), (f"  {statistic(runs)}", Tone.PLAIN)]]
        lines += [_run(run, now) for run in runs[:SHOWN]]
    return [*lines, [], labelled("from", _ORIGINS[skill.origin]), labelled("file", shown(place(skill.file, root)))]


_ORIGINS = {
    SkillOrigin.PROJECT: "this project",
    SkillOrigin.HOME: "your home",
    SkillOrigin.SYSTEM: "this machine",
    SkillOrigin.SHIPPED: "the program itself",
}


def _command(command: ExportedCommand) -> Line:
    words = [
        f"{argument.name}{'…' * argument.many}" if argument.required else f"[{argument.name}{'…' * argument.many}]"
        for argument in command.args or ()
    ]
    about = f"  {shown(command.description)}" if command.description else ""
    call = shown(" ".join((command.name, *words)))
    return [("  ", Tone.PLAIN), (call, Tone.PLAIN), (about, Tone.DIM)]


def statistic(runs: Sequence[SkillRun]) -> str:
    """How calls went, in words."""
    failed = sum(not run.success for run in runs)
    known = f"{CALLS} or more" if len(runs) >= CALLS else str(len(runs))
    usual = median(run.duration for run in runs)
    return f"{known}, {failed} failed, usually {span(usual)}"


def _run(run: SkillRun, now: Instant) -> Line:
    mark, tone = ("✓", Tone.GOOD) if run.success else ("✗", Tone.BAD)
    where = f"in run {shown(run.run)[:8]} as {shown(run.task)}" if run.run else "by itself"
    why = run.error or (f"exit {run.exit_code}" if run.exit_code else "")
    return [
        (f"  {mark} ", tone),
        (f"{when(run.at, now)}  {fit(span(run.duration), 6)}  ", Tone.DIM),
        (where, Tone.PLAIN),
        (f"  {shown(why)}" if why and not run.success else "", Tone.PLAIN),
    ]


def permission_sentences(permissions: Permissions) -> list[str]:
    """What a skill may touch, in plain words; what it may not is said too."""
    read = [path.removeprefix("read:") for path in permissions.filesystem if path.startswith("read:")]
    write = [path.removeprefix("write:") for path in permissions.filesystem if path.startswith("write:")]
    return [
        _may("read memory", ("all that is public" if not key else f"{key}*" for key in permissions.memory_read)),
        _may("write memory", (f"{key}*" for key in permissions.memory_write)),
        _may("read files", read),
        _may("write files", write),
        _may("start programs", ("any" if name == "*" else name for name in permissions.command)),
        _may("use the network", ("anywhere" if host == "*" else host for host in permissions.network)),
    ]


def _may(what: str, where: Iterable[str]) -> str:
    places = ", ".join(where)
    return f"{what}: {shown(places)}" if places else f"not {what}"
