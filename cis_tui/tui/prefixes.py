"""The part of memory's tree of prefixes that is open, as rows. No widget in here."""

from __future__ import annotations

from dataclasses import dataclass

from cis_tui.memory.branches import MemoryTree


@dataclass(frozen=True, slots=True)
class Branch:
    """One row of the tree."""

    prefix: str
    """How the keys on it begin; empty for all of memory."""
    entries: int
    depth: int
    open: bool
    more: bool = False
    """It stands for the branches that are too many to be listed."""

    @property
    def name(self) -> str:
        """The last part of the prefix."""
        return self.prefix[self.prefix.rfind("/", 0, -1) + 1 :]


class Prefixes:
    """Levels of the tree as far as they were read, and which of them are open."""

    def __init__(self) -> None:
        self._levels: dict[str, MemoryTree] = {}
        self._open: set[str] = {""}

    @property
    def opened(self) -> list[str]:
        """The prefixes whose levels are shown, the outer ones first."""
        return sorted(self._open, key=lambda prefix: (prefix.count("/"), prefix))

    def is_open(self, prefix: str) -> bool:
        """Whether the level below `prefix` is shown."""
        return prefix in self._open

    def open(self, prefix: str) -> None:
        """Show the level below `prefix`, once it was read."""
        self._open.add(prefix)

    def close(self, prefix: str) -> None:
        """Hide what is below `prefix`; all of memory stays open."""
        self._open = {other for other in self._open if not other or not other.startswith(prefix)}

    def take(self, levels: list[MemoryTree]) -> None:
        """The open levels as they were just read."""
        self._levels = {level.prefix: level for level in levels}

    def rows(self) -> list[Branch]:
        """What is to be seen, top to bottom; empty before anything was read."""
        top = self._levels.get("")
        return [Branch("", top.entries, 0, open=True), *self._below(top, 1)] if top else []

    def _below(self, level: MemoryTree, depth: int) -> list[Branch]:
        rows: list[Branch] = []
        for branch in level.branches:
            below = self._levels.get(branch.prefix) if branch.prefix in self._open else None
            rows.append(Branch(branch.prefix, branch.entries, depth, open=below is not None))
            if below is not None:
                rows += self._below(below, depth + 1)
        if not level.complete:
            rows.append(Branch(level.prefix, 0, depth, open=False, more=True))
        return rows


def parent(prefix: str) -> str:
    """The prefix of the branch that `prefix` is on: of `a/b/` it is `a/`, of `a/` it is empty."""
    return prefix[: prefix.rfind("/", 0, -1) + 1]
