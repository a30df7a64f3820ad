"""The files of a project by name, for completion. Blocks; nothing is opened or followed."""

from __future__ import annotations

import os
from pathlib import Path

MOST = 20_000
"""Files, and folders that are looked into."""
_SKIPPED = frozenset(("node_modules", "__pycache__", "target", "build", "dist", "venv"))


def project_files(root: Path) -> tuple[str, ...]:
    """Paths relative to `root`, with `/`; hidden folders and those of tools left out, as are links."""
    found: list[str] = []
    folders = [""]
    seen = 0
    while folders and len(found) < MOST and seen < MOST:
        folder = folders.pop()
        seen += 1
        try:
            with os.scandir(root / folder) as entries:
                for entry in sorted(entries, key=lambda entry: entry.name):
                    path = f"{folder}{entry.name}"
                    if not path.isprintable() or entry.name.startswith("."):
                        continue
                    if entry.is_dir(follow_symlinks=False):
                        if entry.name not in _SKIPPED:
                            folders.append(f"{path}/")
                    elif entry.is_file(follow_symlinks=False):
                        found.append(path)
        except OSError:
            continue
    return tuple(found[:MOST])
