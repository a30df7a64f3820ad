"""Calls of tools that outside agents make, asked about as tasks are: the same decisions, the same audit trail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from cis_tui.core.text import clean_line, visible
from cis_tui.dag.decisions import DecisionService, Question
from cis_tui.dag.inspection import Preview
from cis_tui.dag.model import Level, LevelKind
from cis_tui.dag.views import Decision, Subject

MAX_SHOWN = 4000
"""Characters of what a person is shown of the input."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One call that a person is to confirm."""

    client: str
    """Who calls, by the name that it gives itself."""
    tool: str
    about: str
    """The call in words."""
    why: str
    """Why a person is asked."""
    input: str = ""
    """What it was given, as far as that may be kept in clear."""
    call: str = ""
    """Its name."""


async def ask_about(decisions: DecisionService, call: ToolCall, project: str) -> Decision:
    """The decision about `call`, once it is made; closed unanswered when the caller is cancelled."""
    client, tool = clean_line(call.client, limit=60) or "a client", clean_line(call.tool, limit=60)
    about, why = clean_line(visible(call.about), limit=300), clean_line(call.why, limit=300)
    words = f"{client} calls {tool}: {about}\nasked because {why}"
    shown = visible(call.input)
    question = Question(
        run="",
        dag="",
        task=tool,
        prompt=words,
        level=Level(LevelKind.CONFIRMED),
        subject=Subject.TOOL,
        project=project,
        call=clean_line(call.call, limit=60),
        preview=Preview(
            text=words, skill=tool, input=shown[:MAX_SHOWN], cut=len(shown) > MAX_SHOWN, folder=clean_line(project)
        ),
    )
    try:
        return await decisions.ask(question)
    except asyncio.CancelledError:
        await decisions.give_up(question)
        raise
