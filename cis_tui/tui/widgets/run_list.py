"""Definitions and runs in one list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from cis_tui.core.clock import Clock
from cis_tui.core.problems import Severity
from cis_tui.dag.views import DagInfo, RunStatus, RunSummary
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.taught import keys_of, taught
from cis_tui.tui.words import RUN_MARKS, count, span, when

Entry = DagInfo | RunSummary | str
"""A definition, a run, or the heading of a section."""

WORD, TIME = 10, 7
_WITHOUT = (
    ("go.memory", "goes to memory, which needs no project"),
    ("go.chat", "goes to the chat, which needs none either"),
    ("help", "explains every screen"),
)
"""What can be done without a DAG."""


class RunList(RowList):
    """The project's definitions, and under them its runs, newest first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "open", id="list.choose", show=False),
    ]

    def __init__(self, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._clock = clock
        self._dags: Sequence[DagInfo] = ()
        self._runs: Sequence[RunSummary] = ()
        self._entries: list[Entry] = []
        self._needle = ""
        self._has_project = True
        self._known = False

    @property
    def chosen(self) -> DagInfo | RunSummary | None:
        """What the cursor stands on."""
        entry = self._entries[self.cursor] if self.cursor < len(self._entries) else None
        return None if isinstance(entry, str) else entry

    def show(
        self, dags: Sequence[DagInfo], runs: Sequence[RunSummary], *, has_project: bool, known: bool = True
    ) -> None:
        """Show these; the cursor stays on what it stood on, wherever that is now. `known`: an engine has told them."""
        before = self._entries
        self._dags, self._runs, self._has_project, self._known = dags, runs, has_project, known
        entries = self._wanted()
        if not entries or list(map(_key, before)) != list(map(_key, entries)):
            self._rebuild()
            return
        self._entries = entries
        for index, (old, new) in enumerate(zip(before, entries, strict=True)):
            if old != new:
                self.repaint_row(index)

    def narrow(self, needle: str) -> None:
        """Show only what has `needle` in its name."""
        self._needle = needle.lower()
        self._rebuild()

    def choose_run(self, run: str) -> bool:
        """Put the cursor on a run; whether it is listed."""
        return self._choose(("run", run))

    def choose_dag(self, file: str) -> bool:
        """Put the cursor on the definition in a file; whether it is listed."""
        return self._choose(("dag", file))

    def _choose(self, key: tuple[str, str]) -> bool:
        index = next((index for index, entry in enumerate(self._entries) if _key(entry) == key), None)
        if index is not None:
            self.cursor = index
        return index is not None

    def tick(self) -> None:
        """A second passed: repaint the times of runs that go on."""
        for index, entry in enumerate(self._entries):
            if isinstance(entry, RunSummary) and entry.status is RunStatus.RUNNING:
                self.repaint_row(index)

    def _rebuild(self) -> None:
        key = _key(self.chosen)
        self._entries = self._wanted()
        index = next((i for i, entry in enumerate(self._entries) if _key(entry) == key), 0) if key else 0
        self.show_rows(len(self._entries), cursor=index)

    def _wanted(self) -> list[Entry]:
        dags = [dag for dag in self._dags if self._needle in dag.name.lower()]
        runs = [run for run in self._runs if self._needle in run.dag.lower()]
        return [*(["DAGs", *dags] if dags else []), *(["Runs", *runs] if runs else [])]

    @property
    def bare(self) -> bool:
        """Whether it is known that there is nothing at all to show."""
        return self._known and not (self._dags or self._runs)

    def empty(self) -> list[Line]:
        """See `RowList`."""
        keys = keys_of(self)
        if not self._known:
            return taught(keys, "what is here is known once the engine has started")
        if not self.bare:
            steps = (("dags.filter", "looks for another"), ("filter.drop", "there shows all"))
            return taught(keys, "Nothing has this name.", *steps)
        if self._has_project:
            title = "No DAG yet. A DAG is a file in .cis/dags: tasks, and who decides about each."
            return taught(keys, title, ("cis init", "in a shell writes one that works"), *_WITHOUT)
        title = "No project here. A project is a folder with .cis: its DAGs and their runs are listed here."
        step = ("cis init", "in a shell makes this folder one, with a DAG that works")
        return taught(keys, title, step, *_WITHOUT)

    def selectable(self, index: int) -> bool:
        """Headings are not."""
        return not isinstance(self._entries[index], str)

    def row(self, index: int, width: int) -> Line:
        """A heading, a definition or a run."""
        entry = self._entries[index]
        if isinstance(entry, str):
            return [(fit(entry, width), Tone.DIM)]
        return self._run(entry, width) if isinstance(entry, RunSummary) else self._dag(entry, width)

    def _dag(self, dag: DagInfo, width: int) -> Line:
        note, tone = dag_note(dag)
        room = max(4, width - len(note) - 2)
        return [("  ", Tone.PLAIN), (fit(shown(dag.name), room), Tone.PLAIN), (fit(note, width - room - 2), tone)]

    def _run(self, run: RunSummary, width: int) -> Line:
        mark, word, tone = RUN_MARKS[run.status]
        if not run.status.ended and run.tasks_total:
            word = f"{run.tasks_ended}/{run.tasks_total}"
        now = self._clock()
        running = run.status is RunStatus.RUNNING
        time = span(now - run.started_at) if running else when(run.started_at, now)
        name = max(4, width - 2 - WORD - TIME)
        return [
            (f"{mark} ", tone),
            (fit(shown(run.dag), name), Tone.PLAIN),
            (fit(word, WORD), tone),
            (fit(time, TIME - 1, right=True), Tone.DIM),
        ]


def dag_note(dag: DagInfo) -> tuple[str, Tone]:
    """What is to be known of a definition before it is chosen."""
    errors = sum(problem.severity is Severity.ERROR for problem in dag.problems)
    if errors:
        return f"✗ {count(errors, 'error')}", Tone.BAD
    if not dag.trusted:
        return "? not trusted", Tone.ASK
    if dag.problems:
        return f"! {count(len(dag.problems), 'warning')}", Tone.DIM
    return count(len(dag.tasks), "task"), Tone.DIM


def _key(entry: Entry | None) -> tuple[str, str]:
    """What tells an entry from others when the list is made anew."""
    match entry:
        case DagInfo():
            return "dag", entry.file
        case RunSummary():
            return "run", entry.id
        case str():
            return "heading", entry
        case None:
            return "", ""
