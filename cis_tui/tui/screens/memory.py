"""The memory screen: what is remembered, and every version of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from cis_tui.core.text import clean
from cis_tui.memory.records import Domain, IndexType, MemoryItem, MemoryPage, MemoryWrite
from cis_tui.protocol import EngineApi
from cis_tui.tui.desk import Desk
from cis_tui.tui.memory_detail import memory_lines, value_text
from cis_tui.tui.pages import SIZE, WHOLE, Pages
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.store import Changes, LinkState
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.memory_table import MemoryTable
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.rows import RowList

if TYPE_CHECKING:
    from textual.app import ComposeResult

REST = 0.12
"""Seconds that the cursor rests on an entry before its history is read."""


class MemoryScreen(WorkspaceScreen):
    """Look things up, write, correct and delete them."""

    NAME = "memory"
    PURPOSE = "What is remembered. ◆ is private: encrypted, never leaves this machine; ◇ is public."
    CSS_PATH = "memory.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s,space", "reveal", "reveal", id="memory.reveal"),
        Binding("n", "new", "new", id="memory.new"),
        Binding("e", "edit", "edit", id="memory.edit"),
        Binding("D", "delete", "delete", id="memory.delete"),
        Binding("slash", "filter", "filter", priority=True, id="memory.filter"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.table = MemoryTable(id="entries")
        self.page = Page(id="entry")
        self.filter = Filter("part of a key")
        self._pages = Pages()
        self._history: tuple[MemoryItem, ...] = ()
        self._revealed = ""
        """Key of the sensitive entry that is shown in clear."""

    def body(self) -> ComposeResult:
        """The table, and beside or below it the chosen entry."""
        with Horizontal(id="memory"):
            yield self.table
            yield self.page
        yield self.filter

    def on_mount(self) -> None:
        """The table has the first keys."""
        self.table.focus()

    # What is shown

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        if self.desk.store.link is LinkState.READY:
            self._list(self.filter.value)

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything or changes.memory:
            self.refresh_all()

    def _list(self, needle: str) -> None:
        """Read the listing anew; the old one stays until the new one is there."""

        async def read(engine: EngineApi) -> Pages:
            pages = Pages(needle)
            page = await engine.memory_list("", limit=1)
            if page.total <= WHOLE:
                pages.take_whole(await engine.memory_list("", limit=WHOLE))
            else:
                first = self.table.cursor // SIZE * SIZE if needle == self._pages.needle else 0
                pages.to_read(first, first)
                pages.take(first, await engine.memory_list(needle, limit=SIZE, offset=first))
            return pages

        self.desk.ask(read, self._listed, group="memory-list")

    def _listed(self, pages: Pages) -> None:
        self._pages = pages
        self.table.show(pages)
        self._show_entry()

    @on(MemoryTable.PageWanted)
    def _read_page(self, wanted: MemoryTable.PageWanted) -> None:
        pages = self._pages

        def take(page: MemoryPage) -> None:
            pages.take(wanted.offset, page)
            if pages is self._pages:
                self.table.show(pages)
                self._show_entry()

        self.desk.ask(lambda engine: engine.memory_list(pages.needle, limit=SIZE, offset=wanted.offset), take)

    @on(RowList.Moved, "#entries")
    def _moved(self) -> None:
        self._revealed = ""
        self._show_entry()

    def _show_entry(self) -> None:
        item = self.table.chosen
        self.refresh_bindings()
        if item is None:
            self.page.show(())
            return
        if not (self._history and self._history[0].key == item.key):
            self._history = ()
        self._show_page(item)
        self.set_timer(REST, lambda: self._read_history(item.key))

    def _show_page(self, item: MemoryItem) -> None:
        self.page.show(memory_lines(item, self._history, revealed=self._revealed == item.key))

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
        """Only what can be done with the chosen entry."""
        item = self.table.chosen
        if action == "reveal":
            return item is not None and item.index_type is IndexType.SENSITIVE
        if action == "edit":
            return item is not None and isinstance(item.value, str)
        if action == "delete":
            return item is not None
        return super().check_action(action, parameters)

    @on(RowList.Chosen, "#entries")
    def _open(self) -> None:
        """To read an entry is to use it: memory counts that."""
        item = self.table.chosen
        if item is not None:
            self.page.focus()
            self.desk.ask(lambda engine: engine.memory_get(item.key))

    def action_reveal(self) -> None:
        """Show a sensitive value, or hide it again."""
        item = self.table.chosen
        if item is not None:
            self._revealed = "" if self._revealed == item.key else item.key
            self._show_page(item)

    def action_new(self) -> None:
        """Write an entry."""
        from cis_tui.tui.screens.form import Field, FormDialog

        fields = [
            Field("key", note="such as project/notes", required=True),
            Field("value", lines=True),
            Field("domain", note="private or public; empty: decided by what it is"),
        ]
        self.desk.dialog(FormDialog("Remember something", fields), self._write_new)

    def _write_new(self, given: dict[str, str] | None) -> None:
        if given is None:
            return
        domain = given["domain"].strip().lower()
        if domain and domain not in tuple(Domain):
            self.desk.say(f'"{domain}" is no domain', hint="private or public", bad=True)
            return
        self._write(MemoryWrite(given["key"], given["value"], Domain(domain) if domain else None))

    def action_edit(self) -> None:
        """Write another value for the chosen key; the old one stays in its history."""
        from cis_tui.tui.screens.form import Field, FormDialog

        item = self.table.chosen
        if item is None:
            return
        if clean(value_text(item)) != item.value:
            self.desk.say("this value cannot be edited here", hint="it has control characters: cis memory set KEY -")
            return

        def write(given: dict[str, str] | None) -> None:
            if given is not None and given["value"] != item.value:
                self._write(MemoryWrite(item.key, given["value"], item.domain, item.category, item.pinned))

        self.desk.dialog(FormDialog(item.key, [Field("value", value_text(item), lines=True)]), write)

    def _write(self, write: MemoryWrite) -> None:
        project = self.desk.store.project_root
        self.desk.ask(
            lambda engine: engine.memory_set(write, project=project),
            lambda item: self.desk.say(f"remembered {item.key}", hint=f"{item.domain.value}, {item.index_type.value}"),
        )

    def action_delete(self) -> None:
        """Ask, then delete the chosen entry."""
        from cis_tui.tui.screens.confirm import ConfirmDialog

        item = self.table.chosen
        if item is None:
            return
        self.desk.dialog(
            ConfirmDialog(
                "Delete this entry?", f"{item.key}\n\nIts history keeps the value until its week is dropped."
            ),
            lambda yes: self.desk.ask(lambda engine: engine.memory_delete(item.key)) if yes else None,
        )

    def action_filter(self) -> None:
        """Narrow the table by key."""
        self.filter.open()

    @on(Filter.Narrowed)
    def _narrowed(self, event: Filter.Narrowed) -> None:
        self._list(event.text)

    @on(Filter.Closed)
    def _filter_closed(self) -> None:
        self.table.focus()
