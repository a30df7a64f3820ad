"""What `--executor` may say."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from dataclasses import dataclass

from cis_tui.core.errors import Invalid
from cis_tui.core.text import clean_line, did_you_mean

LOCAL = "local"
"""The engine itself; the executor of a run that names no other."""
DASK = "dask"
"""A cluster on this machine, for the run alone."""
PEER = "peer"
"""Another node of this person, which `target_node` names; no executor of a run."""
PORT = 8786
"""Of a scheduler, if none is given."""
FORMS = "local, dask, or dask://HOST:PORT"
_ADDRESS = re.compile(r"dask://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?/?")


@dataclass(frozen=True, slots=True)
class Target:
    """Where attempts are to run."""

    name: str
    host: str = ""
    """Of the scheduler; empty for this machine."""
    port: int = PORT

    @property
    def is_near(self) -> bool:
        """Whether what is sent to the scheduler stays on this machine."""
        with contextlib.suppress(ValueError):
            return ipaddress.ip_address(self.host.strip("[]")).is_loopback
        return self.host == "localhost"


def parse_target(text: str) -> Target:
    """What `--executor` says.

    Raises:
        Invalid: it is none of the forms (CIS-DAG-160).
    """
    if text in (LOCAL, DASK):
        return Target(text)
    match = _ADDRESS.fullmatch(text)
    port = int(match["port"] or PORT) if match else 0
    if match is None or not 0 < port < 65_536:
        hint = did_you_mean(text, [LOCAL, DASK]) or f"it is {FORMS}"
        raise Invalid("CIS-DAG-160", f'there is no executor "{clean_line(text, limit=80)}"', hint=hint)
    return Target(f"dask://{match['host']}:{port}", match["host"], port)
