"""What the page of a skill says, as lines."""

from __future__ import annotations

from collections.abc import Iterable

from cis_tui.skills.model import Permissions, SkillInfo
from cis_tui.tui.detail import labelled, problem_lines
from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.words import place


def skill_lines(skill: SkillInfo, root: str = "") -> list[Line]:
    """One skill: what it is, what it may do, what is wrong with it."""
    lines: list[Line] = [
        [(shown(skill.name), Tone.STRONG), (f"  {shown(skill.version)}  {shown(skill.type)}", Tone.DIM)]
    ]
    if skill.description:
        lines.append([(shown(skill.description), Tone.PLAIN)])
    if not skill.trusted:
        lines.append([("not trusted as it is now: ", Tone.ASK), ("t shows what would run", Tone.PLAIN)])
    lines += problem_lines(skill.problems, root)
    lines += [[], [("It may", Tone.DIM)]]
    lines += [[("  ", Tone.PLAIN), (sentence, Tone.PLAIN)] for sentence in permission_sentences(skill.permissions)]
    return [*lines, [], labelled("file", shown(place(skill.file, root)))]


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
