"""A text in the person's own editor until it was taken; one that is refused is edited again, or stays in its file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Generic, TypeVar

from cis_tui.core.errors import CisError
from cis_tui.tui.desk import Desk
from cis_tui.tui.external import Draft
from cis_tui.tui.words import hint_of, text_of

if TYPE_CHECKING:
    from cis_tui.protocol import EngineApi

T = TypeVar("T")
Take = Callable[["EngineApi", str | bytes], Awaitable[T]]
"""Does with an edited text what it is for, or raises why not."""


class Drafting(Generic[T]):
    """Opens a text in the editor and has it taken."""

    def __init__(self, desk: Desk, about: str, take: Take[T], taken: Callable[[T], object]) -> None:
        """`about`: what the text is, as it is called; `taken` is given what came of it."""
        self._desk = desk
        self._about = about
        self._take = take
        self._taken = taken

    def open(self, text: str | bytes, *, private: bool) -> None:
        """Edit `text`; a private one only where it reaches no disk."""
        try:
            draft = Draft(text, private=private)
        except (CisError, OSError) as error:
            self._complain(error)
        else:
            self._edit(draft)

    def _complain(self, error: CisError | OSError) -> None:
        self._desk.say(text_of(error), hint=hint_of(error, self._desk.key), bad=True)

    def _edit(self, draft: Draft) -> None:
        def failed(error: CisError | OSError) -> None:
            if draft.changed:
                self._not_taken(draft, error)
            else:
                draft.drop()
                self._complain(error)

        self._desk.edit_file(draft.path, lambda _: self._left(draft), failed=failed, private=draft.private)

    def _left(self, draft: Draft) -> None:
        """The editor has ended: have what it left taken."""
        if not draft.changed:
            draft.drop()
            self._desk.say("nothing was changed")
            return

        async def take(engine: EngineApi) -> T:
            return await self._take(engine, draft.read())

        def taken(came: T) -> None:
            draft.drop()
            self._taken(came)

        self._desk.ask(take, taken, failed=lambda error: self._not_taken(draft, error))

    def _not_taken(self, draft: Draft, error: CisError | OSError) -> None:
        from cis_tui.tui.screens.untaken import Untaken, UntakenDialog

        def answered(answer: Untaken | None) -> None:
            match answer:
                case Untaken.AGAIN:
                    self._edit(draft)
                case Untaken.SAVED:
                    self._left(draft)
                case Untaken.DROPPED:
                    draft.drop()
                case None:
                    self._desk.say(f"your text is in {draft.path}")

        why = text_of(error), hint_of(error, self._desk.key)
        self._desk.dialog(UntakenDialog(self._about, why, draft.path, private=draft.private), answered)
