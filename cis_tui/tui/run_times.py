"""When what happened in the run that is shown, read once and kept until a task moves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cis_tui.core.clock import Instant
from cis_tui.dag.views import Decision, TaskStatus, TaskView, UndoItem
from cis_tui.tui.board import Board
from cis_tui.tui.critical_path import Edges, Spell, critical_path, with_above
from cis_tui.tui.gantt import Doing, Stretch, begun_at, joined, shares, stretches

_OPEN = (TaskStatus.READY, TaskStatus.WAITING, TaskStatus.RUNNING)


class RunTimes:
    """The stretches of every task and group, and the critical path."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._asked: dict[str, list[Decision]] = {}
        self._undo: dict[str, list[UndoItem]] = {}
        self._callers: dict[str, list[str]] = {}
        self._edges = Edges({})
        self._heights: dict[str, int] = {}
        self._shape: object = None
        self._found: dict[str, list[Stretch]] = {}
        self._spells: dict[str, Spell] = {}
        self.path: Sequence[str] = ()
        """The tasks of the critical path, in their order."""
        self.on_path: frozenset[str] = frozenset()
        """Those, and what they stand in."""

    @property
    def live(self) -> bool:
        """Whether what has no end goes on."""
        state = self._board.state
        return state is not None and state.outcome is None and bool(state.id) and not state.interrupted

    # Reading

    def read(self) -> None:
        """Take all of the run anew."""
        self._index()
        self._found = {}
        self.follow()

    def move(self, tasks: Iterable[str]) -> None:
        """Read anew what tasks that moved did, and what follows from that for others."""
        self._index()
        board = self._board
        for task in tasks:
            for id in (task, *board.above(task), *board.relatives.behind(task)):
                self._found.pop(id, None)

    def follow(self) -> frozenset[str]:
        """Find the critical path; gives the tasks that are newly on it, or no longer."""
        before = self.on_path
        self._spells = self._read_spells()
        self.path = critical_path(self._spells, self._edges, self._heights)
        self.on_path = with_above(self.path, self._edges)
        return before ^ self.on_path

    def _index(self) -> None:
        board, state = self._board, self._board.state
        self._asked, self._undo = {}, {}
        for decision in state.decisions.values() if state else ():
            self._asked.setdefault(decision.task, []).append(decision)
        for item in state.undo.items.values() if state else ():
            self._undo.setdefault(item.task, []).append(item)
        kin = board.relatives
        if kin is self._shape:
            return
        self._shape = kin
        self._callers = {}
        for task in board.tasks.values():
            if task.on_failure:
                self._callers.setdefault(task.on_failure, []).append(task.id)
        inside = {id: found for id in board.tasks if (found := board.inside(id))}
        parent = {id: task.parent for id, task in board.tasks.items() if task.parent in board.tasks}
        self._edges = Edges({id: kin.before(id) for id in board.tasks}, inside, parent)
        self._heights = self._edges.heights()

    def _read_spells(self) -> dict[str, Spell]:
        live = self.live
        found: dict[str, Spell] = {}
        for id, task in self._board.tasks.items():
            begin = self._newest(task)
            if begin is None:
                continue
            open = live and task.ended_at is None and task.status in _OPEN
            end = float("inf") if open else max(begin, task.ended_at or begin)
            found[id] = Spell(begin, end, open, self._began(task) is None)
        return found

    def _newest(self, task: TaskView) -> Instant | None:
        """When the last of what a task did began: of one that was resumed, after it was."""
        if task.taken:
            return None
        newest = self._asked.get(task.id, ())[-1:]
        asked = newest[0].asked_at if newest else None
        tried = task.tried[-1].started_at if task.tried else None
        moments = [moment for moment in (task.started_at, asked) if moment is not None]
        return min(moments) if moments else task.ended_at if task.ended_at is not None else tried

    # What is known

    def began(self, id: str) -> Instant | None:
        """When a task began, or the first of those for which it or a group stands."""
        tasks = self._board.tasks
        moments = [self._began(tasks[each]) for each in (id, *self._board.stands_for(id)) if each in tasks]
        return min((moment for moment in moments if moment is not None), default=None)

    def _began(self, task: TaskView) -> Instant | None:
        return begun_at(task, self._asked.get(task.id, ()))

    def of(self, id: str) -> list[Stretch]:
        """What a task did, or those for which it or a group stands."""
        found = self._found.get(id)
        if found is None:
            board = self._board
            begun = [each for each in board.stands_for(id) if self._began(board.tasks[each]) is not None]
            own = [] if begun else self._own(id)
            found = self._found[id] = joined(each for task in begun for each in self.of(task)) if begun else own
        return found

    def _own(self, id: str) -> list[Stretch]:
        task, state = self._board.tasks.get(id), self._board.state
        if task is None or state is None:
            return []
        return stretches(task, state, self._asked.get(id, ()), self._undo.get(id, ()), self._callers.get(id, ()))

    def spent(self, now: Instant) -> dict[Doing, float]:
        """The seconds from the start of the run to the end of the critical path, by what they were spent on."""
        state = self._board.state
        total: dict[Doing, float] = {}
        if state is None:
            return total
        at = state.started_at
        for id in self.path:
            end = Instant(min(self._spells[id].end, now))
            for doing, seconds in shares(self.of(id), at, end, now).items():
                total[doing] = total.get(doing, 0.0) + seconds
            at = Instant(max(at, end))
        return total
