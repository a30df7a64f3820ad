"""Private memory stays private: in no request, no event, no log, no file in clear."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from typing import Any

import pytest

from cis_tui.memory.records import Domain, IndexType, MemoryWrite
from tests.agents import far_end as wire
from tests.agents.desk import Desk
from tests.agents.far_end import FarEnd, Reply
from tests.agents.test_tools import put

DIARY = "the walrus met the carpenter at midnight by the old pier"
GRANTED = "the notes about the lighthouse keeper and his seven cats"
TOKEN = "sk-ant-api03-Zq8Jw2Lx9Vb4Nt7Rk1Ph6Gd3Fs5Ym0"
OTHER = "ghp_Wq7Lx2Vb9Nt4Rk8Ph1Gd6Fs3Ym5Zc0Jw2aB4"
"""Memory does not know it."""
WORD = "xylophone-bear-42"


@pytest.fixture
async def planted(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("CIS_AGENT_MEMORY_READ", "notes/")
    private = [("diary/walrus", DIARY), ("notes/cats", GRANTED), ("notes/api-key", TOKEN)]
    writes = [MemoryWrite(key, value, Domain.PRIVATE) for key, value in private]
    writes.append(MemoryWrite("door/word", WORD, Domain.PRIVATE, index_type=IndexType.SENSITIVE))
    await desk.engine.memory_set_many((*writes, MemoryWrite("open/a", "all may know this", Domain.PUBLIC)))
    return desk


async def test_a_model_that_asks_for_private_entries_gets_none(planted: Desk, end: FarEnd) -> None:
    keys = ("diary/walrus", "notes/api-key", "door/word", "notes/cats", "open/a")
    reads = [(f"g{number}", "memory_get", {"key": key}) for number, key in enumerate(keys)]
    searches: list[tuple[str, str, dict[str, Any]]] = [
        ("s1", "memory_search", {"query": "walrus carpenter api key word cats"}),
        ("l1", "memory_list", {}),
    ]
    end.script = [Reply(wire.calls(*reads, *searches))]
    await planted.ask("tell me about the walrus, the cats and the api key")
    sent = "".join(asked.text for asked in end.asked)
    for secret in (DIARY, TOKEN, WORD):
        assert secret not in sent
    assert GRANTED in sent and "all may know this" in sent
    results = [each["content"] for each in end.messages[-1].body["messages"][-1]["content"]]
    # Whether there is an entry that may not be read is not said.
    assert results[0].replace("diary/walrus", "K") == results[1].replace("notes/api-key", "K")
    assert "door/word" not in results[-1] and "diary/" not in results[-1]


async def test_the_last_door_takes_a_secret_out_wherever_it_comes_from(planted: Desk, end: FarEnd) -> None:
    root = planted.project()
    write_leak(Path(root, "leak.txt"))
    end.script = [Reply(wire.calls(("t1", "file_read", {"path": "leak.txt"})))]
    await planted.ask(f"the word is {WORD}, by the way", project=root)
    sent = "".join(asked.text for asked in end.asked)
    assert OTHER not in sent and "the last line" in sent
    assert WORD not in sent and base64.b64encode(TOKEN.encode()).decode() not in sent
    assert "left out" in sent and planted.texts("notice")


async def test_a_program_that_reads_private_memory_tells_an_agent_nothing(planted: Desk, end: FarEnd) -> None:
    """Whatever runs as the person can read all that they can; its output reaches the model without it."""
    long = "".join(f"{number * 7919 % 100_003:05d} " for number in range(500))
    await planted.engine.memory_set(MemoryWrite("diary/long", long, Domain.PRIVATE))
    root = planted.project()
    program = Path(sys.executable).with_name("cis")
    cis = f"{program} --home {planted.engine.home.root} memory get"
    keys = ("diary/walrus", "diary/long", "notes/cats", "open/a")
    tasks = [f'[[dag.tasks]]\nid = "t{number}"\ncommand = "{cis} {key}"\n' for number, key in enumerate(keys)]
    put(root, ".cis/dags/leak.toml", '[skill]\nname = "leak"\n' + "".join(tasks))
    await planted.engine.trust_grant(root, (await planted.engine.trust_report(root)).digest)
    end.script = [Reply(wire.calls(("t1", "dag_run", {"name": "leak"})))]
    sent = await planted.engine.agent_send((await planted.engine.agent_new(root)).id, "run it")
    await planted.step("tool", state="asked")
    (decision,) = await planted.engine.decision_list()
    await planted.engine.decision_approve(decision.id)
    await planted.ended(sent.turn)
    result = end.messages[-1].body["messages"][-1]["content"][0]["content"]
    assert "all may know this" in result and GRANTED in result and "private memory" in result
    assert DIARY not in result
    assert not any(long[at : at + 80] in result for at in range(len(long) - 80))
    (run,) = await planted.engine.run_list(root)
    masked = await planted.engine.agent_mask({"tasks": [{"output": DIARY}], "run": run.id})
    assert DIARY not in str(masked) and run.id in str(masked)


async def test_what_is_said_lies_nowhere_in_clear(planted: Desk, end: FarEnd) -> None:
    end.script = [
        Reply(wire.calls(("t1", "memory_get", {"key": "notes/cats"}))),
        Reply(
            wire.calls(("t2", "memory_set", {"key": "open/copy", "value": f"copied: {GRANTED}", "domain": "public"}))
        ),
        Reply(wire.text(f"I read: {GRANTED}")),
    ]
    id = (await planted.engine.agent_new("")).id
    sent = await planted.engine.agent_send(id, f"a very private question about {GRANTED}")
    asked = await planted.step("tool", state="asked")
    assert asked.data["about"] == "open/copy"
    (decision,) = await planted.engine.decision_list()
    assert GRANTED not in decision.prompt
    await planted.engine.decision_reject(decision.id)
    await planted.ended(sent.turn)
    home = planted.engine.home
    await planted.engine.close()
    assert not files_with(home.root, GRANTED.encode()) and not files_with(home.root, b"very private question")


def files_with(folder: Path, text: bytes) -> list[Path]:
    """The files in which a text lies in clear."""
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


def write_leak(path: Path) -> None:
    encoded = base64.b64encode(TOKEN.encode()).decode()
    path.write_text(f"a {WORD} b\nkey: {encoded}\ntoken = {OTHER}\nthe last line\n")


async def test_locked_memory_keeps_its_conversations(
    planted: Desk, end: FarEnd, monkeypatch: pytest.MonkeyPatch
) -> None:
    id, _ = await planted.ask("hello")
    await planted.engine.memory_rekey("passphrase", new="correct horse battery staple")
    assert await planted.last(id) == "ok"
    await planted.engine.memory_lock()
    with pytest.raises(Exception, match="locked"):
        await planted.engine.agent_show(id)
    await planted.engine.memory_unlock("correct horse battery staple")
    assert await planted.last(id) == "ok"
