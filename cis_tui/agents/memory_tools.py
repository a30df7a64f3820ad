"""Memory as tools."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from cis_tui.agents.memory import AgentMemory, shown
from cis_tui.agents.policy import Level
from cis_tui.agents.provider import ToolSpec
from cis_tui.agents.tools import Caller, Input, Tool, schema
from cis_tui.memory.records import Domain

_KEY = "the whole key, such as user/preference/theme"


def memory_tools(memory: AgentMemory, default_domain: Callable[[str], Domain | None]) -> tuple[Tool, ...]:
    """Get, search, list and set; what may be read is up to `memory`."""

    async def get(input: Input, caller: Caller) -> str:
        return shown(await asyncio.to_thread(memory.get, str(input["key"])))

    async def search(input: Input, caller: Caller) -> str:
        limit = min(max(_whole(input.get("limit"), 8), 1), 50)
        items = await asyncio.to_thread(lambda: memory.search(str(input["query"]), limit=limit))
        return "\n".join(f"{item.key}: {shown(item)[:2000]}" for item in items) or "nothing that may be read fits"

    async def list_keys(input: Input, caller: Caller) -> str:
        limit = _whole(input.get("limit"), 100)
        keys = await asyncio.to_thread(lambda: memory.list(str(input.get("prefix", "")), limit=limit))
        return "\n".join(keys) or "no key that may be read begins so"

    async def set_entry(input: Input, caller: Caller) -> str:
        domain = Domain(str(input["domain"])) if "domain" in input else None
        default = await asyncio.to_thread(default_domain, caller.project)
        key, value = str(input["key"]), str(input["value"])
        item = await asyncio.to_thread(lambda: memory.set(key, value, domain=domain, default_domain=default))
        hidden = "" if memory.may_read(item) else "; agents cannot read it back"
        return f"kept as a {item.domain.value} entry{hidden}"

    async def preview(input: Input, caller: Caller) -> str:
        where = str(input.get("domain", "private unless the project says otherwise"))
        there = "\ninstead of what you have there now" if await asyncio.to_thread(memory.has, str(input["key"])) else ""
        return f"{where}{there}\n\n{input['value']}"

    limit = {"type": "integer", "description": "how many at most"}
    return (
        Tool(
            ToolSpec("memory_get", "Read one entry of the person's memory.", schema(["key"], key=_KEY)),
            get,
            level=Level.MECHANICAL,
            about=_key,
        ),
        Tool(
            ToolSpec(
                "memory_search",
                "Find entries of the person's memory by words and by meaning.",
                schema(["query"], query="what is looked for", limit=limit),
            ),
            search,
            level=Level.MECHANICAL,
        ),
        Tool(
            ToolSpec(
                "memory_list",
                "List keys of the person's memory.",
                schema(prefix="what the keys begin with; all without it", limit=limit),
            ),
            list_keys,
            level=Level.MECHANICAL,
        ),
        Tool(
            ToolSpec(
                "memory_set",
                "Remember something for the person, for good.",
                schema(
                    ["key", "value"],
                    key=_KEY,
                    value="the text to keep",
                    domain={
                        "type": "string",
                        "enum": [domain.value for domain in Domain],
                        "description": "who may see it",
                    },
                ),
            ),
            set_entry,
            level=Level.CONFIRMED,
            about=_key,
            preview=preview,
        ),
    )


def _key(input: Input) -> str:
    return str(input.get("key", ""))


def _whole(value: object, default: int) -> int:
    return value if isinstance(value, int) else default
