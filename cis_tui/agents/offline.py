"""The agent without a model: tells what memory knows, and plainly that nobody thought about it."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from cis_tui.agents.model import Block, BlockKind, Role, Stop, Usage
from cis_tui.agents.provider import Finished, ProviderEvent, Request, TextPiece

NO_MODEL = "No model is configured, so nobody thought about this."
_HOW = (
    "To ask a model: set ANTHROPIC_API_KEY for Claude, or agent.base_url for a server on this machine, or install a "
    "small one that needs neither (docs/agents.md tells how; cis agent list shows what is there)."
)


class OfflineProvider:
    """Implements `Provider` without any."""

    async def stream(self, request: Request) -> AsyncGenerator[ProviderEvent]:
        """What memory gave to the newest prompt, at once."""
        context = next(
            (
                block.text
                for message in reversed(request.messages)
                if message.role is Role.USER
                for block in message.blocks
                if block.kind is BlockKind.CONTEXT
            ),
            "",
        )
        found = context.partition("\n")[2]
        known = f"Memory knows:\n\n{_listed(found)}" if found else "Of what agents see, memory has nothing that fits."
        text = f"{NO_MODEL} {known}\n\n{_HOW}"
        yield TextPiece(text)
        yield Finished((Block(BlockKind.TEXT, text),), Stop.END, Usage(), request.model)

    async def window(self, model: str) -> int | None:
        """There is none."""
        return None

    async def close(self) -> None:
        """Nothing to let go of."""


def _listed(lines: str) -> str:
    return "\n".join(f"- {line}" for line in lines.splitlines())
