"""What a person does with entries of memory: each act asks what must be asked first, does it, and says what it did."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from cis_tui.core.errors import CisError, NotFound, Refused
from cis_tui.core.text import clean
from cis_tui.memory.records import Domain, IndexType, MemoryConflict, MemoryItem, MemoryUndo, MemoryWrite
from cis_tui.tui.desk import Desk
from cis_tui.tui.memory_detail import KINDS, value_text
from cis_tui.tui.words import calendar_time, hint_of

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi
    from cis_tui.tui.screens.form import FormDialog

Each = Callable[["EngineApi", MemoryItem], Awaitable[object]]


class MemoryActs:
    """The acts of the memory screen. They name entries; what memory then holds comes back as an event."""

    def __init__(self, desk: Desk, done: Callable[[], object]) -> None:
        """`done` is called after an act on several entries: they need no marks any more."""
        self._desk = desk
        self._done = done
        self._deleted: set[str] = set()
        """Keys that were deleted together, so that they are brought back together."""

    # Writing

    def new(self, prefix: str) -> None:
        """Write an entry, from its key on."""
        from cis_tui.tui.screens.entry import EntryDialog, write_of

        project = self._desk.store.project_root

        def send(given: dict[str, str], form: FormDialog) -> None:
            write = write_of(given)
            self._desk.ask(
                lambda engine: engine.memory_set(write, project=project),
                lambda item: (form.taken(), self._written(item)),
                failed=form.refused,
            )

        self._desk.dialog(EntryDialog(prefix, send))

    def edit(self, item: MemoryItem) -> None:
        """Write another value for a key; the old one stays in its history."""
        self._desk.ask(lambda engine: whole(engine, item), self._edit_whole)

    def _edit_whole(self, item: MemoryItem) -> None:
        from cis_tui.tui.screens.form import Field, FormDialog, has_room

        text = value_text(item)
        if clean(text) != item.value or not has_room(text):
            why = "it is not plain text" if has_room(text) else "it is too long"
            self._desk.say("this value cannot be edited here", hint=f"{why}; E opens it in your editor")
            return
        correction = Correction(item)

        def send(given: dict[str, str], form: FormDialog) -> None:
            if given["value"] == item.value:
                form.taken()
                return
            self._desk.ask(
                lambda engine: correction.write(engine, given["value"]),
                lambda item: (form.taken(), self._written(item)),
                failed=form.refused,
            )

        self._desk.dialog(FormDialog(item.key, [Field("value", text, lines=True)], send=send))

    def edit_outside(self, item: MemoryItem) -> None:
        """Write another value for a key in the person's own editor."""
        self._desk.ask(lambda engine: whole(engine, item), self._edit_draft)

    def _edit_draft(self, item: MemoryItem) -> None:
        from cis_tui.tui.drafts import Drafting

        drafting = Drafting(self._desk, item.key, Correction(item).write, self._written)
        drafting.open(item.value, private=item.domain is Domain.PRIVATE)

    def _written(self, item: MemoryItem) -> None:
        self._deleted.clear()
        self._desk.say(f"remembered {item.key}", hint=f"{item.domain.value}, {item.index_type.value}: {item.reason}")

    # Taking away, and back

    def delete(self, items: Sequence[MemoryItem]) -> None:
        """Delete entries; several only after a yes, for one there is undo."""
        if len(items) == 1:
            self._delete(items)
            return
        self._confirm(
            f"Delete {len(items)} entries?",
            f"u brings them back; their history keeps the values until its week is dropped.\n\n{names(items)}",
            lambda: self._delete(items),
        )

    def _delete(self, items: Sequence[MemoryItem]) -> None:
        self._deleted = {item.key for item in items}
        self._for_each(items, "deleted", lambda engine, item: engine.memory_delete(item.key), hint="u brings back")

    def undo(self) -> None:
        """Take the last change back; of entries that were deleted together, all."""
        together = self._deleted
        self._deleted = set()

        async def take_back(engine: EngineApi) -> tuple[MemoryUndo, int]:
            undo = await engine.memory_undo()
            done = 1
            while undo.undone.key in together and len(together) > 1:
                together.discard(undo.undone.key)
                undo = await engine.memory_undo()
                done += 1
            return undo, done

        self._desk.ask(take_back, self._undone)

    def _undone(self, answer: tuple[MemoryUndo, int]) -> None:
        undo, done = answer
        if done > 1:
            self._desk.say(f"{done} changes were taken back")
            return
        now = "it is gone again" if undo.item.deleted else f"as of before {calendar_time(undo.undone.created_at)} UTC"
        self._desk.say(f"took the change of {undo.undone.key} back", hint=now)

    # What is said about entries

    def pin(self, items: Sequence[MemoryItem]) -> None:
        """Pin entries, or end the pins when all have one."""
        pinned = not all(item.pinned for item in items)
        did = "pinned" if pinned else "no longer pinned:"
        self._for_each(items, did, lambda engine, item: engine.memory_pin(item.key, pinned=pinned))

    def classify(self, items: Sequence[MemoryItem]) -> None:
        """Overrule what entries were taken as; that a secret is none, only after a yes."""
        from cis_tui.tui.screens.choice import ChoiceDialog

        # What is used often is told by its use, and not by a person.
        kinds = tuple(kind for kind in IndexType if kind is not IndexType.FREQUENTLY_QUERIED)
        options = [(kind.value, KINDS[kind]) for kind in kinds]

        def chosen(index: int | None) -> None:
            if index is None:
                return
            kind = kinds[index]
            secrets = [item for item in items if item.index_type is IndexType.SENSITIVE]
            if secrets and kind is not IndexType.SENSITIVE:
                text = f"No longer masked; searched, exported, and given to agents that you allow.\n\n{names(secrets)}"
                self._confirm(f"{'This is' if len(secrets) == 1 else 'These are'} no secret?", text, lambda: call(kind))
            else:
                call(kind)

        def call(kind: IndexType) -> None:
            self._for_each(
                items,
                f"taken as {kind.value}:",
                lambda engine, item: engine.memory_classify(item.key, kind, declassify=kind is not IndexType.SENSITIVE),
            )

        now = items[0].index_type
        at = kinds.index(now) if now in kinds else 0
        self._desk.dialog(ChoiceDialog(f"What is {names(items, most=1)}?", options, cursor=at), chosen)

    def move(self, items: Sequence[MemoryItem]) -> None:
        """Move entries to the other domain; into the open only after a yes, and no secrets."""
        to = Domain.PUBLIC if items[0].domain is Domain.PRIVATE else Domain.PRIVATE
        moved = [item for item in items if item.domain is not to]

        def go() -> None:
            self._for_each(moved, f"now {to.value}:", lambda engine, item: _move(engine, item, to))

        if to is Domain.PRIVATE:
            go()
        elif any(item.index_type is IndexType.SENSITIVE for item in moved):
            self._desk.say("a secret stays private", hint="t says that it is none", bad=True)
        else:
            text = f"Public memory is not encrypted, and is shared with your own peers.\n\n{names(moved)}"
            self._confirm("Move from private to public memory?", text, go)

    # Ways out

    def copy(self, item: MemoryItem) -> None:
        """Give a value to the clipboard; a secret only after a yes. It counts as use."""
        if item.index_type is IndexType.SENSITIVE:
            text = f"Other programs can read the clipboard, and some keep its history.\n\n{item.key}"
            self._confirm("Copy a secret?", text, lambda: self._copy(item))
        else:
            self._copy(item)

    def _copy(self, item: MemoryItem) -> None:
        def take(found: MemoryItem | None) -> None:
            if found is None or isinstance(found.value, bytes):
                self._desk.say("not copied", hint="it is gone" if found is None else "it is not text", bad=True)
            else:
                self._desk.copy(found.value, f"the value of {item.key}")

        self._desk.ask(lambda engine: engine.memory_get(item.key), take)

    def export(self, items: Sequence[MemoryItem]) -> None:
        """Write entries into a file; see `memory_file`."""
        from cis_tui.tui.memory_file import export

        export(self._desk, items, self._done)

    # Memory as a whole

    def layers(self) -> None:
        """Show how the layers of memory do."""
        from cis_tui.tui.memory_layers import layers_lines
        from cis_tui.tui.screens.reader import ReaderDialog

        self._desk.ask(
            lambda engine: engine.memory_stats(),
            lambda stats: self._desk.dialog(ReaderDialog("Memory, layer by layer", layers_lines(stats))),
        )

    # Together

    def _for_each(self, items: Sequence[MemoryItem], did: str, call: Each, *, hint: str = "") -> None:
        """Do the same with several entries; what fails does not hold up the rest."""

        async def work(engine: EngineApi) -> list[CisError]:
            failed: list[CisError] = []
            for item in items:
                try:
                    await call(engine, item)
                except CisError as error:
                    failed.append(error)
            return failed

        def tell(failed: list[CisError]) -> None:
            self._done()
            if failed:
                done = f"{did} {len(items) - len(failed)}, {len(failed)} not: " if len(items) > 1 else ""
                self._desk.say(done + failed[0].message, hint=hint_of(failed[0], self._desk.key), bad=True)
            else:
                self._desk.say(f"{did} {names(items, most=1)}", hint=hint)

        self._desk.ask(work, tell)

    def _confirm(self, title: str, text: str, then: Callable[[], object]) -> None:
        from cis_tui.tui.screens.confirm import ConfirmDialog

        self._desk.dialog(ConfirmDialog(title, text), lambda yes: then() if yes else None)


