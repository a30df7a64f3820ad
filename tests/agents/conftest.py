"""An engine that talks to a scripted far end."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from tests.agents.desk import Desk
from tests.agents.far_end import FarEnd, far_end


@pytest.fixture
async def end() -> AsyncGenerator[FarEnd]:
    """A far end that answers "ok" unless it is told otherwise."""
    async with far_end() as end:
        yield end


@pytest.fixture
async def desk(home: Home, end: FarEnd, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Desk]:
    """An engine whose agent is `end`."""
    monkeypatch.setenv("ANTHROPIC_BASE_URL", end.url)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-test-key")
    monkeypatch.setenv("CIS_AGENT_TIMEOUT", "5")
    monkeypatch.setattr("cis_tui.agents.retry._FIRST", 0.01)
    monkeypatch.setattr("cis_tui.agents.memory.PATIENCE", 0.0)
    async with Desk.open(home, tmp_path) as desk:
        yield desk
