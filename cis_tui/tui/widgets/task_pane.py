"""The chosen task: its facts, the decision about it, and its output as it comes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from textual.containers import Vertical
from textual.message import Message

from cis_tui.core.clock import Clock
from cis_tui.dag.state import RunState
from cis_tui.dag.views import DecisionStatus, LogChunk, TaskView
from cis_tui.tui.detail import task_lines
from cis_tui.tui.output import PACE, OutputReader
from cis_tui.tui.paint import Line
from cis_tui.tui.widgets.output_log import OutputLog
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.prompt import DecisionPrompt

if TYPE_CHECKING:
    from textual.app import ComposeResult


class TaskPane(Vertical):
    """Shows one task at a time and asks its screen for output to show."""

    @dataclass
    class OutputWanted(Message):
        """Output of a task is to be read from `offset` on and handed to `take`."""

        run: str
        task: str
        attempt: int
        offset: int

    def __init__(self, clock: Clock, timer: Callable[[], float], *, id: str | None = None) -> None:
        super().__init__(id=id, classes="-text")
        self._clock = clock
        self._facts = Page(id="facts")
        self._facts.can_focus = False
        self.prompt = DecisionPrompt(clock, timer)
        """The decision about the task, hidden when there is none."""
        self.log_view = OutputLog(id="output")
        self._shown: tuple[str, str, int] | None = None
        """Run, task and attempt whose output is in the log."""
        self._reader = OutputReader()
        self._reading = False
        self._more = False

    def compose(self) -> ComposeResult:
        """Facts above, the question between, output below."""
        yield self._facts
        yield self.prompt
        yield self.log_view

    def show_lines(self, lines: Sequence[Line]) -> None:
        """Show something that is not a task."""
        self._facts.show(lines)
        self.prompt.show(None)
        self._forget_output()
        self.add_class("-text")

    def show_task(self, run: RunState | None, task: TaskView | None, *, me: str = "") -> None:
        """Show a task as it is now; `me` is the DID of who looks."""
        if run is None or task is None:
            self.show_lines(())
            return
        self.remove_class("-text")
        self._facts.show(task_lines(task, run, self._clock(), me=me))
        decision = run.decisions.get(task.decision)
        open_ = decision is not None and decision.status is DecisionStatus.PENDING and run.outcome is None
        self.prompt.show(decision if open_ else None)
        if task.attempts == 0 or not run.id:
            self._forget_output()
        elif self._shown != (run.id, task.id, task.attempts):
            self._forget_output()
            self._shown = (run.id, task.id, task.attempts)
            self.read_more()
        elif task.status.ended:
            self.read_more()

    def tick(self, run: RunState | None, task: TaskView | None, *, me: str = "") -> None:
        """A second passed."""
        if run is not None and task is not None and task.started_at is not None and task.ended_at is None:
            self._facts.show_first(task_lines(task, run, self._clock(), me=me))
        self.prompt.tick()

    # Output

    def printed(self, run: str, task: str) -> None:
        """The task has printed something."""
        if self._shown is not None and self._shown[:2] == (run, task):
            self.read_more()

    def read_more(self) -> None:
        """Ask for what comes next, unless that was asked for already."""
        if self._shown is None:
            return
        self._more = self._reading
        if not self._reading:
            self._reading = True
            self.post_message(self.OutputWanted(*self._shown, self._reader.offset))

    def take(self, wanted: OutputWanted, chunk: LogChunk | None) -> None:
        """The answer to `OutputWanted`; None if it could not be read."""
        if self._shown != (wanted.run, wanted.task, wanted.attempt):
            return
        if chunk is None:
            self._reading = False
            return
        text = self._reader.take(chunk)
        if text:
            self.log_view.append(text)
        self.set_timer(PACE, partial(self._read_on, self._reader))

    def _read_on(self, reader: OutputReader) -> None:
        if reader is self._reader:
            self._reading = False
            if self._more or reader.behind:
                self.read_more()

    def read_again(self) -> None:
        """There is another engine: what the one before was asked gets no answer."""
        self._reading = False
        self.read_more()

    def _forget_output(self) -> None:
        if self._shown is not None or self.log_view.line_count:
            self.log_view.clear()
        self._shown = None
        self._reader = OutputReader()
        self._reading = self._more = False
