"""How a native skill ended that came up against its limits or permissions, in words."""

from __future__ import annotations

import signal
from collections.abc import Mapping

from cis_tui.core.errors import CisError, Unavailable
from cis_tui.skills.jail.order import Limits
from cis_tui.skills.model import SkillManifest
from cis_tui.skills.process import Ended

_CODES: Mapping[int, str] = {128 + signal.SIGXCPU: "cpu", 128 + signal.SIGXFSZ: "disk"}
"""Exit codes of a program that such a signal ended, or of a shell that started it."""
_NO_MEMORY = ("MemoryError", "Cannot allocate memory", "out of memory", "bad_alloc", "ENOMEM")
_NO_ROOM = ("File too large", "EFBIG")
_DENIED = ("Permission denied", "PermissionError", "Operation not permitted", "EACCES", "EPERM", "cross-device")
_MAY_NOT_EXECUTE = 126
"""Exit code of a shell for a program that it may not start."""
_WAYS: Mapping[str, tuple[str, str, str]] = {
    "cpu": ("CIS-SKILL-041", "used more than {cpu} s of processor time", "cpu_secs"),
    "memory": ("CIS-SKILL-042", "used more than {memory} MB of memory", "memory_mb"),
    "tasks": ("CIS-SKILL-043", "had more than {tasks} processes and threads at the same time", "processes"),
    "disk": ("CIS-SKILL-044", "wrote more than {disk} MB", "disk_mb"),
}
"""What was overstepped, to the code, the message after the skill's name, and the limit in the manifest."""


def check_limits(manifest: SkillManifest, ended: Ended, limits: Limits, log: str) -> None:
    """Say so when a skill failed at one of its limits; `log` is what it wrote last.

    Raises:
        CisError: its time on the processor (CIS-SKILL-041), memory (042), processes (043) or disk (044) were over.
        Unavailable: the launcher was killed (CIS-SKILL-045).
    """
    if ended.reason == "launcher":
        message = f"the process that starts skills was killed, and the skill {manifest.name} with it"
        raise Unavailable("CIS-SKILL-045", message, hint="try again: it is started anew")
    way = ended.reason or _CODES.get(ended.exit_code or 0, "")
    if not way and ended.exit_code:
        way = "memory" if _has(log, _NO_MEMORY) else "disk" if _has(log, _NO_ROOM) else ""
    if way:
        code, message, limit = _WAYS[way]
        told = message.format(cpu=limits.cpu, memory=limits.memory >> 20, tasks=limits.tasks, disk=limits.disk >> 20)
        hint = f"{limit} in [limits] of its manifest allows more"
        raise CisError(code, f"the skill {manifest.name} {told}", hint=hint, context={"skill": manifest.name})


def denial(manifest: SkillManifest, ended: Ended, log: str) -> str:
    """What to say beside the result of a skill that was not let do something; else empty."""
    if ended.exit_code == _MAY_NOT_EXECUTE:
        return f"it may start only the programs that command names in {manifest.file}"
    if _has(log, _DENIED):
        return f"it is held to its permissions: cis skill show {manifest.name}"
    return ""


def _has(log: str, words: tuple[str, ...]) -> bool:
    return any(word in log for word in words)
