"""A DAG as boxes: where they lie, and which lines can be read off the picture."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.paths import Home
from cis_tui.tui.boxes import DOWN, HEIGHT, LEFT, RIGHT, UP, Picture, draw_boxes, sign
from cis_tui.tui.screens.dags import DagsScreen
from tests.tui.helpers import HandClock, fill, show, text_of, with_everything, workspace

STEPS = {LEFT: (-1, 0), RIGHT: (1, 0), UP: (0, -1), DOWN: (0, 1)}
BACK = {LEFT: RIGHT, RIGHT: LEFT, UP: DOWN, DOWN: UP}


def drawn(picture: Picture) -> list[str]:
    rows: list[str] = []
    for y in range(picture.height):
        row = [" "] * picture.width
        for x, cell in picture.lines.get(y, {}).items():
            row[x] = sign(cell)
        for id, (left, top) in picture.boxes.items():
            if top <= y < top + HEIGHT:
                inner = picture.box_width - 2
                middle = (id if y == top + 1 else "").center(inner)
                row[left : left + picture.box_width] = f"[{middle}]" if top < y < top + 3 else f"+{'-' * inner}+"
        rows.append("".join(row).rstrip())
    return rows


def test_layers_stand_from_left_to_right() -> None:
    picture = draw_boxes({"a": [], "b": ["a"], "c": ["a"], "d": ["b", "c"]}, {}, 6)
    assert picture.layers == [["a"], ["b", "c"], ["d"]]
    assert drawn(picture) == [
        "+----+    +----+    +----+",
        "[ a  ]─╮  [ b  ]─╮  [ d  ]",
        "[    ] ├──[    ] ├──[    ]",
        "+----+ │  +----+ │  +----+",
        "       │  +----+ │",
        "       │  [ c  ]─╯",
        "       ╰──[    ]",
        "          +----+",
    ]


def test_the_way_to_a_handler_is_broken() -> None:
    assert drawn(draw_boxes({"a": [], "b": ["a"], "tell": []}, {"a": ["tell"]}, 6)) == [
        "+----+    +----+",
        "[ a  ]─╮  [ b  ]",
        "[    ] ╰──[    ]",
        "+----+╌╮  +----+",
        "       ┆  +----+",
        "       ┆  [tell]",
        "       ╰╌╌[    ]",
        "          +----+",
    ]


class Walker:
    """Follows a line from where it leaves a box to every box at which it arrives."""

    def __init__(self, picture: Picture) -> None:
        self.picture = picture
        self.doors = {(x, y + picture.door): id for id, (x, y) in picture.boxes.items()}

    def reached(self, x: int, y: int) -> set[str]:
        found: set[str] = set()
        seen: set[tuple[int, int, int]] = set()
        open = [(x, y, RIGHT)]
        while open:
            step = open.pop()
            if step in seen:
                continue
            seen.add(step)
            x, y, heading = step
            if (x, y) in self.doors:
                found.add(self.doors[x, y])
                continue
            cell = self.picture.lines.get(y, {}).get(x)
            assert cell is not None, f"a line ends in nothing at {x}, {y}"
            # What comes to a line that does not open to its side goes on behind it.
            sides = cell.sides if cell.sides & BACK[heading] else heading
            for side, (right, down) in STEPS.items():
                if sides & side and side != BACK[heading] and side != LEFT:
                    open.append((x + right, y + down, side))
        return found


@st.composite
def graphs(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, str]]:
    names = [f"t{number}" for number in range(draw(st.integers(1, 16)))]
    deps = {
        name: draw(st.lists(st.sampled_from(names[:index]), unique=True, max_size=3)) if index else []
        for index, name in enumerate(names)
    }
    handlers = {
        name: draw(st.sampled_from(names[index + 1 :]))
        for index, name in enumerate(names[:-1])
        if draw(st.integers(0, 4)) == 0
    }
    return deps, handlers


@given(graphs(), st.booleans())
@settings(deadline=None, max_examples=80)
def test_no_box_lies_on_another_and_every_line_leads_where_it_should(
    graph: tuple[dict[str, list[str]], dict[str, str]], small: bool
) -> None:
    deps, handlers = graph
    picture = draw_boxes(deps, {id: [handler] for id, handler in handlers.items()}, 8, small=small)
    assert set(picture.boxes) == set(deps) and picture.whole
    cells = {
        (column, row)
        for id, (x, y) in picture.boxes.items()
        for column in range(x, x + 8)
        for row in range(y, y + picture.rows[id])
    }
    assert len(cells) == 8 * sum(picture.rows.values())
    assert not any((x, y) in cells for y, line in picture.lines.items() for x in line)
    walker = Walker(picture)
    for id, (x, y) in picture.boxes.items():
        normal = {other for other, needs in deps.items() if id in needs}
        if normal:
            assert walker.reached(x + 8, y + 1) == normal
        if id in handlers:
            assert walker.reached(x + 8, y + 3) == {handlers[id]}


def test_too_many_lines_are_left_out_and_ten_thousand_boxes_come_soon() -> None:
    deps = {
        f"t{number}": [f"t{need}" for need in range((number // 100 - 1) * 100, number // 100 * 100, 10) if need >= 0]
        for number in range(10_000)
    }
    began = time.process_time()
    picture = draw_boxes(deps, {}, 16)
    assert time.process_time() - began < 5
    assert not picture.whole and not picture.lines and len(picture.boxes) == 10_000


def test_a_cycle_is_drawn_too() -> None:
    assert set(draw_boxes({"a": ["b"], "b": ["a"], "c": []}, {}, 8).boxes) == {"a", "b", "c"}


async def test_the_cursor_goes_from_box_to_box(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, with_everything())
        await pilot.press("j", "j", "j", "enter", "v", "g")
        await pilot.pause()
        front = app.screen_stack[0]
        assert isinstance(front, DagsScreen)
        seen: list[str] = []
        for key in ("l", "l", "h", "j", "h", "j"):
            await pilot.press(key)
            await pilot.pause()
            assert front.tasks.chosen is not None
            seen.append(front.tasks.chosen.id)
        assert seen == ["test", "wheel", "test", "docs", "types", "probe"]
        assert "✗1 ✓5 of 12" in text_of(app)
        await pilot.press("i")
        await pilot.pause()
        assert "release / probe" in text_of(app)


async def test_what_a_box_stands_for_opens_in_its_place_and_folds_again(home: Home) -> None:
    app = workspace(home)
    async with app.run_test(size=(200, 60)) as pilot:
        fill(app, with_everything())
        await pilot.press("j", "j", "j", "enter", "v")
        front = app.screen_stack[0]
        assert isinstance(front, DagsScreen)
        front.tasks.select("probe")
        await pilot.press("enter")
        await pilot.pause()
        assert "▾ probe" in text_of(app) and "✗1 ✓5 of 12" not in text_of(app)
        inner = front.tasks.board.inside("probe")[0]
        front.tasks.current.select(inner)
        assert front.tasks.current.here == inner
        await pilot.press("space")
        await pilot.pause()
        assert "▸ probe" in text_of(app) and front.tasks.current.here == "probe"


async def test_a_change_repaints_its_box_alone(home: Home) -> None:
    story = with_everything()
    clock = HandClock()
    app = workspace(home, clock=clock)
    async with app.run_test(size=(120, 36)) as pilot:
        fill(app, story)
        await pilot.press("j", "j", "j", "enter", "v")
        await pilot.pause()
        front = app.screen_stack[0]
        assert isinstance(front, DagsScreen)
        painted: set[int] = set()
        view = front.tasks.current
        paint = view.render_line
        view.render_line = lambda y: painted.add(y) or paint(y)  # type: ignore[method-assign,func-returns-value]
        story.at(13, "TaskStarted", task="end", attempt=1, command="x")
        show(app, app.store.apply(story.events[-1:]))
        await pilot.pause()
        assert 0 < len(painted) <= HEIGHT
        assert "▶ end" in text_of(app)
