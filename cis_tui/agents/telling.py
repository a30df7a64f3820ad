"""How a turn is told: AgentStarted, AgentDelta, AgentStep and AgentCompleted events."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from cis_tui.core.clock import Instant
from cis_tui.core.events import EventType
from cis_tui.core.text import clean

Tell = Callable[[str, Mapping[str, object]], None]
"""Publishes an event without keeping it: what is said in conversations is nowhere in clear on the disk."""
GATHER = 0.03
"""Seconds over which pieces of text are gathered into one event."""


class Telling:
    """Tells what happens in one turn, and keeps what the answer that is coming says so far."""

    def __init__(self, tell: Tell, about: Mapping[str, object]) -> None:
        """`about`: `conversation`, `turn`, and what else every event says."""
        self._tell = tell
        self._about = dict(about)
        self._waiting: list[tuple[str, str]] = []
        self._timer: asyncio.TimerHandle | None = None
        self.said = {"text": "", "thinking": ""}
        """The clean text of the answer so far, and of its thinking."""
        self.notice = ""
        """What is waited for."""
        self.until: Instant | None = None
        """When that wait ends."""

    def started(self, more: Mapping[str, object]) -> None:
        """The turn begins."""
        self._tell(EventType.AGENT_STARTED, {**self._about, **more})

    def piece(self, kind: str, text: str) -> None:
        """More of the answer (`text`) or of its `thinking`."""
        self.notice, self.until = "", None
        if self._waiting and self._waiting[-1][0] == kind:
            self._waiting[-1] = (kind, self._waiting[-1][1] + text)
        else:
            self._waiting.append((kind, text))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER, self.flush)

    def flush(self) -> None:
        """Tell the pieces that were gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        for kind, raw in waiting:
            text = clean(raw)
            at = len(self.said[kind])
            self.said[kind] += text
            self._tell(EventType.AGENT_DELTA, {**self._about, "kind": kind, "at": at, "text": text})

    def waits(self, text: str, until: Instant, more: Mapping[str, object]) -> None:
        """Something failed, and is done again at a moment: told, and shown to who looks meanwhile."""
        self.step("retry", {"text": text, **more})
        self.notice, self.until = text, until

    def step(self, what: str, more: Mapping[str, object]) -> None:
        """Something that no reader may miss: a message was kept, a tool is called, a request is made again."""
        self.flush()
        self.notice, self.until = "", None
        self._tell(EventType.AGENT_STEP, {**self._about, "what": what, **more})

    def anew(self) -> None:
        """What the answer said so far does not count any more, or is kept."""
        self.flush()
        self.said = {"text": "", "thinking": ""}

    def completed(self, status: str, more: Mapping[str, object]) -> None:
        """The turn is over: `completed`, `failed` or `cancelled`."""
        self.flush()
        self._tell(EventType.AGENT_COMPLETED, {**self._about, "status": status, **more})