class Correction:
    """Another value for an entry that a person has before them."""

    def __init__(self, item: MemoryItem) -> None:
        self._item = item
        self._told: list[MemoryItem] = []
        """The versions of which the person was told."""

    async def write(self, engine: EngineApi, value: str | bytes) -> MemoryItem:
        """Write it.

        Raises:
            Refused: the entry was changed since it was read; once told, that is written over (CIS-TUI-022).
        """
        item, now = self._item, await _newest(engine, self._item.key)
        versions = [each.version for each in now]
        if item.version not in versions and versions != [each.version for each in self._told]:
            self._told = now
            hint = "once more saves yours over that; its history keeps both"
            raise Refused("CIS-TUI-022", f"{item.key} was changed meanwhile", hint=hint)
        return await engine.memory_set(MemoryWrite(item.key, value, item.domain))


async def whole(engine: EngineApi, item: MemoryItem) -> MemoryItem:
    """An entry that was listed, with all of its value; to look so is no use of it.

    Raises:
        NotFound: it has been changed or deleted since (CIS-TUI-020).
    """
    for version in await _newest(engine, item.key):
        if version.version == item.version and version.domain is item.domain:
            return version
    raise NotFound("CIS-TUI-020", f"{item.key} was changed meanwhile", hint="look at it again")


