"""What the keys of a decision do, wherever it is asked."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING

from cis_tui.core.document import is_table
from cis_tui.core.text import visible
from cis_tui.dag.answers import Edit
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone, fit
from cis_tui.tui.widgets.prompt import Answer, Wish

if TYPE_CHECKING:
    from cis_tui.dag.inspection import DecisionDetail, Preview
    from cis_tui.dag.views import Decision
    from cis_tui.protocol import EngineApi
    from cis_tui.tui.screens.form import FormDialog
    from cis_tui.tui.widgets.prompt import DecisionPrompt

LABEL = 10
LONGEST = 4000
"""Characters of a line; a longer one goes on in the next."""
ASKED_TOO_LONG = "what would run is too long to be edited here"


class Deciding:
    """Gives answers to the engine, and opens the dialogs that come before one."""

    def __init__(self, desk: Desk, decided: Callable[[Decision], object]) -> None:
        """`decided` is given every decision that was answered here."""
        self._desk = desk
        self._decided = decided

    def answer(self, event: DecisionPrompt.Answered) -> None:
        """Approve, reject or hold."""
        id, reason = event.decision.id, event.reason

        async def answer(engine: EngineApi) -> Decision:
            match event.answer:
                case Answer.APPROVE:
                    return await engine.decision_approve(id, reason=reason)
                case Answer.REJECT:
                    return await engine.decision_reject(id, reason=reason, how=event.how)
                case Answer.HOLD:
                    return await engine.decision_hold(id)

        self._desk.ask(answer, self._decided)

    def vote(self, event: DecisionPrompt.Voted) -> None:
        """Cast a ballot."""
        self._desk.ask(
            lambda engine: engine.decision_vote(event.decision.id, event.choice, reason=event.reason), self._decided
        )

    def inspect(self, decision: Decision) -> None:
        """Show all that is known."""
        self._desk.ask(lambda engine: engine.decision_show(decision.id), self._show)

    def _show(self, detail: DecisionDetail) -> None:
        from cis_tui.tui.screens.reader import ReaderDialog

        self._desk.dialog(ReaderDialog("What is asked", detail_lines(detail)))

    def wish(self, event: DecisionPrompt.Wished) -> None:
        """Do what comes before an answer."""
        decision, prompt = event.decision, event.prompt
        match event.wish:
            case Wish.REASON:
                self._ask_reason(prompt)
            case Wish.ALIKE:
                self._ask_alike(decision, prompt.reason)
            case Wish.ALWAYS:
                self._ask_always(decision, prompt.reason)
            case Wish.EDIT:
                self._desk.ask(
                    lambda engine: engine.decision_show(decision.id), lambda detail: self._edit(detail, prompt.reason)
                )
            case Wish.EDITOR:
                self._edit_outside(decision, prompt.reason)

    def _ask_reason(self, prompt: DecisionPrompt) -> None:
        from cis_tui.tui.screens.form import Field, FormDialog

        fields = [Field("reason", prompt.reason, "kept with the answer, and told to everybody")]
        self._desk.dialog(
            FormDialog("Why", fields), lambda given: prompt.give_reason(given["reason"].strip()) if given else None
        )

    def _ask_alike(self, decision: Decision, reason: str) -> None:
        from cis_tui.tui.screens.confirm import ConfirmDialog

        text = (
            f"From now on this is approved: {decision.alike}\n\n"
            "Those that wait are approved at once, later ones when they come, and nobody is asked, "
            "until the run ends or the rule is withdrawn (: rules)."
        )
        self._desk.dialog(
            ConfirmDialog("Approve all alike?", text),
            lambda yes: (
                self._desk.ask(
                    lambda engine: engine.decision_approve(decision.id, reason=reason, alike=True), self._decided
                )
                if yes
                else None
            ),
        )

    def _ask_always(self, decision: Decision, reason: str) -> None:
        """Say which calls are never to be asked about again: a pattern that is offered, or one's own."""
        from cis_tui.tui.screens.choice import ChoiceDialog

        lines: list[Line] = [
            [("Calls that this pattern fits run unasked, in every conversation, for good.", Tone.PLAIN)],
            [("What is always asked about stays so. /ask PATTERN in the chat takes it back.", Tone.DIM)],
        ]
        meanings = ("this alone", "all that lies there")
        options = [*zip(decision.always, meanings, strict=False), ("another pattern", "to be written")]

        def chosen(index: int | None) -> None:
            if index is not None and index < len(decision.always):
                self._approve_always(decision, reason, decision.always[index])
            elif index is not None:
                self._write_always(decision, reason)

        self._desk.dialog(ChoiceDialog("Never ask again about", options, lines), chosen)

    def _write_always(self, decision: Decision, reason: str) -> None:
        from cis_tui.tui.screens.form import Field, FormDialog

        def send(given: dict[str, str], form: FormDialog) -> None:
            self._approve_always(decision, reason, given["pattern"].strip(), form)

        field = Field("pattern", decision.always[0], "* stands for anything", required=True)
        self._desk.dialog(FormDialog("Never ask again about", [field], send=send))

    def _approve_always(self, decision: Decision, reason: str, pattern: str, form: FormDialog | None = None) -> None:
        async def approve(engine: EngineApi) -> Decision:
            await engine.agent_allow(pattern, "mechanical")
            return await engine.decision_approve(decision.id, reason=reason or f"always: {pattern}")

        def approved(decision: Decision) -> None:
            if form is not None:
                form.taken()
            self._decided(decision)

        self._desk.ask(approve, approved, failed=form.refused if form else None)

    def _edit(self, detail: DecisionDetail, reason: str, given: dict[str, str] | None = None) -> None:
        """Open the editor of what would run, with what was `given` already; it closes when the engine has taken it."""
        from cis_tui.tui.screens.edit import EditDialog

        preview, id = detail.preview, detail.decision.id
        if preview is None or preview.cut:
            self._desk.say(ASKED_TOO_LONG, hint=f"cis decision approve {id} --input - reads it")
            return

        def send(edit: Edit, form: FormDialog) -> None:
            self._desk.ask(
                lambda engine: engine.decision_approve(id, reason=reason, edit=edit),
                lambda decision: (form.taken(), self._decided(decision)),
                failed=form.refused,
            )

        self._desk.dialog(EditDialog(detail.decision, parts_of(preview), send, given))

    def _edit_outside(self, decision: Decision, reason: str) -> None:
        """Edit the command, or else the input, in the person's own editor, and show it before it is approved."""

        def opened(detail: DecisionDetail) -> None:
            from cis_tui.tui.drafts import Drafting

            if detail.preview is None or detail.preview.cut:
                self._edit(detail, reason)
                return
            name, before = next(iter(_main_first(parts_of(detail.preview)).items()))

            async def take(_: EngineApi, text: str | bytes) -> str:
                return text if isinstance(text, str) else text.decode("utf-8", "replace")

            about = f"{name} of {decision.task}"
            Drafting(self._desk, about, take, lambda text: self._edit(detail, reason, {name: text})).open(
                before, private=False
            )

        self._desk.ask(lambda engine: engine.decision_show(decision.id), opened)


