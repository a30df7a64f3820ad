"""The chat screen: a conversation with an agent, its calls of tools and their questions, and the line to write in."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from cis_tui.core.errors import CisError
from cis_tui.core.text import clean_line
from cis_tui.dag.views import Decision, Subject
from cis_tui.skills.intent import Reading, read_intent
from cis_tui.tui.chat_acts import ChatActs
from cis_tui.tui.chat_head import head_line, state_line, welcome
from cis_tui.tui.chat_log import ChatLog, Heard, Kind
from cis_tui.tui.chat_words import Does, candidates, read_line, word_of
from cis_tui.tui.deciding import Deciding
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line
from cis_tui.tui.project_files import project_files
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.store import Changes, LinkState
from cis_tui.tui.widgets.chat_line import Candidates, ChatLine
from cis_tui.tui.widgets.painted import LineWidget
from cis_tui.tui.widgets.prompt import DecisionPrompt
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.widgets.transcript import Transcript
from cis_tui.tui.words import count

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from cis_tui.agents.model import AgentInfo, ConversationView
    from cis_tui.dag.inspection import DecisionDetail
    from cis_tui.tui.screens.call import CallDialog

LONGEST_INTENT = 300
"""Characters of a line that is looked at for a skill."""


class ChatHead(LineWidget):
    """Who answers, and what it takes."""

    def __init__(self, screen: ChatScreen) -> None:
        super().__init__()
        self._pane = screen

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        return head_line(self._pane.chat, self._pane.agents, width)


class ChatState(LineWidget):
    """What goes on, and what the line would do."""

    def __init__(self, screen: ChatScreen) -> None:
        super().__init__()
        self._pane = screen

    def line(self, y: int, width: int) -> Line:
        """The only line."""
        pane = self._pane
        intent = clean_line(pane.intent.shown, limit=120) if pane.intent else ""
        below = bool(pane.chat.id) and not pane.transcript.at_end
        keys, now = keys_of(pane.text), pane.desk.clock()
        return state_line(pane.chat, now, keys, below=below, intent=intent, output=pane.acts.output is not None)


class ChatScreen(WorkspaceScreen):
    """One conversation at a time."""

    NAME = "chat"
    PURPOSE = "Talks with an agent. Enter sends, Esc stops or leaves the line; /help lists the commands."
    CSS_PATH = "chat.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "command_line", "commands", show=False, id="chat.commands"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.chat = ChatLog()
        self.agents: tuple[AgentInfo, ...] = ()
        self.intent: Reading | None = None
        """What the line asks a skill to do."""
        self.acts = ChatActs(self)
        self.head = ChatHead(self)
        self.transcript = Transcript()
        self.prompt = DecisionPrompt(desk.clock, desk.timer, reach="chat.read")
        self.state = ChatState(self)
        self.candidates = Candidates()
        self.text = ChatLine(self.candidates, self._key)
        self._deciding = Deciding(desk, self._decided)
        self._files: tuple[str, ...] = ()
        self._call: CallDialog | None = None
        self._wanted = ""
        """The conversation that is being read."""
        self._begun = False
        """It was begun here."""
        self._looked = False
        self._ticker: Timer | None = None
        """Runs while something here shows how long it takes."""

    def body(self) -> ComposeResult:
        """Who answers, what was said, what is asked, what goes on, and the line."""
        yield self.head
        yield self.transcript
        yield self.prompt
        yield self.state
        yield self.candidates
        yield self.text

    def on_mount(self) -> None:
        """The line has the first keys."""
        self.text.focus()

    # Following

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        self.show_log()
        if self.desk.store.link is not LinkState.READY:
            return
        project = self.desk.store.project_root
        self.desk.ask(lambda engine: engine.agent_list(project), self._take_agents, group="chat-agents", quiet=True)
        if not self._looked:
            self._looked = True
            self.desk.remembered("chat", self._as_before)
        elif self.chat.id:
            self.reread()

    def _take_agents(self, agents: tuple[AgentInfo, ...]) -> None:
        self.agents = self.desk.store.agents = agents
        self.status_line.repaint_changed()
        self.show_log()

    async def _as_before(self, remembered: str) -> None:
        """Go on with what was shown when the workspace was left, below what was seen of it."""
        id, _, seen = remembered.partition(" ")
        if id and not self.chat.id:
            self.chat.seen = int(seen) if seen.isdecimal() else 0
            self._wanted = id
            self.desk.ask(lambda engine: engine.agent_show(id), self.take, group="chat", quiet=True)

    def on_screen_resume(self) -> None:
        """See `WorkspaceScreen`; what ended meanwhile is seen now."""
        self.desk.store.read_chat(self.chat.id)
        self.nav.repaint_changed()

    def on_screen_suspend(self) -> None:
        """From now on an answer that ends here is news."""
        self.desk.store.read_chat("")

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything:
            self.refresh_all()
            return
        heard = [self.chat.take(event) for event in changes.agents]
        if Heard.MORE in heard:
            self.reread()
        if any(each is not Heard.NOTHING for each in heard):
            self.show_log()
        if changes.decisions:
            self._show_question()
        if self._call is not None and self._call.id_of_call in changes.calls:
            self._call.read_on()

    def open(self, id: str, *, begun: bool = False) -> None:
        """See `Pane`."""
        self._wanted, self._begun = id, begun
        if id:
            self.desk.ask(lambda engine: engine.agent_show(id), self.take, group="chat")
            return
        self.chat = ChatLog()
        self.desk.store.read_chat("")
        self.desk.remember("chat", "")
        self._show_question()
        self.show_log()

    def reread(self) -> None:
        """See `Pane`."""
        id = self._wanted = self.chat.id
        if id:
            self.desk.ask(lambda engine: engine.agent_show(id), self.take, group="chat", quiet=True)

    def take(self, view: ConversationView) -> None:
        """See `Pane`."""
        id = view.conversation.id
        if id != self._wanted:
            return
        before, other = self.chat, id != self.chat.id
        if other:
            self.chat = ChatLog(seen=0 if before.id else before.seen)
        self.chat.load(view)
        if other and self._begun and not before.id:
            self.chat.follow(before)
        self.desk.remember("chat", f"{id} {self.chat.known}")
        if self.is_current:
            self.desk.store.read_chat(id)
            self.nav.repaint_changed()
        self.text.said = self.chat.prompts
        self.show_log()
        if other:
            if self.chat.known <= self.chat.seen:
                self.chat.seen = 0  # nothing is new, nor what is said from now on
            self.transcript.to_end()
            if self.chat.known > self.chat.seen > 0:
                self.transcript.go_to("new")
            self._show_question()

    def show_log(self) -> None:
        """See `Pane`."""
        if not self.is_mounted:
            return
        self.transcript.show(self.chat.entries, welcome(self.agents, keys_of(self.text)))
        self._show_lines()

    def _show_lines(self) -> None:
        self.head.repaint_changed()
        self.text.can_run = self.intent is not None
        self.text.can_give = self.acts.output is not None
        self.text.can_go_on = self.chat.until is not None or (self.chat.unfinished and not self.chat.busy)
        self.state.repaint_changed()
        if self.chat.busy and self._ticker is None:
            self._ticker = self.set_interval(1.0, self._second)
        elif not self.chat.busy and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

    def _second(self) -> None:
        """A second passed while the agent works."""
        if not self.is_current:
            return
        if self.chat.tick(self.desk.clock()):
            self.show_log()
        self.state.repaint_changed()

    def write(self, text: str) -> None:
        """See `Pane`."""
        before = self.text.text
        self.text.write(f"{text}\n\n{before}" if before else text)

    def spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        """See `Pane`."""
        self.run_worker(work(), group="own-command")

    # Questions

    @property
    def asked(self) -> str:
        """See `WorkspaceScreen`."""
        return self.prompt.decision.id if self.prompt.decision and self.prompt.has_focus else ""

    @property
    def waiting(self) -> list[Decision]:
        """See `WorkspaceScreen`."""
        asked = self.prompt.decision
        return [open for open in super().waiting if asked is None or open.id != asked.id]

    def jump(self, decision: Decision) -> None:
        """See `WorkspaceScreen`."""
        id = decision.call.partition("/")[0]
        if id == self.chat.id:
            self._show_question(decision)
            self.set_focus(self.prompt)
        elif id:
            self.open(id)

    def _show_question(self, wanted: Decision | None = None) -> None:
        """Ask the decision about a call of this conversation, where it belongs: below what was said."""
        mine = [
            decision
            for decision in self.desk.store.pending
            if decision.subject is Subject.TOOL and decision.call.partition("/")[0] == self.chat.id
        ]
        decision = wanted or (mine[0] if mine else None)
        if decision is None and self.prompt.has_focus:
            self.set_focus(self.text)
        new = decision is not None and (self.prompt.decision is None or self.prompt.decision.id != decision.id)
        self.prompt.show(decision)
        self.tray.show(self.waiting)
        if new and decision is not None:
            call = decision.call.partition("/")[2]
            self.desk.ask(
                lambda engine: engine.decision_show(decision.id), lambda detail: self._preview(call, detail), quiet=True
            )

    def _preview(self, call: str, detail: DecisionDetail) -> None:
        if detail.preview is not None:
            self.chat.asked(call, detail.preview.text)
            self.show_log()

    def _decided(self, decision: Decision) -> None:
        self.desk.store.take_decision(decision)
        self.show_frame()
        self._show_question()

    @on(DecisionPrompt.Answered)
    def _answer(self, event: DecisionPrompt.Answered) -> None:
        self._deciding.answer(event)

    @on(DecisionPrompt.Wished)
    def _wish(self, event: DecisionPrompt.Wished) -> None:
        self._deciding.wish(event)

    @on(DecisionPrompt.Inspect)
    def _inspect(self, event: DecisionPrompt.Inspect) -> None:
        self._deciding.inspect(event.decision)

    @on(Transcript.Pasted)
    def _pasted(self, event: Transcript.Pasted) -> None:
        self.set_focus(self.text)
        self.text.paste(event.text)

    @on(DecisionPrompt.Left)
    @on(Transcript.Left)
    def _to_line(self) -> None:
        self.set_focus(self.text)

    def tick(self) -> None:
        """See `WorkspaceScreen`."""
        self.prompt.tick()

    # The line

    def action_command_line(self) -> None:
        """Begin a command."""
        self.set_focus(self.text)
        if not self.text.text:
            self.text.write("/")

    @on(TextArea.Changed)
    def _changed(self) -> None:
        text = self.text.text
        word = word_of(self.text.before_cursor) if self.text.has_focus else ""
        if word.startswith("@") and not self._files:
            self._read_files()
        self.candidates.offer(candidates(word, self._files))
        plain = 0 < len(text) <= LONGEST_INTENT and text[0] not in "/#!" and "\n" not in text
        reading = read_intent(text, self.desk.store.skills).reading if plain else None
        self.intent = reading if reading is not None and not reading.problems else None
        self._show_lines()
        self.text.refresh_bindings()

    def _read_files(self) -> None:
        root = self.desk.store.project_root
        if not root:
            return

        async def read() -> None:
            self._files = await asyncio.to_thread(project_files, Path(root))
            self._changed()

        self.run_worker(read, group="chat-files", exclusive=True)

    def _key(self, name: str) -> None:
        match name:
            case "send":
                self._enter()
            case "queue":
                self._tab()
            case "back":
                self._escape()
            case "run":
                self._run_intent()
            case "give":
                self.acts.give()
            case "go-on":
                self.acts.go_on()
            case "read":
                self.set_focus(self.prompt if self.prompt.display else self.transcript)
            case name:
                self.transcript.scroll_relative(
                    y=(-1 if name == "up" else 1) * max(1, self.transcript.size.height - 1), animate=False
                )
        self._show_lines()

    def _complete(self) -> bool:
        """Take what is offered; whether that was something else than what is written."""
        # What was typed fast may be further than what is offered.
        self._changed()
        word, chosen = word_of(self.text.before_cursor), self.candidates.chosen
        if not chosen or not word:
            return False
        self.candidates.offer(())
        self.text.take(word, f"{chosen} ")
        return chosen != word

    def _enter(self) -> None:
        if not self._complete():
            self._say(steer=self.chat.busy)

    def _tab(self) -> None:
        if not self._complete():
            self._say(steer=False)

    def _say(self, *, steer: bool) -> None:
        if not self.text.text.strip():
            return
        try:
            written = read_line(self.text.text)
            self.text.forget()
            self._files = ()
            match written.does:
                case Does.SAY:
                    self.transcript.to_end()
                    self.acts.say(written.text, steer=steer)
                case Does.REMEMBER:
                    self.acts.remember(written.text)
                case Does.RUN:
                    self.acts.run(written.text)
                case Does.COMMAND:
                    self.acts.command(written.command, written.text)
        except CisError as error:
            self.acts.refuse(error)

    def _escape(self) -> None:
        if self.candidates.display:
            self.candidates.offer(())
        elif not self.acts.back():
            self.set_focus(self.transcript)

    def _run_intent(self) -> None:
        from cis_tui.tui.screens.call import CallDialog

        reading = self.intent
        if reading is None:
            return
        self.text.forget()
        self._call = CallDialog(self.desk, reading.skill, reading.args, reading.input, shown=reading.shown)
        self.desk.dialog(self._call)

    # What was said

    @on(Transcript.Copied)
    def _copied(self) -> None:
        entry = self.transcript.chosen
        if entry is None:
            return
        self.desk.copy(entry.text or entry.result or entry.input or entry.head, "this part")

    @on(Transcript.CodeCopied)
    def _code_copied(self, event: Transcript.CodeCopied) -> None:
        if len(event.blocks) == 1:
            self.desk.copy(event.blocks[0], "the code")
            return
        from cis_tui.tui.screens.choice import ChoiceDialog

        options = [(block.split("\n")[0], count(block.count("\n") + 1, "line")) for block in event.blocks]
        self.desk.dialog(
            ChoiceDialog("Which code?", options),
            lambda index: self.desk.copy(event.blocks[index], "the code") if index is not None else None,
        )

    @on(Transcript.Forked)
    def _forked(self, event: Transcript.Forked) -> None:
        if event.entry.kind is not Kind.NEW:
            self.acts.fork(event.entry.number)
