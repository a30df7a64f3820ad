"""What a read loads: `cis memory get` starts with it."""

from __future__ import annotations

import subprocess
import sys

from cis_tui.core.paths import Home
from tests.memory.support import PUBLIC, memory, put

_READ = """
import sys
from pathlib import Path
from cis_tui.core.paths import Home
from cis_tui.memory.service import MemoryService
memory = MemoryService(Home(Path(sys.argv[1])))
print(memory.get("open").value, memory.get("own").value)
memory.close()
print(sorted(set(sys.argv[2:]) & set(sys.modules)))
"""
HEAVY = ("asyncio", "pydantic", "rich", "textual", "cryptography", "keyring", "subprocess", "difflib", "logging", "ssl")
WRITING = ("cis_tui.memory.committer", "cis_tui.memory.classify")


def test_a_read_loads_nothing_heavy_and_not_the_writing_side(home: Home) -> None:
    with memory(home) as service:
        put(service, "open", "1", PUBLIC)
        put(service, "own", "2")
    command = (sys.executable, "-c", _READ, str(home.root), *HEAVY, *WRITING)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines() == ["1 2", "[]"]
    assert done.stderr == ""
