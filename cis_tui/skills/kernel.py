"""What this kernel can enforce, and what of a skill's permissions it cannot: said plainly, never passed over."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from cis_tui.skills.model import Permissions, SkillManifest, SkillType

_FILES, _TRUNCATE, _PORTS, _SCOPES = 1, 3, 4, 6
"""Since which version of Landlock (landlock(7), "Previous limitations")."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """What there is to hold a native skill to its permissions."""

    landlock: int
    """Version of Landlock (kernel 5.13 has 1, 6.12 has 6); 0 for none."""
    seccomp: bool
    """System calls can be filtered."""
    counts: bool = True
    """It holds a skill to its number of processes: it asks us before it makes one, or counts those of a user."""


Probe = Callable[[], Kernel]


@cache
def this_kernel() -> Kernel:
    """What this process may use of the kernel it runs on; a container may refuse what the kernel has."""
    import sys

    if sys.platform != "linux":
        return Kernel(0, False)
    from cis_tui.skills.jail import system

    seccomp = system.seccomp_works()
    # RLIMIT_NPROC counts for everybody but root.
    return Kernel(system.landlock_version(), seccomp, os.getuid() != 0 or (seccomp and system.can_listen()))


def not_enforced(permissions: Permissions, kernel: Kernel) -> tuple[str, ...]:
    """What of `permissions` a native skill could overstep on `kernel`, a phrase each; empty when all is enforced."""
    gaps: list[str] = []
    if kernel.landlock < _FILES:
        gaps.append("files and programs (the kernel has no Landlock)")
    elif kernel.landlock < _TRUNCATE:
        gaps.append("emptying files that it may only read (the kernel's Landlock is too old)")
    if kernel.landlock < _SCOPES:
        gaps.append("signals to your other programs (they need Landlock 6, kernel 6.12)")
    if not kernel.seccomp:
        gaps.append("the network, sockets and other programs (no system call can be filtered)")
    elif permissions.network and "*" not in permissions.network:
        if kernel.landlock < _PORTS:
            gaps.append("hosts and ports of the network (they need Landlock 4, kernel 6.7)")
        else:
            gaps.append("hosts of the network: any host can be reached on the ports that it names")
    if not kernel.counts:
        gaps.append("the number of its processes (root is not counted, and nobody can be asked)")
    return tuple(gaps)


def gaps_of(manifest: SkillManifest, kernel: Kernel) -> tuple[str, ...]:
    """What a call of `manifest` could overstep; of a skill that is no program of somebody's, nothing."""
    if manifest.type is not SkillType.NATIVE or manifest.is_own_shell:
        return ()
    return not_enforced(manifest.permissions, kernel)


def asked_why(manifest: SkillManifest, kernel: Kernel) -> str:
    """Why each call of `manifest` is confirmed by a person on `kernel`; empty when nobody is asked."""
    gaps = gaps_of(manifest, kernel)
    return f"it is not held here to all that it may do: {'; '.join(gaps)}" if gaps else ""


def in_words(kernel: Kernel) -> str:
    """What `kernel` has, such as `Landlock 7, seccomp`."""
    parts = [f"Landlock {kernel.landlock}"] if kernel.landlock else []
    return ", ".join([*parts, *(["seccomp"] if kernel.seccomp else [])]) or "nothing"
