"""Tools: what a model can do, each call held against the policy, asked about where that says so, and bounded."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from cis_tui.agents.model import Block, BlockKind
from cis_tui.agents.policy import Level, Policy, patterns_for
from cis_tui.agents.provider import ToolSpec
from cis_tui.agents.wire import BROKEN_INPUT
from cis_tui.core.codec import dumps
from cis_tui.core.errors import CisError, Invalid, Refused
from cis_tui.core.text import clean, clean_line, did_you_mean, visible

log = logging.getLogger(__name__)
MAX_RESULT = 40_000
"""Characters of what one call answers."""
MAX_SEEN = 20_000
"""Characters of what a person is shown of one call."""
Input = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Caller:
    """The turn that calls."""

    conversation: str
    turn: str
    project: str
    attended: bool
    """Whether there is a person who can be asked."""
    run: str = ""
    """The run whose task it is; empty outside of any."""
    task: str = ""


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool."""

    spec: ToolSpec
    run: Callable[[Input, Caller], Awaitable[str]]
    """Does it, and gives what the model is told; a `CisError` is told as a failure."""
    level: Level = Level.CONFIRMED
    """Who decides about a call, unless the policy says otherwise."""
    about: Callable[[Input], str] = lambda _: ""
    """What a call is about, such as the path: the policy's patterns and a yes to all alike go by it."""
    preview: Callable[[Input, Caller], Awaitable[str]] | None = None
    """What a person sees before a yes, such as a diff; may raise as `run` does, and then the call fails unasked.

    It is made again after the yes: when it is another one then, the call is not run.
    """
    kin: tuple[str, ...] = ()
    """Other tools that come to the same: what the policy denies them, it denies this one."""
    programs: bool = False
    """Whether it answers what programs said, that may have read anything."""
    alike: Callable[[Input], str] | None = None
    """What a yes to all alike goes by, when that is more than `about`."""
    always_ask: Callable[[Input], str] = lambda _: ""
    """Why a call is asked about whatever the policy allows; empty when it is not."""


