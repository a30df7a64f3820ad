#!/usr/bin/env python3
"""Public memory in a page: how much there is, and what is new."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import cis_skill

SHOWN = 120
"""Characters of a value."""


def digest(call: cis_skill.Call) -> object:
    """Entries that were written in the last `days`, by day, newest first."""
    given = call.input
    entries = [entry for entry in cis_skill.memory_list(given["prefix"]) if entry["domain"] == "public"]
    since = datetime.now(UTC) - timedelta(days=given["days"])
    fresh = sorted((entry for entry in entries if when(entry) >= since), key=when, reverse=True)
    kinds = Counter(entry["index_type"] for entry in fresh)
    head = f"{len(fresh)} of {len(entries)} public entries are from the last {given['days']} days"
    lines = [f"{head}: {', '.join(f'{count} {kind}' for kind, count in kinds.most_common())}" if fresh else head]
    day = ""
    for entry in fresh[: given["limit"]]:
        if entry["created_at"][:10] != day:
            day = entry["created_at"][:10]
            lines += ["", day]
        lines.append(f"  {entry['key']}: {shown(entry['value'])}")
    if len(fresh) > given["limit"]:
        lines.append(f"  … and {len(fresh) - given['limit']} more")
    return "\n".join(lines)


def when(entry: dict[str, Any]) -> datetime:
    """When it was written."""
    return datetime.fromisoformat(entry["created_at"].replace("Z", "+00:00"))


def shown(value: Any) -> str:
    """The first line of a value."""
    if not isinstance(value, str):
        return "bytes"
    line = value.strip().split("\n", 1)[0]
    return line if len(line) <= SHOWN and line == value.strip() else f"{line[:SHOWN]}…"


if __name__ == "__main__":
    cis_skill.run(digest)
