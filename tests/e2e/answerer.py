"""Fires answers at one decision over the engine's socket: `answerer.py HOME DECISION NUMBER COUNT`.

Prints one JSON line an answer: what was said, and what the engine told.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from cis_tui.api.client import RemoteEngine
from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.dag.answers import Edit, Refusal
from cis_tui.dag.views import Decision


async def answer(engine: RemoteEngine, id: str, number: int) -> dict[str, object]:
    """One answer of the seven that there are; every one with a reason of its own."""
    kinds = ("approve", "edit", "alike", "reject", "skip", "fail", "abort")
    kind, reason = kinds[number % len(kinds)], f"answer {number}"
    try:
        match kind:
            case "approve" | "alike":
                made = await engine.decision_approve(id, reason=reason, alike=kind == "alike")
            case "edit":
                made = await engine.decision_approve(id, reason=reason, edit=Edit(command=f"echo {number} >> ran"))
            case _:
                how = None if kind == "reject" else Refusal(kind)
                made = await engine.decision_reject(id, reason=reason, how=how)
    except CisError as error:
        return {"number": number, "kind": kind, "code": error.code, "told": error.message, "context": error.context}
    return {"number": number, "kind": kind, "won": _plain(made)}


def _plain(decision: Decision) -> dict[str, object]:
    return {"status": decision.status.value, "reason": decision.reason, "by": decision.by}


async def main(home: str, id: str, first: int, count: int) -> None:
    """Connect, wait for the start, and fire all at once."""
    engine = await RemoteEngine.connect(Home(Path(home)))
    print("ready", flush=True)
    sys.stdin.readline()
    for told in await asyncio.gather(*(answer(engine, id, first + number) for number in range(count))):
        print(json.dumps(told), flush=True)
    await engine.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
