"""The tree of prefixes: where in memory one is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from cis_tui.tui.paint import Line, Tone, cell_len, fit, shown
from cis_tui.tui.prefixes import Branch, Prefixes, parent
from cis_tui.tui.widgets.rows import RowList


class PrefixTree(RowList):
    """One row a prefix, with how many entries it has; the cursor says which of them the table shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "its entries", id="list.choose"),
        Binding("right,l", "unfold", "unfold", id="tree.unfold"),
        Binding("left,h", "fold", "fold", id="tree.fold"),
    ]

    @dataclass
    class Unfolded(Message):
        """The level below a prefix is to be read."""

        prefix: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.prefixes = Prefixes()
        self._rows: list[Branch] = []

    @property
    def chosen(self) -> str:
        """The prefix under the cursor."""
        return self._rows[self.cursor].prefix if self.cursor < len(self._rows) else ""

    def show(self) -> None:
        """Show the prefixes as they are now; the cursor stays on its own, or goes to the nearest above it."""
        self._show_at(self.chosen)

    def _show_at(self, prefix: str) -> None:
        self._rows = self.prefixes.rows()
        known = {row.prefix: index for index, row in reversed(list(enumerate(self._rows)))}
        while prefix and prefix not in known:
            prefix = parent(prefix)
        self.show_rows(len(self._rows), cursor=known.get(prefix, 0))

    def selectable(self, index: int) -> bool:
        """See `RowList`."""
        return not self._rows[index].more

    def empty(self) -> list[Line]:
        """See `RowList`."""
        return [[("reading…", Tone.DIM)]]

    def action_unfold(self) -> None:
        """Show how the keys go on; again: go to the first of them."""
        if self.prefixes.is_open(self.chosen):
            self.action_move(1)
        else:
            self.prefixes.open(self.chosen)
            self.post_message(self.Unfolded(self.chosen))

    def action_fold(self) -> None:
        """Hide how the keys go on; where nothing is open: go up."""
        chosen = self.chosen
        if chosen and self.prefixes.is_open(chosen):
            self.prefixes.close(chosen)
            self._show_at(chosen)
        elif chosen:
            self.cursor = next(index for index, row in enumerate(self._rows) if row.prefix == parent(chosen))

    def row(self, index: int, width: int) -> Line:
        """Depth, whether it is open, its name, and how many entries it has."""
        branch = self._rows[index]
        indent = "  " * max(0, branch.depth - 1)
        if branch.more:
            return [(fit(f"{indent}  … more than can be listed", width), Tone.DIM)]
        mark = "" if not branch.prefix else "▾ " if branch.open else "▸ "
        count = f" {branch.entries:,} "
        name = shown(branch.name, limit=200) if branch.prefix else "all of memory"
        room = max(0, width - cell_len(indent + mark + count))
        tone = Tone.PLAIN if branch.prefix else Tone.STRONG
        return [(indent + mark, Tone.DIM), (fit(name, room), tone), (count, Tone.DIM)]
