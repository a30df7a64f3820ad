"""From a skill's manifest to the order that holds its process to it: every path found, every limit a number."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from cis_tui.core.errors import Refused
from cis_tui.core.paths import Home, real
from cis_tui.core.text import clean_line
from cis_tui.skills.grants import leaves_project
from cis_tui.skills.jail.order import Access, Limits, Network, Order
from cis_tui.skills.kernel import Kernel
from cis_tui.skills.model import Mode, Permissions, SkillManifest
from cis_tui.skills.programs import Needs, any_program, cis_needs, command_needs, needs_of
from cis_tui.skills.surroundings import AUTHOR

DEFAULT_LIMITS: Mapping[str, int] = {"memory_mb": 1024, "disk_mb": 256, "processes": 128}
"""Limits of a native skill whose manifest says nothing."""
_DNS = 53
_FRESH = 5.0
"""Seconds for which it is remembered what a program needs to start."""
_SECRETS = (
    *(".ssh", ".gnupg", ".aws", ".azure", ".kube", ".docker", ".netrc", ".git-credentials", ".password-store"),
    *(".npmrc", ".pypirc", ".pgpass", ".mozilla", ".config/gcloud", ".config/gh", ".config/google-chrome"),
    *(".config/chromium", ".local/share/keyrings", ".bash_history", ".zsh_history", ".cis"),
)
"""What of the home folder no permission covers, also where the project is the home folder itself."""
_MOST_AROUND = 2_000
"""Entries of a folder that is granted without some of them."""


def order_for(
    manifest: SkillManifest,
    argv: Sequence[str],
    env: Mapping[str, str],
    *,
    cwd: Path,
    project: str,
    temporary: Path,
    kernel: Kernel,
    home: Home,
) -> Order:
    """What the launcher is to start for a call; `argv` begins with the absolute path of the program.

    What the skill may write is made if it is missing: a folder, or an empty file if the name has a suffix.

    Raises:
        Refused: a path of its permissions leads out of the project (CIS-SKILL-040).
        OSError: such a folder cannot be made.
    """
    granted, path = manifest.permissions, env.get("PATH", os.defpath)
    paths: dict[str, int] = {}
    memory = bool(granted.memory_read or granted.memory_write)
    needs = _needs(argv[0], granted.command, memory, path, project, _now())
    for access, names in ((Access.EXECUTE, needs.execute), (Access.READ, needs.read), (Access.LIST, needs.list)):
        _grant(paths, names, access)
    _grant(paths, [str(real(manifest.folder)), str(AUTHOR)], Access.READ)
    _grant(paths, [str(temporary)], Access.WRITE)
    network, ports = _network(granted)
    return Order(
        id=0,
        argv=tuple(argv),
        env=tuple(env.items()),
        cwd=str(cwd),
        paths=tuple(paths.items()),
        project=os.path.realpath(project) if project else "",
        inside=tuple(_inside(manifest, project, home).items()) if project else (),
        network=network,
        ports=ports,
        temporary=str(temporary),
        landlock=kernel.landlock,
        seccomp=kernel.seccomp,
        counts=kernel.counts,
        limits=limits_of(manifest),
    )


def limits_of(manifest: SkillManifest) -> Limits:
    """What a call of a native skill may use; a warm one has the processor for as long as its time-out lets it."""
    given = {**DEFAULT_LIMITS, **manifest.limits}
    warm = manifest.mode is Mode.WARM
    return Limits(
        memory=given["memory_mb"] << 20,
        cpu=0 if warm else given.get("cpu_secs", int(manifest.timeout) + 1),
        tasks=given["processes"],
        disk=given["disk_mb"] << 20,
    )


@lru_cache(maxsize=256)
def _needs(program: str, commands: tuple[str, ...], memory: bool, path: str, project: str, when: int) -> Needs:
    """What a skill needs to start, and what it may start; `when` keeps this from being remembered for long."""
    needs = needs_of(program, path)
    if "*" in commands:
        needs |= any_program(path)
    for name in commands:
        if name != "*":
            needs |= command_needs(name, path, project)
    return needs | cis_needs(path) if memory else needs


def _network(granted: Permissions) -> tuple[Network, tuple[int, ...]]:
    if "*" in granted.network:
        return Network.ANY, ()
    ports = {int(port) for _, _, port in (host.rpartition(":") for host in granted.network) if port.isdecimal()}
    if not ports:
        return Network.NONE, ()
    return Network.PORTS, tuple(sorted({*ports, _DNS}))  # names are asked for over TCP, see `environment`


def _inside(manifest: SkillManifest, project: str, home: Home) -> Mapping[str, int]:
    """The paths in the project that the skill may read or write, without what is nobody's business."""
    root = os.path.realpath(project)
    kept = _kept(str(home.root), str(Path.home()), _now()) if manifest.permissions.filesystem else ()
    granted: dict[str, int] = {}
    for entry in manifest.permissions.filesystem:
        way, _, named = entry.partition(":")
        access = Access.WRITE if way == "write" else Access.READ
        target = os.path.realpath(os.path.join(root, named))
        if leaves_project(named) or not _is_in(target, root) or any(_is_in(target, path) for path in kept):
            raise Refused(
                "CIS-SKILL-040",
                f"the skill {manifest.name} may not have {clean_line(entry)}: it leads out of the project",
                hint=f"filesystem in {manifest.file} names paths in the project, such as read:. or write:build/",
            )
        if access is Access.WRITE and not os.path.exists(target):
            _make(Path(target), folder=named.endswith("/") or not Path(target).suffix)
        names = _around(Path(target), kept) if any(_is_in(path, target) for path in kept) else [target]
        _grant(granted, (os.path.relpath(path, root) for path in names), access)
    return granted


def _is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder.rstrip('/')}/")


def _now() -> int:
    """What changes when it is time to look again at what was remembered."""
    return int(time.monotonic() / _FRESH)


def _make(path: Path, *, folder: bool) -> None:
    """Make what a skill may write: the kernel gives rights to what is there only."""
    (path if folder else path.parent).mkdir(parents=True, exist_ok=True)
    if not folder:
        path.touch()


@lru_cache(maxsize=8)
def _kept(home: str, person: str, when: int) -> tuple[str, ...]:
    """What nobody gets, as real paths: the CIS home, and what of the folder of a `person` holds secrets."""
    return tuple(os.path.realpath(path) for path in (home, *(os.path.join(person, name) for name in _SECRETS)))


def _around(folder: Path, kept: Sequence[str]) -> list[str]:
    """Everything in `folder` but what is kept; the folder itself, where something could be made, is not in it."""
    found: list[str] = []
    for entry in sorted(folder.iterdir())[:_MOST_AROUND]:
        path = str(entry)
        if any(_is_in(path, each) for each in kept):
            continue
        if any(_is_in(each, path) for each in kept):
            found += _around(entry, kept)
        elif not entry.is_symlink():
            found.append(path)
    return found


def _grant(paths: dict[str, int], names: Iterable[str], access: int) -> None:
    for name in names:
        paths[name] = paths.get(name, 0) | access
