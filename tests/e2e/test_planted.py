"""Nothing private lies in clear: a value and a key's name are planted, and every file is searched for them.

Searched are all files below a folder that holds the home, the temporary folder, the caches and the project, after each
step and, by a thread that reads whatever changes, during it.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import secrets
import signal
import subprocess
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

import pytest

from cis_tui.api.blocking import Line
from cis_tui.core.errors import CisError
from cis_tui.core.paths import Home
from cis_tui.memory.records import Domain, IndexType, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.e2e.conftest import CIS, Project
from tests.memory.support import SetClock

DAG = """
[[dag.tasks]]
id = "use"
command = "test -n '{{ memory(\\"own/used\\") }}'"
"""


def marker() -> str:
    """Twenty-four letters and digits that are nowhere."""
    return secrets.token_hex(12)


def needles(*markers: str) -> set[bytes]:
    """The forms in which a marker, or half of it, could lie in a file: an index may have cut it in two."""
    found: set[bytes] = set()
    for half in (part for mark in markers for part in (mark[:12], mark[12:])):
        data = half.encode()
        found |= {data, half.upper().encode(), half.encode("utf-16-le"), half.encode("utf-16-be")}
        found |= {data.hex().encode(), data.hex().upper().encode(), data[::-1]}
        # Without the letters at both ends that also depend on what stands beside the marker.
        found |= {base64.b64encode(bytes(shift) + data)[-(-shift * 4 // 3) + 1 : -4] for shift in range(3)}
    return found


def unpacked(data: bytes) -> Iterator[bytes]:
    """A file's content, and that of each gzip member in it."""
    yield data
    if data.startswith(b"\x1f\x8b"):
        with suppress(OSError, EOFError, zlib.error):
            yield gzip.decompress(data)


class Watch:
    """Looks through every file below a folder."""

    def __init__(self, root: Path, wanted: set[bytes]) -> None:
        self.root = root
        self.found: set[str] = set()
        self.looks = 0
        self._wanted = wanted
        self._seen: dict[Path, tuple[int, int, int]] = {}

    def look(self) -> None:
        """Look through what is new or has changed."""
        for folder, _, names in os.walk(self.root):
            for path in (Path(folder, name) for name in names):
                with suppress(OSError):
                    self._look_at(path)

    def _look_at(self, path: Path) -> None:
        is_planted = any(half.decode("ascii", "replace") in path.name for half in self._wanted)
        if is_planted:
            self.found.add(f"the name {path}")
        state = path.lstat()
        now = (state.st_ino, state.st_mtime_ns, state.st_size)
        if not path.is_file() or self._seen.get(path) == now:
            return
        self._seen[path] = now
        self.looks += 1
        for content in unpacked(path.read_bytes()):
            if any(needle in content for needle in self._wanted):
                self.found.add(str(path.relative_to(self.root)))

    @contextmanager
    def all_the_time(self) -> Generator[None]:
        """Look again and again while the block runs, so that no file comes and goes unseen."""
        stop = Event()

        def run() -> None:
            while not stop.wait(0.02):
                self.look()

        thread = Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()

    def clean(self, step: str) -> None:
        """Fail if anything was found by now; every file is read anew."""
        self._seen.clear()
        self.look()
        assert not self.found, f"after {step}, a planted value lies in clear in {sorted(self.found)}"


