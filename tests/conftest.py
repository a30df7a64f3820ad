"""What all tests share: a sealed home, never the developer's own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cis_tui.core.paths import Home

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""


@pytest.fixture(autouse=True)
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No setting, key or home of the developer reaches a test."""
    for name in tuple(os.environ):
        if name.startswith("CIS_") or name in ("NO_COLOR", "DBUS_SESSION_BUS_ADDRESS", "SSH_CONNECTION"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("CIS_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CIS_P2P_ENABLED", "false")  # a network costs 80 MB; tests of peers switch it on
    yield


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """The home that commands started by this test use."""
    return Home(tmp_path / "home").ensure()
