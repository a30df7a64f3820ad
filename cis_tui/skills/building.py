"""Makes WebAssembly of the sources of new skills, with what compilers there are."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from cis_tui.core.errors import Unavailable
from cis_tui.core.text import clean_line

SECONDS = 300
"""A compiler that runs for the first time builds its own libraries."""
OUTPUT = "skill.wasm"
WAYS: Mapping[str, str] = {
    "c": "pip install ziglang, or your system's clang with lld (apt install clang lld)",
    "assemblyscript": "npm install --global assemblyscript",
}
"""How to get a compiler for each language that needs one."""
_CLANG = ("--target=wasm32-unknown-unknown", "-O2", "-nostdlib", "-ffreestanding", "-Wl,--no-entry", "-Wl,--strip-all")
_ZIG = ("cc", "--target=wasm32-freestanding", "-O2", "-s", "-nostdlib", "-Wl,--no-entry", "-Wl,--export-memory")


def build(folder: Path, language: str) -> None:
    """Make skill.wasm in `folder`, and leave a build.sh there that makes it again.

    Raises:
        Unavailable: no compiler is there, or none can do it (CIS-SKILL-090); says how to get one.
    """
    tried = ""
    for command in _compilers(language):
        try:
            done = subprocess.run(
                command,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            tried = str(error)
            continue
        if done.returncode == 0 and (folder / OUTPUT).is_file():
            _keep(folder / "build.sh", command)
            return
        tried = f"{command[0]}: {done.stderr.strip()[-300:]}"
    what = f"no compiler makes WebAssembly of {language} here"
    message = f"{what}: {clean_line(tried)}" if tried else what
    raise Unavailable("CIS-SKILL-090", message, hint=WAYS[language], retryable=False)


def _compilers(language: str) -> Iterator[list[str]]:
    """The commands that may do it, the best first."""
    if language == "assemblyscript":
        asc = shutil.which("asc")
        if asc:
            yield [asc, "skill.ts", "--runtime", "stub", "--use", "abort=skill/abort", "-O", "-o", OUTPUT]
        return
    if shutil.which("clang") and shutil.which("wasm-ld"):
        yield ["clang", *_CLANG, "-o", OUTPUT, "skill.c"]
    if shutil.which("zig"):
        yield ["zig", *_ZIG, "-o", OUTPUT, "skill.c"]
    for python in dict.fromkeys((sys.executable, shutil.which("python3") or sys.executable)):
        # Not in this folder, whose own ziglang.py would be run.
        tried = subprocess.run([python, "-c", "import ziglang"], cwd="/", capture_output=True, check=False)
        if tried.returncode == 0:
            yield [python, "-m", "ziglang", *_ZIG, "-o", OUTPUT, "skill.c"]


def _keep(path: Path, command: list[str]) -> None:
    name = os.path.basename(command[0])
    shown = " ".join(["python3" if name.startswith("python") else name, *command[1:]])
    path.write_text(f'#!/bin/sh\n# Makes {OUTPUT} anew.\nset -e\ncd "$(dirname "$0")"\n{shown}\n', "utf-8")
    path.chmod(0o755)
