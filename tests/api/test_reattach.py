"""A line that drops and comes back, again and again, while a run goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import cast

from cis_tui.api.client import RemoteEngine
from cis_tui.api.server import EngineServer
from cis_tui.core.events import Event
from cis_tui.core.paths import Home
from cis_tui.engine import Engine

TIMES = 50
STEADY = """
[[dag.tasks]]
id = "one"
command = "until test -e {go}; do echo one; sleep 0.005; done"
[[dag.tasks]]
id = "two"
command = "for n in 1 2 3; do echo two $n; done"
[[dag.tasks]]
id = "flaky"
command = 'test "$CIS_ATTEMPT" -ge 3'
retry = {{ max = 3, backoff = 0.1 }}
[[dag.tasks]]
id = "after"
command = "echo after"
deps = ["one", "two", "flaky"]
"""


async def read(engine: RemoteEngine | Engine, since: int, *, count: int = 0) -> list[Event]:
    """The events after `since`: as many as `count`, or up to the end of the run."""
    got: list[Event] = []
    stream = cast("AsyncGenerator[Event]", engine.events(since))
    async with aclosing(stream):
        async for event in stream:
            got.append(event)
            if len(got) == count or event.type == "RunCompleted":
                break
    return got


def named(events: list[Event]) -> list[tuple[int, str, object, object]]:
    """Each event, as far as it is the same before and after the socket: there, moments are whole milliseconds."""
    return [(event.seq, event.type, event.data.get("task"), event.data.get("text")) for event in events]


async def test_fifty_times_away_and_back_miss_nothing_and_disturb_nothing(
    engine: Engine, server: EngineServer, home: Home, tmp_path: Path
) -> None:
    dag = tmp_path / "steady.toml"
    dag.write_text(STEADY.format(go=tmp_path / "go"))
    began = (await engine.status()).last_seq
    all_of_it = asyncio.ensure_future(read(engine, began))
    view = await engine.run_start("", str(dag), {})

    seen: list[Event] = []
    for number in range(TIMES):
        face = await RemoteEngine.connect(home, "face")
        last = seen[-1].seq if seen else began
        if number % 3 == 0:
            # The line drops while events are on their way, and what came is lost with it.
            dropped = asyncio.ensure_future(read(face, last))
            await face.run_show(view.id)
            dropped.cancel()
            await asyncio.gather(dropped, return_exceptions=True)
        else:
            seen += await read(face, last, count=1 + number % 2)
        await face.close()
    (tmp_path / "go").touch()
    face = await RemoteEngine.connect(home, "face")
    seen += await read(face, seen[-1].seq)

    assert named(seen) == named(await all_of_it)
    final = await face.run_show(view.id)
    assert final.status == "completed"
    assert {task.id: task.attempts for task in final.tasks} == {"one": 1, "two": 1, "flaky": 3, "after": 1}
    assert final.tasks[0].output.splitlines() == ["one"] * final.tasks[0].output.count("\n")
    await face.close()
    while server.clients:
        server.changed.clear()
        await server.changed.wait()
    assert engine.faces == 0


async def test_two_faces_on_one_run_see_the_same(server: EngineServer, home: Home, tmp_path: Path) -> None:
    dag = tmp_path / "steady.toml"
    dag.write_text(STEADY.format(go=tmp_path / "go"))
    first, second = await RemoteEngine.connect(home, "face"), await RemoteEngine.connect(home, "face")
    since = (await first.status()).last_seq
    reading = asyncio.gather(read(first, since), read(second, since))
    view = await first.run_start("", str(dag), {})
    (tmp_path / "go").touch()
    ours, theirs = await reading
    assert ours == theirs
    assert await first.run_show(view.id) == await second.run_show(view.id)
    await first.close()
    await second.close()
