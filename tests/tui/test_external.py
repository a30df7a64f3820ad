"""A text in the person's own editor: where it lies meanwhile, and what comes back."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cis_tui.core.errors import Invalid, Refused
from cis_tui.memory.records import MAX_VALUE
from cis_tui.tui.external import editor_command, file_of, memory_folder, read_back


def test_private_text_goes_only_where_no_disk_is(tmp_path: Path) -> None:
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert memory_folder(env, f"disk / ext4 rw\nrun {tmp_path} tmpfs rw\n") == tmp_path
    assert memory_folder(env, f"disk / ext4 rw\nrun {tmp_path.parent} tmpfs rw\n") == tmp_path
    with pytest.raises(Refused, match="written to a disk"):
        memory_folder(env, f"run / tmpfs rw\ndisk {tmp_path} ext4 rw\ndisk /dev ext4 rw\ndisk /dev/shm ext4 rw\n")
    with pytest.raises(Refused, match="written to a disk"):
        memory_folder({"XDG_RUNTIME_DIR": "relative"}, "")


def test_the_file_is_the_persons_own_and_gone_afterwards() -> None:
    with file_of("a\nb", private=False) as path:
        assert path.read_text() == "a\nb"
        assert os.stat(path).st_mode & 0o777 == 0o600
        assert os.stat(path.parent).st_mode & 0o777 == 0o700
        (path.parent / "value.txt~").write_text("a copy that an editor makes")
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("before", "left", "after"),
    [
        ("a", b"b\n", "b"),
        ("a\n", b"b\n", "b\n"),
        ("a", b"b\n\n", "b\n"),
        ("a", b"\xff\n", b"\xff"),
        (b"\xff\n", b"\xff\n", b"\xff\n"),
        ("a", b"", ""),
    ],
)
def test_what_comes_back_has_no_newline_by_habit(
    tmp_path: Path, before: str | bytes, left: bytes, after: str | bytes
) -> None:
    path = tmp_path / "value.txt"
    path.write_bytes(left)
    assert read_back(path, before) == after


def test_what_is_too_large_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "value.txt"
    path.write_bytes(b"x" * MAX_VALUE + b"\n")
    assert len(read_back(path, "a")) == MAX_VALUE
    path.write_bytes(b"x" * (MAX_VALUE + 1))
    with pytest.raises(Invalid, match="at most"):
        read_back(path, "a")


def test_the_editor_is_the_persons_and_keeps_no_copy_of_what_is_private(tmp_path: Path) -> None:
    program = tmp_path / "vim.basic"
    program.touch(0o755)
    (tmp_path / "edit").symlink_to(program)
    assert editor_command({}) == ["vi"]
    assert editor_command({"EDITOR": "nano -w", "VISUAL": "code --wait"}) == ["code", "--wait"]
    command = editor_command({"EDITOR": f"{tmp_path / 'edit'} -f"}, private=True)
    assert command[1:4] == ["-n", "-i", "NONE"] and command[-1] == "-f"
