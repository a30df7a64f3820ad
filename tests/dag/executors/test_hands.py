"""What a worker does for engines elsewhere."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.codec import dumps
from cis_tui.core.errors import Invalid, Refused
from cis_tui.dag.executors import hands as module
from cis_tui.dag.executors.hands import Hands
from cis_tui.dag.executors.invocation import (
    MAX_PACKAGE,
    Invocation,
    Package,
    PackedFile,
    digest_of,
    pack,
    sent,
    unpack,
)
from cis_tui.skills.model import Permissions, SkillManifest, SkillType
from tests.conftest import ROOT
from tests.dag.lab import eventually, lives, read


def invocation(hands: Hands, line: str, **more: object) -> Invocation:
    """An attempt that runs a line of shell."""
    base = Invocation("k1", "s1", hands.id, "r1", "t", 1, "shell", line=line)
    return replace(base, **more)  # pyright: ignore[reportArgumentType]


async def outcome(hands: Hands, asked: Invocation) -> dict[str, object]:
    """How an attempt ended, with all that it printed as `printed`."""
    working = asyncio.ensure_future(hands.carry_out(asked, lambda: True))
    printed = b""
    async with asyncio.timeout(20):
        while True:
            found = (await hands.news(asked.session, {asked.key: len(printed)}, (), 5)).get(asked.key)
            if found is not None:
                assert found.offset == len(printed)
                printed += found.data
                if found.end is not None:
                    break
    assert await working == ""
    return {**json.loads(found.end), "printed": printed.decode()}


@pytest.fixture
async def hands(tmp_path: Path) -> AsyncGenerator[Hands]:
    """Those of a worker."""
    made = Hands(tmp_path / "worker")
    yield made
    await made.close()


async def end_of(hands: Hands) -> str:
    """What the end of the attempt k1, all of whose output is told, says of it."""
    found = (await hands.news("s1", {"k1": 10_000}, (), 0))["k1"]
    assert found.end is not None
    return json.loads(found.end)["error"]


def left_of(folder: Path, name: str) -> list[Path]:
    """What is called so, anywhere in a folder."""
    return list(folder.rglob(name))


async def test_an_attempt_is_run_and_told_in_pieces(hands: Hands) -> None:
    ended = await outcome(hands, invocation(hands, "seq 1 200000; echo done >&2; exit 3"))
    printed = str(ended["printed"])
    assert printed.startswith("1\n2\n")
    assert printed.endswith("200000\ndone\n")
    assert (ended["ok"], ended["exit_code"], ended["error"]) == (False, 3, "exit code 3")


async def test_it_finds_what_it_is_told_and_nothing_of_the_engine(
    hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_HOME", "/the/home/of/somebody")
    monkeypatch.setenv("CIS_PASSPHRASE", "planted")
    monkeypatch.setenv("DASK_SECRET", "planted")
    printed = str((await outcome(hands, invocation(hands, "env; pwd; ls -a", env={"TARGET": "x"})))["printed"])
    assert "TARGET=x" in printed and "CIS_RUN=r1" in printed and "CIS_TASK=t\n" in printed
    assert "planted" not in printed and "somebody" not in printed
    assert f"{tmp_path}/worker/cis-{hands.id}/" in printed


async def test_its_folder_is_gone_once_its_engine_has_the_end(hands: Hands, tmp_path: Path) -> None:
    await outcome(hands, invocation(hands, "touch made; echo made"))
    assert left_of(tmp_path, "output")
    await hands.news("s1", {}, ["k1"], 0)
    assert not left_of(tmp_path, "output") and not left_of(tmp_path, "made")


async def test_nothing_begins_twice_nor_for_another_process(hands: Hands, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    asked = invocation(hands, f"echo x >> {mark}")
    await outcome(hands, asked)
    assert "before" in await hands.carry_out(asked, lambda: True)
    assert "anew" in await hands.carry_out(replace(asked, key="k2", hands="another"), lambda: True)
    await hands.end(["k3"], "cancelled")
    assert "before" in await hands.carry_out(replace(asked, key="k3"), lambda: True)
    assert read(mark) == "x\n"


async def test_what_is_ended_is_gone_with_everything_that_it_started(hands: Hands, tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    line = f"setsid sleep 300 & echo $! > {pid}; wait"
    working = asyncio.ensure_future(hands.carry_out(invocation(hands, line), lambda: True))
    await eventually(lambda: read(pid) != "" and read(Path(f"/proc/{read(pid).strip()}/cmdline")).startswith("sleep"))
    await hands.end(["k1"], "cancelled")
    assert not lives(int(read(pid)))
    assert await working == ""
    assert await end_of(hands) == "cancelled"


@pytest.mark.parametrize("way", ["silent", "unwanted"])
async def test_it_ends_what_nobody_waits_for(hands: Hands, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(module, "LEASE", 0.2 if way == "silent" else 30)
    monkeypatch.setattr(module, "_LOOK", 0.05)
    began = time.monotonic()
    assert await hands.carry_out(invocation(hands, "sleep 300"), lambda: way == "silent") == ""
    assert time.monotonic() - began < 10
    assert ("not heard of" if way == "silent" else "nobody waits") in await end_of(hands)


async def test_who_comes_back_too_late_finds_its_attempts_ended(hands: Hands, monkeypatch: pytest.MonkeyPatch) -> None:
    working = asyncio.ensure_future(hands.carry_out(invocation(hands, "echo hello; sleep 300"), lambda: True))
    assert (await hands.news("s1", {}, (), 10))["k1"].data == b"hello\n"
    monkeypatch.setattr(module, "LEASE", -1.0)  # as if the process had been stopped for long
    monkeypatch.setattr(module, "_LOOK", 30)
    await hands.news("s1", {"k1": 6}, (), 0)
    async with asyncio.timeout(10):
        assert await working == ""
    assert "not heard of" in str(await end_of(hands))


async def test_ends_that_nobody_comes_for_do_not_stay(
    hands: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await hands.carry_out(invocation(hands, "true"), lambda: True) == ""
    assert await hands.carry_out(invocation(hands, "true", key="k2", session="s2"), lambda: True) == ""
    assert len(left_of(tmp_path, "output")) == 2
    monkeypatch.setattr(module, "LEASE", -1.0)
    assert await hands.carry_out(invocation(hands, "true", key="k3"), lambda: True) == ""
    assert len(left_of(tmp_path, "output")) == 1


async def test_what_other_executors_left_of_a_run_is_swept(hands: Hands, tmp_path: Path) -> None:
    working = [
        asyncio.ensure_future(hands.carry_out(invocation(hands, "sleep 300", key=key, run=run), lambda: True))
        for key, run in (("k1", "r1"), ("k2", "r2"))
    ]
    await eventually(lambda: len(left_of(tmp_path, "output")) == 2)
    assert await hands.sweep("r1", "s2") == ["t"]
    assert await working[0] == "" and not working[1].done()
    assert await hands.sweep("r2", "s2") == ["t"]
    await asyncio.gather(*working)


def skill(folder: Path, script: str = "#!/bin/sh\ncat; echo; pwd\n") -> SkillManifest:
    """A skill with a program and a file."""
    folder.mkdir()
    (folder / "run.sh").write_text(script)
    (folder / "run.sh").chmod(0o755)
    (folder / "data").mkdir()
    (folder / "data" / "words.txt").write_text("zebra")
    return SkillManifest("greet", "1", SkillType.NATIVE, "run.sh", folder=folder)


async def test_a_skill_runs_from_the_files_that_were_sent(hands: Hands, tmp_path: Path) -> None:
    manifest = skill(tmp_path / "skill", '#!/bin/sh\ncat; cat "${0%/*}/data/words.txt"\n')
    manifest = replace(manifest, permissions=Permissions(command=("cat",)))
    data = pack(manifest)
    digest = digest_of(data)
    assert not hands.has(digest)
    await hands.keep(digest, data)
    await hands.keep(digest, data)
    assert hands.has(digest)
    asked = invocation(hands, "", manifest=sent(manifest), package=digest, args=("x",), input={"a": 1})
    ended = await outcome(hands, asked)
    assert ended["ok"]
    assert '"args":["x"]' in str(ended["output"]) and '"a":1' in str(ended["output"])
    assert "zebra" in str(ended["output"])
    assert str(tmp_path / "skill") not in asked.dumps().decode()


async def test_a_skill_is_held_to_its_permissions_there(hands: Hands, tmp_path: Path) -> None:
    planted = tmp_path / "planted"
    planted.write_text("of the worker")
    manifest = skill(
        tmp_path / "skill", f"#!/bin/sh\nread line < {planted}; echo got $line; ls; echo $CIS_PROJECT; pwd\n"
    )
    data = pack(manifest)
    await hands.keep(digest_of(data), data)
    ended = await outcome(hands, invocation(hands, "", manifest=sent(manifest), package=digest_of(data)))
    assert "of the worker" not in str(ended["printed"])
    project, cwd = str(ended["printed"]).splitlines()[-2:]
    assert project == cwd


async def test_files_that_are_not_those_that_were_sent_are_refused(hands: Hands, tmp_path: Path) -> None:
    data = pack(skill(tmp_path / "skill"))
    with pytest.raises(Invalid, match="not those"):
        await hands.keep(digest_of(data), data.replace(b"run.sh", b"ran.sh"))
    assert not hands.has(digest_of(data))


@pytest.mark.parametrize("path", ["../out", "/tmp/out", "a/../../out", "a\0b"])
def test_no_file_leaves_the_folder(tmp_path: Path, path: str) -> None:
    data = dumps(Package((PackedFile(path, b"x"),))).encode()
    with pytest.raises(Invalid, match="leaves its folder"):
        unpack(data, digest_of(data), tmp_path / "in")
    assert not (tmp_path / "out").exists()


def test_a_skill_that_cannot_be_sent_says_why(tmp_path: Path) -> None:
    manifest = skill(tmp_path / "skill")
    (tmp_path / "skill" / "out").symlink_to("/etc/passwd")
    with pytest.raises(Refused, match="out is no file of its folder"):
        pack(manifest)
    (tmp_path / "skill" / "out").unlink()
    with (tmp_path / "skill" / "big").open("wb") as file:
        file.truncate(MAX_PACKAGE + 1)
    with pytest.raises(Refused, match="more than 16 MB"):
        pack(manifest)


def test_a_worker_needs_nothing_but_this_package(tmp_path: Path) -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import cis_tui.dag.executors.remote"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
