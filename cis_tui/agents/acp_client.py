"""What a program that speaks ACP may ask of us, and what it tells: nothing here believes it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cis_tui.agents.acp_steps import Steps, shown_part
from cis_tui.agents.model import Usage
from cis_tui.agents.provider import ProviderEvent, Request
from cis_tui.core.codec import dumps
from cis_tui.core.text import clean, clean_line

log = logging.getLogger(__name__)
MAX_DETAIL = 40_000
"""Characters of what a person is shown of a call."""
MAX_ASKED = 8
"""Questions of one session that wait for a person at the same time; more are refused."""


@dataclass(slots=True)
class Turn:
    """One prompt of a session."""

    request: Request
    steps: Steps
    events: asyncio.Queue[ProviderEvent | Exception | None] = field(
        default_factory=asyncio.Queue[ProviderEvent | Exception | None]
    )
    """What it brings; an exception for what it must not, None for its end."""
    questions: set[asyncio.Task[bool]] = field(default_factory=set[asyncio.Task[bool]])

    def put(self, events: Sequence[ProviderEvent]) -> None:
        """Hand events on."""
        for event in events:
            self.events.put_nowait(event)


class Client:
    """Implements the SDK's `Client`. Files and terminals are not offered: the program has its own, and asks first."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._turns: dict[str, Turn] = {}
        self._usage: dict[str, tuple[int, int, float | None]] = {}
        """Of each session: tokens that it holds, tokens that it can hold, US dollars of all its answers."""
        self._paid: dict[str, float] = {}

    def begin(self, session: str, request: Request) -> Turn:
        """A prompt of a session begins."""
        turn = self._turns[session] = Turn(request, Steps(self._name))
        return turn

    def end(self, session: str) -> None:
        """It is over: what it asked about is not asked any more, and what it still says is not heard."""
        turn = self._turns.pop(session, None)
        for question in turn.questions if turn else ():
            question.cancel()

    @property
    def asking(self) -> int:
        """Questions that wait for a person."""
        return sum(len(turn.questions) for turn in self._turns.values())

    def usage(self, session: str) -> tuple[Usage, int | None]:
        """What the last answer took, and what the model can hold, as far as the program told."""
        used, size, paid = self._usage.get(session, (0, 0, None))
        cost = None if paid is None else max(paid - self._paid.get(session, 0.0), 0.0)
        self._paid[session] = paid or 0.0
        return Usage(input=used, cost=cost), size or None

    def on_connect(self, conn: object) -> None:
        """Nothing to do."""

    def heard(self, params: object) -> bool:
        """Take the parameters of an update; whether they are well formed."""
        from acp.schema import SessionNotification
        from pydantic import ValidationError

        try:
            told = SessionNotification.model_validate(params)
        except (ValidationError, RecursionError):
            return False
        turn = self._turns.get(told.session_id)
        update: Any = told.update
        if str(update.session_update) == "usage_update":
            dollars = update.cost.amount if update.cost is not None and update.cost.currency == "USD" else None
            self._usage[told.session_id] = (int(update.used), int(update.size), dollars)
        elif turn is not None:
            try:
                turn.put(turn.steps.take(update))
            except ValueError as error:
                turn.events.put_nowait(error)
        return True

    async def session_update(self, session_id: str, update: Any, **kwargs: Any) -> None:
        """See `heard`, which all updates go to."""

    async def request_permission(self, session_id: str, tool_call: Any, options: list[Any], **kwargs: Any) -> Any:
        """The answer of the policy, or of a person."""
        from acp.schema import AllowedOutcome, DeniedOutcome, RequestPermissionResponse

        allowed = await self._permitted(self._turns.get(session_id), tool_call)
        wanted = "allow_once" if allowed else "reject_once"
        chosen = next((option.option_id for option in options if option.kind == wanted), None)
        if allowed is None or chosen is None:
            return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))
        return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=chosen))

    async def _permitted(self, turn: Turn | None, told: Any) -> bool | None:
        """Whether it may do what it asks about; None where nobody answers any more."""
        if turn is None or turn.request.permit is None:
            return None
        if len(turn.questions) >= MAX_ASKED:
            return False
        name = str(told.tool_call_id)
        turn.put(turn.steps.call(told))
        title = clean_line(str(told.title or told.kind or "a tool"), limit=300)
        parts = [shown_part(part) for part in told.content or ()]
        detail = "\n".join(filter(None, [*parts, dumps(told.raw_input) if told.raw_input else ""]))
        asked = turn.request.permit(
            turn.steps.id_of(name),
            clean_line(str(told.kind or "other"), limit=40),
            {"title": title},
            clean(detail, limit=MAX_DETAIL),
        )
        question = asyncio.get_running_loop().create_task(asked)
        turn.questions.add(question)
        try:
            await asyncio.wait({question})
        finally:
            question.cancel()
            turn.questions.discard(question)
        if question.cancelled():
            return None
        turn.steps.restart(name)
        return question.result()

    async def write_text_file(self, *args: Any, **kwargs: Any) -> Any:
        """Refused, as are all that follow."""
        self._refuse("fs/write_text_file")

    async def read_text_file(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        self._refuse("fs/read_text_file")

    async def create_terminal(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        self._refuse("terminal/create")

    async def terminal_output(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        self._refuse("terminal/output")

    async def release_terminal(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        self._refuse("terminal/release")

    async def wait_for_terminal_exit(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        self._refuse("terminal/wait_for_exit")

    async def kill_terminal(self, *args: Any, **kwargs: Any) -> Any:
        """Refused."""
        self._refuse("terminal/kill")

    def _refuse(self, method: str) -> None:
        from acp import RequestError

        log.warning("the agent %s asks for %s, which it is not offered", self._name, method)
        raise RequestError.method_not_found(method)
