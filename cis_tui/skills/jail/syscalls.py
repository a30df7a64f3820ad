"""The seccomp filter of a native skill: a small BPF program that says no to what no skill needs.

Landlock knows files, TCP ports and signals. What it does not know is refused here: sockets of other kinds, and with
them every way to a service of the person's session; other processes; the kernel's own doors. See docs/skills.md.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable, Mapping, Sequence

from cis_tui.skills.jail.numbers import MACHINES
from cis_tui.skills.jail.order import Network

_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_NOTIFY = 0x7FC00000
_LOAD, _AND, _EQUAL, _AT_LEAST, _ANY_OF, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16
_X32 = 0x40000000

_NAMESPACES = 0x7E020000
"""Every CLONE_NEW… flag of clone(2)."""
_FAST_OPEN = 0x20000000
_UNIX, _INET, _INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _PACKETS = 1, 2, 5
_TYPING = (0x5412, 0x541C)
"""ioctl that types into a terminal: TIOCSTI, TIOCLINUX."""

Code = tuple[int, int, int, int]
_YES: Code = (_RETURN, 0, 0, _ALLOW)


_OWN_GROUP = ("setsid", "setpgid")
"""They succeed and change nothing: whatever a skill starts stays in its process group, and ends with it."""
_ABSENT = (
    *("clone3", "io_uring_setup", "io_uring_enter", "io_uring_register", "memfd_create", "memfd_secret"),
    *("inotify_init", "inotify_init1"),
)
"""Programs have another way where the kernel has not these: clone3 hides its flags, inotify tells of folders that
Landlock closes, the others escape the limits."""
_OF_NETWORK = ("socket", "sendto", "sendmsg", "sendmmsg")
_OF_OPEN_FILES = ("fchmod", "fchown", "fsetxattr", "fremovexattr")
"""What changes an open file beside its content: for a skill that may write some."""
_FORKS = ("clone", "fork", "vfork")
_OWN = (*_OWN_GROUP, *_OF_NETWORK, *_OF_OPEN_FILES, *_FORKS)
_WITH_ARGUMENTS = ("ioctl", "socketpair", "prlimit64", "setpriority", "sched_setaffinity", "utimensat")


def common(machine: str) -> bytes:
    """The part that the launcher puts on itself, and so on all that it starts: what neither it nor a skill needs.

    The kernel asks both parts of the filter, and the sterner answer counts (seccomp(2)).
    """
    calls = MACHINES[machine].calls.items()
    return _program(machine, [_rule(number, _common(name)) for name, number in calls if name not in _OWN])


def own(network: Network, *, writes: bool, machine: str, asks: bool = False) -> bytes:
    """The part of one skill, which may use `network`.

    `writes`: it may write files somewhere; `asks`: whoever listens to the filter is asked before a process or a thread
    is made, so that no bomb outruns the count.
    """
    calls = MACHINES[machine].calls
    made: Code = (_RETURN, 0, 0, _NOTIFY if asks else _ALLOW)
    forks: Mapping[str, Sequence[Code]] = {
        "clone": [_argument(0), (_ANY_OF, 0, 1, _NAMESPACES), _no(errno.EPERM), made],
        "fork": [made],
        "vfork": [made],
    }
    rules = [_rule(calls[name], [_no(0)]) for name in _OWN_GROUP]
    rules += [_rule(calls[name], forks[name]) for name in _FORKS if name in calls]
    rules += [_rule(calls[name], _of_network(name, network)) for name in _OF_NETWORK]
    if not writes:
        rules += [_rule(calls[name], [_no(errno.EPERM)]) for name in _OF_OPEN_FILES]
    return _program(machine, rules)


def _program(machine: str, rules: Iterable[Sequence[Code]]) -> bytes:
    codes: list[Code] = [
        (_LOAD, 0, 0, _ARCH),
        (_EQUAL, 1, 0, MACHINES[machine].arch),
        _no(errno.EPERM),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine == "x86_64":
        codes += [(_AT_LEAST, 0, 1, _X32), _no(errno.EPERM)]
    codes += [code for rule in rules for code in rule]
    codes.append(_YES)
    return b"".join(struct.pack("<HBBI", *code) for code in codes)


def _rule(number: int, body: Sequence[Code]) -> Sequence[Code]:
    """`body` for the call `number`; it ends in an answer, as it may forget which call it is."""
    return [(_EQUAL, 0, len(body), number), *body] if body else ()


def _of_network(name: str, network: Network) -> Sequence[Code]:
    if name == "socket":
        return _socket(network)
    if network is not Network.PORTS:
        return ()
    flags = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}[name]  # a connection that Landlock does not see
    return [_argument(flags), (_ANY_OF, 0, 1, _FAST_OPEN), _no(errno.EPERM), _YES]


def _common(name: str) -> Sequence[Code]:
    if name in _WITH_ARGUMENTS:
        return _of_arguments(name)
    return [_no(errno.ENOSYS if name in _ABSENT else errno.EPERM)]


def _of_arguments(name: str) -> Sequence[Code]:
    if name == "ioctl":
        refused = [code for typing in _TYPING for code in ((_EQUAL, 0, 1, typing), _no(errno.EPERM))]
        return [_argument(1), *refused, _YES]
    if name == "socketpair":
        return _socketpair()
    if name == "utimensat":  # without a path it is about an open file
        return [
            *(_argument(1), (_EQUAL, 0, 3, 0)),
            *(_argument(1, high=True), (_EQUAL, 0, 1, 0), _YES, _no(errno.EPERM)),
        ]
    if name == "setpriority":  # of itself, as nice(2) does
        return [*_only(0, 0), *_only(1, 0), _YES]
    return [*_only(0, 0), _YES]  # about itself: prlimit64, sched_setaffinity


def _socket(network: Network) -> Sequence[Code]:
    no = _no(errno.EPERM)
    if network is Network.NONE:
        return [no]
    family = [_argument(0), (_EQUAL, 2, 0, _INET), (_EQUAL, 1, 0, _INET6), no]
    kind: list[Code] = [_argument(1), (_AND, 0, 0, 0xF), (_EQUAL, 1 + (network is Network.ANY), 0, _STREAM)]
    if network is Network.ANY:
        return [*family, *kind, (_EQUAL, 1, 0, _DATAGRAM), no, _YES]
    tcp = [_argument(2), (_EQUAL, 2, 0, 0), (_EQUAL, 1, 0, 6), no, _YES]
    return [*family, *kind, no, *tcp]


def _socketpair() -> Sequence[Code]:
    """Only what stays connected: a pair of datagrams can be sent to any unix socket by its path."""
    no = _no(errno.EPERM)
    family = [_argument(0), (_EQUAL, 1, 0, _UNIX), no]
    return [*family, _argument(1), (_AND, 0, 0, 0xF), (_EQUAL, 1, 0, _STREAM), (_EQUAL, 0, 1, _PACKETS), _YES, no]


def _only(argument: int, value: int) -> Sequence[Code]:
    """Refuse unless the low half of an argument is `value`."""
    return [_argument(argument), (_EQUAL, 1, 0, value), _no(errno.EPERM)]


def _argument(number: int, *, high: bool = False) -> Code:
    return (_LOAD, 0, 0, _ARGUMENTS + 8 * number + 4 * high)


def _no(error: int) -> Code:
    return (_RETURN, 0, 0, _ERRNO | error)
