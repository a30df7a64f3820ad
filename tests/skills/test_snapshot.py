"""Copies of skills: what runs is what was hashed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from cis_tui.core.errors import Refused
from cis_tui.skills.digest import folder_digest, hash_file
from cis_tui.skills.snapshot import Snapshot, Snapshots


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "project" / "skill"
    (made / "lib").mkdir(parents=True)
    (made / "skill.toml").write_text("[skill]\n")
    (made / "run.sh").write_text("#!/bin/sh\n")
    (made / "run.sh").chmod(0o755)
    (made / "lib" / "part.py").write_text("x = 1\n")
    settle(made)
    return made


def settle(folder: Path) -> None:
    """Wait until what is written next has another time."""
    newest = max(path.stat().st_ctime for path in folder.rglob("*"))
    while time.time() < newest + 0.15:
        time.sleep(0.01)


@pytest.fixture
def snapshots(tmp_path: Path) -> Snapshots:
    return Snapshots(tmp_path / "copies")


def _take(snapshots: Snapshots, folder: Path) -> Snapshot:
    return snapshots.take(folder, folder.parent)


def test_a_copy_has_the_same_files_and_nobody_else_gets_in(snapshots: Snapshots, folder: Path) -> None:
    copy = _take(snapshots, folder)
    assert sorted(copy.files) == ["lib/part.py", "run.sh", "skill.toml"]
    assert (copy.folder / "lib" / "part.py").read_text() == "x = 1\n"
    assert copy.folder.stat().st_mode & 0o777 == 0o700
    assert [os.stat(copy.folder / name).st_mode & 0o777 for name in ("run.sh", "skill.toml")] == [0o500, 0o400]
    assert copy.digest == folder_digest(folder)
    for name, digest in copy.files.items():
        hashed = hash_file(folder / name, folder)
        assert hashed is not None
        assert hashed.digest == digest


def test_unchanged_it_is_the_same_copy_and_changed_another(snapshots: Snapshots, folder: Path) -> None:
    first = _take(snapshots, folder)
    assert _take(snapshots, folder) is first
    (folder / "run.sh").write_text("#!/bin/sh\necho 2\n")
    second = _take(snapshots, folder)
    assert second.folder != first.folder
    assert (first.folder / "run.sh").read_text() == "#!/bin/sh\n", "whoever runs from the first copy is not disturbed"
    (folder / "run.sh").write_text("#!/bin/sh\n")
    assert _take(snapshots, folder).folder == first.folder


def test_a_change_of_the_same_size_and_time_is_seen(snapshots: Snapshots, folder: Path) -> None:
    before = (folder / "run.sh").stat()
    _take(snapshots, folder)
    (folder / "run.sh").write_text("#!/bin/ed\n")
    os.utime(folder / "run.sh", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (_take(snapshots, folder).folder / "run.sh").read_text() == "#!/bin/ed\n"


def test_what_python_compiled_is_no_part_of_it(snapshots: Snapshots, folder: Path) -> None:
    first = _take(snapshots, folder)
    (folder / "lib" / "__pycache__").mkdir()
    (folder / "lib" / "__pycache__" / "part.cpython-311.pyc").write_bytes(b"planted")
    second = _take(snapshots, folder)
    assert second.digest == first.digest == folder_digest(folder)
    assert not (second.folder / "lib" / "__pycache__").exists()


def test_a_link_inside_becomes_a_file_and_one_that_leads_out_is_refused(
    snapshots: Snapshots, folder: Path, tmp_path: Path
) -> None:
    (folder.parent / "shared.py").write_text("y = 2\n")
    (folder / "shared.py").symlink_to(folder.parent / "shared.py")
    copy = _take(snapshots, folder)
    assert not (copy.folder / "shared.py").is_symlink()
    assert (copy.folder / "shared.py").read_text() == "y = 2\n"
    (tmp_path / "secret").write_text("planted")
    (folder / "out").symlink_to(tmp_path / "secret")
    with pytest.raises(Refused, match=r"skill/out is not a regular file of at most 64 MB"):
        _take(snapshots, folder)
    assert not [path for path in (tmp_path / "copies").rglob("*") if path.is_file() and "planted" in path.read_text()]


def test_what_is_no_file_is_refused_at_once(snapshots: Snapshots, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    with pytest.raises(Refused, match="skill/pipe"):
        _take(snapshots, folder)


def test_what_an_engine_left_is_removed(snapshots: Snapshots, folder: Path, tmp_path: Path) -> None:
    copy = _take(snapshots, folder)
    assert copy.folder.is_dir()
    again = Snapshots(tmp_path / "copies")
    assert not copy.folder.exists()
    assert _take(again, folder).folder.is_dir()
