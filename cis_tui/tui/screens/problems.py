"""What is wrong with a file that was edited."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.core.problems import Problem
from cis_tui.tui.detail import problem_lines
from cis_tui.tui.screens.reader import ReaderDialog


class ProblemsDialog(ReaderDialog):
    """What is wrong with a file; `E` goes on editing it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("E", "edit", "your editor again", id="problems.edit")]

    def __init__(self, file: str, problems: Sequence[Problem], root: str, again: Callable[[], object]) -> None:
        super().__init__(f"{Path(file).name} is saved, and does not work yet", problem_lines(problems, root))
        self._again = again

    def action_edit(self) -> None:
        """Close, and open the editor again, on the text as it was saved: that does no harm, whatever was meant."""
        self.dismiss(None)
        self._again()
