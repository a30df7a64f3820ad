"""The line under every screen: what wants a person now, what goes on, who is there, and who would answer."""

from __future__ import annotations

from dataclasses import dataclass

from textual.geometry import Region

from cis_tui.core.clock import Clock
from cis_tui.tui.paint import Line, Piece, Tone, fit, fit_line, line_width, shown
from cis_tui.tui.store import LinkState, Store
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.words import count, time_left

WIDE = 160
"""Cells from which more words are used."""
COUNTDOWN_WIDTH = 13
"""Cells at the left, where the nearest deadline stands: all that a second repaints."""


@dataclass(frozen=True)
class Fact:
    """One thing that is told, in few words, and in more where there is room."""

    short: Piece
    long: Piece
    left: bool = False

    @classmethod
    def of(cls, text: str, tone: Tone, *, long: str = "", left: bool = False, gap: str = "  ") -> Fact:
        """`long` is `text` where there is no more to say; `gap` parts it from what follows."""
        return cls((text + gap, tone), ((long or text) + gap, tone), left)


class StatusLine(LineWidget):
    """Deadline, decisions and runs at the left, where repainting is cheapest; peers, model and engine at the right."""

    def __init__(self, store: Store, clock: Clock) -> None:
        super().__init__()
        self._store = store
        self._clock = clock

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        return laid_out(self._facts(), width)

    def tick(self) -> None:
        """A second passed: repaint the countdown alone."""
        if self._store.pending:
            self.refresh(Region(0, 0, COUNTDOWN_WIDTH, 1))

    def _facts(self) -> list[Fact]:
        """All of them, what is most urgent first."""
        store = self._store
        if store.link is LinkState.LOST:
            return [Fact.of(f" ✗ no engine: {shown(store.link_note)}", Tone.BAD, left=True), *self._work()]
        if store.link is LinkState.STARTING:
            return [Fact.of(" ◌ starting engine…", Tone.DIM, left=True)]
        only = [Fact.of("read-only", Tone.STRONG)] if store.read_only else []
        return [
            *self._work(),
            *self._wanting(),
            *only,
            *self._model(),
            *self._peers(),
            Fact.of("● engine ready", Tone.DIM, gap=" "),
        ]

    def _work(self) -> list[Fact]:
        runs, pending = self._store.active_runs, self._store.pending
        facts: list[Fact] = []
        if pending:
            clock = fit(f" ? {time_left(pending[0], self._clock())}", COUNTDOWN_WIDTH - 2)
            facts.append(Fact.of(clock, Tone.ASK, left=True))
            first = f"{shown(pending[0].dag or pending[0].subject, limit=30)} / {shown(pending[0].task, limit=30)}"
            told = count(len(pending), "decision")
            facts.append(Fact.of(told, Tone.ASK, long=f"{told}, first {first}", left=True))
        if runs:
            told, newest = f" ▶ {count(len(runs), 'run')}", runs[-1]
            where = f"{shown(newest.dag, limit=30)} {newest.tasks_ended} of {newest.tasks_total}"
            facts.append(Fact.of(told, Tone.LIVE, long=f"{told}: {where}", left=True, gap=" "))
        return facts

    def _wanting(self) -> list[Fact]:
        """What of others wants a person, or waits for others."""
        status = self._store.peer_status
        if status is None:
            return []
        facts = [Fact.of(f"? {count(status.pending, 'peer')} pending", Tone.ASK)] if status.pending else []
        if status.queued:
            facts.append(Fact.of(f"↑ {count(status.queued, 'change')} to sync", Tone.LIVE))
        return facts

    def _peers(self) -> list[Fact]:
        """Who is there, and whether memory is one; nothing where there are no peers."""
        status = self._store.peer_status
        if status is None or not (status.connected or status.allowed):
            return []
        if not status.connected:
            return [Fact.of(f"○ {count(status.allowed, 'peer')} away", Tone.DIM)]
        there = count(status.connected, "peer")
        one = "" if status.queued else ", in sync"
        long = f"{status.connected} of {count(max(status.allowed, status.connected), 'peer')} connected{one}"
        return [Fact.of(f"{there}{one}", Tone.DIM, long=long)]

    def _model(self) -> list[Fact]:
        """Who answers in the chat unless another one is chosen there, and whether that works as far as is known."""
        agent = next((agent for agent in self._store.agents if agent.default), None)
        if agent is None:
            return []
        name = shown(agent.model.partition(" · ")[0], limit=30) or shown(agent.name, limit=30)
        if agent.kind == "offline":
            return [Fact.of("no model", Tone.DIM, long="no model: memory answers")]
        if not agent.ready:
            return [Fact.of(f"✗ {name}", Tone.BAD, long=f"✗ {name}: {shown(agent.problem, limit=60)}")]
        if self._store.model_failed:
            return [Fact.of(f"✗ {name}", Tone.BAD, long=f"✗ {name} did not answer the last time")]
        return [Fact.of(name, Tone.DIM, long=f"model {name} ready")]


def laid_out(facts: list[Fact], width: int) -> list[Piece]:
    """As many of `facts` as there is room for, the first ones first; in a wide line all of them in more words."""
    chosen: list[tuple[Fact, Piece]] = []
    room = width
    for fact in facts:
        cells = line_width([fact.short])
        if cells <= room or not chosen:
            chosen.append((fact, fact.short))
            room -= cells
    for index, (fact, piece) in enumerate(chosen if width >= WIDE else ()):
        more = line_width([fact.long]) - line_width([piece])
        if 0 < more <= room:
            chosen[index] = (fact, fact.long)
            room -= more
    left = [piece for fact, piece in chosen if fact.left]
    right = [piece for fact, piece in chosen if not fact.left]
    if room < 0:
        return fit_line([*left, *right], width)
    return [*left, (" " * room, Tone.PLAIN), *right]
