"""A process that writes: `python -m tests.memory.writer HOME NAME COUNT`; prints each key once it is durable.

The keys go to both domains, and every fifth write is of a key that all processes write.
"""

from __future__ import annotations

import sys
from pathlib import Path

from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService


def main(root: str, name: str, count: str) -> None:
    service = MemoryService(Home(Path(root)), node=f"did:key:z6Mk{name}")
    for number in range(int(count)):
        key = "shared" if number % 5 == 4 else f"{name}/{number}"
        domain = Domain.PUBLIC if number % 2 else Domain.PRIVATE
        service.set(MemoryWrite(key, f"{name} {number}", domain))
        print(f"{key}={name} {number}", flush=True)
    service.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
