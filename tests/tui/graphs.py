"""DAGs of every shape and size, for the tests of what draws them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from cis_tui.core.codec import encode
from cis_tui.dag.views import TaskView
from tests.tui.helpers import Story, task

Deps = dict[str, list[str]]


def layered(count: int, *, fan: int = 2, seed: int = 1) -> Deps:
    """Layers of random tasks, each of which needs `fan` of the layer before."""
    chance = random.Random(seed)
    layers = max(3, int(count**0.5))
    rows: list[list[str]] = [[] for _ in range(layers)]
    for number in range(count):
        rows[number * layers // count].append(f"t{number:03d}")
    deps: Deps = {}
    for index, row in enumerate(rows):
        above = rows[index - 1] if index else []
        for id in row:
            deps[id] = chance.sample(above, min(fan, len(above)))
    return deps


def wide(count: int) -> Deps:
    """One, then all but two side by side, then one."""
    middle = [f"shard-{number:03d}" for number in range(count - 2)]
    return {"split": [], **{id: ["split"] for id in middle}, "join": middle}


def chain(count: int) -> Deps:
    """One after the other."""
    return {f"step{number:03d}": [f"step{number - 1:03d}"] if number else [] for number in range(count)}


def diamonds(count: int) -> Deps:
    """A row of diamonds: out of one come two, which come together in the next."""
    deps: Deps = {}
    last = ""
    for number in range(count // 3):
        top, left, right = f"d{number:03d}", f"l{number:03d}", f"r{number:03d}"
        deps |= {top: [f"l{number - 1:03d}", f"r{number - 1:03d}"] if last else [], left: [top], right: [top]}
        last = top
    return deps


def pipelines(count: int) -> Deps:
    """Many rows side by side between one beginning and one end: fetch, parse, check, load."""
    stages = ("fetch", "parse", "check", "load")
    deps: Deps = {"begin": []}
    lanes = (count - 2) // len(stages)
    for lane in range(lanes):
        before = "begin"
        for stage in stages:
            id = f"{stage}-{lane:03d}"
            deps[id], before = [before], id
    return deps | {"end": [f"load-{lane:03d}" for lane in range(lanes)]}


def views(deps: Deps) -> list[TaskView]:
    """The tasks before a run."""
    return [task(id, *needs) for id, needs in deps.items()]


def release(shards: int = 60) -> Story:
    """A run as people have them: builds, shards of tests, regions; of 97 tasks with 60 shards."""
    targets = [f"build-{name}" for name in ("linux-x64", "linux-arm", "mac-arm", "windows", "wasm", "docs")]
    tests = [f"shard-{number:03d}" for number in range(shards)]
    regions = ("eu-1", "eu-2", "us-1", "us-2", "ap-1", "ap-2", "sa-1", "af-1")
    tasks = [task("checkout"), task("lint", "checkout"), task("types", "checkout")]
    tasks += [task(id, "checkout") for id in targets]
    tasks += [task("image", *targets)]
    tasks += [task(id, "image") for id in tests]
    tasks += [task("report", *tests), task("sign", "image"), task("notes", "checkout"), task("spell", "notes")]
    tasks += [task("publish", "report", "sign", "lint", "types", "spell")]
    for region in regions:
        tasks += [task(f"deploy-{region}", "publish"), task(f"probe-{region}", f"deploy-{region}")]
    tasks += [task("rescue"), task("announce", *(f"probe-{region}" for region in regions))]
    tasks += [task("tag", "announce"), task("archive", "tag"), task("sweep", "archive"), task("thank", "announce")]
    tasks = [replace(each, on_failure="rescue") if each.id == "report" else each for each in tasks]
    story = Story(tasks=tasks, dag="release")
    return story


def begun(story: Story, tests: Sequence[str]) -> Story:
    """`story` up to where its tests run: one of them failed, some are done."""
    story.done("checkout", 0, 2).done("lint", 2, 6).done("types", 2, 9).done("notes", 2, 4).done("spell", 4, 5)
    for number, name in enumerate(("linux-x64", "linux-arm", "mac-arm", "windows", "wasm", "docs")):
        story.done(f"build-{name}", 2, 10 + number)
    story.done("image", 15, 18).done("sign", 18, 20)
    for number, id in enumerate(tests):
        if number == 17:
            story.failed(id, 19, 24)
        elif number < 40:
            story.done(id, 18 + number / 10, 22 + number / 4)
        elif number < 44:
            story.at(28 + number / 10, "TaskStarted", task=id, attempt=1, command=f"make {id}")
    return story


def expanded(count: int) -> Story:
    """A run with a list of `count` items."""
    story = Story(tasks=[task("find"), task("each", "find"), task("sum", "each")]).done("find", 0, 1)
    items = tuple(task(f"each[{number}]") for number in range(count))
    return story.at(1, "TaskExpanded", task="each", items=list(range(count)), tasks=encode(items))
