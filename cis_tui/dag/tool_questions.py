"""Calls of tools by agents, asked about as tasks are: the same decisions, the same trail, the same yes to all alike."""

from __future__ import annotations

import asyncio

from cis_tui.agents.tools import ToolAnswer, ToolQuestion
from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.text import clean, clean_line, visible
from cis_tui.dag.alike import Likeness
from cis_tui.dag.answers import Edit
from cis_tui.dag.decisions import DecisionService
from cis_tui.dag.inspection import Preview
from cis_tui.dag.model import Level, LevelKind
from cis_tui.dag.preview import MAX_PART
from cis_tui.dag.questions import Question
from cis_tui.dag.trail import canonical, digest
from cis_tui.dag.views import DecisionStatus, Subject


class ToolQuestions:
    """Implements `Ask` with the decisions of an engine. On its event loop."""

    def __init__(self, decisions: DecisionService) -> None:
        self._decisions = decisions

    async def __call__(self, question: ToolQuestion) -> ToolAnswer:
        """Ask, and wait for the answer; the decision is closed when the caller is cancelled."""
        asked = as_question(question)
        try:
            decision = await self._decisions.ask(asked)
        except asyncio.CancelledError:
            await self._decisions.give_up(asked)
            raise
        input = question.input
        if decision.edit is not None and decision.edit.input is not None:
            input = decision.edit.input
        approved = decision.status is DecisionStatus.APPROVED
        reason = decision.reason or ("nobody answered in time" if decision.status is DecisionStatus.TIMED_OUT else "")
        return ToolAnswer(approved, input, reason=reason, by=decision.by)


def as_question(question: ToolQuestion) -> Question:
    """The call as decisions take it."""
    seen = _preview(question, question.text, question.shown)
    return Question(
        run="",
        dag="",
        task=question.tool,
        prompt=question.text,
        level=Level(LevelKind(question.level.value)),
        subject=Subject.TOOL,
        project=question.caller.project,
        call=f"{question.caller.conversation}/{question.call}",
        preview=seen,
        edited=lambda edit: _edited(question, edit),
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
