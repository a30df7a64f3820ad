"""A process that changes the key and is killed at a step: `python -m tests.memory.rekeyer HOME STEP`.

Prints how many steps it came through; STEP -1 is never reached.
"""

from __future__ import annotations

import os
import signal
import sys
from itertools import count
from pathlib import Path

from cis_tui.core.paths import Home
from cis_tui.memory.rekey import Rekey
from cis_tui.memory.service import MemoryService


def main(root: str, last: str) -> None:
    numbers = count()

    def step(done: int, total: int, what: str) -> None:
        number = next(numbers)
        print(f"{number} {what}", flush=True)
        if number == int(last):
            os.kill(os.getpid(), signal.SIGKILL)

    service = MemoryService(Home(Path(root)))
    service.private.rekey(Rekey(), step)
    service.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
