"""What all runs of an engine share."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from cis_tui.core.paths import Home
from cis_tui.dag.decisions import DecisionService
from cis_tui.dag.journal import Journal
from cis_tui.skills.process import Processes


@dataclass(frozen=True, slots=True)
class Tools:
    """The services that a run uses; `RunService` makes them once."""

    home: Home
    journal: Journal
    decisions: DecisionService
    processes: Processes
    log_limit: int
    """Bytes that the log of one attempt may take."""
    threads: ThreadPoolExecutor
    """For what blocks."""
