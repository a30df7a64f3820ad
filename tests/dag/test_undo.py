"""The plan of a rollback: in which order tasks are taken back, and what becomes of each file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.events import Event, EventType
from cis_tui.dag.checkpoint import Checkpoints, Image, place
from cis_tui.dag.restore import Act, Images, restore, targets
from cis_tui.dag.tree import MARK, Entry, Kind, Tree
from cis_tui.dag.undo import KeptFile, UndoState, undo_order
from cis_tui.dag.views import UndoStatus

Graph = tuple[list[str], dict[str, set[str]]]


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Tasks in the order in which they ended, and what each needs: only tasks that ended before."""
    ids = [f"t{number}" for number in range(draw(st.integers(0, 12)))]
    needs = {id: draw(st.sets(st.sampled_from(ids[:place]))) if place else set[str]() for place, id in enumerate(ids)}
    return ids, needs


@given(graphs())
def test_the_reverse_of_how_they_ended_is_the_order(graph: Graph) -> None:
    ids, needs = graph
    assert undo_order(ids, needs) == ids[::-1]


@given(graphs(), st.randoms(use_true_random=False))
def test_what_needs_a_task_is_taken_back_before_it(graph: Graph, chance: Random) -> None:
    ids, needs = graph
    shuffled = ids[:]
    chance.shuffle(shuffled)
    order = undo_order(shuffled, {**needs, "gone": {"t0"}})
    assert sorted(order) == sorted(ids)
    assert all(order.index(id) < order.index(dep) for id in ids for dep in needs[id])


def fold(*events: tuple[str, dict[str, object]]) -> UndoState:
    undo = UndoState()
    for number, (type, data) in enumerate(events):
        undo.apply(Event(number, Instant(number), type, {"run": "r", **data}))
    return undo


def test_what_did_something_and_what_nobody_knows() -> None:
    undo = fold(
        (EventType.TASK_STARTED, {"task": "done", "keeps": {"f": "before"}}),
        (EventType.TASK_COMPLETED, {"task": "done", "made": {"f": "made"}}),
        (EventType.TASK_STARTED, {"task": "failed", "keeps": {"f": ""}}),
        (EventType.TASK_RETRIED, {"task": "failed", "made": {"f": "again"}}),
        (EventType.TASK_STARTED, {"task": "failed", "keeps": {"f": ""}}),
        (EventType.TASK_FAILED, {"task": "failed", "exit_code": 1}),
        (EventType.TASK_STARTED, {"task": "late"}),
        (EventType.TASK_FAILED, {"task": "late", "exit_code": None, "error": "timed out after 1 s"}),
        (EventType.TASK_STARTED, {"task": "shot"}),
        (EventType.TASK_FAILED, {"task": "shot", "exit_code": 137}),
        (EventType.TASK_STARTED, {"task": "killed"}),
        (EventType.TASK_STARTED, {"task": "refused"}),
        (EventType.TASK_FAILED, {"task": "refused", "refused": True}),
        (EventType.TASK_SKIPPED, {"task": "never", "cancelled": True}),
        (EventType.TASK_STARTED, {"task": "back"}),
        (EventType.TASK_COMPLETED, {"task": "back"}),
        (EventType.TASK_ROLLED_BACK, {"task": "back"}),
    )
    assert undo.effects == {"done": True, "late": False, "shot": False, "killed": False, "refused": False}
    assert undo.files == {"f": KeptFile("f", "done", "before", ("made", "again"), open=True)}


def file(path: str, content: str) -> Entry:
    return Entry(path, Kind.FILE, 0o644, content)


def image(*entries: Entry) -> Image:
    return Image(entries)


CONTENTS = st.sampled_from([None, "a", "b", "c"])


@given(before=CONTENTS, made=st.lists(CONTENTS, max_size=3), now=CONTENTS, open=st.booleans())
def test_only_what_the_run_made_is_touched(
    before: str | None, made: list[str | None], now: str | None, open: bool
) -> None:
    def lies(content: str | None) -> Mapping[str, Entry]:
        return {} if content is None else {"f": file("f", content)}

    images = Images(
        KeptFile("f", "t", "", open=open),
        image(*lies(before).values()),
        tuple(image(*lies(content).values()) for content in made),
    )
    (target,) = targets([images], lies(now))
    if now == before:
        assert target.act is Act.NOTHING
    elif open or now in made:
        assert target.act is (Act.REMOVE if before is None else Act.PUT)
    else:
        assert target.act is Act.CONFLICT


def test_of_paths_that_cover_each_other_the_first_image_counts() -> None:
    inner = Images(KeptFile("d/f", "t", ""), image(file("d/f", "old")), (image(file("d/f", "one")),))
    d = Entry("d", Kind.FOLDER, 0o755)
    outer = Images(
        KeptFile("d", "u", ""), image(d, file("d/f", "one")), (image(d, file("d/f", "two"), file("d/g", "x")),)
    )
    now = {entry.path: entry for entry in (d, file("d/f", "two"), file("d/g", "x"))}
    found = {target.path: target for target in targets([inner, outer], now)}
    assert found["d"].act is Act.NOTHING
    assert (found["d/f"].before, found["d/f"].act) == (file("d/f", "old"), Act.PUT)
    assert found["d/g"].act is Act.REMOVE


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


