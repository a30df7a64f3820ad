"""The environment of programs that we start."""

from __future__ import annotations

import os


def inherited_env() -> dict[str, str]:
    """This process's environment without what unlocks private memory: that is for `cis` alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CIS_PASSPHRASE")}
