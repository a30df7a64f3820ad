"""What a conversation is made of, and how every face sees it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cis_tui.core.clock import Instant


class Role(StrEnum):
    """Who says a message; the results of tools are the user's, as the wire format has it."""

    USER = "user"
    ASSISTANT = "assistant"


class BlockKind(StrEnum):
    """What a part of a message is."""

    TEXT = "text"
    CONTEXT = "context"
    """What memory had to say to a prompt; sent with it, typed by nobody."""
    THINKING = "thinking"
    REDACTED = "redacted"
    """Thinking that only the service can read."""
    TOOL_USE = "tool_use"
    TOOL_RESULT = "tool_result"


@dataclass(frozen=True, slots=True)
class Block:
    """One part of a message."""

    kind: BlockKind
    text: str = ""
    """What is said; of a result what the tool answered."""
    id: str = ""
    """Of a tool's call, and of its result."""
    name: str = ""
    """The tool."""
    input: Mapping[str, object] = field(default_factory=dict[str, object])
    error: bool = False
    """Of a result: the tool failed or was refused."""
    signature: str = ""
    """What proves to the service that thinking is its own; holds for `model` alone."""
    model: str = ""
    keys: tuple[str, ...] = ()
    """The entries of memory that a context is made of."""
    by: str = ""
    """The program that did this with a tool of its own; empty for a call of one of ours."""
    seconds: float | None = None
    """Of a result: how long the tool ran; None when it did not, or nobody knows."""


class Stop(StrEnum):
    """Why an answer ended."""

    END = "end_turn"
    TOOL_USE = "tool_use"
    MAX_TOKENS = "max_tokens"
    SEQUENCE = "stop_sequence"
    PAUSE = "pause_turn"
    REFUSAL = "refusal"
    FULL = "model_context_window_exceeded"
    INTERRUPTED = "interrupted"
    """A person stopped it, or the engine ended."""
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Usage:
    """What one answer took, in tokens, as the service counts them."""

    input: int = 0
    """Without what was read from the cache, or written to it."""
    output: int = 0
    cache_read: int = 0
    cache_written: int = 0
    cost: float | None = None
    """US dollars; None where no price is known."""

    @property
    def context(self) -> int:
        """Tokens that the conversation holds after this answer."""
        return self.input + self.cache_read + self.cache_written + self.output


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation, as it is kept."""

    role: Role
    blocks: tuple[Block, ...]
    at: Instant
    number: int = 0
    """Its place in the conversation, from 1."""
    turn: str = ""
    """The prompt that it belongs to, and all that follows from that."""
    agent: str = ""
    model: str = ""
    stop: str = ""
    """See `Stop`; of an answer only."""
    usage: Usage | None = None
    window: int | None = None
    """Tokens that the model can hold."""

    @property
    def text(self) -> str:
        """What is said in it."""
        return "\n\n".join(block.text for block in self.blocks if block.kind is BlockKind.TEXT and block.text)

    @property
    def calls(self) -> tuple[Block, ...]:
        """The calls of our tools in it."""
        return tuple(block for block in self.blocks if block.kind is BlockKind.TOOL_USE and not block.by)

    @property
    def deeds(self) -> tuple[Block, ...]:
        """What a program did in it with tools of its own."""
        return tuple(block for block in self.blocks if block.kind is BlockKind.TOOL_USE and block.by)


class Activity(StrEnum):
    """What a conversation does now."""

    IDLE = "idle"
    WORKING = "working"
    ASKING = "asking"
    """It waits for a person's decision about a call of a tool."""


CUT = "CIS-AGENT-022"
"""The code of an answer that reached its limit of tokens; what there is of it is kept."""
GO_ON = "Go on exactly where you stopped."
"""What a person says then."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation at one glance."""

    id: str
    project: str
    """The folder; empty outside of any."""
    title: str
    agent: str
    model: str
    created_at: Instant
    updated_at: Instant
    messages: int = 0
    input: int = 0
    """Tokens of all answers together, cached ones included."""
    output: int = 0
    cost: float | None = None
    """US dollars of all answers whose price is known; None when none is."""
    context: int = 0
    """Tokens that it holds now."""
    window: int | None = None
    forked_from: str = ""
    activity: Activity = Activity.IDLE
    queued: tuple[str, ...] = ()
    """Prompts that wait for their turn."""
    attended: bool = False
    """A turn goes on about whose calls of tools somebody can be asked."""


@dataclass(frozen=True, slots=True)
class ConversationView:
    """A conversation with what was said."""

    conversation: Conversation
    messages: tuple[Message, ...]
    """All, or those after the number that was asked for."""
    turn: str = ""
    """The turn that goes on; empty when it is idle."""
    partial: str = ""
    """What the answer that is coming says so far; AgentDelta events go on from its length."""
    thinking: str = ""
    """The same of its thinking."""
    notice: str = ""
    """What is waited for, such as `overloaded, again in 90 s (2/5)`."""
    until: Instant | None = None
    """When that wait ends."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a prompt that was sent."""

    conversation: str
    turn: str
    queued: bool = False
    """It waits until the present turn is done."""
    steers: bool = False
    """It joins the present turn at its next step."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What a stop has ended."""

    answer: bool
    """An answer was coming."""
    tools: tuple[str, ...] = ()
    """Calls of tools that were going on, or waited for a decision."""
    queued: tuple[str, ...] = ()
    """Prompts that were waiting, taken out of the queue."""


@dataclass(frozen=True, slots=True)
class AgentInfo:
    """An agent that can be asked."""

    name: str
    kind: str
    """messages (a service that speaks the Messages API), program (speaks ACP), file (a model that a process of ours
    runs) or offline."""
    model: str = ""
    where: str = ""
    """The service's address, the program's command, or the model's file."""
    description: str = ""
    ready: bool = True
    problem: str = ""
    """Why it is not ready, and what to do."""
    default: bool = False


@dataclass(frozen=True, slots=True)
class ContextItem:
    """One thing in a part of what a request holds."""

    name: str
    """The key of an entry of memory, the name of a tool, or whose words: person, agent, tools."""
    tokens: int
    """Estimated, 4 characters to one."""


@dataclass(frozen=True, slots=True)
class ContextPart:
    """One part of what a request holds."""

    name: str
    """guide, project, skills, tools, memory, history."""
    text: str
    tokens: int
    """Estimated, 4 characters to one."""
    items: tuple[ContextItem, ...] = ()
    """What it is made of, of memory, tools and history; in the order of the text, the history by whose words."""


@dataclass(frozen=True, slots=True)
class ContextView:
    """What was sent with the newest request of a conversation, or what the next one would begin with."""

    agent: str
    model: str
    parts: tuple[ContextPart, ...]
    keys: tuple[str, ...]
    """The entries of memory in it."""
    sent: bool
    """Whether it has been sent already."""


@dataclass(frozen=True, slots=True)
class FileUndo:
    """What became of one file that an agent wrote, when that was taken back."""

    path: str
    """Relative to the project."""
    done: bool
    why: str = ""
    """Why not; it was changed since by somebody else, such as."""


@dataclass(frozen=True, slots=True)
class ToolRule:
    """What the policy says about calls of tools."""

    pattern: str
    """The tool, and after a colon what it is about, both with `*`: `file_write:docs/*`."""
    level: str
    """mechanical, recommended, confirmed, or deny."""
    source: str = "default"
    """`default`, or the file that says so."""
