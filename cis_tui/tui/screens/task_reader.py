"""A task at full size: all that is known of it, and what each of its attempts printed, as it comes."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.dag.state import RunState
from cis_tui.dag.views import LogChunk
from cis_tui.tui.desk import Desk
from cis_tui.tui.output import PACE, OutputReader
from cis_tui.tui.paint import Line, Tone
from cis_tui.tui.screens.reader import ReaderDialog
from cis_tui.tui.task_report import output_lines, task_report

SHOWN_BYTES = 262_144
"""Of what an attempt printed, its end."""
KEPT_READINGS = 100
KEPT_LINES = 20_000
"""Of what is printed while it is open, the end, too."""


class TaskReader(ReaderDialog):
    """Reads the output itself, and again whenever its screen says that there is more."""

    DEFAULT_CLASSES = "-full"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "attempt(-1)", "attempt before", id="task.attempt-before"),
        Binding("right_square_bracket", "attempt(1)", "attempt after", id="task.attempt-after"),
        Binding("c,y", "copy", "copy", id="task.copy"),
    ]

    def __init__(self, desk: Desk, state: RunState, task: str, *, me: str = "") -> None:
        super().__init__(f"{state.dag} / {task}", ())
        self._desk = desk
        self._state = state
        self._of = task
        self._me = me
        self._attempt = self._newest = state.tasks[task].attempts
        self._reader = OutputReader(SHOWN_BYTES)
        self._reading = self._more = False
        self._text: deque[str] = deque(maxlen=KEPT_READINGS)

    @property
    def about(self) -> tuple[str, str]:
        """Run and task."""
        return self._state.id, self._of

    def on_mount(self) -> None:
        """Read what there is."""
        self._show(())

    def _show(self, output: Sequence[Line]) -> None:
        task = self._state.tasks[self._of]
        lines = task_report(task, self._state, self._desk.clock(), me=self._me)
        if self._attempt and self._state.id:
            of = f", attempt {self._attempt} of {task.attempts}" if task.attempts > 1 else ""
            lines += [[], [(f"Output{of}", Tone.DIM)]]
        self.page.show([*lines, *output])
        self._text.clear()
        self._reader = OutputReader(SHOWN_BYTES)
        self._reading = False
        self.read_more()

    def task_moved(self) -> None:
        """The task stands otherwise: show that, and its newest attempt."""
        task = self._state.tasks[self._of]
        if task.attempts > self._newest or task.status.ended:
            if self._attempt == self._newest:
                self._attempt = task.attempts
            self._newest = task.attempts
            self._show(())
            self.refresh_bindings()

    def read_more(self) -> None:
        """Read what was printed since."""
        self._more = self._reading
        if self._reading or not self._attempt or not self._state.id:
            return
        self._reading = True
        run, task, attempt, offset = self._state.id, self._of, self._attempt, self._reader.offset
        self._desk.ask(
            lambda engine: engine.run_logs(run, task, attempt=attempt, offset=offset, limit=SHOWN_BYTES),
            lambda chunk: self._take(attempt, chunk),
            quiet=True,
        )

    def _take(self, attempt: int, chunk: LogChunk) -> None:
        if attempt != self._attempt or not self.is_mounted:
            return
        text = self._reader.take(chunk)
        if text:
            self._text.append(text)
            self.page.append(output_lines(text.removesuffix("\n")), keep=KEPT_LINES)
        self.set_timer(PACE, partial(self._read_on, self._reader))

    def _read_on(self, reader: OutputReader) -> None:
        if reader is self._reader:
            self._reading = False
            if self._more or reader.behind:
                self.read_more()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There has to be such an attempt."""
        if action == "attempt":
            step = parameters[0]
            return isinstance(step, int) and 1 <= self._attempt + step <= self._state.tasks[self._of].attempts
        return super().check_action(action, parameters)

    def action_attempt(self, step: int) -> None:
        """Show what another attempt printed."""
        self._attempt += step
        self._show(())
        self.refresh_bindings()

    def action_copy(self) -> None:
        """Copy what was printed."""
        self._desk.copy("".join(self._text), "what it printed")
