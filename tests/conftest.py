"""What all tests share: a sealed home, never the developer's own."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import settings

from cis_tui.core.paths import Home

# What lands does not hang on chance; `just explore` looks for examples that nobody has seen.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")

# Half of the time of a collection of tests goes into looking for garbage among modules, and there is none.
gc.disable()

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""


LEFT_OUT = ("NO_COLOR", "DBUS_SESSION_BUS_ADDRESS", "SSH_CONNECTION", "SSH_TTY", "TMUX", "COLUMNS", "LINES")
"""Variables of where the tests are begun; beside them those of `cis`, of Textual, and of proxies."""


def pytest_collection_finish() -> None:
    """Look for garbage from now on, but not in what all tests share."""
    gc.freeze()
    gc.enable()


def seal(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Let no setting, key or home of the developer be seen: the home is in `folder`."""
    for name in tuple(os.environ):
        if name.startswith(("CIS_", "TEXTUAL_")) or name in LEFT_OUT or name.lower().endswith("_proxy"):
            patch.delenv(name)
    patch.setenv("TERM", "xterm-256color")
    patch.setenv("COLORTERM", "truecolor")
    patch.setenv("CIS_HOME", str(folder / "home"))
    patch.setenv("HOME", str(folder))
    patch.setenv("CIS_P2P_ENABLED", "false")  # a network costs 80 MB; tests of peers switch it on


@pytest.fixture(autouse=True)
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, key or home of the developer reaches a test."""
    seal(tmp_path, monkeypatch)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The home that commands started by this test use."""
    return Home(tmp_path / "home").ensure()