@pytest.fixture
def checkpoints(tmp_path: Path, root: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "home" / "undo", root)


def kept(checkpoints: Checkpoints, path: str) -> KeptFile:
    return KeptFile(path, "t", checkpoints.keep(path))


def made(checkpoints: Checkpoints, file: KeptFile) -> KeptFile:
    return KeptFile(file.path, file.task, file.before, (*file.made, checkpoints.look(file.path)))


def test_what_changed_its_kind_comes_back(root: Path, checkpoints: Checkpoints) -> None:
    (root / "x").write_text("x")
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "e" / "f").write_text("f")
    (root / "d" / "locked").mkdir(mode=0o500)
    (root / "s").symlink_to("nowhere")
    files = [kept(checkpoints, path) for path in ("x", "d", "s")]
    (root / "x").unlink()
    (root / "x" / "y").mkdir(parents=True)
    (root / "x" / "y" / "z").write_text("z")
    (root / "d" / "e" / "f").unlink()
    (root / "d" / "e").rmdir()
    (root / "d" / "e").symlink_to("../x")
    (root / "d" / "locked").rmdir()
    (root / "s").unlink()
    (root / "s").write_text("a file now")
    done = restore([made(checkpoints, file) for file in files], checkpoints)
    assert done == dict.fromkeys(("x", "d", "s"), (UndoStatus.RESTORED, ""))
    assert (root / "x").read_text() == "x"
    assert (root / "d" / "e" / "f").read_text() == "f"
    assert (root / "d" / "locked").stat().st_mode & 0o777 == 0o500
    assert os.readlink(root / "s") == "nowhere"
    assert restore([made(checkpoints, file) for file in files], checkpoints) == done


def test_what_a_killed_restore_left_is_swept(root: Path, checkpoints: Checkpoints) -> None:
    file = kept(checkpoints, "d")
    (root / "d").mkdir()
    file = made(checkpoints, file)
    (root / "d" / f".half{MARK}").write_text("half")
    (root / f".d{MARK}").write_text("half")
    assert restore([file], checkpoints)["d"][0] is UndoStatus.RESTORED
    assert os.listdir(root) == []


def test_damage_is_a_failure_and_touches_nothing(root: Path, checkpoints: Checkpoints, tmp_path: Path) -> None:
    (root / "f").write_text("before")
    file = kept(checkpoints, "f")
    (root / "f").write_text("after")
    file = made(checkpoints, file)
    (entry,) = checkpoints.image(file.before).entries
    checkpoints.content(entry.content).write_text("other")
    status, why = restore([file], checkpoints)["f"]
    assert (status, (root / "f").read_text()) == (UndoStatus.FAILED, "after")
    assert "gone or damaged" in why
    checkpoints.content(file.before).unlink()
    with pytest.raises(Invalid):
        checkpoints.image(file.before)
    assert restore([file], checkpoints)["f"][0] is UndoStatus.FAILED
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "home" / "undo").iterdir()} == {0o600}
    assert (tmp_path / "home" / "undo").stat().st_mode & 0o777 == 0o700


def test_a_run_keeps_no_more_than_so_much(
    root: Path, checkpoints: Checkpoints, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cis_tui.dag.checkpoint.MAX_RUN", 2000)
    for name in ("a", "b", "c"):
        (root / name).write_text(name * 700)
    checkpoints.keep("a")
    checkpoints.keep("b")
    with pytest.raises(Refused, match="too much"):
        checkpoints.keep("c")
    with pytest.raises(Refused, match="too much"):
        Checkpoints(tmp_path / "home" / "undo", root).keep("c")


def test_what_is_no_file_cannot_be_kept(root: Path, checkpoints: Checkpoints) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(Refused, match="cannot be kept"):
        checkpoints.keep("pipe")


def test_no_link_on_the_way_is_followed(root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "f").write_text("precious")
    (root / "way").symlink_to(outside)
    tree = Tree(root)
    assert tree.status("way/f") is None
    for act in (
        lambda: tree.remove(file("way/f", "")),
        lambda: tree.put(Entry("way/f", Kind.LINK, 0, "x")),
        lambda: tree.chmod(Entry("way", Kind.FOLDER, 0)),
    ):
        with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
            act()
    tree.sweep("way")
    assert (outside / "f").read_text() == "precious"


def test_where_a_path_lies(root: Path) -> None:
    (root / "sub").mkdir()
    (root / "alias").symlink_to("sub")
    assert place(root, root / "sub", "../x/./y", "t") == "x/y"
    assert place(root, root, "alias/f", "t") == "sub/f"
    assert place(root, root, "alias", "t") == "alias", "the link itself"
    for path in ("..", ".", "../root", "/etc/passwd", "sub/../.."):
        with pytest.raises(Refused, match="does not lie in"):
            place(root, root, path, "t")
