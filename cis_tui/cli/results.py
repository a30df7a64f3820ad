"""What a skill answered, on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json

if TYPE_CHECKING:
    from cis_tui.skills.model import SkillResult


def show_result(context: Context, result: SkillResult) -> int:
    """Print a result; gives the exit code that it stands for."""
    from cis_tui.core.errors import Exit

    if context.json or not isinstance(result.output, str):
        show_json(result if context.json else result.output)
    else:
        _show_text(result.output)
    if result.success:
        _ring(result.output)
    if result.output_file:
        note(f"this is the beginning; all of it is in {result.output_file}")
    if result.note:
        note(result.note)
    return Exit.DONE if result.success else Exit.FAILED


def _ring(output: object) -> None:
    """Give a notice to the terminal, if there is one."""
    from cis_tui.core.attention import BELL, desktop, osc
    from cis_tui.skills.answer import notice_of

    notice = notice_of(output)
    if notice and sys.stderr.isatty():
        sys.stderr.write(BELL + osc(notice))
        sys.stderr.flush()
        desktop(notice)


def _show_text(text: str) -> None:
    from cis_tui.core.text import clean

    shown = clean(text) if sys.stdout.isatty() else text
    if shown:
        show(shown.removesuffix("\n"))
