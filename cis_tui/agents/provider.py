"""What every model behind CIS speaks: a request in, a stream of typed events out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cis_tui.agents.model import Block, Message, Stop, Usage
from cis_tui.core.errors import Exit, Unavailable


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it."""

    name: str
    description: str
    schema: Mapping[str, object]
    """JSON Schema of its input."""


class Permit(Protocol):
    """Whether a program may do something; asks people where the policy says so."""

    async def __call__(self, call: str, kind: str, input: Mapping[str, object], detail: str) -> bool: ...


CONVERSATION = "CIS_CONVERSATION"
"""Variable that tells an MCP server of ours in which conversation its client talks."""


@dataclass(frozen=True, slots=True)
class ToolServer:
    """An MCP server that has the tools of CIS, for programs that bring their own tools."""

    command: tuple[str, ...]
    """The program's whole path, and its arguments."""
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """Everything that one answer is made from."""

    system: str
    """The same from turn to turn, so that the service can cache it."""
    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    model: str = ""
    max_tokens: int = 16_000
    effort: str = ""
    """low, medium, high or max; empty: the service's own."""
    temperature: float | None = None
    """For services that still take one; others do without."""
    conversation: str = ""
    folder: str = ""
    """The project's."""
    permit: Permit | None = None
    """Asks about what a program wants to do by itself."""
    server: ToolServer | None = None
    """What a program is offered of our tools."""


@dataclass(frozen=True, slots=True)
class TextPiece:
    """More of the answer."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingPiece:
    """More of its thinking."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolPiece:
    """The model begins to call a tool."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that the person has to know about this answer."""

    text: str


@dataclass(frozen=True, slots=True)
class Deed:
    """A program does something with a tool of its own, or tells more of it; the same id is the same deed."""

    call: Block


@dataclass(frozen=True, slots=True)
class DeedDone:
    """It has done it."""

    result: Block


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a program's answer that is whole, and can be kept."""

    blocks: tuple[Block, ...]
    results: tuple[Block, ...]
    """Of the deeds among them."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is whole; always the last event."""

    blocks: tuple[Block, ...]
    stop: Stop
    usage: Usage
    model: str = ""
    detail: str = ""
    """What the service says about a refusal."""
    results: tuple[Block, ...] = ()
    """Of the deeds among the blocks."""
    window: int | None = None
    """Tokens that the model can hold, if that came with the answer."""


ProviderEvent = TextPiece | ThinkingPiece | ToolPiece | Notice | Deed | DeedDone | Step | Finished


class Provider(Protocol):
    """A model, or a program, that answers. To be used on the engine's event loop."""

    def stream(self, request: Request) -> AsyncIterator[ProviderEvent]:
        """The answer as it comes; ends with `Finished`, or raises `ProviderFailure`.

        Closing the iterator, or cancelling who reads it, ends the request at once.
        """
        ...

    async def window(self, model: str) -> int | None:
        """Tokens that `model` can hold; None when nobody knows."""
        ...

    async def close(self) -> None:
        """Let go of connections and programs."""
        ...


@runtime_checkable
class Fitting(Protocol):
    """A provider whose requests are cut to what its model can take, before they are shown as what was sent."""

    async def fit(self, request: Request, notice: Callable[[str], None]) -> Request:
        """`request` as it is sent; `notice` tells a person what happens meanwhile, and what was left out.

        Raises:
            ProviderFailure: nothing of it can be sent.
        """
        ...


class ProviderFailure(Unavailable):
    """No answer, or only a part of one."""

    retryable = False

    def __init__(
        self,
        code: str,
        message: str,
        *,
        hint: str = "",
        again: bool = False,
        wait: float | None = None,
        word: str = "failed",
        exit: Exit = Exit.UNAVAILABLE,
    ) -> None:
        """`again`: another attempt may go well; `wait`: seconds that the service asks to wait before it; `word`: what
        happened, for `overloaded, again in 12 s`."""
        super().__init__(code, message, hint=hint, retryable=again)
        self.wait = wait
        self.word = word
        self.exit = exit
