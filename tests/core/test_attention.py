"""Notices for somebody who looks elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cis_tui.core.attention import desktop, osc

if TYPE_CHECKING:
    import pytest


def test_a_notice_cannot_end_its_own_sequence() -> None:
    assert osc("done") == "\x1b]9;done\x1b\\"
    assert osc("a\x1b\\\x1b]52;c;ZXZpbA==\x07b\nc") == "\x1b]9;ab c\x1b\\"


def test_the_desktop_is_told_if_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "notify-send"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > {tmp_path}/told\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert not desktop("done")
    monkeypatch.setenv("DISPLAY", ":0")
    assert desktop("-done")
    assert (tmp_path / "told").read_text() == "--app-name=cis|--|cis|-done|"
    program.write_text("#!/bin/sh\nexit 1\n")
    assert not desktop("done")
