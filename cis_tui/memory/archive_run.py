"""One run of the weekly archive over both domains: what is due, or the week that somebody named."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass

from cis_tui.core.clock import Instant, iso_week
from cis_tui.core.errors import CisError
from cis_tui.memory.archive_due import asked_for, due
from cis_tui.memory.archiver import Archiver
from cis_tui.memory.epochs import Epochs
from cis_tui.memory.records import ArchiveReport
from cis_tui.memory.vault import Vault


@dataclass(frozen=True, slots=True)
class ArchiveRun:
    """A run at the moment `now`."""

    vaults: Sequence[Vault]
    """The domains, in the order in which they are archived."""
    epochs: Callable[[], Epochs]
    """Asked when there is something to do."""
    now: Instant
    hot_weeks: int
    """Weeks that stay open, the current one among them."""
    total_weeks: int
    """Archives that are kept."""
    on_step: Callable[[str], None] = lambda step: None
    """Told the name of each step that is done."""

    def reports(self, week: str = "") -> Iterator[ArchiveReport]:
        """Archive `week`, or all that is due, oldest first, and say what became of each as it is done.

        A week that cannot be archived now is reported as waiting, and hinders no other.

        Raises:
            CisError: `week` is not one that can be archived (see `archive_due.asked_for`).
        """
        current = iso_week(self.now)
        if week:
            logs = {name for vault in self.vaults for name in vault.weeks()}
            archives = {name for vault in self.vaults for name in vault.archives()}
            asked_for(week, logs, archives, current=current)
        for vault in self.vaults:
            weeks = due(vault.weeks(), vault.archives(), current=current, hot_weeks=self.hot_weeks)
            for each in [week] if week else weeks:
                report = _report(self._archiver(vault), vault, each)
                if report is not None:
                    yield report
            if len(vault.archives()) > max(self.total_weeks, 1):
                # Fewer are to be kept than before. What cannot be deleted now is tried again next time.
                with suppress(CisError):
                    self._archiver(vault).drop_oldest()

    def _archiver(self, vault: Vault) -> Archiver:
        return Archiver(vault, self.epochs(), total_weeks=self.total_weeks, now=self.now, on_step=self.on_step)


def _report(archiver: Archiver, vault: Vault, week: str) -> ArchiveReport | None:
    try:
        return archiver.archive(week)
    except CisError as error:
        return ArchiveReport(week, vault.domain, waiting=error.message)


def archive_event(report: ArchiveReport) -> tuple[str, dict[str, object]]:
    """The event that tells what became of a week."""
    return "WeekArchived", asdict(report)
