"""SQLite files of a home: for their owner alone, made once, and left alone when a newer program wrote them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from cis_tui.core.database import open_private
from cis_tui.core.errors import Invalid

NEWER = Invalid("CIS-CORE-000", "it was written by a newer cis")


def script(found: int) -> str:
    return "CREATE TABLE a (b);" if found < 2 else ""


def test_it_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "a.db"
    for count in (1, 2):
        connection = open_private(path, 2, script, newer=NEWER)
        connection.execute("INSERT INTO a VALUES (1)")
        assert connection.execute("SELECT count(*) FROM a").fetchone() == (count,)
        connection.close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_a_newer_program_wrote_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    open_private(path, 3, script, newer=NEWER).close()
    before = path.read_bytes()
    with pytest.raises(Invalid, match="newer cis"):
        open_private(path, 2, script, newer=NEWER)
    assert path.read_bytes() == before
