"""`cis doctor`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json, status_word

if TYPE_CHECKING:
    from cis_tui.cli.checks import Check
    from cis_tui.memory.repair import Repair

_NAMED = 20
"""Lost keys that are named on the terminal; `--json` has all."""


def doctor(context: Context, arguments: Namespace) -> int:
    """Check every part, after mending memory if that is asked for; 1 if one is broken."""
    from cis_tui.cli.checks import examine
    from cis_tui.core.errors import Exit

    repairs: list[Repair] = []
    if arguments.repair:
        from cis_tui.cli.mending import mend

        repairs = mend(context)
    checks = examine(context)
    if context.json:
        show_json({"repairs": repairs, "checks": checks} if arguments.repair else checks)
    else:
        _show_repairs(repairs)
        _show_checks(checks)
    return Exit.FAILED if any(check.state == "fail" for check in checks) else Exit.DONE


def _show_repairs(repairs: list[Repair]) -> None:
    from cis_tui.core.text import clean_line

    for repair in repairs:
        show(f"{repair.action}: {clean_line(repair.message, limit=2000)}")
        if repair.lost_keys:
            show(f"  {_lost_keys(repair)}")
        if repair.kept:
            show(f"  the damaged file is kept in {repair.kept}")
    if repairs:
        show()


def _lost_keys(repair: Repair) -> str:
    from cis_tui.core.text import clean_line, count

    named = ", ".join(map(clean_line, repair.lost_public_keys[:_NAMED]))
    more = ", …" if len(repair.lost_public_keys) > _NAMED else ""
    text = f"the current version of {count(repair.lost_keys, 'key')} is lost" + (f": {named}{more}" if named else "")
    if repair.reverted_keys:
        text += f"; {repair.reverted_keys} of them have an older one, which is current now"
    return text


def _show_checks(checks: list[Check]) -> None:
    from cis_tui.core.text import clean_line

    width = max(len(check.name) for check in checks)
    for check in checks:
        show(f"{status_word(check.state, 4)}  {check.name.ljust(width)}  {clean_line(check.message, limit=2000)}")
        if check.hint:
            show(f"{'':4}  {'':{width}}  {clean_line(check.hint)}")


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--repair",
        action="store_true",
        help="mend memory first: salvage damaged logs, close what others can read; no engine may be live",
    )


COMMANDS = (Command("doctor", "check every part and say how to mend it", doctor, _arguments),)
