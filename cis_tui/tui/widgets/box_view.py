"""A DAG as boxes with lines between them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message

from cis_tui.core.clock import Clock
from cis_tui.dag.views import Decision, TaskStatus, TaskView
from cis_tui.tui.board import Board, first_interesting, told
from cis_tui.tui.boxes import HEIGHT, Picture, draw_boxes, draw_points, sign
from cis_tui.tui.folding import Graph, first_of, graft
from cis_tui.tui.paint import Line, Piece, Tone, cell_len, fit, shown, wrap
from cis_tui.tui.widgets.painted import Grounded, to_strip
from cis_tui.tui.widgets.rows import CURSOR
from cis_tui.tui.widgets.task_keys import TaskKeys
from cis_tui.tui.widgets.taught import keys_of
from cis_tui.tui.words import TASK_MARKS, elapsed, time_left

if TYPE_CHECKING:
    from textual import events
    from textual.strip import Strip

NARROWEST, WIDEST = 16, 28
"""Cells of a box."""
SIZES = ("", "small", "points")
"""How large the boxes are."""
_PLAIN = ("╭─╮", "│ │", "╰─╯")
_CHOSEN = ("┏━┓", "┃ ┃", "┗━┛")
"""Top, middle and bottom of a box, and of the one under the cursor."""


class BoxView(Grounded, TaskKeys, can_focus=True):
    """The tasks of a run, what is folded as one box; the cursor goes from box to box."""

    ALLOW_SELECT = False
    HEADED = 0
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "open", id="boxes.open"),
        Binding("down,j", "move(0, 1)", "Down", show=False, id="boxes.down"),
        Binding("up,k", "move(0, -1)", "Up", show=False, id="boxes.up"),
        Binding("right,l", "move(1, 0)", "Right", show=False, id="boxes.right"),
        Binding("left,h", "move(-1, 0)", "Left", show=False, id="boxes.left"),
        Binding("home,g", "edge(0)", "First", show=False, id="boxes.first"),
        Binding("end,G", "edge(-1)", "Last", show=False, id="boxes.last"),
        Binding("less_than_sign", "size(1)", "smaller", show=False, id="boxes.smaller"),
        Binding("greater_than_sign", "size(-1)", "larger", show=False, id="boxes.larger"),
    ]

    @dataclass
    class Moved(Message):
        """The cursor stands on another box."""

    @dataclass
    class Chosen(Message):
        """Enter was pressed on a box, or it was clicked where the cursor already stood."""

    def __init__(self, board: Board, clock: Clock, *, id: str | None = None) -> None:
        super().__init__(id=id, classes="tasks")
        self.board = board
        self.clock = clock
        self.note = ""
        self._picture = Picture()
        self._scale = 0
        """Index of `SIZES`."""
        self._kin: dict[str, str] = {}
        self._cursor = ""
        self._asked: dict[str, Decision] = {}
        self._drawn: object = None

    # What the screen calls

    @property
    def remark(self) -> str:
        """What is to be known of the view as a whole."""
        words = [
            f"{SIZES[self._scale]} >" if self._scale else "",
            "" if self._picture.whole else f"too many lines to draw; {keys_of(self)('tasks.around')} draws a part",
        ]
        return "  ".join(word for word in words if word)

    @property
    def here(self) -> str:
        """The task or group under the cursor; empty if there is none."""
        return self._cursor

    @property
    def chosen(self) -> TaskView | None:
        """The task under the cursor."""
        return self.board.tasks.get(self._cursor)

    def shown_for(self, id: str) -> str:
        """The box of a task or group: its own, or that of what it is folded into."""
        return id if id in self._picture.boxes else self._box_of(first_of(id))

    def heading(self, width: int) -> Sequence[Line]:
        """Nothing stands over the boxes."""
        return ()

    def lay_out(self, task: str = "") -> None:
        """Draw the tasks of the board as they are now, with the cursor on `task`, or where it was."""
        graph, before = self._graph(), self._cursor
        points = SIZES[self._scale] == "points"
        shape = (graph, self._scale, self.size.height if points else 0)
        if shape != self._drawn:
            self._drawn = shape
            self._picture = self._draw(graph)
        self._asked = self.board.decisions()
        self.virtual_size = Size(max(self._picture.width, 1), max(self._picture.height, 1))
        tries = (task or self._cursor, first_interesting(self.board.tasks.values()))
        found = (box for id in tries if id and (box := self.shown_for(id)))
        self._cursor = next(found, next(iter(self._picture.boxes), ""))
        self._relate()
        self._keep_in_view()
        self.refresh()
        if self._cursor != before:
            self.post_message(self.Moved())

    def _graph(self) -> Graph:
        """The boxes and their edges; of what is looked for, all wherever they stand."""
        if self.board.filter.narrows:
            tasks = self.board.flat()
            return Graph({each.id: each.deps for each in tasks}, {each.id: (each.on_failure,) for each in tasks})
        return self._opened(self.board.level())

    def _opened(self, graph: Graph) -> Graph:
        """A level with those in it that stand in an open box."""
        for id in [id for id in graph.deps if self._is_open(id)]:
            graph = graft(graph, id, self._opened(self.board.level(id)))
        return graph

    def _draw(self, graph: Graph) -> Picture:
        if SIZES[self._scale] == "points":
            return draw_points(graph.deps, graph.calls, self.scrollable_content_region.height)
        widest = max((cell_len(shown(self.board.label(id))) + 8 for id in graph.deps), default=NARROWEST)
        width = max(NARROWEST, min(WIDEST, widest))
        return draw_boxes(graph.deps, graph.calls, width, small=SIZES[self._scale] == "small")

    def _relate(self) -> None:
        """Mark the boxes before the one under the cursor, and those behind it."""
        kin = self.board.relatives
        own = set(self.board.stands_for(self._cursor)) | ({self._cursor} & self.board.tasks.keys())
        signs = {self._box_of(task): "·" for task in kin.all_before(own) | kin.all_behind(own)}
        signs |= {self._box_of(other): "↓" for task in own for other in kin.behind(task)}
        signs |= {self._box_of(other): "↑" for task in own for other in kin.before(task)}
        before, self._kin = self._kin, {box: sign for box, sign in signs.items() if box not in ("", self._cursor)}
        self._repaint(*(id for id in before.keys() | self._kin.keys() if before.get(id) != self._kin.get(id)))

    def select(self, task: str) -> None:
        """Put the cursor on the box of a task."""
        box = self.shown_for(task)
        if box and box != self._cursor:
            old, self._cursor = self._cursor, box
            self._repaint(old, box)
            self._relate()
            self._keep_in_view()
            self.post_message(self.Moved())

    def action_size(self, step: int) -> None:
        """Draw larger or smaller boxes."""
        size = max(0, min(len(SIZES) - 1, self._scale + step))
        if size != self._scale:
            self._scale = size
            self.lay_out()
            if self.views is not None:
                self.views.tell()

    def update_tasks(self, tasks: Iterable[str], *, decisions: bool) -> None:
        """Repaint the boxes of tasks that moved."""
        moved = set(tasks)
        if not self.board.current:
            self.board.take(self.board.state)
            self.lay_out()
        elif self.board.filter.narrows and self._other_boxes(moved):
            self.lay_out()
        else:
            if decisions:
                self._asked = self.board.decisions()
            self._repaint(*{self._box_of(task) for task in moved})

    def tick(self) -> None:
        """A second passed: repaint what counts."""
        running = TaskStatus.RUNNING
        tasks = self.board.tasks
        live = self.board.state is not None and self.board.state.outcome is None and bool(self.board.state.id)
        if live:
            counts = (
                id for id in self._picture.boxes if id in tasks and (id in self._asked or tasks[id].status is running)
            )
            self._repaint(*counts)

    def _other_boxes(self, moved: set[str]) -> bool:
        tasks, fits = self.board.tasks, self.board.fits
        return any((id in self._picture.boxes) != fits(tasks[id]) for id in moved if id in tasks)

    def _box_of(self, task: str) -> str:
        """The box of a task, or of what it is folded into; empty if there is none."""
        for id in (task, *self.board.above(task)):
            if id in self._picture.boxes:
                return id
        return ""

    # The cursor

    def action_choose(self) -> None:
        """Say that the box under the cursor is meant."""
        if self._cursor:
            self.post_message(self.Chosen())

    def action_move(self, across: int, down: int) -> None:
        """Go to the next box in a direction."""
        place = self._place()
        if place is None:
            return
        layer, index = place
        layers = self._picture.layers
        if down and 0 <= index + down < len(layers[layer]):
            self.select(layers[layer][index + down])
        elif across:
            other = layer + across
            while 0 <= other < len(layers) and not layers[other]:
                other += across
            if 0 <= other < len(layers):
                boxes = self._picture.boxes
                row = boxes[self._cursor][1]
                self.select(min(layers[other], key=lambda task: abs(boxes[task][1] - row)))

    def action_edge(self, layer: int) -> None:
        """Go to the first box of the first or last layer."""
        layers = [ids for ids in self._picture.layers if ids]
        if layers:
            self.select(layers[layer][0])

    def _place(self) -> tuple[int, int] | None:
        for layer, ids in enumerate(self._picture.layers):
            if self._cursor in ids:
                return layer, ids.index(self._cursor)
        return None

    def _region(self, box: str) -> Region:
        x, y = self._picture.boxes[box]
        return Region(x, y, self._picture.box_width, self._picture.rows[box])

    def _keep_in_view(self) -> None:
        if self._cursor in self._picture.boxes and self.size:
            self.scroll_to_region(self._region(self._cursor), animate=False, force=True)

    def _repaint(self, *boxes: str) -> None:
        for box in boxes:
            if box in self._picture.boxes:
                region = self._region(box).translate(-self.scroll_offset)
                visible = region.intersection(Region(0, 0, *self.size))
                if visible:
                    self.refresh(visible)

    def on_resize(self) -> None:
        """The cursor stays in view; points are put into as many rows as there are now."""
        if SIZES[self._scale] == "points":
            self.lay_out()
        self._keep_in_view()

    def on_focus(self) -> None:
        """The cursor shows who has the keys."""
        self._repaint(self._cursor)

    def on_blur(self) -> None:
        """The cursor shows who has the keys."""
        self._repaint(self._cursor)

    def on_click(self, event: events.Click) -> None:
        """A click goes to a box; a click on the one under the cursor is Enter."""
        x, y = event.x + self.scroll_offset.x, event.y + self.scroll_offset.y
        box = next((id for id in self._picture.boxes if self._region(id).contains(x, y)), "")
        if box and box == self._cursor:
            self.action_choose()
        elif box:
            self.select(box)

    # Painting

    def render_line(self, y: int) -> Strip:
        """Paint one line; Textual calls this for the lines that are visible and dirty."""
        width = self.scrollable_content_region.width
        if not self._picture.boxes:
            said = wrap([(" ", Tone.DIM), (self.note, Tone.DIM)], max(2, width))
            return to_strip(self, said[y] if y < len(said) else (), width, self.ground)
        left, row = self.scroll_offset.x, y + self.scroll_offset.y
        pieces = self._row(row)
        strip = to_strip(self, pieces, max(self._picture.width, left + width), self.ground)
        return strip.crop(left, left + width)

    def _row(self, row: int) -> list[Piece]:
        """All that stands in a row, from the first column to the last."""
        here = {self._picture.boxes[id][0]: id for id in self._in_row(row)}
        line = self._picture.lines.get(row, {})
        pieces: list[Piece] = []
        x = 0
        for place in sorted({*here, *line}):
            if place < x:
                continue
            if place > x:
                pieces.append((" " * (place - x), Tone.PLAIN))
            if place in here:
                id = here[place]
                pieces += self._box(id, row - self._picture.boxes[id][1])
                x = place + self._picture.box_width
            else:
                pieces.append((self._sign(row, place), Tone.DIM))
                x = place + 1
        return pieces

    def _in_row(self, row: int) -> Iterable[str]:
        """The boxes that reach into a row."""
        if SIZES[self._scale] == "points":
            return [id for id, (_, y) in self._picture.boxes.items() if y == row]
        return [id for ids in self._picture.layers if (id := self._box_at(ids, row))]

    def _box_at(self, ids: list[str], row: int) -> str:
        """The box of a layer that reaches into a row."""
        low, high = 0, len(ids)
        while low < high:
            middle = (low + high) // 2
            if self._picture.boxes[ids[middle]][1] <= row:
                low = middle + 1
            else:
                high = middle
        id = ids[low - 1] if low else ""
        return id if id and row < self._picture.boxes[id][1] + self._picture.rows[id] else ""

    def _sign(self, row: int, x: int) -> str:
        """A piece of a line; where it ends at a box, the point of an arrow."""
        cell = self._picture.lines[row][x]
        ends = x + 1 not in self._picture.lines[row]
        return (
            "▸" if ends and any(place == (x + 1, row - self._picture.door) for place in self._ends(row)) else sign(cell)
        )

    def _ends(self, row: int) -> Iterable[tuple[int, int]]:
        return (self._picture.boxes[id] for id in self._in_row(row))

    def _box(self, id: str, line: int) -> list[Piece]:
        """One line of a box."""
        mark, _, tone = TASK_MARKS[self.board.status(id)]
        chosen, kin = id == self._cursor, self._kin.get(id, " ")
        if self._picture.rows[id] == 1:
            return [(mark, tone), ("◂", Tone.LIVE if self.has_focus else Tone.STRONG) if chosen else (kin, Tone.DIM)]
        sign = ("▾ " if self._is_open(id) else "▸ ") if self.board.stands_for(id) else ""
        named = f"{sign}{shown(self.board.label(id))}"
        if SIZES[self._scale] == "small":
            edge = (CURSOR if chosen else kin, Tone.LIVE if self.has_focus else Tone.DIM)
            if line == 0:
                return [edge, (f"{mark} ", tone), (fit(named, self._picture.box_width - 3), Tone.PLAIN)]
            said = f"  {self._about(id)}" if line == 1 else ""
            return [edge, (fit(said, self._picture.box_width - 1), tone)]
        return self._framed(id, line, named)

    def _is_open(self, id: str) -> bool:
        """Whether those for which a box stands have boxes of their own."""
        return bool(self.board.inside(id)) and self.board.is_open(id)

    def _framed(self, id: str, line: int, named: str) -> list[Piece]:
        mark, _, tone = TASK_MARKS[self.board.status(id)]
        chosen = id == self._cursor
        frame = Tone.LIVE if chosen and self.has_focus else Tone.STRONG if chosen else tone
        signs = _CHOSEN if chosen else _PLAIN
        inner = self._picture.box_width - 2
        if line in (0, HEIGHT - 1):
            left, edge, right = signs[0 if line == 0 else 2]
            return [(left + edge * inner + right, frame)]
        side = signs[1][0]
        if line == 1:
            kin = (self._kin.get(id, " "), Tone.STRONG)
            text: list[Piece] = [kin, (f"{mark} ", tone), (fit(named, inner - 3), Tone.PLAIN)]
        else:
            text = [(fit(f" {self._about(id)}", inner), tone)]
        return [(side, frame), *text, (side, frame)]

    def _about(self, id: str) -> str:
        """How a task stands, or those for which a box stands."""
        if self.board.stands_for(id) and not self._is_open(id):
            words, counts = self.board.tally(id), self.board.counts(id)
            signs = "".join(f"{TASK_MARKS[status][0]}{counts[status]} " for status in told(counts))
            return words if cell_len(words) <= self._picture.box_width - 3 else f"{signs}of {counts.total()}"
        task = self.board.tasks[id]
        word = TASK_MARKS[task.status][1]
        if task.id in self._asked:
            return f"{word} {time_left(self._asked[task.id], self.clock())}"
        tries = f" ×{task.attempts}" if task.attempts > 1 else ""
        return f"{'taken over' if task.taken else word} {elapsed(task, self.clock())}{tries}"
