"""Keeps the index of memory up to date in the background, where an engine lives."""

from __future__ import annotations

import logging
from threading import Event, Thread

from cis_tui.core.errors import CisError
from cis_tui.memory.child import ChildFailed
from cis_tui.memory.records import Domain
from cis_tui.memory.service import MemoryService

log = logging.getLogger(__name__)
FIRST_SECONDS = 3.0
"""Seconds after the start before it looks for the first time: one that ends sooner loads no model for what nobody asks,
and who opens a workspace has the machine for that."""
SETTLE_SECONDS = 0.5
"""Seconds after a write before it is looked at, so that many are looked at together."""
PATROL_SECONDS = 60.0
"""Seconds after which it looks even if nobody said that something was written: other processes write too."""


class IndexKeeper:
    """One thread that lets what is written be found, by words and by meaning."""

    def __init__(
        self,
        memory: MemoryService,
        *,
        first_seconds: float = FIRST_SECONDS,
        settle_seconds: float = SETTLE_SECONDS,
        patrol_seconds: float = PATROL_SECONDS,
    ) -> None:
        self._memory = memory
        self._first_seconds = first_seconds
        self._settle_seconds = settle_seconds
        self._patrol_seconds = patrol_seconds
        self._wanted = Event()
        self._stopping = Event()
        self._thread = Thread(target=self._run, name="cis-index", daemon=True)

    def start(self) -> None:
        """Begin, with what was written before."""
        self._wanted.set()
        self._thread.start()

    def wake(self) -> None:
        """Something was written. Returns at once."""
        self._wanted.set()

    def close(self) -> None:
        """End after the entries at hand."""
        self._stopping.set()
        self._wanted.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        seconds = self._first_seconds
        while True:
            self._wanted.wait(self._patrol_seconds)
            if self._stopping.wait(seconds):
                return
            seconds = self._settle_seconds
            self._wanted.clear()
            for domain in (Domain.PUBLIC, Domain.PRIVATE):
                self._index(domain)

    def _index(self, domain: Domain) -> None:
        try:
            while not self._stopping.is_set() and self._memory.searcher.index_some(domain):
                pass
        except ChildFailed as error:
            log.warning("memory cannot be searched by meaning: %s", error.message)
        except CisError as error:
            # Locked, or in use by others: the next round tries again.
            log.debug("the index of %s memory waits: %s", domain.value, error.message)
        except Exception:  # whatever it is, the thread goes on
            log.exception("the index of %s memory waits", domain.value)
