"""One call of a skill: what it prints while it goes on, and what it answers."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from cis_tui.core.errors import CisError
from cis_tui.core.text import clean
from cis_tui.skills.model import SkillResult
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.screens.dialog import Dialog
from cis_tui.tui.widgets.dialog_frame import DialogKeys
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.words import span, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from textual.app import ComposeResult
    from textual.timer import Timer

    from cis_tui.dag.views import LogChunk
    from cis_tui.protocol import EngineApi

Came = SkillResult | CisError | OSError
"""What comes of a call."""
KEPT_LINES = 1_000
"""Lines of its log that are shown."""


class CallDialog(Dialog[bool]):
    """Makes a call when it opens. Closed, the call goes on, and its end is told. Gives whether it was refused."""

    DEFAULT_CLASSES = "-tall"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "cancel", "cancel the call", id="call.cancel"),
        Binding("c,y", "copy", "copy the answer", id="call.copy"),
        Binding("escape", "close", "close", id="dialog.close"),
    ]

    def __init__(
        self, desk: Desk, skill: str, args: tuple[str, ...], input: Mapping[str, object], *, shown: str = ""
    ) -> None:
        super().__init__(f"Call {skill}")
        self.id_of_call = secrets.token_hex(6)
        """What its events name it by."""
        self._desk = desk
        self._skill, self._args, self._input = skill, args, input
        self._shown = shown or skill
        self._page = Page(id="dialog-page")
        self._log: list[str] = []
        self._offset = 0
        self._reading = False
        self._again = False
        self._began = desk.timer()
        self._came: Came | None = None
        self._cancelled = False
        self._ticker: Timer | None = None

    def content(self) -> ComposeResult:
        """The log and the answer."""
        yield self._page

    def on_mount(self) -> None:
        """Make the call."""
        self._page.focus()
        self._show()
        self._ticker = self.set_interval(1.0, self._show)
        self._desk.ask(self._make, self._ended, failed=self._ended)

    async def _make(self, engine: EngineApi) -> SkillResult:
        project = self._desk.store.project_root
        return await engine.skill_run(project, self._skill, self._args, self._input, call=self.id_of_call)

    def _ended(self, came: Came) -> None:
        self._came = came
        if not self.is_attached:
            good = isinstance(came, SkillResult) and came.success
            self._desk.say(f"{self._skill}: {'done' if good else 'failed'}", bad=not good)
            return
        if self._ticker is not None:
            self._ticker.stop()
        self.query_one(DialogKeys).refresh(layout=True)
        self._show()
        self.read_on()

    def read_on(self) -> None:
        """There is more of its log."""
        if self._reading:
            self._again = True
            return
        self._reading = True
        call, offset = self.id_of_call, self._offset
        self._desk.ask(lambda engine: engine.skill_log(call, offset=offset), self._read, failed=self._unread)

    def _read(self, chunk: LogChunk) -> None:
        self._reading = False
        if chunk.text:
            self._offset = chunk.offset
            lines = clean(chunk.text).split("\n")
            if self._log:
                lines[0] = self._log.pop() + lines[0]
            self._log = [*self._log, *lines][-KEPT_LINES:]
        self._show()
        if self._again or (chunk.text and not chunk.ended):
            self._again = False
            self.read_on()

    def _unread(self, _: object) -> None:
        self._reading = False

    def _show(self) -> None:
        if self.is_attached:
            self._page.show([self._head(), *self._log_lines(), *answer_lines(self._came)])
            self._page.scroll_end(animate=False)

    def _head(self) -> Line:
        came = self._came
        if came is None:
            return [("▶ ", Tone.LIVE), (self._shown, Tone.STRONG), (f"  {self._elapsed}", Tone.DIM)]
        good = isinstance(came, SkillResult) and came.success
        mark, tone = ("✓ ", Tone.GOOD) if good else ("✗ ", Tone.BAD)
        took = f"  {span(came.duration)}" if isinstance(came, SkillResult) else ""
        return [(mark, tone), (self._shown, Tone.STRONG), (took, Tone.DIM)]

    @property
    def _elapsed(self) -> str:
        return span(self._desk.timer() - self._began)

    def _log_lines(self) -> list[Line]:
        log = self._log[:-1] if self._log and not self._log[-1] else self._log
        return [[("│ ", Tone.DIM), (line.expandtabs(4), Tone.PLAIN)] for line in log]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """It can be cancelled while it goes on, and its answer copied after."""
        if action == "cancel":
            return self._came is None
        return isinstance(self._came, SkillResult) if action == "copy" else True

    def action_cancel(self) -> None:
        """End it with all its processes."""
        if not self.deaf:
            self._cancelled = True
            self._desk.ask(lambda engine: engine.skill_cancel(self.id_of_call))

    def action_close(self) -> None:
        """See `Dialog`."""
        self.dismiss(isinstance(self._came, CisError | OSError) and not self._cancelled)

    def action_copy(self) -> None:
        """Give the answer to the clipboard."""
        if isinstance(self._came, SkillResult):
            self._desk.copy(answer_text(self._came), "the answer")


def answer_text(result: SkillResult) -> str:
    """The answer as text."""
    output = result.output
    return output if isinstance(output, str) else json.dumps(output, ensure_ascii=False, indent=2)


def answer_lines(came: Came | None) -> Sequence[Line]:
    """What came of a call."""
    if came is None:
        return []
    if not isinstance(came, SkillResult):
        said = came.hint if isinstance(came, CisError) else ""
        hint: list[Line] = [[("  ", Tone.PLAIN), (shown(said), Tone.DIM)]] if said else []
        return [[], [("✗ ", Tone.BAD), (shown(text_of(came), limit=2000), Tone.PLAIN)], *hint]
    head = "Answer" if came.success else f"It failed with exit code {came.exit_code}"
    lines: list[Line] = [[], [(head, Tone.DIM)]]
    lines += [[("  ", Tone.PLAIN), (line, Tone.PLAIN)] for line in clean(answer_text(came)).split("\n")[:KEPT_LINES]]
    for note in (came.note, f"all of it is in {came.output_file}" if came.output_file else ""):
        if note:
            lines.append([("! ", Tone.ASK), (shown(note), Tone.PLAIN)])
    return lines
