"""What a kernel cannot enforce is said, and asked about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.skills.jail import syscalls
from cis_tui.skills.jail.numbers import MACHINES
from cis_tui.skills.jail.order import Network
from cis_tui.skills.kernel import Kernel, asked_why, in_words, not_enforced
from cis_tui.skills.model import Permissions, SkillOrigin, SkillType
from tests.skills.natives import skill

WHOLE = Kernel(7, True)
HOSTS = Permissions(network=("example.org:443",))


@pytest.mark.parametrize(
    ("kernel", "permissions", "gaps"),
    [
        (WHOLE, Permissions(), []),
        (WHOLE, Permissions(network=("*",)), []),
        (WHOLE, HOSTS, ["hosts of the network: any host can be reached on the ports"]),
        (Kernel(5, True), Permissions(), ["signals to your other programs"]),
        (Kernel(3, True), HOSTS, ["signals", "hosts and ports of the network"]),
        (Kernel(2, True), Permissions(), ["emptying files", "signals"]),
        (Kernel(0, True), Permissions(), ["files and programs", "signals"]),
        (Kernel(7, False), Permissions(), ["the network, sockets"]),
        (Kernel(7, True, counts=False), Permissions(), ["the number of its processes"]),
        (Kernel(0, False), HOSTS, ["files and programs", "signals", "the network, sockets"]),
    ],
)
def test_every_gap_has_a_phrase(kernel: Kernel, permissions: Permissions, gaps: list[str]) -> None:
    found = not_enforced(permissions, kernel)
    assert len(found) == len(gaps)
    assert all(phrase.startswith(gap) for phrase, gap in zip(found, gaps, strict=True))


def test_only_programs_of_somebody_are_asked_about(tmp_path: Path) -> None:
    native = skill(tmp_path / "skill", "true")
    assert asked_why(native, WHOLE) == ""
    assert asked_why(native, Kernel(0, True)).startswith(
        "it is not held here to all that it may do: files and programs"
    )
    assert asked_why(replace(native, type=SkillType.WASM), Kernel(0, False)) == ""
    assert asked_why(replace(native, name="shell", origin=SkillOrigin.SHIPPED), Kernel(0, False)) == ""
    assert asked_why(replace(native, name="shell"), Kernel(0, False)), "a skill of that name is no shell of one's own"


def test_a_kernel_in_words() -> None:
    assert [in_words(kernel) for kernel in (WHOLE, Kernel(0, True), Kernel(0, False))] == [
        "Landlock 7, seccomp",
        "seccomp",
        "nothing",
    ]


@pytest.mark.parametrize("machine", MACHINES)
def test_each_call_has_its_own_number(machine: str) -> None:
    numbers = MACHINES[machine].calls
    assert len(set(numbers.values())) == len(numbers)


class Filter:
    """Runs a BPF program as the kernel does (seccomp(2)): what it answers to a system call."""

    def __init__(self, code: bytes, arch: int) -> None:
        self.code = [
            (
                int.from_bytes(code[at : at + 2], "little"),
                code[at + 2],
                code[at + 3],
                int.from_bytes(code[at + 4 : at + 8], "little"),
            )
            for at in range(0, len(code), 8)
        ]
        self.arch = arch

    def answer(self, number: int, *args: int, arch: int | None = None) -> int | None:
        """The error that the call gets; None if it is let through."""
        words = [number, self.arch if arch is None else arch, 0, 0]
        for value in (*args, *[0] * (6 - len(args))):
            words += [value & 0xFFFFFFFF, value >> 32]
        at = held = 0
        while True:
            code, yes, no, value = self.code[at]
            at += 1
            if code == 0x20:
                held = words[value // 4]
            elif code == 0x54:
                held &= value
            elif code == 0x06:
                return None if value == 0x7FFF0000 else value & 0xFFFF
            else:
                holds = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
                at += yes if holds else no


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("writes", [False, True])
@pytest.mark.parametrize("network", Network)
def test_the_filter_says_what_the_docs_say(machine: str, network: Network, writes: bool) -> None:
    known = MACHINES[machine]
    filters = [
        Filter(code, known.arch)
        for code in (syscalls.common(machine), syscalls.own(network, writes=writes, asks=False, machine=machine))
    ]

    def says(name: str, *args: int) -> int | None:
        answers = [each.answer(known.calls[name], *args) for each in filters]
        return next((answer for answer in answers if answer is not None), None)

    some, any_ = network is not Network.NONE, network is Network.ANY
    assert [says("socket", family, 1) for family in (1, 2, 10, 16, 17)] == [1, *[None if some else 1] * 2, 1, 1]
    assert [says("socket", 2, kind) for kind in (2 | 0o2000000, 3)] == [None if any_ else 1, 1]
    assert says("socket", 2, 1, 132) == (None if any_ else 1), "another protocol than TCP"
    assert [says("socketpair", *kind) for kind in ((1, 1), (1, 5 | 0o2000000))] == [None] * 2
    assert [says("socketpair", *kind) for kind in ((1, 2), (1, 3), (1, 6), (30, 1))] == [1] * 4, "it reaches others"
    assert says("sendto", 3, 0, 0, 0x20000000) == (1 if network is Network.PORTS else None)
    assert (says("setsid"), says("setpgid", 0, 0)) == (0, 0)
    assert (says("clone", 17), says("clone", 0x10000011), says("clone3")) == (None, 1, 38)
    assert (says("ioctl", 0, 0x5401), says("ioctl", 0, 0x5412)) == (None, 1)
    assert (says("prlimit64", 0), says("prlimit64", 77)) == (None, 1)
    assert (says("setpriority", 0, 0), says("setpriority", 0, 77), says("setpriority", 2, 0)) == (None, 1, 1)
    assert (says("utimensat", 3, 0), says("utimensat", 3, 1 << 40), says("utimensat", 3, 4096)) == (None, 1, 1)
    assert says("fchmod", 3) == (None if writes else 1)
    assert [says(name) for name in ("ptrace", "mount", "bpf", "keyctl", "fchmodat", "kexec_load")] == [1] * 6
    shared = ("shmget", "shmat", "shmctl", "semop", "semtimedop", "semctl", "msgsnd", "msgrcv", "msgctl", "mq_unlink")
    assert [says(name) for name in shared] == [1] * len(shared), "an id is enough to get at what others share"
    assert (says("io_uring_setup"), says("memfd_create"), says("inotify_init1")) == (38, 38, 38)
    assert filters[0].answer(1_000, arch=0x40000003) == 1, "another machine's calls"
