"""Whether anything was written since: two counters a domain, in a small file that the processes of a home map.

To look is a read of memory, where asking SQLite (`PRAGMA data_version`) would cost more than the entry itself. A writer
counts what it begins, with the domain's write lock held, and after its commit says that this much has ended. What is
read while the two differ is not to be kept: a writer that was killed in between costs time until the next write, and
never an old answer.
"""

from __future__ import annotations

import mmap
import os

from cis_tui.core.errors import cannot_write
from cis_tui.core.paths import Home, private_dir
from cis_tui.memory.records import Domain

Epoch = tuple[int, int]
"""The counters of public and private memory; other ones say that something was written since."""
_POSITION = {Domain.PUBLIC: 0, Domain.PRIVATE: 2}
_SIZE = 4 * 8


class Epochs:
    """The counters of one home."""

    def __init__(self, home: Home) -> None:
        """Map the file, made when there is none.

        Raises:
            Unavailable: the disk is full (CIS-CORE-012).
            Refused: it cannot be made or mapped (CIS-CORE-013).
        """
        path = home.memory / "epochs"
        try:
            private_dir(home.ensure().memory)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                # A hole would be filled at the first write, which on a full disk ends the process (SIGBUS).
                os.posix_fallocate(descriptor, 0, _SIZE)
                # Never closed: it is let go with this object, and a late look at it harms nobody.
                self._counters = memoryview(mmap.mmap(descriptor, _SIZE)).cast("Q")
            finally:
                os.close(descriptor)
        except OSError as error:
            raise cannot_write(path, error) from error

    def now(self) -> Epoch | None:
        """The present epoch; None while somebody writes, or was killed while writing."""
        public, public_ended, private, private_ended = self._counters
        return (public, private) if public == public_ended and private == private_ended else None

    @property
    def public(self) -> int:
        """How many changes of public memory have ended, by whatever process."""
        return int(self._counters[_POSITION[Domain.PUBLIC] + 1])

    def begin(self, domain: Domain) -> int:
        """Count a change that is about to be committed, with the domain's write lock held; gives its number."""
        position = _POSITION[domain]
        number = (self._counters[position] + 1) % 2**64
        self._counters[position] = number
        return number

    def end(self, domain: Domain, number: int) -> None:
        """The change `number` is committed, or was given up."""
        self._counters[_POSITION[domain] + 1] = number
