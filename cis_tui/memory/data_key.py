"""The data key as one process holds it: had when it is needed, forgotten when told so or when it is not used."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from threading import RLock, Timer, current_thread

from cis_tui.core.errors import CisError, Refused
from cis_tui.core.paths import Home
from cis_tui.memory.key_lock import alone, share
from cis_tui.memory.keys import Ask, is_of, load_key, locked_error, read_kept, system_keyring, unwrap
from cis_tui.memory.passphrase import given_passphrase
from cis_tui.memory.records import KeyState

_UNLOCK = "cis memory unlock"


def uptime() -> float:
    """Seconds since the machine was started, those that it slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class DataKey:
    """The key of one home's private memory; for any number of threads.

    From the first use until it is forgotten, this process is one of the users of the key (`key_lock`), and nobody can
    change it.
    """

    def __init__(
        self,
        home: Home,
        *,
        env: Mapping[str, str] = os.environ,
        ask: Ask | None = None,
        auto_lock: float = 0.0,
        on_idle: Callable[[], None] | None = None,
        clock: Callable[[], float] = uptime,
    ) -> None:
        """`ask` asks a person for the passphrase when the environment gives none. `auto_lock`: seconds without use
        after which a key that was unlocked by `unlock` is to be locked again, 0 for never; then `on_idle` is called, on
        a thread of its own.
        """
        self._home = home
        self._env = env
        self._ask = ask
        self._auto_lock = auto_lock
        self._on_idle = on_idle
        self._clock = clock
        self._mutex = RLock()
        self._key = ""
        self._share = -1
        self._shut = False
        """Locked by a person: the environment does not open it."""
        self._typed = False
        """Opened by a passphrase that this process was given and does not keep."""
        self._used = 0.0
        self._timer: Timer | None = None

    def get(self) -> str:
        """The key as 64 hexadecimal digits; made at first use.

        Raises:
            CisError: it is locked (CIS-MEM-020), or not to be had (see `keys.load_key`).
        """
        with self._mutex:
            if not self._key:
                if self._shut:
                    raise locked_error(_UNLOCK)
                with self._joined():
                    ask, self._ask = self._ask, None  # who has no answer is not asked again
                    self._open(load_key(self._home, env=self._env, ask=ask))
                    self._ask = ask
            return self._key

    def touch(self) -> None:
        """Note that private memory was used by somebody."""
        if self._typed:
            self._used = self._clock()

    def unlock(self, passphrase: str = "") -> None:
        """Open what is locked, by its passphrase if it is kept by one.

        Raises:
            Unavailable: it is not its passphrase, or none was given; what was locked stays so (CIS-MEM-021, 020).
        """
        with self._mutex, self._joined():
            kept = read_kept(self._home)
            if kept is None:
                return
            key = unwrap(self._home, kept, passphrase or None, system_keyring(self._env))
            if not self._key:
                self._open(key, typed=kept.get("kept") == "passphrase")
                self._shut = False

    def lock(self) -> None:
        """Forget the key until `unlock`, and let others change it."""
        self._forget(shut=True)

    def check_lockable(self) -> None:
        """See that there is a key that can be locked.

        Raises:
            Refused: it lies in a file that this account can read, or there is none (CIS-MEM-072).
        """
        kept = read_kept(self._home)
        if kept is None or kept.get("kept") == "file":
            what = f"its key lies in {self._home.keys}" if kept else "it has no key yet"
            hint = "cis memory rekey --passphrase puts it under a passphrase"
            raise Refused("CIS-MEM-072", f"private memory cannot be locked: {what}", hint=hint)

    def forget(self) -> None:
        """Let go of the key; the next use has it again if it can. No thread is left."""
        self._forget(shut=self._shut)
        if self._timer is not None and self._timer is not current_thread():
            self._timer.join()

    def state(self) -> KeyState:
        """How the key is kept, and whether this process can use it now; asks nobody and no keyring."""
        try:
            kept = str((read_kept(self._home) or {}).get("kept", ""))
        except CisError:
            kept = ""
        locked = not self._key and (self._shut or (kept == "passphrase" and not self._has_passphrase()))
        left = max(self._used + self._auto_lock - self._clock(), 0.0) if self._counts else None
        return KeyState(kept, locked or self.expired, self._auto_lock, left)

    @property
    def expired(self) -> bool:
        """Whether the key is still here though nobody has used it for so long that it should be locked."""
        # A timer does not run while the machine sleeps. First what is quick to tell: every read asks.
        return self._typed and self._counts and self._clock() - self._used >= self._auto_lock

    @property
    def shut(self) -> bool:
        """Whether it was locked, by a person or for not being used."""
        return self._shut

    @contextmanager
    def alone(self) -> Generator[None]:
        """Let no process use private memory meanwhile; afterwards this one goes on as before, or with the key that
        `replace` gave it.

        Raises:
            Unavailable: other processes do not let go of it (CIS-MEM-071).
        """
        with self._mutex:
            self._leave()
            try:
                with alone(self._home):
                    yield
            finally:
                if self._key:
                    self._join()
                    self._drop_outdated()

    def replace(self, key: str, *, typed: bool) -> None:
        """Go on with another key; `typed`: it is kept by a passphrase that a person gave."""
        with self._mutex:
            self._open(key, typed=typed)
            self._shut = False

    def _open(self, key: str, *, typed: bool = False) -> None:
        with suppress(ValueError, OSError):
            # No crash may write this process, with the key in it, to the disk.
            resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        self._key, self._typed = key, typed
        self.touch()
        self._start_timer()

    @contextmanager
    def _joined(self) -> Generator[None]:
        """Be a user of the key; afterwards only if the key is had."""
        try:
            self._join()
            yield
        finally:
            if not self._key:
                self._leave()

    def _join(self) -> None:
        """Become a user of the key, and finish what a change of it has left."""
        if self._share >= 0:
            return
        self._share = share(self._home)
        kept = read_kept(self._home)
        if kept is not None:
            from cis_tui.memory.rotation import settle, unsettled

            if unsettled(self._home, kept):
                settle(self._home, system_keyring(self._env))

    def _drop_outdated(self) -> None:
        """Forget a key that another process has changed while this one was not a user of it."""
        kept = read_kept(self._home)
        if kept is not None and not is_of(kept, self._key):
            self._forget(shut=False)

    def _leave(self) -> None:
        if self._share >= 0:
            os.close(self._share)
            self._share = -1

    def _forget(self, *, shut: bool) -> None:
        with self._mutex:
            self._key = ""
            self._shut = shut
            self._typed = False
            self._leave()
            if self._timer is not None:
                self._timer.cancel()

    def _has_passphrase(self) -> bool:
        try:
            return given_passphrase(self._env) is not None
        except CisError:
            return False

    @property
    def _counts(self) -> bool:
        """Whether idle time counts."""
        return bool(self._key) and self._typed and self._auto_lock > 0

    def _start_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._counts:
            left = self._used + self._auto_lock - self._clock()
            self._timer = Timer(max(left, 0.0), self._look)
            self._timer.daemon = True
            self._timer.start()

    def _look(self) -> None:
        """Lock if nothing was used since; else look again when it is time."""
        with self._mutex:
            expired = self.expired
            if not expired:
                self._start_timer()
        if expired and self._on_idle is not None:
            self._on_idle()


@contextmanager
def borrowed(home: Home) -> Generator[DataKey]:
    """The key of `home`, which nobody changes meanwhile, for a look at its files without the service."""
    key = DataKey(home)
    try:
        yield key
    finally:
        key.forget()