@dataclass(frozen=True, slots=True)
class ToolQuestion:
    """What a person is asked about one call."""

    caller: Caller
    call: str
    """Its id."""
    tool: str
    about: str
    text: str
    """The call in words, with its diff where it has one; clean."""
    shown: str
    """The input as JSON, without what is private; what is asked is kept in clear."""
    input: Input
    level: Level
    alike: str | None
    """What is the same in all calls of this conversation for which a yes may hold as well; None: for this one alone."""
    check: Callable[[Input], tuple[str, str]]
    """Words and JSON for another input; raises `CisError` when that would not do."""
    editable: bool = True
    always: tuple[str, ...] = ()
    """Patterns of the policy that fit the call, the narrowest first, for who never wants to be asked again."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """What came of a question."""

    approved: bool
    input: Input
    """As a person may have changed it."""
    reason: str = ""
    by: str = ""


class Ask(Protocol):
    """Asks people, by way of decisions."""

    async def __call__(self, question: ToolQuestion) -> ToolAnswer: ...


Told = Callable[[str, Mapping[str, object]], None]
"""Told of each step of a call: `asked`, `running`, `done`, `failed`, `refused`, and more about it."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """The tools of one turn."""

    tools: Mapping[str, Tool]
    policy: Callable[[], Policy]
    """What holds now: a person may change it while a turn goes on. May block, and raise `CisError`."""
    ask: Ask
    mask: Callable[[str], str] = field(default=lambda text: text)
    """Takes out of a result what must never leave; may block."""
    hide: Callable[[str], str] = field(default=lambda text: text)
    """Takes out of a question what is private; may block."""
    answer: Callable[[str], str] = field(default=lambda text: text)
    """Takes what is private out of what a program answers; may block."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]:
        """The tools as a model is told of them, in a fixed order."""
        return tuple(self.tools[name].spec for name in sorted(self.tools))

    async def call(self, call: Block, caller: Caller, told: Told) -> Block:
        """The result of a call; never raises but for a cancellation."""
        began: list[float] = []

        def timed(state: str, more: Mapping[str, object]) -> None:
            if state == "running":
                began.append(time.monotonic())
            told(state, more)

        try:
            text = await self._call(call, caller, timed)
            error = False
        except _No as no:
            text, error = no.message, True
            told("refused", {"why": no.message})
        except CisError as failure:
            text, error = f"{failure.message}. {failure.hint}".rstrip(". ") + ".", True
            told("failed", {"why": failure.message})
        except Exception as failure:
            log.exception("the tool %s failed", call.name)
            text, error = f"the tool failed: {type(failure).__name__}", True
            told("failed", {"why": text})
        else:
            told("done", {})
        seconds = round(time.monotonic() - began[0], 3) if began else None
        masked = await asyncio.to_thread(self._leaving, call.name, text)
        return Block(BlockKind.TOOL_RESULT, masked, id=call.id, name=call.name, error=error, seconds=seconds)

    async def _call(self, call: Block, caller: Caller, told: Told) -> str:
        tool = self.tools.get(call.name)
        if tool is None:
            hint = did_you_mean(call.name, self.tools) or f"there are {', '.join(sorted(self.tools))}"
            raise Invalid("CIS-AGENT-025", f"there is no tool {clean_line(call.name, limit=60)}", hint=hint)
        input = checked_input(tool.spec, call.input)
        level = await self._level(tool, input, tool.level)
        why = tool.always_ask(input)
        if why and level is not Level.CONFIRMED:
            level = Level.CONFIRMED
        if level is not Level.MECHANICAL:
            input = await self._asked(call.id, tool, input, caller, level, why, told)
        told("running", {})
        return await tool.run(input, caller)

    def _leaving(self, name: str, text: str) -> str:
        """A result as it may leave; it is cut last, so that no half of what is kept back is left."""
        text = clean(text)
        if name in self.tools and self.tools[name].programs:
            text = self.answer(text)
        return bounded(self.mask(text))

    async def _level(self, tool: Tool, input: Input, default: Level) -> Level:
        about = tool.about(input)
        policy = await asyncio.to_thread(self.policy)
        level = policy.level(tool.spec.name, about, default)
        if level is Level.DENY or any(policy.denies(name, about) for name in tool.kin):
            raise _No(f"refused: the policy denies {shown_call(tool.spec.name, about)}")
        return level

    async def permit(
        self, agent: str, caller: Caller, told: Told, call: str, kind: str, input: Input, detail: str
    ) -> bool:
        """Whether a program may do what it asks about: a call of the tool `program_NAME`, about the kind of it."""

        async def nothing(given: Input, caller: Caller) -> str:
            return ""

        async def preview(given: Input, caller: Caller) -> str:
            return f"{given.get('title', '')}\n{detail}"

        spec = ToolSpec(f"program_{agent}", "", schema(["title"], title="what it wants to do"))
        told_apart = "" if kind in ("read", "edit", "search") else detail

        def alike(given: Input) -> str:
            return dumps([kind, given.get("title", ""), told_apart])

        tool = Tool(spec, nothing, about=lambda _: kind, preview=preview, alike=alike)
        box = Toolbox({spec.name: tool}, self.policy, self.ask, self.mask, self.hide)
        result = await box.call(Block(BlockKind.TOOL_USE, id=call, name=spec.name, input=input), caller, told)
        return not result.error

    async def _asked(
        self, call: str, tool: Tool, input: Input, caller: Caller, level: Level, why: str, told: Told
    ) -> Input:
        """The input with which a person lets the call run."""
        text = await self._seen(tool, input, caller, why)
        if not caller.attended:
            raise _No(f"refused: {tool.spec.name} needs a person's yes, and nobody is there to be asked")
        about = tool.about(input)
        given = visible(dumps(input, indent=2))
        shown = await asyncio.to_thread(self.hide, given)

        def check(other: Input) -> tuple[str, str]:
            checked_input(tool.spec, other)
            head = f"{shown_call(tool.spec.name, tool.about(other))}\nas changed by a person"
            return head, visible(dumps(other, indent=2))

        told("asked", {"about": about})
        question = ToolQuestion(
            caller,
            call,
            tool.spec.name,
            about,
            text,
            shown,
            input,
            level,
            alike=None if why else (tool.alike or tool.about)(input),
            check=check,
            editable=shown == dumps(input, indent=2),
            always=() if why else patterns_for(tool.spec.name, about),
        )
        answer = await self.ask(question)
        if not answer.approved:
            raise _No(f"refused by a person{f': {answer.reason}' if answer.reason else ''}")
        changed = checked_input(tool.spec, answer.input)
        await self._level(tool, changed, level)
        if changed == input and await self._seen(tool, input, caller, why) != text:
            what = f"{shown_call(tool.spec.name, about)} would not do any more what the person was shown"
            raise Refused("CIS-AGENT-080", what, hint="look at it again, then call again")
        return changed

    async def _seen(self, tool: Tool, input: Input, caller: Caller, why: str) -> str:
        head = shown_call(tool.spec.name, tool.about(input))
        more = visible(await tool.preview(input, caller)) if tool.preview else ""
        asked = f"asked because {why}" if why else ""
        left = len(more) - MAX_SEEN
        cut = f"{left} characters at its end are not shown" if left > 0 else ""
        text = "\n".join(filter(None, [head, asked, cut, more[:MAX_SEEN]]))
        return await asyncio.to_thread(self.hide, text)


