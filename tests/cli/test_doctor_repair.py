"""`cis doctor --repair`, as a person and as a script use it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from tests.cli.support import cis


@pytest.fixture
def damaged(home: Home) -> Path:
    """The log of public memory, its header overwritten."""
    assert cis("memory", "set", "a", "first", "--domain", "public").code == 0
    assert cis("memory", "set", "b", "second", "--domain", "public").code == 0
    (log,) = (home.memory / "public").glob("memory-*.db")
    with open(log, "r+b") as file:
        file.write(bytes(100))
    return log


def test_doctor_names_the_damage_and_what_mends_it(damaged: Path) -> None:
    told = cis("memory", "get", "a")
    assert (told.code, told.out) == (5, "")
    assert f"{damaged} is damaged" in told.err
    assert "cis doctor --repair" in told.err
    looked = cis("doctor")
    assert looked.code == 1
    assert f"{damaged} is damaged" in looked.out
    assert "cis doctor --repair salvages what can be read" in looked.out


def test_repair_salvages_and_says_what_it_did(damaged: Path) -> None:
    done = cis("doctor", "--repair")
    assert done.code == 0, done.out
    assert f"salvaged: {damaged} was damaged: 2 versions salvaged, none is lost\n" in done.out
    assert "the damaged file is kept in" in done.out
    assert cis("memory", "get", "a").out == "first\n"
    again = cis("doctor", "--repair", "--json")
    assert (again.code, again.json["repairs"]) == (0, [])
    assert {check["name"] for check in again.json["checks"]} >= {"home", "memory", "runs"}


def test_what_is_lost_is_named(damaged: Path) -> None:
    damaged.write_bytes(bytes(damaged.stat().st_size))
    done = cis("doctor", "--repair", "--json")
    assert done.code == 0
    (repair,) = done.json["repairs"]
    assert (repair["action"], repair["salvaged"], repair["lost"]) == ("salvaged", 0, 2)
    assert (repair["lost_keys"], repair["lost_public_keys"], repair["lost_ranges"]) == (2, ["a", "b"], [[1, 2]])
    assert Path(repair["kept"], damaged.name).exists()
    assert cis("memory", "get", "a").code == 3


def test_a_log_that_somebody_removed_is_missed_until_a_repair_names_what_was_in_it(home: Home) -> None:
    assert cis("memory", "set", "p/a", "one", "--domain", "public").code == 0
    for path in (home.memory / "public").glob("memory-*"):
        path.unlink()
    told = cis("memory", "get", "p/a")
    assert (told.code, "a log of memory is gone: cis doctor says which" in told.err) == (3, True)
    for _ in range(2):
        looked = cis("doctor")
        assert looked.code == 1
        assert "is gone, and with it 1 current entry" in looked.out
        assert "restore it from a backup" in looked.out
    done = cis("doctor", "--repair")
    assert done.code == 0, done.out
    assert "forgotten: the log of" in done.out
    assert "the current version of 1 key is lost: p/a\n" in done.out
    assert cis("doctor").code == 0
    assert "cis memory list shows all keys" in cis("memory", "get", "p/a").err


def test_a_live_engine_is_ended_first(damaged: Path) -> None:
    assert cis("engine", "start").code == 0
    try:
        told = cis("doctor", "--repair")
        assert (told.code, "another engine is live" in told.err, "cis engine stop" in told.err) == (6, True, True)
    finally:
        cis("engine", "stop")
    assert cis("doctor", "--repair").code == 0


def test_what_others_could_read_is_closed(home: Home) -> None:
    cis("memory", "set", "a", "x")
    (log,) = (home.memory / "private").glob("memory-*.db")
    for path in (home.root, home.memory / "private", log, home.keys / "data.json"):
        path.chmod(0o755)
    done = cis("doctor", "--repair", "--json")
    assert done.code == 0
    assert {repair["action"] for repair in done.json["repairs"]} == {"closed"}
    assert all(path.stat().st_mode & 0o077 == 0 for path in (home.root, *home.root.rglob("*")))
    assert cis("memory", "get", "a").out == "x\n"


def test_there_is_nothing_to_mend_where_nothing_is(tmp_path: Path) -> None:
    done = cis("doctor", "--repair", "--json", "--home", str(tmp_path / "none"))
    assert (done.code, done.json["repairs"]) == (0, [])
    assert not (tmp_path / "none").exists()
