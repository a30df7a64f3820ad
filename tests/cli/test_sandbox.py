"""What the kernel enforces of a skill's permissions, as a person sees it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cis_tui.skills.jail import system
from cis_tui.skills.kernel import this_kernel
from tests.cli.support import call, make_project


@pytest.fixture
def old_kernel(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A kernel with the Landlock of Linux 6.7."""
    monkeypatch.setattr(system, "landlock_version", lambda: 4)
    monkeypatch.setattr(system, "seccomp_works", lambda: True)
    this_kernel.cache_clear()
    yield
    this_kernel.cache_clear()


@pytest.mark.usefixtures("old_kernel")
def test_what_is_not_enforced_is_said_by_doctor_and_beside_the_permissions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_project(tmp_path / "p"))
    gap = "signals to your other programs (they need Landlock 6, kernel 6.12)"
    assert f"not enforced here: {gap}" in call(capsys, "doctor").out
    assert f"not enforced {gap}, so each call is confirmed" in call(capsys, "skill", "show", "echo").out
    assert call(capsys, "skill", "show", "echo", "--json").json["not_enforced"] == [gap]
    assert call(capsys, "skill", "show", "shell", "--json").json["not_enforced"] == []
