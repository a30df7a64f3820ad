"""Calls of tools, by our agents and by outside ones, asked about as tasks are: the same decisions and audit trail."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from cis_tui.agents.tools import ToolAnswer, ToolQuestion
from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.text import clean, clean_line, visible
from cis_tui.dag.alike import Likeness
from cis_tui.dag.answers import Edit
from cis_tui.dag.decisions import DecisionService
from cis_tui.dag.inspection import Preview, ToolCall
from cis_tui.dag.model import Level, LevelKind
from cis_tui.dag.preview import MAX_PART
from cis_tui.dag.questions import Question
from cis_tui.dag.trail import canonical, digest
from cis_tui.dag.views import Decision, DecisionStatus, Subject

MAX_SHOWN = 4000
"""Characters of what a person is shown of the input."""


class ToolQuestions:
    """Implements `Ask` with the decisions of an engine. On its event loop."""

    def __init__(self, decisions: DecisionService) -> None:
        self._decisions = decisions

    async def __call__(self, question: ToolQuestion) -> ToolAnswer:
        """Ask, and wait for the answer; the decision is closed when the caller is cancelled."""
        decision = await _decided(self._decisions, as_question(question))
        input = question.input
        if decision.edit is not None and decision.edit.input is not None:
            input = decision.edit.input
        approved = decision.status is DecisionStatus.APPROVED
        reason = decision.reason or ("nobody answered in time" if decision.status is DecisionStatus.TIMED_OUT else "")
        return ToolAnswer(approved, input, reason=reason, by=decision.by)


async def ask_about(decisions: DecisionService, call: ToolCall, project: str) -> Decision:
    """The decision about `call`, once it is made; closed unanswered when the caller is cancelled."""
    client, tool = clean_line(call.client, limit=60) or "a client", clean_line(call.tool, limit=60)
    about, why = clean_line(visible(call.about), limit=300), clean_line(call.why, limit=300)
    words = f"{client} calls {tool}: {about}\nasked because {why}"
    shown, folder = visible(call.input), clean_line(project)
    seen = Preview(text=words, skill=tool, input=shown[:MAX_SHOWN], cut=len(shown) > MAX_SHOWN, folder=folder)
    named = clean_line(call.call, limit=60)
    return await _decided(decisions, _question(tool, words, Level(LevelKind.CONFIRMED), project, named, seen))


async def _decided(decisions: DecisionService, question: Question) -> Decision:
    try:
        return await decisions.ask(question)
    except asyncio.CancelledError:
        await decisions.give_up(question)
        raise


def _question(tool: str, words: str, level: Level, project: str, call: str, preview: Preview) -> Question:
    return Question(
        run="",
        dag="",
        task=tool,
        prompt=words,
        level=level,
        subject=Subject.TOOL,
        project=project,
        call=call,
        preview=preview,
    )


def as_question(question: ToolQuestion) -> Question:
    """The call as decisions take it."""
    seen = _preview(question, question.text, question.shown)

    def edited(edit: Edit) -> Preview:
        return _edited(question, edit)

    level, call = Level(LevelKind(question.level.value)), f"{question.caller.conversation}/{question.call}"
    return replace(
        _question(question.tool, question.text, level, question.caller.project, call, seen),
        edited=edited,
        likeness=_likeness(question, question.alike) if question.alike is not None else None,
        always=question.always,
    )


def _preview(question: ToolQuestion, text: str, input: str) -> Preview:
    return Preview(
        text=clean(text, limit=40_000),
        skill=question.tool,
        input=clean(input, limit=MAX_PART),
        cut=len(input) > MAX_PART or not question.editable,
        folder=question.caller.project,
    )


def _edited(question: ToolQuestion, edit: Edit) -> Preview:
    if edit.command is not None or edit.args is not None or edit.input is None:
        raise Invalid("CIS-DAG-141", f"{question.tool} is a tool: it has an input, and nothing else to edit")
    if not question.editable:
        raise Refused("CIS-DAG-140", "private values stand in what this call was given", hint="reject it, and say why")
    return _preview(question, *question.check(edit.input))


def _likeness(question: ToolQuestion, same: str) -> Likeness:
    about = {"conversation": question.caller.conversation, "tool": question.tool, "about": same}
    named = same if same == question.about else f"{question.about} with just this input".strip()
    words = f"every call of {question.tool} {named}".strip()
    return Likeness(digest(canonical(about)), f"{clean_line(visible(words), limit=200)} in this conversation")
