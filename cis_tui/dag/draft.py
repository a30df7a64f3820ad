"""A table of a file on its way to the contract's shape: fields get other names, and keep their places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cis_tui.core.document import Notes, is_table
from cis_tui.core.toml_lines import Path

CONTRACT = frozenset({"depends_on", "dependencies", "timeout", "timeout_secs"})
"""Second spellings that the contract itself names: read without a word."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A table on its way to the contract's shape."""

    data: dict[str, object]
    path: Path
    """Where it is read from then on."""
    source: Path
    """Where it stands in the file."""
    notes: Notes

    def rename(self, names: Mapping[str, str]) -> None:
        """Give fields the contract's names; of two that mean the same, the contract's stays."""
        for old in [name for name in self.data if name in names]:
            new = names[old]
            if new in self.data:
                self.warn(old, f'"{old}" is ignored: "{new}" is there too')
                del self.data[old]
            else:
                self.move(old, new)
                if old not in CONTRACT:
                    self.warn(old, f'"{old}" is read as "{new}"')

    def move(self, old: str, new: str) -> None:
        """Give one field another name."""
        self.data[new] = self.data.pop(old)
        self.notes.moved[(*self.path, new)] = self.notes.place((*self.path, old))

    def warn(self, field: str, message: str, hint: str = "") -> None:
        """Say that a field was taken as something else."""
        self.notes.warn((*self.source, field), message, hint)

    def inner(self, field: str) -> Draft | None:
        """A copy of a table inside, None if there is none."""
        value = self.data.get(field)
        if not is_table(value):
            return None
        self.data[field] = copy = dict(value)
        path = (*self.path, field)
        return Draft(copy, path, self.notes.place(path), self.notes)