@pytest.fixture
def sealed_project(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose temporary files, caches and home all lie below `tmp_path`."""
    for name, folder in (("TMPDIR", "tmp"), ("XDG_CACHE_HOME", "cache"), ("XDG_DATA_HOME", "data")):
        (tmp_path / folder).mkdir()
        monkeypatch.setenv(name, str(tmp_path / folder))
    project.cis("config", "set", "core.log_level", "debug")
    return project


def test_the_search_finds_what_is_there(sealed_project: Project, tmp_path: Path) -> None:
    """The counterpart: the same search finds public entries, in the logs, the indexes, the archives and an export."""
    value = marker()
    watch = Watch(tmp_path, needles(value))
    clock = SetClock(1_700_000_000.0)
    service = MemoryService(Home(tmp_path / "home"), clock=clock)
    service.set(MemoryWrite("open/note", f"so: {value}", Domain.PUBLIC, index_type=IndexType.TEMPORARY))
    service.close()
    watch.look()
    assert any(path.startswith("home/memory/public/memory-") for path in watch.found)
    sealed_project.cis("memory", "archive")
    sealed_project.cis("memory", "export", "-o", str(tmp_path / "export.jsonl"))
    watch.found.clear()
    watch.look()
    assert "export.jsonl" in watch.found
    assert any(path.startswith("home/memory/archives/public/") for path in watch.found)
    for text in (f"{value}", f"x{value}", f"xy{value}"):
        content = base64.b64encode(text.encode() + b"beside")
        assert any(needle in content for needle in needles(value)), "base64 at any place"


@pytest.mark.timeout(600)
def test_nothing_private_lies_in_clear(
    sealed_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, home = sealed_project, Home(tmp_path / "home")
    key, value, word = marker(), marker(), marker()
    watch = Watch(tmp_path, needles(key, value, word))
    own = f"own/{key}"
    project.dag("use", DAG)
    with watch.all_the_time():
        by_commands(project, own, value)
        watch.clean("commands without an engine")
        old_weeks(home, own, value)
        project.cis("memory", "archive")
        assert len(list((home.memory / "archives" / "private").glob("*.gz"))) == 8
        watch.clean("an archive")
        monkeypatch.setenv("CIS_NEW_PASSPHRASE", word)
        project.cis("memory", "rekey", "--passphrase")
        monkeypatch.delenv("CIS_NEW_PASSPHRASE")
        monkeypatch.setenv("CIS_PASSPHRASE", word)
        watch.clean("a passphrase")
        project.cis("engine", "start")
        through_the_engine(project, home, own, value)
        watch.clean("work through an engine")
        wrong_calls(home, own, value)
        watch.clean("wrong calls")
        killed_at_work(project, home, own, value)
        watch.clean("a kill")
        crashed(project, home, own)
        watch.clean("a crash")
        project.cis("memory", "rekey")
        watch.clean("a change of the key")
        damaged(project, home, own)
        watch.clean("damage and its repair")
    assert watch.looks > 200, "it was looked at during each step"
    assert value in project.cis("memory", "history", own, "--json"), "and it is all there"


def by_commands(project: Project, own: str, value: str) -> None:
    """Set, read, search, delete, without an engine."""
    project.cis("memory", "set", own, input=f"a thought about gardens: {value}")
    project.cis("memory", "set", own, f"a thought about rivers: {value}", "--category", "thoughts")
    project.cis("memory", "set", f"{own}/api-key", value)
    project.cis("memory", "set", f"{own}/gone", value)
    project.cis("memory", "delete", f"{own}/gone")
    project.cis("memory", "set", "own/used", value)
    for words in (("get", own), ("list",), ("list", own), ("history", own), ("stats",), ("reindex",)):
        project.cis("memory", *words)
    for query in (value, own, "a thought about rivers"):
        assert own in project.cis("memory", "search", query)
    project.cis("memory", "export", "-o", str(project.root / "export.jsonl"))
    project.cis("memory", "get", f"{own}/nothing", exit=3)
    project.cis("dag", "run", "use", "--yes")


def old_weeks(home: Home, own: str, value: str) -> None:
    """Entries of half a year ago, some of which are carried forward."""
    clock = SetClock(1_760_000_000.0)
    service = MemoryService(home, clock=clock)
    for week in range(8):
        clock.now += 7 * 86400.0
        passing, pinned = IndexType.TEMPORARY, week % 2 == 0
        service.set(MemoryWrite(f"{own}/{week}", f"once: {value} " * 50, Domain.PRIVATE, "", pinned, passing))
    service.close()


def through_the_engine(project: Project, home: Home, own: str, value: str) -> None:
    """The same and more through an engine, with its events heard."""
    listener = subprocess.Popen([CIS, "events", "-f"], cwd=project.root, stdout=subprocess.DEVNULL)
    by_commands(project, own, value)
    project.cis("memory", "get", f"{own}/1")
    project.cis("memory", "pin", own)
    project.cis("memory", "undo")
    project.cis("memory", "classify", own, IndexType.IMPORTANT_DECISION)
    project.cis("memory", "archive")
    shown = project.cis("secret", "run", "--env", f"TOKEN={own}/api-key", "--", "sh", "-c", "echo is $TOKEN; env")
    assert value not in shown
    project.cis("memory", "rekey")
    project.cis("status")
    project.cis("doctor")
    listener.terminate()
    listener.wait()


def wrong_calls(home: Home, own: str, value: str) -> None:
    """Calls that fail, some in ways that no command would."""
    line = Line(str(home.engine_socket))
    write = {"key": own, "value": value, "domain": "private"}
    for method, params in (
        ("memory_set", {"write": {**write, "category": "a\nb"}}),
        ("memory_set", {"write": {**write, "key": f"{own}\n"}}),
        ("memory_set", {"write": {**write, "domain": value}}),
        ("memory_set", {"write": {**write, "value": {"base64": f"{value}!"}}}),
        ("memory_set", {"write": value, own: value}),
        ("memory_get", {"key": [own, value]}),
        ("memory_unlock", {"passphrase": value, "more": own}),
        ("memory_rekey", {"kept": value, "current": value, "new": value}),
        (value, {own: value}),
    ):
        with pytest.raises(CisError):
            line.call(method, params)
    line.close()


def killed_at_work(project: Project, home: Home, own: str, value: str) -> None:
    """An engine that is killed while four commands write."""
    loop = f'for n in 1 2 3 4 5 6; do "{CIS}" memory set {own}/$0/$n "{value} $n"; done'
    quiet = subprocess.DEVNULL
    writers = [
        subprocess.Popen(["sh", "-c", loop, str(number)], cwd=project.root, stdout=quiet, stderr=quiet)
        for number in range(4)
    ]
    assert writers[0].poll() is None
    os.kill(engine_of(project), signal.SIGKILL)
    for writer in writers:
        writer.wait()
    project.cis("engine", "start")
    assert value in project.cis("memory", "get", own)


def crashed(project: Project, home: Home, own: str) -> None:
    """An engine that has private memory open and crashes, where dumps are wanted."""
    project.cis("engine", "stop")
    subprocess.run(["bash", "-c", f'ulimit -c unlimited; "{CIS}" engine start'], cwd=project.root, check=True)
    project.cis("memory", "get", own)
    engine = engine_of(project)
    limits = Path(f"/proc/{engine}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4] == "0", "no dump of what it holds"
    os.kill(engine, signal.SIGABRT)
    assert project.cis("memory", "get", own)


def damaged(project: Project, home: Home, own: str) -> None:
    """A log that cannot be read, while an engine lives and after; then what is left of it is salvaged."""
    project.cis("engine", "start")
    project.cis("memory", "get", own)
    project.cis("engine", "stop")
    log = max((home.memory / "private").glob("memory-*.db"))
    content = bytearray(log.read_bytes())
    content[-3000:-2000] = bytes(1000)
    log.write_bytes(content)
    subprocess.run([CIS, "doctor"], cwd=project.root, capture_output=True, check=False)
    subprocess.run([CIS, "memory", "search", own], cwd=project.root, capture_output=True, check=False)
    project.cis("doctor", "--repair")


def engine_of(project: Project) -> int:
    """The process of the live engine."""
    return int(str(json.loads(project.cis("engine", "status", "--json"))["pid"]))
