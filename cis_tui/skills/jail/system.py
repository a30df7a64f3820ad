"""The few calls of the kernel that Python does not know (landlock(7), seccomp(2), prctl(2), openat2(2))."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from threading import Thread

MACHINE = os.uname().machine
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_CAPSET = {"x86_64": 126, "aarch64": 91}
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_OPENAT2 = 437

_PR_SET_PDEATHSIG, _PR_CAPBSET_DROP, _PR_SET_CHILD_SUBREAPER, _PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
_NEW_LISTENER = 8
_ALLOW_ALL = b"\x06\0\0\0\0\0\xff\x7f"
"""A filter that returns SECCOMP_RET_ALLOW."""
_BENEATH = 0x08 | 0x02
"""RESOLVE_BENEATH, RESOLVE_NO_MAGICLINKS."""
_KEPT_CAPABILITIES = 1 << 0 | 1 << 1 | 1 << 3 | 1 << 4
"""CHOWN, DAC_OVERRIDE, FOWNER, FSETID: what makes root root among files, which Landlock bounds."""
_CAPABILITIES = 41

_libc = ctypes.CDLL(None, use_errno=True)
_call: Callable[..., int] = _libc.syscall
_prctl: Callable[..., int] = _libc.prctl


class _RulesetAttr(ctypes.Structure):
    _fields_ = (("fs", ctypes.c_uint64), ("net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("access", ctypes.c_uint64), ("fd", ctypes.c_int32))


class _NetPort(ctypes.Structure):
    _fields_ = (("access", ctypes.c_uint64), ("port", ctypes.c_uint64))


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


class _FilterProgram(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


class _CapHeader(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


_CapData = ctypes.c_uint32 * 6


def landlock_version() -> int:
    """The version of Landlock that this kernel offers us; 0 for none."""
    return max(_call(_LANDLOCK_CREATE, None, 0, 1), 0)


def seccomp_works() -> bool:
    """Whether this kernel lets us filter system calls, on a machine whose calls we know."""
    if MACHINE not in _SECCOMP:
        return False
    errno_action = ctypes.c_uint32(0x00050000)
    return _call(_SECCOMP[MACHINE], 2, 0, ctypes.byref(errno_action)) == 0


def can_listen() -> bool:
    """Whether a filter can ask somebody before a system call is made: not where whoever confines us does already.

    Tried out by a thread that ends with it: a filter is for good.
    """
    found: list[bool] = []

    def attempt() -> None:
        try:
            gain_nothing()
            os.close(filter_calls(_ALLOW_ALL, listen=True))
            found.append(True)
        except OSError:
            found.append(False)

    thread = Thread(target=attempt, name="cis-probe")
    thread.start()
    thread.join()
    return found == [True]


def create_ruleset(fs: int, net: int, scoped: int) -> int:
    """The descriptor of a new ruleset that handles these accesses.

    Raises:
        OSError: the kernel has none, here and in all that follow.
    """
    attr = _RulesetAttr(fs, net, scoped)
    size = 24 if scoped else 16 if net else 8
    return _checked(_call(_LANDLOCK_CREATE, ctypes.byref(attr), size, 0), "landlock_create_ruleset")


def allow_path(ruleset: int, fd: int, access: int) -> None:
    """Allow `access` to the file or below the folder that is open as `fd`."""
    rule = _PathBeneath(access, fd)
    _checked(_call(_LANDLOCK_ADD, ruleset, 1, ctypes.byref(rule), 0), "landlock_add_rule")


def allow_port(ruleset: int, port: int, access: int) -> None:
    """Allow `access` to a TCP port."""
    rule = _NetPort(access, port)
    _checked(_call(_LANDLOCK_ADD, ruleset, 2, ctypes.byref(rule), 0), "landlock_add_rule")


def restrict_self(ruleset: int) -> None:
    """Be held to `ruleset` from now on."""
    _checked(_call(_LANDLOCK_RESTRICT, ruleset, 0), "landlock_restrict_self")


def filter_calls(program: bytes, *, listen: bool = False) -> int:
    """Be held to the seccomp filter `program` from now on; with `listen`, the descriptor that it asks through."""
    attr = _FilterProgram(len(program) // 8, program)
    return _checked(_call(_SECCOMP[MACHINE], 1, _NEW_LISTENER if listen else 0, ctypes.byref(attr)), "seccomp")


def gain_nothing() -> None:
    """No program that is started from here on gains rights by being started."""
    _checked(_prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")


def drop_capabilities() -> None:
    """Keep of root's powers those over files only; for anybody else this changes nothing."""
    if os.geteuid() != 0:
        return
    for number in range(_CAPABILITIES):
        if not _KEPT_CAPABILITIES >> number & 1:
            _prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)
    header = _CapHeader(0x20080522, 0)
    kept = _KEPT_CAPABILITIES
    data = _CapData(kept, kept, 0, 0, 0, 0)
    _checked(_call(_CAPSET[MACHINE], ctypes.byref(header), ctypes.byref(data)), "capset")


def die_with_parent(signal: int) -> None:
    """Get `signal` when the thread that started this process ends."""
    _checked(_prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0), "pdeathsig")


def adopt_orphans() -> None:
    """Become the parent of what the processes below leave behind."""
    _checked(_prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "subreaper")


def open_beneath(folder: int, path: str) -> int:
    """Open a path that stays below `folder`, whatever links lie on the way, only to name it."""
    how = _OpenHow(os.O_PATH | os.O_CLOEXEC, 0, _BENEATH)
    name = os.fsencode(path)
    return _checked(_call(_OPENAT2, folder, name, ctypes.byref(how), ctypes.sizeof(how)), path)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
