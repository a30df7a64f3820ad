"""The environment of programs that we start."""

from __future__ import annotations

import os

SECRET_NAMES = "CIS_SECRET_NAMES"
"""Variable that names, with commas between, the variables to which `cis secret run` has given secret values."""


def inherited_env() -> dict[str, str]:
    """This process's environment without what unlocks private memory: that is for `cis` alone."""
    return {name: value for name, value in os.environ.items() if not name.startswith("CIS_PASSPHRASE")}
