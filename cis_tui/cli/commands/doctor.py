"""`cis doctor`."""

from __future__ import annotations

from argparse import Namespace

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json, status_word


def doctor(context: Context, arguments: Namespace) -> int:
    """Check every part; 1 if one is broken."""
    from cis_tui.cli.checks import examine
    from cis_tui.core.errors import Exit
    from cis_tui.core.text import clean_line

    checks = examine(context)
    if context.json:
        show_json(checks)
    else:
        width = max(len(check.name) for check in checks)
        for check in checks:
            show(f"{status_word(check.state, 4)}  {check.name.ljust(width)}  {clean_line(check.message, limit=2000)}")
            if check.hint:
                show(f"{'':4}  {'':{width}}  {clean_line(check.hint)}")
    return Exit.FAILED if any(check.state == "fail" for check in checks) else Exit.DONE


COMMANDS = (Command("doctor", "check every part and say how to mend it", doctor),)
