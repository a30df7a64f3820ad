"""Asks an agent, tells what happens meanwhile, and lets a person decide about its calls and interrupt."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

from cis_tui.agents.model import CUT, GO_ON, Role, Usage
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, paint, show_piece
from cis_tui.cli.prompts import Prompts
from cis_tui.core.codec import decode
from cis_tui.core.document import as_table
from cis_tui.core.errors import CisError, Unavailable, error_from_wire
from cis_tui.core.events import Event, EventType
from cis_tui.core.text import clean, clean_line
from cis_tui.dag.views import Decision
from cis_tui.protocol import EngineApi


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a prompt."""

    conversation: str
    text: str
    agent: str
    model: str
    stop: str
    usage: Usage | None
    streamed: bool = False
    """It was printed as it came."""

    @property
    def shown(self) -> str:
        """The text as it is printed: without control characters where a terminal would obey them."""
        return (clean(self.text) if sys.stdout.isatty() else self.text).rstrip("\n")


async def ask_agent(api: EngineApi, context: Context, prompt: str, *, agent: str, conversation: str) -> Answer:
    """The answer, once it is whole; an interrupt stops the turn.

    Raises:
        CisError: there is none.
    """
    since = (await api.status()).last_seq
    if not conversation:
        conversation = (await api.agent_new(context.project_path, agent=agent)).id
    elif agent:
        await api.agent_use(conversation, agent)
    attended = sys.stdin.isatty() and sys.stderr.isatty()
    sent = await api.agent_send(conversation, prompt, attended=attended)
    with Prompts(api, context, yes=False) as prompts:
        follower = _Follower(sent.conversation, sent.turn, prompts, live=sys.stdout.isatty() and not context.json)
        try:
            await follower.to_the_end(api, since)
        except BaseException:
            await api.agent_stop(sent.conversation)
            raise
    view = await api.agent_show(sent.conversation)
    said = [message for message in view.messages if message.turn == sent.turn and message.role is Role.ASSISTANT]
    last = said[-1]
    return Answer(
        sent.conversation, last.text, last.agent, last.model, last.stop, last.usage, streamed=follower.streamed
    )


class _Follower:
    """Tells the events of one turn."""

    def __init__(self, conversation: str, turn: str, prompts: Prompts, *, live: bool) -> None:
        """`live`: print what is said as it comes."""
        self._conversation = conversation
        self._turn = turn
        self._prompts = prompts
        self._live = live
        self.streamed = False
        self._open_line = False

    async def to_the_end(self, api: EngineApi, since: int) -> None:
        """Return when the turn is done.

        Raises:
            CisError: it failed, or was stopped.
        """
        events = cast("AsyncGenerator[Event]", api.events(since))
        async with aclosing(events):
            async for event in events:
                if self._take(event):
                    return
        raise Unavailable("CIS-ENG-010", "the engine ended before the answer did", hint="ask again")

    def _take(self, event: Event) -> bool:
        """Tell one event; whether it was the last one."""
        data = event.data
        if event.type in (EventType.DECISION_REQUESTED, EventType.DECISION_MADE):
            self._decide(data)
        if data.get("turn") != self._turn:
            return False
        if event.type == EventType.AGENT_DELTA and data.get("kind") == "text" and self._live:
            self._write(str(data["text"]))
        elif event.type == EventType.AGENT_STEP:
            self._step(data)
        elif event.type == EventType.AGENT_COMPLETED:
            self._close_line()
            self._raise_failure(data)
            return True
        return False

    def _decide(self, data: Mapping[str, object]) -> None:
        raw = data.get("decision")
        call = str(as_table(raw).get("call", ""))
        if call.startswith(f"{self._conversation}/"):
            self._close_line()
            self._prompts.update(decode(Decision, raw))

    def _step(self, data: Mapping[str, object]) -> None:
        what = data.get("what")
        if what in ("retry", "notice"):
            self._note(str(data["text"]))
            if data.get("restarted"):
                self._note("what it said so far does not count; it begins again")
        elif what == "tool" and data.get("state") != "coming" and self._live:
            about = str(data.get("about") or data.get("why") or "")
            self._note(clean_line(f"{data.get('name')}: {data.get('state')} {about}".rstrip(), limit=200))
        elif what == "message":
            self._close_line()

    def _write(self, text: str) -> None:
        self._prompts.before_line()
        show_piece(text)
        self.streamed = True
        self._open_line = not text.endswith("\n")

    def _close_line(self) -> None:
        if self._open_line:
            sys.stdout.write("\n")
            sys.stdout.flush()
        self._open_line = False

    def _note(self, text: str) -> None:
        self._close_line()
        note(paint(clean_line(text, limit=300), "dim", sys.stderr))

    def _raise_failure(self, data: Mapping[str, object]) -> None:
        if data.get("status") == "failed":
            error = error_from_wire(cast("Mapping[str, object]", data["error"]))
            error.context = {**error.context, "conversation": self._conversation}
            if error.code == CUT:
                go_on = f'cis agent ask "{GO_ON}" --conversation {self._conversation}'
                error.hint = f"what it said is kept, see cis agent show {self._conversation}; {go_on}"
            raise error
        if data.get("status") == "cancelled":
            raise CisError("CIS-AGENT-029", "the turn was stopped")
