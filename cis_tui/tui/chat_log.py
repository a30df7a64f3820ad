"""What a conversation looks like, part by part: made of what is kept, carried on by events. No widget in here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import cast

from cis_tui.agents.model import CUT, Activity, Block, BlockKind, Conversation, ConversationView, Message, Role, Stop
from cis_tui.core.clock import Instant
from cis_tui.core.events import Event, EventType
from cis_tui.core.text import clean, clean_line
from cis_tui.tui.markdown import Markdown
from cis_tui.tui.store import AGENT_EVENTS

KEPT_NOTES = 200
"""Notes and commands of a person that stand between the messages."""
_ABOUT = ("title", "path", "key", "pattern", "query", "dag", "skill", "command", "name")
"""Fields of a tool's input that say what a call is about."""


class Kind(StrEnum):
    """What a part of the conversation is."""

    YOU = "you"
    ANSWER = "answer"
    THINKING = "thinking"
    MEMORY = "memory"
    """What memory gave to a prompt."""
    TOOL = "tool"
    NOTE = "note"
    """Said by the workspace."""
    TROUBLE = "trouble"
    COMMAND = "command"
    """A command of the person's own."""
    NEW = "new"
    """Below this nothing was seen yet."""


@dataclass(slots=True)
class Entry:
    """One part."""

    id: str
    kind: Kind
    text: str = ""
    head: str = ""
    number: int = 0
    """The message that it belongs to; 0 for none."""
    folded: bool = False
    state: str = ""
    """Of a tool: coming, asked, running, done, failed or refused; of a command how it ended."""
    input: str = ""
    result: str = ""
    preview: str = ""
    """Of a tool that is asked about: what it would do, such as a diff."""
    began: Instant | None = None
    took: float | None = None
    version: int = 0
    """Grows with every change."""
    rendered: Markdown | None = None

    @property
    def foldable(self) -> bool:
        """Whether it has more than one line to show."""
        return self.kind in (Kind.THINKING, Kind.MEMORY, Kind.TOOL, Kind.COMMAND)

    def grow(self, text: str) -> None:
        """More of a text that is coming."""
        self.text += text
        if self.rendered is not None:
            self.rendered.add(text)
        self.version += 1

    def change(self, **fields: object) -> None:
        """Take other values."""
        for name, value in fields.items():
            setattr(self, name, value)
        self.version += 1


class Heard(Enum):
    """What an event changed."""

    NOTHING = 0
    SOME = 1
    MORE = 2
    """The conversation has to be read anew: more was kept than the event tells."""


