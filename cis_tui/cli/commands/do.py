"""`cis do`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json

if TYPE_CHECKING:
    from cis_tui.skills.intent import Intent, Reading


async def do(context: Context, arguments: Namespace) -> int:
    """Understand a sentence as the call of a skill, show that, and make it."""
    from cis_tui.cli.access import reading, working
    from cis_tui.cli.results import show_result
    from cis_tui.cli.skill_calls import call_skill

    text = " ".join(arguments.words)
    if arguments.show:
        async with reading(context) as api:
            intent = await api.skill_intent(context.project_path, text)
        call = _sure(intent)
        show_json(intent) if context.json else show(call.shown)
        return 0
    async with working(context) as api:
        call = _sure(await api.skill_intent(context.project_path, text))
        note(call.shown)
        result = await call_skill(api, context, call.skill, call.args, call.input)
    return show_result(context, result)


def _sure(intent: Intent) -> Reading:
    """The one thing that was asked for.

    Raises:
        NotFound: nothing was understood (CIS-SKILL-088).
        UsageError: several things were (CIS-SKILL-089).
        Invalid: it cannot be called so (CIS-SKILL-080).
    """
    from cis_tui.core.errors import Invalid, NotFound, UsageError

    if intent.others:
        readings = [reading.shown for reading in intent.others]
        message = f'"{intent.text}" could be {len(readings)} things: {"; ".join(readings)}'
        hint = f"name the skill: {_naming(intent.others[0])}"
        raise UsageError("CIS-SKILL-089", message, hint=hint, context={"readings": readings})
    reading = intent.reading
    if reading is None:
        suggestions = "; ".join(intent.suggestions)
        hint = f"did you mean: {suggestions}" if suggestions else "cis skill list shows what there is"
        message = f'no skill understands "{intent.text}"'
        raise NotFound("CIS-SKILL-088", message, hint=hint, context={"suggestions": list(intent.suggestions)})
    if reading.problems:
        message = f"{reading.shown}: {'; '.join(reading.problems)}"
        raise Invalid("CIS-SKILL-080", message, hint=f"cis skill show {reading.skill} lists its commands")
    return reading


def _naming(reading: Reading) -> str:
    return f'cis do "run {reading.skill} {" ".join(reading.args)}"'


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("words", metavar="WORD", nargs="+", help='such as "run linter on src/main.py"')
    parser.add_argument("--show", action="store_true", help="only show what was understood")


COMMANDS = (Command("do", "ask for something in words: understood, shown, run", do, _arguments),)
