"""The memory screen: what is remembered, found by where it is or by what it says, and every version of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical

from cis_tui.core.errors import CisError
from cis_tui.memory.records import IndexType, MemoryConflict, MemoryItem, MemoryPage
from cis_tui.tui.desk import Desk
from cis_tui.tui.memory_acts import MemoryActs, settle
from cis_tui.tui.memory_detail import memory_lines
from cis_tui.tui.memory_find import read_listing
from cis_tui.tui.pages import CUT, SIZE, Pages, Step
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.store import Changes, LinkState
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.listing_head import ListingHead
from cis_tui.tui.widgets.memory_table import MemoryTable
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.prefix_tree import PrefixTree
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.words import hint_of, text_of

if TYPE_CHECKING:
    from textual.app import ComposeResult
    from textual.timer import Timer

    from cis_tui.memory.branches import MemoryTree
    from cis_tui.memory.growth import MemoryGrowth
    from cis_tui.protocol import EngineApi

REST = 0.12
"""Seconds that the cursor rests on an entry before its history is read."""
TYPING = 0.08
"""Seconds without a key after which what was typed is looked for."""
BREATH = 0.25
"""Seconds between two readings while memory goes on changing."""
REVEALED = 30.0
"""Seconds that a secret is shown in clear."""


class MemoryScreen(WorkspaceScreen):
    """Look things up, write, correct and delete them."""

    NAME = "memory"
    PURPOSE = (
        "What is remembered. ◆ is private: encrypted, never leaves this machine; ◇ is public."
        " • is pinned, ≠ has a conflict, + is marked."
    )
    CSS_PATH = "memory.tcss"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [  # pyright: ignore[reportIncompatibleVariableOverride] # declared so by Textual
        (0, "-narrow"),
        (110, "-wide"),
        (160, "-broad"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "search", priority=True, id="memory.filter"),
        Binding("n", "new", "new", id="memory.new"),
        Binding("s", "reveal", "reveal", id="memory.reveal"),
        Binding("e", "edit", "edit", id="memory.edit"),
        Binding("x,delete", "delete", "delete", id="memory.delete"),
        Binding("u", "undo", "undo", id="memory.undo"),
        Binding("c,y", "copy", "copy", id="memory.copy"),
        Binding("K", "copy_key", "copy the key", show=False, id="memory.copy-key"),
        Binding("p", "pin", "pin", id="memory.pin"),
        Binding("f", "folders", "tree", id="memory.tree"),
        Binding("t", "classify", "class", id="memory.classify"),
        Binding("E", "edit_outside", "your editor", id="memory.editor"),
        Binding("m", "move", "private or public", id="memory.move"),
        Binding("o", "export", "export", id="memory.export"),
        Binding("C", "conflicts", "settle a conflict", id="memory.conflicts"),
        Binding("L", "lock", "lock or unlock private memory", id="memory.lock"),
        Binding("i", "layers", "layers", id="memory.layers"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.tree_of_prefixes = PrefixTree(id="prefixes")
        self.head = ListingHead(id="listing-head")
        self.table = MemoryTable(id="entries")
        self.page = Page(id="entry")
        self.filter = Filter("words, a question, or how a key begins")
        self.acts = MemoryActs(desk, self.table.drop_marks)
        self.reveal_seconds = REVEALED
        self._pages = Pages()
        self._history: tuple[MemoryItem, ...] = ()
        self._conflicts: dict[str, MemoryConflict] = {}
        self._revealed = ""
        """Key of the sensitive entry that is shown in clear."""
        self._hiding: Timer | None = None
        self._typing: Timer | None = None
        self._soon: Timer | None = None

    def body(self) -> ComposeResult:
        """The tree at the left, the table, and beside or below it the chosen entry."""
        with Horizontal(id="memory"):
            yield self.tree_of_prefixes
            with Container(id="found"):
                with Vertical(id="listing"):
                    yield self.head
                    yield self.table
                yield self.page
        yield self.filter

    def on_mount(self) -> None:
        """The table has the first keys."""
        self.table.focus()

    def on_screen_suspend(self) -> None:
        """Nothing secret stays on a screen that is left."""
        self._hide()

    # What is shown

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        if self.desk.store.link is LinkState.READY:
            self._read()

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything:
            self.refresh_all()
        elif changes.memory and self._soon is None:
            self._soon = self.set_timer(BREATH, self._read)

    def _read(self) -> None:
        """Read everything anew; what is shown stays until the new is there."""
        self._soon = None
        self._list()
        self._read_tree()
        self.desk.ask(self._state_of, self._take_state, group="memory-state", quiet=True)

    async def _state_of(self, engine: EngineApi) -> tuple[tuple[MemoryConflict, ...], MemoryGrowth | None]:
        conflicts, growth = (), None
        with suppress(CisError):
            conflicts = await engine.memory_conflicts()
        with suppress(CisError):
            growth = await engine.memory_growth()
        return conflicts, growth

    def _take_state(self, state: tuple[tuple[MemoryConflict, ...], MemoryGrowth | None]) -> None:
        conflicts, growth = state
        self.head.grew(growth)
        self._conflicts = {conflict.key: conflict for conflict in conflicts}
        self.table.conflicts = self._conflicts.keys()
        self.table.refresh()
        self._show_head()
        if self.table.chosen is not None:
            self._show_page(self.table.chosen)

    @on(PrefixTree.Unfolded)
    def _read_tree(self) -> None:
        opened = self.tree_of_prefixes.prefixes.opened

        async def read(engine: EngineApi) -> list[MemoryTree]:
            return [await engine.memory_tree(prefix) for prefix in opened]

        def take(levels: list[MemoryTree]) -> None:
            self.tree_of_prefixes.prefixes.take(levels)
            self.tree_of_prefixes.show()

        self.desk.ask(read, take, group="memory-tree")

    @on(RowList.Moved, "#prefixes")
    def _moved_in_tree(self) -> None:
        self._list()

    def _list(self, step: Step = Step.AT_ONCE) -> None:
        """Read the listing anew; the old one stays until the new one is there."""
        prefix, needle = self.tree_of_prefixes.chosen, self.filter.value.strip()
        top = self.table.scroll_offset.y if (prefix, needle) == (self._pages.prefix, self._pages.needle) else 0
        rows, keys = (top, top + self.table.size.height), keys_of(self)
        self.desk.ask(
            lambda engine: read_listing(engine, prefix, needle, rows, step, keys),
            self._listed,
            failed=self._not_listed,
            group="memory-list",
        )

    def _not_listed(self, error: CisError | OSError) -> None:
        self.desk.hold_keys(False)
        self.desk.say(text_of(error), hint=hint_of(error, self.desk.key), bad=True)

    def _listed(self, pages: Pages) -> None:
        self.desk.hold_keys(False)
        self._pages = pages
        self.table.show(pages)
        self.page.display = not self.table.bare
        self._show_head()
        self._show_entry()
        if pages.next:
            self._list(pages.next)

    @on(MemoryTable.PageWanted)
    def _read_page(self, wanted: MemoryTable.PageWanted) -> None:
        pages = self._pages

        def take(page: MemoryPage) -> None:
            pages.take(wanted.offset, page)
            if pages is self._pages:
                self.table.show(pages)
                self._show_entry()

        self.desk.ask(lambda engine: engine.memory_list(pages.prefix, limit=SIZE, offset=wanted.offset, cut=CUT), take)

    @on(MemoryTable.Marked)
    def _show_head(self) -> None:
        self.head.show(self._pages, marked=len(self.table.marked), conflicts=len(self._conflicts))
        self.refresh_bindings()

    @on(RowList.Moved, "#entries")
    def _moved(self) -> None:
        self._revealed = ""
        self._show_entry()

    def _show_entry(self) -> None:
        item = self.table.chosen
        self.refresh_bindings()
        if item is None:
            self._history = ()
            self.page.show(())
            return
        if not (self._history and self._history[0].key == item.key):
            self._history = ()
        self._show_page(item)
        self.set_timer(REST, lambda: self._read_history(item.key))

    def _show_page(self, item: MemoryItem) -> None:
        store = self.desk.store
        full = next((version for version in self._history if version.version == item.version), item)
        revealed = self._revealed == item.key and full is not item
        lines = memory_lines(
            full,
            self._history,
            me=store.me,
            names=store.names,
            revealed=revealed,
            reveal=keys_of(self)("memory.reveal"),
            hit=self._pages.hit(item.key),
            conflict=self._conflicts.get(item.key),
        )
        self.page.show(lines)

    def _read_history(self, key: str) -> None:
        item = self.table.chosen
        if item is None or item.key != key:
            return

        def take(history: tuple[MemoryItem, ...]) -> None:
            if self.table.chosen == item:
                self._history = history
                self._show_page(item)

        self.desk.ask(lambda engine: engine.memory_history(key), take, group="memory-history", quiet=True)

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the chosen entry, or the marked ones."""
        item = self.table.chosen
        match action:
            case "reveal":
                return item is not None and item.index_type is IndexType.SENSITIVE
            case "edit":
                return item is not None and isinstance(item.value, str)
            case "edit_outside" | "copy":
                return item is not None
            case "delete" | "pin" | "classify" | "move" | "export":
                return bool(self.table.meant)
            case "conflicts":
                return bool(self._conflicts)
            case _:
                return super().check_action(action, parameters)

    @on(RowList.Chosen, "#entries")
    def _open(self) -> None:
        """To read an entry is to use it: memory counts that."""
        item = self.table.chosen
        if item is not None:
            self.page.focus()
            self.desk.ask(lambda engine: engine.memory_get(item.key))

    @on(RowList.Chosen, "#prefixes")
    def _enter_prefix(self) -> None:
        self.table.focus()
        if self.has_class("-narrow"):
            self.tree_of_prefixes.display = False

    def action_folders(self) -> None:
        """Show the tree and go there, or hide it."""
        tree = self.tree_of_prefixes
        if tree.display and tree.has_focus:
            self.table.focus()
            tree.display = False
        else:
            tree.display = True
            tree.focus()

    def action_reveal(self) -> None:
        """Show a secret for a while, or hide it again."""
        item = self.table.chosen
        if item is None:
            return
        shown = self._revealed == item.key
        self._hide()
        if not shown:
            self._revealed = item.key
            self._hiding = self.set_timer(self.reveal_seconds, self._hide)
            self._show_page(item)

    def _hide(self) -> None:
        if self._hiding is not None:
            self._hiding.stop()
        self._revealed = ""
        if self.table.chosen is not None:
            self._show_page(self.table.chosen)

    def action_new(self) -> None:
        """Write an entry, below the prefix that is shown."""
        self.acts.new(self._pages.prefix)

    def action_edit(self) -> None:
        """Write another value for the chosen key."""
        if self.table.chosen:
            self.acts.edit(self.table.chosen)

    def action_edit_outside(self) -> None:
        """The same, in the person's own editor."""
        if self.table.chosen:
            self.acts.edit_outside(self.table.chosen)

    def action_copy(self) -> None:
        """Give the chosen value to the clipboard."""
        if self.table.chosen:
            self.acts.copy(self.table.chosen)

    def action_copy_key(self) -> None:
        """Give the chosen key to the clipboard."""
        if self.table.chosen:
            self.desk.copy(self.table.chosen.key, "the key")

    def action_delete(self) -> None:
        """Delete the marked entries, or the chosen one."""
        self.acts.delete(self.table.meant)

    def action_pin(self) -> None:
        """Pin the marked entries, or the chosen one; or no longer."""
        self.acts.pin(self.table.meant)

    def action_classify(self) -> None:
        """Say what the marked entries, or the chosen one, are."""
        self.acts.classify(self.table.meant)

    def action_move(self) -> None:
        """Move the marked entries, or the chosen one, to the other domain."""
        self.acts.move(self.table.meant)

    def action_export(self) -> None:
        """Write the marked entries, or the chosen one, into a file."""
        self.acts.export(self.table.meant)

    def action_undo(self) -> None:
        """Take the last change back."""
        self.acts.undo()

    def action_conflicts(self) -> None:
        """Settle the conflict of the chosen entry, or the first one."""
        item = self.table.chosen
        key = item.key if item and item.key in self._conflicts else next(iter(self._conflicts))
        settle(self.desk, self._conflicts[key])

    def action_layers(self) -> None:
        """Show how memory's layers do."""
        self.acts.layers()

    def action_lock(self) -> None:
        """Lock private memory, or unlock it."""
        from cis_tui.tui.memory_lock import lock_or_unlock

        lock_or_unlock(self.desk)

    def action_filter(self) -> None:
        """Look for something."""
        self.filter.open()

    def want(self, key: str) -> None:
        """Show an entry."""
        self.filter.look_for(key)

    @on(Filter.Narrowed)
    def _narrowed(self) -> None:
        if self._typing is not None:
            self._typing.stop()
        self._typing = self.set_timer(TYPING, self._list)

    @on(Filter.Closed)
    def _filter_closed(self) -> None:
        self.table.focus()
        if self.filter.value.strip() != self._pages.needle and self.desk.store.link is LinkState.READY:
            self.desk.hold_keys(True)  # what is pressed now is about what will be found
            self._list()

    @on(MemoryTable.Dropped)
    def _dropped(self) -> None:
        """Esc takes away the marks first, then the search."""
        if self.table.marked:
            self.table.drop_marks()
        else:
            self.filter.drop()
