"""Ends what an engine leaves behind when it is killed: `python -I -S guardian.py NAME=VALUE`.

A process of its own that holds the reading end of a pipe. When the engine ends, however it ends, the pipe closes, and
every process whose environment has the entry `NAME=VALUE` is killed. It imports nothing but the standard library and
nothing of this package, so that it starts fast and stays small.
"""

import contextlib
import os
import signal
import sys
import time

QUIET_ROUNDS = 3
"""A process that was just being started when the engine died shows its environment a moment later."""
PAUSE = 0.05
MAX_ROUNDS = 200


def marked(*entries: str) -> list[int]:
    """Ids of the living processes of this user whose environment has all of `entries` (`NAME=value`); not our own."""
    wanted = [b"\0" + os.fsencode(entry) + b"\0" for entry in entries]
    own = os.getpid()
    found: list[int] = []
    for pid in _process_ids():
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:
                environment = b"\0" + file.read() + b"\0"
        except OSError:  # it has ended, or belongs to somebody else
            continue
        if pid != own and all(entry in environment for entry in wanted):
            found.append(pid)
    return found


def send(pids: list[int], number: int) -> None:
    """Send the signal `number` to those of `pids` that still live."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def kill_marked(*entries: str, quiet_rounds: int = 1) -> None:
    """Kill the processes that `marked` finds until none is found `quiet_rounds` times in a row. Blocks."""
    quiet = 0
    for _ in range(MAX_ROUNDS):
        pids = marked(*entries)
        send(pids, signal.SIGKILL)
        quiet = 0 if pids else quiet + 1
        if quiet >= quiet_rounds:
            return
        time.sleep(PAUSE)


def _process_ids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdecimal()]
    except FileNotFoundError:
        return []


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 4096):
        pass
    kill_marked(sys.argv[1], quiet_rounds=QUIET_ROUNDS)


if __name__ == "__main__":
    main()
