"""What the workspace writes when nobody is at the other end any more."""

from __future__ import annotations

import os
import pty

import pytest

from cis_tui.tui.terminal import LastingFile


def test_writing_to_a_terminal_that_is_gone_never_fails() -> None:
    master, slave = pty.openpty()
    plain = os.fdopen(slave, "w", buffering=1)
    file = LastingFile(plain)
    file.write("there\n")
    assert os.read(master, 100) == b"there\r\n"
    os.close(master)
    with pytest.raises(OSError):
        os.write(slave, b"gone")
    for text in ("gone\n" * 10_000, "gone\n", "gone"):
        assert file.write(text) == len(text)
        file.flush()
    assert file.fileno() == slave
    plain.close()  # as Python does at its end, with an exit code of its own if that fails