def detail_lines(detail: DecisionDetail) -> list[Line]:
    """All that is known about a decision, for a page; a label is said once."""
    from cis_tui.dag.telling import detail_rows  # late: it knows skills and secrets, and the first paint needs neither

    lines: list[Line] = []
    before = ""
    for label, text in detail_rows(detail):
        tone = Tone.STRONG if label == "would run" else Tone.PLAIN
        for at in range(0, max(1, len(text)), LONGEST):
            name = fit("" if label == before else label, LABEL)
            lines.append([(name, Tone.DIM), (visible(text[at : at + LONGEST]).expandtabs(4), tone)])
            before = label
    return lines


def parts_of(preview: Preview) -> dict[str, str]:
    """What can be edited of a call, by name, as text."""
    parts: dict[str, str] = {}
    if preview.command:
        parts["command"] = preview.command
    elif preview.skill:
        parts["arguments"] = shlex.join(preview.args)
    if preview.input or not preview.command:
        parts["input"] = preview.input or "{}"
    return parts


def _main_first(parts: dict[str, str]) -> dict[str, str]:
    return {name: parts[name] for name in ("command", "input", "arguments") if name in parts}


def edit_of(before: dict[str, str], after: dict[str, str]) -> Edit:
    """What was changed between two such texts.

    Raises:
        ValueError: `input` is no JSON object, or `arguments` has a quote that nothing closes.
    """
    changed = {name: text for name, text in after.items() if text != before[name]}
    args = tuple(shlex.split(changed["arguments"])) if "arguments" in changed else None
    return Edit(changed.get("command"), args, json_table(changed["input"]) if "input" in changed else None)


def json_table(text: str) -> dict[str, object]:
    """The JSON object that a text is.

    Raises:
        ValueError: it is none.
    """
    try:
        found: object = json.loads(text)
    except RecursionError as error:
        raise ValueError("is nested too deeply") from error
    if not is_table(found):
        raise ValueError("is not a JSON object")
    return found
