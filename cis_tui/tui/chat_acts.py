"""What is done with what a person writes in the chat."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

from cis_tui.agents.model import GO_ON
from cis_tui.core.errors import CisError, Invalid
from cis_tui.memory.records import Domain, IndexType, MemoryWrite
from cis_tui.tui.chat_context import context_lines
from cis_tui.tui.chat_log import ChatLog, Kind
from cis_tui.tui.chat_words import COMMANDS, remembered_as
from cis_tui.tui.desk import Desk
from cis_tui.tui.own_command import OwnCommand
from cis_tui.tui.paint import Line, Tone
from cis_tui.tui.read_only import looks_only
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.words import hint_of

if TYPE_CHECKING:
    from cis_tui.agents.model import (
        AgentInfo,
        ContextView,
        Conversation,
        ConversationView,
        FileUndo,
        Sent,
        Stopped,
        ToolRule,
    )
    from cis_tui.memory.records import MemoryItem
    from cis_tui.protocol import EngineApi
    from cis_tui.tui.widgets.chat_line import ChatLine

T = TypeVar("T")
AGAIN = "That was not answered: please try again."


class Pane(Protocol):
    """The screen, as the acts see it."""

    desk: Desk
    chat: ChatLog
    agents: tuple[AgentInfo, ...]
    text: ChatLine

    def show_log(self) -> None:
        """Show the log anew."""
        ...

    def open(self, id: str, *, begun: bool = False) -> None:
        """Show another conversation; an empty one for an empty id. `begun`: with what was said on the way to it."""
        ...

    def reread(self) -> None:
        """Read the conversation anew."""
        ...

    def take(self, view: ConversationView) -> None:
        """Show the conversation as it was just read."""
        ...

    def write(self, text: str) -> None:
        """Put a text into the line, before what is there."""
        ...

    def spawn(self, work: Callable[[], Awaitable[None]]) -> None:
        """Run something beside."""
        ...


class ChatActs:
    """Does what was written."""

    def __init__(self, pane: Pane) -> None:
        self._pane = pane
        self._desk = pane.desk
        self.running: OwnCommand | None = None
        """The command of the person's own that goes on."""
        self.output: OwnCommand | None = None
        """The last one that ended, until its output was given to the agent."""

    # Saying

    def say(self, text: str, *, steer: bool) -> None:
        """Send a prompt, in a new conversation if there is none; one that is not taken comes back into the line."""
        pane, project = self._pane, self._desk.store.project_root
        id = pane.chat.id

        async def send(engine: EngineApi) -> Sent:
            try:
                target = id or (await engine.agent_new(project)).id
                return await engine.agent_send(target, text, steer=steer)
            except (CisError, OSError):
                pane.write(text)
                raise

        def sent(sent: Sent) -> None:
            if not pane.chat.id:
                pane.open(sent.conversation, begun=True)
            else:
                pane.reread()

        self._desk.ask(send, sent)

    def back(self) -> bool:
        """Take back the last prompt that waits; else stop everything that goes on. Whether there was anything."""
        if self.running is not None:
            self.running.stop()
            return True
        id = self._pane.chat.id
        if self._pane.chat.queue:
            self._desk.ask(lambda engine: engine.agent_take_back(id, last=1), self._taken_back, group="chat-stop")
            return True
        if self._pane.chat.busy:

            async def stop(engine: EngineApi) -> tuple[Stopped, ConversationView]:
                return await engine.agent_stop(id), await engine.agent_show(id)

            self._desk.ask(stop, self._stopped, group="chat-stop")
            return True
        return False

    def _taken_back(self, texts: tuple[str, ...]) -> None:
        if texts:
            self._pane.write("\n\n".join(texts))
        self._pane.reread()

    def _stopped(self, done: tuple[Stopped, ConversationView]) -> None:
        stopped, view = done
        self._pane.take(view)
        what = [*(["the answer"] if stopped.answer else []), *stopped.tools]
        self._pane.chat.note(f"stopped: {', '.join(what)}" if what else "stopped before an answer came")
        if stopped.queued:
            self._pane.write("\n\n".join(stopped.queued))
        self._pane.show_log()

    def go_on(self) -> None:
        """Ask again now where that is waited for; else let the unfinished answer go on."""
        chat = self._pane.chat
        if chat.until is not None:
            self._desk.ask(lambda engine: engine.agent_hurry(chat.id), group="chat-hurry")
        elif chat.unfinished and not chat.busy:
            self.say(AGAIN if chat.unanswered else GO_ON, steer=False)

    # Remembering and running

    def remember(self, text: str) -> None:
        """Put it into memory, public unless it is a secret; what was stored, and who may read it, is said."""
        key, value = remembered_as(text)
        project = self._desk.store.project_root

        async def store(engine: EngineApi) -> MemoryItem:
            from cis_tui.memory.classify import classify

            found = await asyncio.to_thread(classify, key, value)
            domain = Domain.PRIVATE if found.index_type is IndexType.SENSITIVE else Domain.PUBLIC
            return await engine.memory_set(MemoryWrite(key, value, domain), project=project)

        def stored(item: MemoryItem) -> None:
            from cis_tui.tui.memory_detail import preview

            why = f", because {item.reason}" if item.domain is Domain.PRIVATE and item.reason else ""
            self._note(f"remembered, {item.domain.value}{why}: {item.key} = {preview(item)}")

        self._desk.ask(store, stored)

    def run(self, line: str) -> None:
        """Run a command of the person's own, one at a time."""
        if looks_only(self._desk):
            return
        if self.running is not None:
            self._desk.say(
                "a command of yours still runs", hint=f"{keys_of(self._pane.text)('chat.stop')} stops it", bad=True
            )
            return
        command = self.running = OwnCommand(line, self._desk.store.project_root)
        entry = self._pane.chat.command(line)

        def told() -> None:
            entry.change(text=command.output, state=command.ending)
            self._pane.show_log()

        async def work() -> None:
            try:
                await command.run(told)
                self.output = command
            except OSError as error:
                self._trouble(str(error))
            finally:
                self.running = None
                told()

        told()
        self._pane.spawn(work)

    def give(self) -> None:
        """Give the output of the last command to the agent."""
        output, self.output = self.output, None
        if output is not None:
            self.say(output.told_to_agent(), steer=self._pane.chat.busy)

    # Commands

    def command(self, name: str, given: str) -> None:
        """Do what a command says."""
        acts: Mapping[str, Callable[[str], object]] = {
            "new": lambda _: self._pane.open(""),
            "clear": lambda _: self._pane.open(""),
            "sessions": self._sessions,
            "resume": self._resume,
            "fork": lambda _: self.fork(0),
            "rename": self._rename,
            "export": self._export,
            "agent": self._agent,
            "model": self._model,
            "context": lambda _: self._of_this(lambda engine, here: engine.agent_context(here), self._context),
            "undo": lambda _: self._of_this(lambda engine, here: engine.agent_undo(here), self._undone),
            "rules": lambda _: self._desk.ask(lambda engine: engine.agent_rules(), self._rules),
            "allow": lambda pattern: self._rule("allow", pattern, "mechanical"),
            "ask": lambda pattern: self._rule("ask", pattern, "confirmed"),
            "deny": lambda pattern: self._rule("deny", pattern, "deny"),
            "copy": lambda _: self._copy(),
            "delete": lambda _: self._delete(),
            "help": lambda _: self._help(),
        }
        acts[name](given)

    def _rename(self, title: str) -> None:
        self._need(title, "rename TITLE")
        self._of_this(lambda engine, here: engine.agent_rename(here, title), lambda _: self._pane.reread())

    def _model(self, model: str) -> None:
        self._need(model, "model NAME")
        self._use(self._pane.chat.conversation.agent if self._pane.chat.conversation else "", model)

    def _rule(self, command: str, pattern: str, level: str) -> None:
        self._need(pattern, f"{command} PATTERN, such as file_write:docs/*")
        self._desk.ask(lambda engine: engine.agent_allow(pattern, level), self._rules)

    def _copy(self) -> None:
        answer = next((each for each in reversed(self._pane.chat.entries) if each.kind is Kind.ANSWER), None)
        if answer is None:
            raise Invalid("CIS-TUI-051", "there is no answer to copy yet")
        self._desk.copy(answer.text, "the newest answer")

    def _need(self, given: str, usage: str) -> None:
        if not given:
            raise Invalid("CIS-TUI-042", "something is missing", hint=f"/{usage}")

    def _of_this(self, call: Callable[[EngineApi, str], Awaitable[T]], then: Callable[[T], object]) -> None:
        """Ask something about the conversation that is shown."""
        id = self._pane.chat.id
        if not id:
            raise Invalid("CIS-TUI-043", "there is no conversation yet", hint="say something, or /sessions")
        self._desk.ask(lambda engine: call(engine, id), then)

    def _sessions(self, words: str) -> None:
        from cis_tui.tui.screens.sessions import SessionsDialog

        self._desk.dialog(
            SessionsDialog(self._desk, words), lambda chosen: self._pane.open(chosen.id) if chosen else None
        )

    def _resume(self, id: str) -> None:
        self._need(id, "resume ID")
        self._desk.ask(lambda engine: engine.agent_show(id), lambda view: self._pane.open(view.conversation.id))

    def fork(self, upto: int) -> None:
        """Go on in a copy, with the messages up to `upto`, or all."""

        def forked(new: Conversation) -> None:
            self._pane.open(new.id)
            self._desk.say("this is a copy to go on in", hint="/sessions has the one before")

        self._of_this(lambda engine, here: engine.agent_fork(here, upto=upto), forked)

    def _agent(self, given: str) -> None:
        name, _, model = given.partition(" ")
        if name:
            self._use(name, model.strip())
            return
        from cis_tui.tui.screens.choice import ChoiceDialog

        agents = self._pane.agents
        options = [(agent.name, agent.problem or f"{agent.model} {agent.description}".strip()) for agent in agents]
        if options:
            self._desk.dialog(
                ChoiceDialog("Who shall go on?", options),
                lambda index: self._use(agents[index].name, "") if index is not None else None,
            )

    def _use(self, agent: str, model: str) -> None:
        pane, project = self._pane, self._desk.store.project_root
        id = pane.chat.id

        async def use(engine: EngineApi) -> Conversation:
            target = id or (await engine.agent_new(project, agent=agent)).id
            return await engine.agent_use(target, agent, model=model)

        self._desk.ask(use, lambda conversation: pane.open(conversation.id) if not id else pane.reread())

    def _delete(self) -> None:
        from cis_tui.tui.screens.confirm import ConfirmDialog

        def gone(_: None) -> None:
            self._pane.open("")
            self._desk.say("the conversation is gone")

        def sure(yes: bool | None) -> None:
            if yes:
                self._of_this(lambda engine, here: engine.agent_delete(here), gone)

        self._desk.dialog(
            ConfirmDialog(
                "Delete this conversation?",
                "All that was said in it is gone for good; /export writes it into a file first.",
            ),
            sure,
        )

    def _export(self, given: str) -> None:
        self._of_this(lambda engine, here: engine.agent_export(here), partial(self._write, given))

    def _write(self, given: str, text: str) -> None:
        chat, root = self._pane.chat, self._desk.store.project_root
        file = Path(root or Path.cwd()) / Path(given or f"conversation-{chat.id[:12]}.md").expanduser()

        async def write(_: EngineApi) -> Path:
            def write() -> None:
                try:
                    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as to:
                        to.write(text.encode("utf-8", "replace"))
                except FileExistsError as error:
                    hint = "/export FILE takes another name"
                    raise Invalid("CIS-TUI-044", f"{file} is there already", hint=hint) from error

            await asyncio.to_thread(write)
            return file

        self._desk.ask(write, lambda file: self._note(f"written to {file}"))

    def _undone(self, files: tuple[FileUndo, ...]) -> None:
        lines = [f"{file.path}: {'taken back' if file.done else 'left as it is'} {file.why}".strip() for file in files]
        self._note("\n".join(lines) or "the agent wrote no file")

    def _context(self, view: ContextView) -> None:
        from cis_tui.tui.screens.reader import ReaderDialog

        title = "What was sent with the newest request" if view.sent else "What the next request would begin with"
        window = self._pane.chat.conversation.window if self._pane.chat.conversation else None
        self._desk.dialog(ReaderDialog(title, context_lines(view, window)))

    def _rules(self, rules: tuple[ToolRule, ...]) -> None:
        self._note(
            "\n".join(f"{rule.pattern}  {rule.level}  ({rule.source})" for rule in rules) or "there are no rules"
        )

    def _help(self) -> None:
        from cis_tui.tui.screens.reader import ReaderDialog

        lines: list[Line] = [
            [(f"  /{name} {takes}".ljust(24), Tone.STRONG), (does, Tone.DIM)]
            for name, (takes, does) in COMMANDS.items()
        ]
        self._desk.dialog(ReaderDialog("Commands of the chat", lines))

    # Saying what happened

    def refuse(self, error: CisError) -> None:
        """Say what is wrong with what was written."""
        self._desk.say(error.message, hint=hint_of(error, self._desk.key), bad=True)

    def _note(self, text: str) -> None:
        self._pane.chat.note(text)
        self._pane.show_log()

    def _trouble(self, text: str) -> None:
        self._pane.chat.trouble(text)
        self._pane.show_log()
