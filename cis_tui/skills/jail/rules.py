"""The Landlock ruleset of one call: what the system needs, then what the skill was given."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from contextlib import suppress

from cis_tui.skills.jail import system
from cis_tui.skills.jail.order import Access, Network, Order

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
_CHANGE_DIR = 1 << 4 | 1 << 5 | 1 << 7 | 1 << 8 | 1 << 10 | 1 << 12
"""Remove folders and files; make folders, files, pipes and links. Never devices or sockets."""
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | 1 << 15
_HANDLED = ((1, (1 << 13) - 1), (2, _REFER), (3, _TRUNCATE), (5, 1 << 15))
"""Since which version of Landlock which accesses to files can be handled."""
_BIND, _CONNECT = 1, 2
_TCP_SINCE, _SCOPES_SINCE = 4, 6
_SCOPES = 1 | 2
"""No abstract socket and no process outside can be reached."""

SYSTEM = (
    *(
        "/usr/lib",
        "/usr/lib32",
        "/usr/lib64",
        "/usr/include",
        "/usr/share",
        "/usr/local/lib",
        "/usr/local/share",
        "/nix/store",
    ),
    *("/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/ld.so.preload"),
    *("/etc/localtime", "/etc/timezone", "/etc/alternatives", "/etc/locale.alias", "/etc/mime.types", "/etc/magic"),
    *("/etc/nsswitch.conf", "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf"),
    *("/etc/services", "/etc/protocols", "/etc/os-release", "/etc/debian_version", "/etc/gitconfig"),
    *("/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust"),
    *("/run/systemd/resolve/stub-resolv.conf", "/run/systemd/resolve/resolv.conf"),
    *("/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/loadavg", "/proc/uptime", "/proc/version"),
    *("/proc/filesystems", "/proc/sys/kernel", "/proc/sys/vm", "/sys/devices/system/cpu", "/sys/kernel/mm"),
    *("/dev/random", "/dev/urandom"),
)
"""What every program may read: libraries, what comes with them, and how the machine is set up. No names of people."""
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/tty")


class System:
    """Descriptors of what every program may use, opened once."""

    def __init__(self) -> None:
        self._open = [(fd, _bits(Access.READ)) for fd in _opened(SYSTEM)]
        self._open += [(fd, _READ_FILE | _WRITE_FILE) for fd in _opened(DEVICES)]
        self._kinds = {fd: _is_folder(fd) for fd, _ in self._open}

    def allow(self, ruleset: int, handled: int) -> None:
        """Add it to a ruleset."""
        for fd, access in self._open:
            _allow(ruleset, fd, access & handled, folder=self._kinds[fd])


def nothing(version: int) -> int:
    """A ruleset with which no file and no port can be opened any more, for a process that has all that it needs.

    Raises:
        OSError: the kernel has none.
    """
    net = _BIND | _CONNECT if version >= _TCP_SINCE else 0
    return system.create_ruleset(handled_access(version), net, _SCOPES if version >= _SCOPES_SINCE else 0)


def begin(version: int, network: Network, base: System) -> int:
    """A ruleset with what every program may use.

    Raises:
        OSError: the kernel refuses, here and in `complete`.
    """
    net = _BIND | _CONNECT if version >= _TCP_SINCE and network is not Network.ANY else 0
    handled = handled_access(version)
    ruleset = system.create_ruleset(handled, net, _SCOPES if version >= _SCOPES_SINCE else 0)
    base.allow(ruleset, handled)
    return ruleset


def complete(ruleset: int, order: Order, version: int) -> None:
    """Add what `order` allows."""
    handled = handled_access(version)
    for path, access in order.paths:
        with suppress(FileNotFoundError, NotADirectoryError):
            _allow_opened(ruleset, os.open(path, os.O_PATH | os.O_CLOEXEC), access, handled)
    if order.inside:
        project = os.open(order.project, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        for path, access in order.inside:
            with suppress(FileNotFoundError, NotADirectoryError):
                _allow_opened(ruleset, system.open_beneath(project, path), access, handled)
    if version >= _TCP_SINCE:
        for port in order.ports:
            system.allow_port(ruleset, port, _CONNECT)


def handled_access(version: int) -> int:
    """Every access to files that this version of Landlock can refuse."""
    return sum(bits for since, bits in _HANDLED if version >= since)


def _allow_opened(ruleset: int, fd: int, access: int, handled: int) -> None:
    _allow(ruleset, fd, _bits(access) & handled, folder=_is_folder(fd))
    os.close(fd)


def _allow(ruleset: int, fd: int, bits: int, *, folder: bool) -> None:
    bits = bits if folder else bits & _OF_FILES
    if bits:
        system.allow_path(ruleset, fd, bits)


def _bits(access: int) -> int:
    bits = 0
    if access & Access.READ:
        bits |= _READ_FILE | _READ_DIR
    if access & Access.WRITE:
        bits |= _READ_FILE | _READ_DIR | _WRITE_FILE | _TRUNCATE | _CHANGE_DIR | _REFER
    if access & Access.EXECUTE:
        bits |= _READ_FILE | _EXECUTE
    if access & Access.LIST:
        bits |= _READ_DIR
    return bits


def _opened(paths: Iterable[str]) -> Iterable[int]:
    for path in paths:
        with suppress(OSError):
            yield os.open(path, os.O_PATH | os.O_CLOEXEC)


def _is_folder(fd: int) -> bool:
    return stat.S_ISDIR(os.fstat(fd).st_mode)