@dataclass(slots=True)
class ChatLog:
    """One conversation, or none yet."""

    conversation: Conversation | None = None
    busy: bool = False
    status: str = ""
    """What is waited for, such as another attempt."""
    until: Instant | None = None
    """When that wait ends."""
    since: Instant | None = None
    """When the turn that goes on began."""
    unfinished: bool = False
    """The last answer was cut off, stopped, or has not come: it could go on, if none is coming."""
    unanswered: bool = False
    """The last message is the person's, or what tools answered."""
    agent: str = ""
    """Who answers now."""
    model: str = ""
    known: int = 0
    """Number of the newest message that was read."""
    seen: int = 0
    """Number of the newest message that the person had seen before."""
    prompts: list[str] = field(default_factory=list[str])
    """What the person said, oldest first."""
    _kept: dict[int, list[Entry]] = field(default_factory=dict[int, list[Entry]])
    _tools: dict[str, Entry] = field(default_factory=dict[str, Entry])
    _live: dict[str, Entry] = field(default_factory=dict[str, Entry])
    """The answer that is coming, and its thinking."""
    _loose: list[Entry] = field(default_factory=list[Entry])
    """What events told of messages that are not read yet."""
    _notes: list[tuple[int, Entry]] = field(default_factory=list[tuple[int, Entry]])
    _said: int = 0

    @property
    def id(self) -> str:
        """The conversation's; empty while there is none."""
        return self.conversation.id if self.conversation else ""

    @property
    def queue(self) -> tuple[str, ...]:
        """Prompts that wait."""
        return self.conversation.queued if self.conversation else ()

    @property
    def entries(self) -> list[Entry]:
        """All parts in their order."""
        found: list[Entry] = []
        notes = list(self._notes)
        for number in sorted(self._kept):
            while notes and notes[0][0] < number:
                found.append(notes.pop(0)[1])
            if self.seen and number == self.seen + 1:
                found.append(_NEW)
            found += self._kept[number]
        listed = {entry.id for entry in found}
        found += [entry for entry in self._loose if entry.id not in listed]
        if self.unanswered and not self.busy and not self._loose:
            found.append(_UNANSWERED)
        found += [entry for _, entry in notes]
        return found + list(self._live.values())

    @property
    def calls(self) -> list[Entry]:
        """Calls of tools that run now, or are asked about."""
        return [entry for entry in self._tools.values() if entry.state in ("asked", "running")] if self.busy else []

    def tick(self, now: Instant) -> bool:
        """Let time pass for what shows how long it takes; whether there is any."""
        running = [entry for entry in self.calls if entry.state == "running" and entry.began is not None]
        for entry in running:
            entry.change(took=max(0.0, now - (entry.began or now)))
        return bool(running)

    # Reading

    def load(self, view: ConversationView) -> None:
        """Take a conversation as an engine shows it."""
        if view.conversation.id != self.id:
            self._kept, self._tools, self._live, self._loose, self._notes = {}, {}, {}, [], []
            self.known = 0
            self.prompts = []
        self.conversation = view.conversation
        self.busy = view.conversation.activity is not Activity.IDLE
        self._wait_for(view.notice, view.until)
        for message in view.messages:
            if message.number > self.known:
                self._keep(message)
        self._loose = [entry for entry in self._loose if entry.number > self.known or entry.kind is Kind.TOOL]
        if not self.busy:
            self._loose, self.since = [], None
            self._wait_for("", None)
        elif self.since is None:
            self.since = next((message.at for message in view.messages if message.turn == view.turn), None)
        self._live = {}
        for kind, text in (("thinking", view.thinking), ("text", view.partial)):
            if text and self.busy:
                self._say(kind, text)

    def follow(self, before: ChatLog) -> None:
        """Begin with what `before`, in which nobody had spoken yet, has noted."""
        self._notes, self._said = before._notes, before._said

    def _keep(self, message: Message) -> None:
        self.known = max(self.known, message.number)
        self._kept[message.number] = [
            entry
            for place, block in enumerate(message.blocks)
            if (entry := self._part(message, block, f"{message.number}.{place}")) is not None
        ]
        if message.stop in _ENDS:
            self._kept[message.number].append(
                Entry(f"{message.number}.end", Kind.NOTE, _ENDS[message.stop], number=message.number)
            )
        if message.role is Role.ASSISTANT:
            self.agent, self.model = message.agent, message.model
            self.unfinished, self.unanswered = message.stop in _UNFINISHED, False
        else:
            self.unfinished = self.unanswered = True
            self.prompts += [message.text] if message.text else []

    def _part(self, message: Message, block: Block, id: str) -> Entry | None:
        text, number = clean(block.text), message.number
        match block.kind:
            case BlockKind.TEXT if message.role is Role.USER:
                return Entry(id, Kind.YOU, text, number=number)
            case BlockKind.TEXT:
                return Entry(id, Kind.ANSWER, text, number=number, rendered=Markdown(text)) if text.strip() else None
            case BlockKind.THINKING:
                return Entry(id, Kind.THINKING, text, number=number, folded=True) if text.strip() else None
            case BlockKind.CONTEXT:
                return Entry(id, Kind.MEMORY, text, ", ".join(block.keys), number, folded=True)
            case BlockKind.TOOL_USE:
                entry = self._tool(block.id, block.name)
                entry.change(
                    number=number,
                    head=clean_line(f"{block.name} {about(block.input)}", limit=300),
                    input=clean(json.dumps(block.input, ensure_ascii=False, indent=1), limit=20_000),
                )
                return entry
            case BlockKind.TOOL_RESULT:
                self._result(block)
            case BlockKind.REDACTED:
                pass
        return None

    def _tool(self, id: str, name: str) -> Entry:
        if id not in self._tools:
            self._tools[id] = Entry(f"tool:{id}", Kind.TOOL, head=clean_line(name, limit=60), folded=True)
        return self._tools[id]

    def _result(self, block: Block) -> None:
        entry = self._tool(block.id, block.name)
        refused = block.error and block.text.startswith("refused")
        end = "refused" if refused else "failed" if block.error else "done"
        state = entry.state if entry.state in _TOOL_ENDS else end
        took = entry.took if block.seconds is None else block.seconds
        entry.change(result=clean(block.text), state=state, preview="", took=took)

    # Events

    def take(self, event: Event) -> Heard:
        """Carry on with what happened in this conversation."""
        data = event.data
        if event.type not in AGENT_EVENTS or not self.id or data.get("conversation") != self.id:
            return Heard.NOTHING
        match event.type:
            case EventType.AGENT_STARTED:
                self.busy, self.since, self.unfinished = True, event.at, False
                self._wait_for("", None)
                self.agent, self.model = clean_line(str(data.get("agent", ""))), clean_line(str(data.get("model", "")))
                return Heard.MORE
            case EventType.AGENT_DELTA:
                return self._delta(data)
            case EventType.AGENT_STEP:
                return self._step(event)
            case _:
                return self._completed(data)

    def _delta(self, data: Mapping[str, object]) -> Heard:
        kind, at, text = str(data.get("kind", "text")), data.get("at", 0), str(data.get("text", ""))
        self._wait_for("", None)
        so_far = len(self._live[kind].text) if kind in self._live else 0
        if not isinstance(at, int) or at > so_far:
            return Heard.MORE
        self._say(kind, text[so_far - at :])
        return Heard.SOME

    def _say(self, kind: str, text: str) -> None:
        if kind not in self._live:
            thinking = kind == "thinking"
            rendered = None if thinking else Markdown()
            new = Entry(f"live:{kind}", Kind.THINKING if thinking else Kind.ANSWER, folded=thinking, rendered=rendered)
            new.state = "coming"
            self._live[kind] = new
        self._live[kind].grow(clean(text))

    def _step(self, event: Event) -> Heard:
        data = event.data
        match data.get("what"):
            case "retry" | "notice":
                wait = data.get("wait")
                until = Instant(event.at + wait) if isinstance(wait, (int, float)) else None
                self._wait_for(str(data.get("text", "")), until)
                if data.get("restarted"):
                    self._live = {}
                    self.note("what had come of the answer does not count: it is asked for again")
            case "tool":
                self._tool_step(event)
            case "queue":
                return Heard.MORE
            case _:
                self._to_loose(data.get("number"))
                self._wait_for("", None)
                return Heard.MORE
        return Heard.SOME

    def _wait_for(self, status: str, until: Instant | None) -> None:
        self.status, self.until = clean_line(status), until

    def _to_loose(self, number: object) -> None:
        """The answer that was coming is kept: it stays as it is until it has been read."""
        if isinstance(number, int) and number > self.known:
            for kind, entry in self._live.items():
                entry.change(id=f"loose:{number}:{kind}", number=number, state="")
                self._loose.append(entry)
        self._live = {}

    def _tool_step(self, event: Event) -> None:
        data = event.data
        entry = self._tool(str(data.get("id", "")), str(data.get("name", "")))
        state = str(data.get("state", ""))
        entry.change(state=state)
        if state == "running":
            entry.change(began=event.at, preview="", folded=True)
        elif state in _TOOL_ENDS and entry.began is not None:
            entry.change(took=event.at - entry.began)
        if state == "refused":
            entry.change(preview="", folded=True)
        if data.get("why"):
            entry.change(result=clean(str(data["why"]), limit=2000))
        if data.get("about"):
            entry.change(head=clean_line(f"{data.get('name', '')} {data['about']}", limit=300))
        if entry not in self._loose and not entry.number:
            self._loose.append(entry)

    def _completed(self, data: Mapping[str, object]) -> Heard:
        self.busy, self.since = False, None
        self._wait_for("", None)
        error = data.get("error")
        if isinstance(error, Mapping):
            told = cast("Mapping[str, object]", error)
            # That an answer was cut off stands below it.
            if told.get("code") != CUT:
                self.trouble(str(told.get("message", "the turn failed")), str(told.get("hint", "")))
        self.unfinished = data.get("status") != "completed"
        return Heard.MORE

    # What the workspace says

    def note(self, text: str) -> None:
        """Say something between the messages."""
        self._add(Kind.NOTE, clean(text, limit=4000))

    def trouble(self, text: str, hint: str = "") -> None:
        """Say what went wrong."""
        self._add(Kind.TROUBLE, clean(f"{text}\n{hint}".strip(), limit=4000))

    def command(self, line: str) -> Entry:
        """A command of the person's own begins."""
        entry = self._add(Kind.COMMAND, "")
        entry.change(head=clean_line(line), state="running")
        return entry

    def _add(self, kind: Kind, text: str) -> Entry:
        self._said += 1
        entry = Entry(f"note:{self._said}", kind, text)
        self._notes = [*self._notes[-KEPT_NOTES:], (self.known, entry)]
        return entry

    def asked(self, call: str, text: str) -> None:
        """Show what a call would do, while a person is asked about it."""
        if call in self._tools:
            head, _, more = clean(text, limit=40_000).partition("\n")
            self._tools[call].change(preview=more or head, folded=False)


_UNFINISHED = (Stop.INTERRUPTED.value, Stop.MAX_TOKENS.value)
_NEW = Entry("new", Kind.NEW)
_UNANSWERED = Entry("unanswered", Kind.NOTE, "not answered")
_TOOL_ENDS = ("done", "failed", "refused")
_ENDS: Mapping[str, str] = {
    Stop.INTERRUPTED.value: "interrupted",
    Stop.MAX_TOKENS.value: "cut off: it reached the limit of tokens for one answer (agent.max_tokens)",
    Stop.REFUSAL.value: "the model declined",
    Stop.FULL.value: "the conversation no longer fits into what the model can hold",
}


def about(input: Mapping[str, object]) -> str:
    """What a call is about, in a few words."""
    named = (input[name] for name in _ABOUT if isinstance(input.get(name), str))
    return clean_line(str(next(named, "")), limit=200)
