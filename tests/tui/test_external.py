"""A text in the person's own editor: where it lies meanwhile, and what comes back."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cis_tui.core.errors import Invalid, Refused
from cis_tui.memory.records import MAX_VALUE
from cis_tui.tui.external import Draft, editor_command, memory_folder


def test_private_text_goes_only_where_no_disk_is(tmp_path: Path) -> None:
    env = {"XDG_RUNTIME_DIR": str(tmp_path)}
    assert memory_folder(env, f"disk / ext4 rw\nrun {tmp_path} tmpfs rw\n") == tmp_path
    assert memory_folder(env, f"disk / ext4 rw\nrun {tmp_path.parent} tmpfs rw\n") == tmp_path
    with pytest.raises(Refused, match="written to a disk"):
        memory_folder(env, f"run / tmpfs rw\ndisk {tmp_path} ext4 rw\ndisk /dev ext4 rw\ndisk /dev/shm ext4 rw\n")
    with pytest.raises(Refused, match="written to a disk"):
        memory_folder({"XDG_RUNTIME_DIR": "relative"}, "")


def test_the_file_is_the_persons_own_until_it_is_dropped() -> None:
    draft = Draft("a\nb", private=False)
    assert draft.path.read_text() == "a\nb" and not draft.changed
    assert os.stat(draft.path).st_mode & 0o777 == 0o600
    assert os.stat(draft.path.parent).st_mode & 0o777 == 0o700
    (draft.path.parent / "value.txt~").write_text("a copy that an editor makes")
    draft.drop()
    assert not draft.path.parent.exists() and not draft.changed


@pytest.fixture
def left() -> Iterator[Callable[[str | bytes, bytes], Draft]]:
    """A text as an editor left it."""
    drafts: list[Draft] = []

    def leave(before: str | bytes, after: bytes) -> Draft:
        drafts.append(Draft(before, private=False))
        drafts[-1].path.write_bytes(after)
        return drafts[-1]

    yield leave
    for draft in drafts:
        draft.drop()


Leave = Callable[[str | bytes, bytes], Draft]


@pytest.mark.parametrize(
    ("before", "after", "text"),
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
    left: Leave, before: str | bytes, after: bytes, text: str | bytes
) -> None:
    draft = left(before, after)
    assert draft.read() == text and draft.changed is (text != before)


def test_what_is_too_large_is_refused_and_counts_as_changed(left: Leave) -> None:
    assert len(left("a", b"x" * MAX_VALUE + b"\n").read()) == MAX_VALUE
    draft = left("a", b"x" * (MAX_VALUE + 1))
    with pytest.raises(Invalid, match="at most"):
        draft.read()
    assert draft.changed


def test_the_editor_is_the_persons_and_keeps_no_copy_of_what_is_private(tmp_path: Path) -> None:
    program = tmp_path / "vim.basic"
    program.touch(0o755)
    (tmp_path / "edit").symlink_to(program)
    assert editor_command({}) == ["vi"]
    assert editor_command({"EDITOR": "nano -w", "VISUAL": "code --wait"}) == ["code", "--wait"]
    command = editor_command({"EDITOR": f"{tmp_path / 'edit'} -f"}, private=True)
    assert command[1:4] == ["-n", "-i", "NONE"] and command[-1] == "-f"
