"""Private memory as one process holds it: locked, unlocked, put under another key; files of other rooms beside it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from threading import Lock
from typing import TYPE_CHECKING

from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, KeyState, RekeyReport
from cis_tui.memory.vault import Vault

if TYPE_CHECKING:
    from cis_tui.memory.data_key import DataKey
    from cis_tui.memory.database import Database
    from cis_tui.memory.keys import Ask
    from cis_tui.memory.rekey import Rekey
    from cis_tui.memory.rotation import Step


class PrivateMemory:
    """The key of one home's private memory, and who has files open under it; for any number of threads."""

    def __init__(
        self,
        home: Home,
        *,
        ask: Ask | None,
        auto_lock: float,
        flush: Callable[[], None],
        let_go: Callable[[], AbstractContextManager[None]],
        emit: Callable[[str, Mapping[str, object]], None],
    ) -> None:
        """For `ask` and `auto_lock` see `MemoryService`. `flush` makes durable what waits. While `let_go` is entered
        nobody has a private file open, nor keeps anything of one. `emit` tells what happened."""
        self.vault = Vault(home, Domain.PRIVATE, lambda: self.key.get())
        self._home = home
        self._ask = ask
        self._auto_lock = auto_lock
        self._flush = flush
        self._let_go = let_go
        self._emit = emit
        self._making = Lock()
        self._made: DataKey | None = None
        self._files = Lock()

    @property
    def key(self) -> DataKey:
        """The key, which is looked for when it is needed."""
        with self._making:
            if self._made is None:
                from cis_tui.memory.data_key import DataKey

                self._made = DataKey(self._home, ask=self._ask, auto_lock=self._auto_lock, on_idle=self.lock_if_idle)
            return self._made

    def state(self) -> KeyState:
        """How the key is kept, and whether it can be used now."""
        return self.key.state()

    def touch(self, *domains: Domain) -> None:
        """Note that entries of these domains were used by somebody."""
        if self._made is not None and Domain.PRIVATE in domains:
            self._made.touch()

    def unlock(self, passphrase: str = "") -> None:
        """Have private memory at hand again, by its passphrase if its key is kept by one.

        Raises:
            Unavailable: it is not its passphrase, or none was given; what was locked stays so (CIS-MEM-021, 020).
        """
        self.key.unlock(passphrase)
        self._emit("MemoryUnlocked", {})

    def lock(self, *, reason: str = "asked") -> None:
        """Forget the key, and all that was read under it, until `unlock`. `reason` is for the event.

        Raises:
            Refused: it cannot be locked (CIS-MEM-072).
        """
        self.key.check_lockable()
        with suppress(CisError):
            self._flush()  # what cannot be written now waits, unreadable, for the key
        with self._files, self._let_go():
            already = self.key.shut
            self.key.lock()
        if not already:
            self._emit("MemoryLocked", {"reason": reason})

    def lock_if_idle(self) -> None:
        """Lock private memory if it should have been already: before anything is asked of it."""
        if self._made is not None and self._made.expired:
            with suppress(CisError):
                self.lock(reason="idle")

    def rekey(self, asked: Rekey, step: Step) -> RekeyReport:
        """Give private memory a new key; whoever reads or writes waits. `step` is told what is done.

        Raises:
            CisError: it was not done, and nothing was changed (see `rekey.rekey`).
        """
        from cis_tui.memory.rekey import rekey
        from cis_tui.memory.rotation import undisturbed

        with undisturbed(self._home), self._files, self._let_go():
            report = rekey(self._home, self.key, asked, step)
        self._emit("MemoryRekeyed", {"kept": report.kept, "files": report.files})
        return report

    @contextmanager
    def file(self, name: str, prepare: Callable[[Database], None]) -> Generator[Database]:
        """An encrypted file of another room, beside private memory and under its key, open while the block runs.

        `prepare` makes its tables when there is none; `name` ends with `.db`. It is locked and rekeyed with the rest.

        Raises:
            CisError: the key, or the file, cannot be opened.
        """
        from cis_tui.memory.database import Database, create, locked

        self.lock_if_idle()
        with self._files:
            key, path = self.vault.key(), self.vault.folder / name
            assert key is not None, "private memory has a key"
            if not path.exists():
                self.vault.make_folder()
                with locked(self.vault.folder):
                    if not path.exists():
                        create(path, key, prepare)
            with closing(Database(path, key, durable=True)) as file:
                self.touch(Domain.PRIVATE)
                yield file

    def close(self) -> None:
        """Let go of the key; may be called again."""
        if self._made is not None:
            self._made.forget()
