"""A process that archives and is killed: `python -m tests.memory.archiving HOME NOW STEP TIMES`.

It archives what is due at the moment NOW, and kills itself when STEP was done for the TIMESth time.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from cis_tui.core.clock import Instant
from cis_tui.core.paths import Home
from cis_tui.memory.service import MemoryService


def main(root: str, now: str, step: str, times: str) -> None:
    left = int(times)

    def done(name: str) -> None:
        nonlocal left
        left -= name == step
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)

    service = MemoryService(Home(Path(root)), node="n", clock=lambda: Instant(float(now)), hot_weeks=1, total_weeks=2)
    service.archive(on_step=done)
    service.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