async def _newest(engine: EngineApi, key: str) -> list[MemoryItem]:
    """The version of an entry that is read, and those beside it that are neither newer nor older."""
    history = await engine.memory_history(key)
    first = next((at for at, version in enumerate(history) if not version.concurrent), len(history))
    return list(history[: first + 1])


async def _move(engine: EngineApi, item: MemoryItem, to: Domain) -> None:
    value = (await whole(engine, item)).value
    await engine.memory_set(MemoryWrite(item.key, value, to, item.category, item.pinned))


def names(items: Sequence[MemoryItem], *, most: int = 12) -> str:
    """The keys of entries, or how many there are."""
    if len(items) > most:
        shown = [item.key for item in items[: most - 1]]
        return "\n".join((*shown, f"and {len(items) - len(shown)} more")) if shown else f"{len(items)} entries"
    return "\n".join(item.key for item in items)


def settle(desk: Desk, conflict: MemoryConflict) -> None:
    """Show every version of an entry, and keep the one that a person chooses; their peers hear of it."""
    from cis_tui.memory.versions import version_name
    from cis_tui.tui.screens.settle import SettleDialog, versions_of

    def chosen(index: int | None) -> None:
        if index is not None:
            kept = versions_of(conflict)[index]
            keep = version_name(kept.version, kept.origin)
            desk.ask(
                lambda engine: engine.memory_resolve(conflict.key, keep=keep),
                lambda item: desk.say(f"settled {item.key}", hint="the others stay in its history"),
            )

    desk.dialog(SettleDialog(conflict, me=desk.store.me, names=desk.store.names), chosen)
