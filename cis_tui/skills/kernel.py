"""What this kernel can enforce, and what of a skill's permissions it cannot: said plainly, never passed over."""

from __future__ import annotations

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


Probe = Callable[[], Kernel]


@cache
def this_kernel() -> Kernel:
    """What this process may use of the kernel it runs on; a container may refuse what the kernel has."""
    import sys

    if sys.platform != "linux":
        return Kernel(0, False)
    from cis_tui.skills.jail import system

    return Kernel(system.landlock_version(), system.seccomp_works())


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
    return tuple(gaps)


def gaps_of(manifest: SkillManifest, kernel: Kernel) -> tuple[str, ...]:
    """What a call of `manifest` could overstep; of a skill that is no program of somebody's, nothing."""
    if manifest.type is not SkillType.NATIVE or manifest.is_own_shell:
        return ()
    return not_enforced(manifest.permissions, kernel)
