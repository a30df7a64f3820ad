"""What the processes of running calls use together: the kernel's limits count each process, or all of a person."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from cis_tui.skills.jail.order import Limits

INTERVAL = 0.05
"""Seconds between two looks. A bomb of processes makes a few hundred in this time."""
_MOST_ENTRIES = 20_000
"""Of a temporary folder, in one look; a folder with more counts as too large."""


class Usage(NamedTuple):
    """What a group of processes uses."""

    tasks: int
    """Processes and threads."""
    memory: int
    """Bytes of its own: not of files, nor what it shares with others."""
    written: int
    """Bytes on their way to a disk."""


def groups(wanted: Iterable[int]) -> Mapping[int, Sequence[int]]:
    """The processes of each of the process groups `wanted`."""
    found: dict[int, list[int]] = {group: [] for group in wanted}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            with suppress(OSError):
                group = os.getpgid(int(name))
                if group in found:
                    found[group].append(int(name))
    return found


def usage(pids: Iterable[int]) -> Usage:
    """What these processes use together; those that have ended count as nothing."""
    tasks = memory = written = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            status = _fields(f"/proc/{pid}/status")
            tasks += int(status.get(b"Threads", b"1"))
            memory += sum(int(status.get(kind, b"0").split()[0]) * 1024 for kind in (b"RssAnon", b"RssShmem"))
            io = _fields(f"/proc/{pid}/io")
            written += max(int(io.get(b"write_bytes", b"0")) - int(io.get(b"cancelled_write_bytes", b"0")), 0)
    return Usage(tasks, memory, written)


def excess(pids: Sequence[int], limits: Limits, temporary: str, before: int) -> str:
    """Of what a group uses more than it may: `tasks`, `memory` or `disk`; empty if it keeps to its limits.

    `before`: bytes that it wrote and that do not count.
    """
    if len(pids) > limits.tasks:
        return "tasks"
    used = usage(pids)
    if used.tasks > limits.tasks:
        return "tasks"
    if used.memory > limits.memory:
        return "memory"
    if used.written - before > limits.disk or (temporary and size(temporary, limits.disk) > limits.disk):
        return "disk"
    return ""


def size(folder: str, enough: int) -> int:
    """Bytes of the files below `folder`, counted until they are more than `enough`."""
    total = entries = 0
    waiting = [folder]
    while waiting and total <= enough:
        with suppress(OSError), os.scandir(waiting.pop()) as found:
            for entry in found:
                entries += 1
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        if entries > _MOST_ENTRIES:
            return enough + 1
    return total


def _fields(path: str) -> Mapping[bytes, bytes]:
    """`Name: value` by line."""
    with open(path, "rb") as file:
        lines = (line.partition(b":") for line in file.read().splitlines())
        return {name: value.strip() for name, _, value in lines}
