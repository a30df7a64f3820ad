"""One process of a call, from the fork until it becomes the skill's program."""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Callable, Mapping, Sequence

from cis_tui.skills.jail import rules, syscalls, system
from cis_tui.skills.jail.order import Access, Limits, Network, Order

_RESET = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)


_PRACTICE = Order(0, (), (), "", (), "", (), Network.NONE, (), "", 0, False, False, Limits(0, 0, 0, 0))
"""Pages that were used once since the fork are not copied when it matters."""
_LIMITED = (
    *(resource.RLIMIT_DATA, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE),
    *(resource.RLIMIT_CORE, resource.RLIMIT_NPROC),
)


class Prepared:
    """What is the same for all calls, made before one comes: most of what a jail costs."""

    def __init__(self) -> None:
        self._base = rules.System()
        self._landlock = system.landlock_version()
        self._seccomp = system.seccomp_works()
        self._own: Mapping[tuple[Network, bool, bool], bytes] = {
            (network, writes, asks): syscalls.own(network, writes=writes, asks=asks, machine=system.MACHINE)
            for network in Network
            for writes in (False, True)
            for asks in (False, True)
            if self._seccomp
        }
        self._ceilings = {limit: resource.getrlimit(limit)[1] for limit in _LIMITED}
        self._begun = -1

    def share(self) -> None:
        """Put on this process, and on all that it starts, what every call has.

        Raises:
            OSError: the kernel refuses, here and in all that follow.
        """
        system.drop_capabilities()
        system.gain_nothing()
        if self._seccomp:
            system.filter_calls(syscalls.common(system.MACHINE))

    def begin(self) -> None:
        """Begin the ruleset of the next call, and have at hand what it takes to complete it."""
        os.setsid()
        _restore_signals()
        if self._landlock:
            self._begun = rules.begin(self._landlock, Network.NONE, self._base)
        Order.from_wire(_PRACTICE.to_wire())

    def hold(self, order: Order) -> int:
        """Hold this process to `order`, from now on and for good.

        Gives the descriptor at which it asks before it makes a process; -1 where nobody can be asked.
        """
        if order.landlock > self._landlock or order.seccomp > self._seccomp:
            raise OSError(errno.ENOTSUP, "this kernel cannot enforce what it was found to enforce")
        self._limit(order.limits)
        if self._landlock:
            known = order.network is not Network.ANY
            ruleset = self._begun if known else rules.begin(self._landlock, order.network, self._base)
            rules.complete(ruleset, order, self._landlock)
            system.restrict_self(ruleset)
        return self._filter(order) if self._seccomp else -1

    def _filter(self, order: Order) -> int:
        writes = any(access & Access.WRITE for _, access in order.inside)
        try:
            return system.filter_calls(self._own[order.network, writes, True], listen=True)
        except OSError as error:
            # Whoever confines us may listen already, and there can be one only.
            if error.errno != errno.EBUSY or (order.counts and os.getuid() == 0):
                raise
        system.filter_calls(self._own[order.network, writes, False])
        return -1

    def _limit(self, limits: Limits) -> None:
        most = {
            resource.RLIMIT_DATA: limits.memory,
            resource.RLIMIT_FSIZE: limits.disk,
            resource.RLIMIT_NOFILE: limits.files,
            resource.RLIMIT_CORE: 0,
        }
        if limits.cpu:
            most[resource.RLIMIT_CPU] = limits.cpu
        if os.getuid() != 0:  # root is not held to it
            most[resource.RLIMIT_NPROC] = _tasks() + limits.tasks
        for number, value in most.items():
            ceiling = self._ceilings[number]
            value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
            # A second later than SIGXCPU, which says what it was, comes SIGKILL.
            resource.setrlimit(number, (value, value + (number == resource.RLIMIT_CPU)))


def become(order: Order, stdio: Sequence[int], prepared: Prepared, on_held: Callable[[int], None]) -> None:
    """Turn this process, which has begun, into the program of `order`; does not return.

    `on_held` is called once it is held to the order, and gets what `Prepared.hold` gives.

    Raises:
        OSError: it cannot be started, or not be held to its permissions.
    """
    for target, fd in enumerate(stdio):
        os.dup2(fd, target)
    os.chdir(order.cwd)
    on_held(prepared.hold(order))
    os.execve(order.argv[0], order.argv, dict(order.env))


def _restore_signals() -> None:
    """What Python and the launcher do with signals is none of the program's."""
    signal.set_wakeup_fd(-1)
    for number in _RESET:
        signal.signal(number, signal.SIG_DFL)


def _tasks() -> int:
    """Processes and threads of the machine: RLIMIT_NPROC counts those of the person, wherever they come from."""
    try:
        with open("/proc/loadavg", "rb") as file:
            return int(file.read().split()[3].partition(b"/")[2])
    except (OSError, ValueError, IndexError):
        return 1 << 14