class _No(Exception):
    """A call that may not be."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


def shown_call(name: str, about: str) -> str:
    """A call in words."""
    return clean_line(visible(f"{name} {about}".strip()), limit=300)


def bounded(text: str) -> str:
    """What a model is told of a long result: its beginning and its end."""
    if len(text) <= MAX_RESULT:
        return text
    head, tail = text[: MAX_RESULT * 3 // 4], text[-MAX_RESULT // 4 :]
    return f"{head}\n(… {len(text) - len(head) - len(tail)} characters left out …)\n{tail}"


def checked_input(spec: ToolSpec, input: Input) -> Input:
    """`input` if it fits the schema, as far as our own schemas go: types, required fields, choices, no others.

    Raises:
        Invalid: it does not; the model is told what was expected (CIS-AGENT-026).
    """
    if BROKEN_INPUT in input:
        raise _misfit(spec, "the input was not a JSON object")
    properties = _table(spec.schema.get("properties"))
    for name in input:
        if name not in properties and spec.schema.get("additionalProperties") is False:
            raise _misfit(spec, f'there is no "{clean_line(name, limit=60)}"')
    required = spec.schema.get("required")
    for name in required if isinstance(required, (list, tuple)) else ():  # pyright: ignore[reportUnknownVariableType]
        if name not in input:
            raise _misfit(spec, f'"{name}" is missing')
    for name, value in input.items():
        _check_value(spec, name, value, _table(properties.get(name)))
    return input


def _check_value(spec: ToolSpec, name: str, value: object, wanted: Mapping[str, object]) -> None:
    kinds = _TYPES.get(str(wanted.get("type", "")))
    if kinds is not None and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds)):
        raise _misfit(spec, f'"{clean_line(name, limit=60)}" is not of type {wanted["type"]}')
    choices = wanted.get("enum")
    if isinstance(choices, (list, tuple)) and value not in choices:
        raise _misfit(spec, f'"{name}" is none of {", ".join(map(str, choices))}')  # pyright: ignore[reportUnknownArgumentType]


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}


def _table(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}  # pyright: ignore[reportUnknownVariableType]


def _misfit(spec: ToolSpec, what: str) -> Invalid:
    names = ", ".join(_table(spec.schema.get("properties")))
    return Invalid("CIS-AGENT-026", f"{spec.name}: {what}", hint=f"it takes {names}" if names else "it takes nothing")


def schema(required: Iterable[str] = (), **properties: Mapping[str, object] | str) -> dict[str, object]:
    """A JSON Schema of an object; a property that is a text is a string that this text describes."""
    told = {
        name: {"type": "string", "description": each} if isinstance(each, str) else dict(each)
        for name, each in properties.items()
    }
    return {"type": "object", "properties": told, "required": list(required), "additionalProperties": False}
