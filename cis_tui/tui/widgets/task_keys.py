"""The keys that all views of a run have in common: to fold, to show only a part, to go along the edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.scroll_view import ScrollView

if TYPE_CHECKING:
    from cis_tui.tui.widgets.task_views import TaskViews


class TaskKeys(ScrollView):
    """A view of tasks, which hands what concerns all views on to what holds them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("z", "zoom('around')", "zoom", id="tasks.around"),
        Binding("Z", "zoom('failed')", "only what failed", show=False, id="tasks.failed-part"),
        Binding("space", "fold_here", "fold or unfold", show=False, id="tasks.toggle"),
        Binding("minus", "more(-1)", "fold everything", show=False, id="tasks.less"),
        Binding("plus,equals_sign", "more(1)", "unfold everything", show=False, id="tasks.more"),
        Binding("left_square_bracket", "kin(-1)", "to what it needs", show=False, id="tasks.needs"),
        Binding("right_square_bracket", "kin(1)", "to what needs it", show=False, id="tasks.needed"),
        Binding("n", "again(1)", "next of the same", show=False, id="tasks.again"),
        Binding("N", "again(-1)", "the one before", show=False, id="tasks.again-back"),
    ]

    class Folded(Message):
        """Somebody folded or unfolded something."""

    views: TaskViews | None = None
    """What holds all views."""

    def action_zoom(self, part: str) -> None:
        """Show only a part of the run, or all again."""
        if self.views is not None:
            self.views.zoom(part)

    def action_fold_here(self) -> None:
        """Fold what the row stands for, or in what it stands; or unfold."""
        if self.views is not None:
            self.views.toggle()
            self.post_message(self.Folded())

    def action_more(self, step: int) -> None:
        """Fold everything one level more, or unfold it."""
        if self.views is not None:
            self.views.more(step)
            self.post_message(self.Folded())

    def action_kin(self, step: int) -> None:
        """Go to a task that this one needs, or that needs this one."""
        if self.views is not None:
            self.views.kin(step)

    def action_again(self, step: int) -> None:
        """Go to the next task of the kind that was gone to last, or back."""
        if self.views is not None:
            self.views.again(step)
