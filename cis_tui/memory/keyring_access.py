"""The keyring of the operating system, asked in a process of its own.

The `keyring` library may prompt on the terminal, wait for a desktop or take its time to import; here it can do none of
that to the caller. Run as a program, this module is that process: `get ACCOUNT` prints, `put ACCOUNT` reads one line,
`drop ACCOUNT` forgets.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SERVICE = "cis-tui"
COMMAND = (sys.executable, "-P", "-m", __name__)
"""This module as a program, which takes no code from the folder that it is called in."""
_SECONDS = 5.0
# The others keep keys in a file, prompt on the terminal, or keep nothing.
_BACKENDS = ("keyring.backends.SecretService", "keyring.backends.kwallet", "keyring.backends.macOS")


@dataclass(frozen=True, slots=True)
class Keyring:
    """A keyring behind a command."""

    command: Sequence[str]

    def get(self, account: str) -> str | None:
        """The secret kept for `account`; None when there is none or the keyring does not answer in time."""
        return self._ask("get", account) or None

    def put(self, account: str, secret: str) -> bool:
        """Keep a secret, and see that it can be had back; whether that went well."""
        return self._ask("put", account, secret) is not None and self.get(account) == secret

    def drop(self, account: str) -> None:
        """Forget what is kept for `account`, if the keyring lets it."""
        self._ask("drop", account)

    def _ask(self, verb: str, account: str, line: str = "") -> str | None:
        import subprocess

        try:
            done = subprocess.run(
                [*self.command, verb, account],
                input=f"{line}\n".encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_SECONDS,
                start_new_session=True,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode("ascii", "replace").strip() if done.returncode == 0 else None


def main(verb: str, account: str) -> int:
    """Answer one question on standard output; 1 when no keyring can."""
    import keyring.backend

    usable = [backend for backend in keyring.backend.get_all_keyring() if type(backend).__module__ in _BACKENDS]
    if not usable:
        return 1
    backend: Any = max(usable, key=lambda candidate: candidate.priority)
    if verb == "put":
        backend.set_password(SERVICE, account, sys.stdin.readline().strip())
        return 0
    if verb == "drop":
        backend.delete_password(SERVICE, account)
        return 0
    secret = backend.get_password(SERVICE, account)
    sys.stdout.write(f"{secret or ''}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
