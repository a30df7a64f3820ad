"""Native skills that mean ill, and what stops them: each is told apart, and nothing else notices."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError, Invalid, Refused, TimedOut
from cis_tui.core.paths import Home
from cis_tui.skills.guardian import marked
from cis_tui.skills.kernel import Kernel, this_kernel
from cis_tui.skills.model import Permissions, SkillManifest
from cis_tui.skills.native import NativeSkills, SkillCall
from cis_tui.skills.surroundings import confined_env
from tests.skills.natives import TOOLS, call, processes, skill

pytestmark = pytest.mark.skipif(
    this_kernel().landlock < 6 or not this_kernel().seccomp, reason="this kernel enforces only a part"
)


def may(*filesystem: str, network: tuple[str, ...] = (), command: tuple[str, ...] = TOOLS) -> Permissions:
    return Permissions(filesystem=filesystem, network=network, command=command)


async def says(manifest: SkillManifest, folder: Path, *args: str) -> str:
    """What a skill answers that is to succeed."""
    result, log = await call(manifest, folder, *args)
    assert result.success, log
    return str(result.output)


async def refused(manifest: SkillManifest, folder: Path) -> str:
    """What a skill wrote last that was not let do what it wanted."""
    result, log = await call(manifest, folder)
    assert not result.success, log
    assert result.note, log
    return log.decode()


# Files


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    """A home with what nobody is to read, and a project in it."""
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh" / "id").write_text("the key")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "runs.db").write_text("the runs")
    project = tmp_path / "project"
    project.mkdir()
    (project / "notes").write_text("of the project")
    (project / "link").symlink_to(tmp_path / ".ssh")
    return project


@pytest.mark.parametrize(
    "way",
    [
        "cat ../.ssh/id",
        "cat link/id",
        "cat ../home/runs.db",
        "cat /proc/self/root$PWD/../.ssh/id",
        "cat /proc/self/cwd/../.ssh/id",
        "ls ..",
        "ln ../.ssh/id mine && cat mine",
        "ln -s ../../.ssh/id build/mine && cat build/mine",
        "cat /etc/passwd",
        "cat /proc/$PPID/environ",
        "cat /proc/1/cmdline",
    ],
)
async def test_nothing_outside_can_be_read(tmp_path: Path, secrets: Path, way: str) -> None:
    curious = skill(tmp_path / "skill", way, permissions=may("read:.", "write:build/"))
    log = await refused(curious, secrets)
    assert "the key" not in log
    assert "denied" in log or "not permitted" in log or "Invalid cross-device" in log


async def test_what_is_granted_can_be_read_and_written(tmp_path: Path, secrets: Path) -> None:
    script = "cat notes; echo made > build/file; cat build/file; mkdir build/sub && echo more > build/sub/x"
    good = skill(tmp_path / "skill", script, permissions=may("read:.", "write:build/"))
    answer = await says(good, secrets)
    assert answer == "of the projectmade"
    assert (secrets / "build" / "file").read_text() == "made\n"
    assert (secrets / "build" / "sub" / "x").read_text() == "more\n"


async def test_without_a_permission_the_project_is_closed(tmp_path: Path, secrets: Path) -> None:
    assert "denied" in await refused(skill(tmp_path / "skill", "cat notes"), secrets)


def outside(folder: Path) -> list[Path]:
    """Everything below `folder` but the skill's own and what it may write."""
    return sorted(path for path in folder.rglob("*") if not {"skill", "build"} & set(path.parts))


@pytest.mark.parametrize(
    "way",
    [
        "echo x > notes",
        "echo x >> notes",
        "echo x > new",
        ": > notes",
        "echo x > build/../new",
        "echo x > ../outside",
        "mkdir folder",
        "echo x > link/new",
        "echo x > /tmp/outside",
        "ln notes build/notes && echo x > build/notes",
    ],
)
async def test_nothing_outside_can_be_written(tmp_path: Path, secrets: Path, way: str) -> None:
    before = outside(tmp_path)
    await refused(skill(tmp_path / "skill", way, permissions=may("read:.", "write:build/")), secrets)
    assert outside(tmp_path) == before
    assert (secrets / "notes").read_text() == "of the project"


async def test_modes_owners_and_times_are_nobodys_to_change(tmp_path: Path, secrets: Path) -> None:
    script = """
import os
for change in (
    lambda: os.chmod("../.ssh", 0o777),
    lambda: os.chown("../.ssh/id", 1, 1),
    lambda: os.utime("../.ssh/id", (1, 1)),
    lambda: os.setxattr("../.ssh/id", "user.x", b"1"),
    lambda: os.fchmod(os.open("notes", os.O_RDONLY), 0o777),
):
    try:
        change()
    except PermissionError:
        print("no", end=" ")
"""
    curious = skill(tmp_path / "skill", script, python=True, permissions=may("read:."))
    mode = (tmp_path / ".ssh").stat().st_mode
    assert await says(curious, secrets) == "no no no no no"
    assert (tmp_path / ".ssh").stat().st_mode == mode


async def test_a_project_that_is_the_home_keeps_its_secrets(tmp_path: Path, secrets: Path) -> None:
    (tmp_path / "letter").write_text("dear you")
    curious = skill(tmp_path / "skill", 'cat letter && cat "${1:-.ssh/id}"', permissions=may("read:.", "write:."))
    log = await refused(curious, tmp_path)
    assert "dear you" in log
    assert "the key" not in log
    assert "the runs" not in await refused(
        skill(tmp_path / "skill", "cat home/runs.db", permissions=may("read:.")), tmp_path
    )


@pytest.mark.parametrize("path", ["read:..", "write:../other", "read:/etc", "read:~/.ssh", "read:link", "write:link/x"])
async def test_a_permission_that_leads_out_is_refused(tmp_path: Path, secrets: Path, path: str) -> None:
    with pytest.raises(Refused, match="leads out of the project") as failure:
        await call(skill(tmp_path / "skill", "true", permissions=may(path)), secrets)
    assert failure.value.code == "CIS-SKILL-040"
    assert not (tmp_path / "other").exists()


async def test_its_own_folder_is_its_own_and_gone_afterwards(tmp_path: Path) -> None:
    script = 'echo x > "$TMPDIR/x"; mkdir -p "$HOME/deep/er"; echo "$TMPDIR"; ls "$TMPDIR/.."'
    result, log = await call(skill(tmp_path / "skill", script), tmp_path)
    folder = Path(str(result.output).strip())
    assert folder.parent.name.startswith("cis-skills-")
    assert not folder.parent.exists()
    assert b"denied" in log, "the folders of other calls lie beside it"


# Programs


async def test_only_the_programs_that_it_names_can_be_started(tmp_path: Path) -> None:
    script = "cat /dev/null && sed --version >/dev/null || echo no sed; $0 again"
    picky = skill(
        tmp_path / "skill", "test $# -gt 0 && echo itself && exit; " + script, permissions=may(command=("cat",))
    )
    assert await says(picky, tmp_path) == "no sed\nitself"


async def test_a_loader_does_not_start_what_may_not_be_started(tmp_path: Path) -> None:
    script = "for l in /lib64/ld-linux*.so.* /lib/ld-linux*.so.*; do $l /usr/bin/id && exit 0; done; exit 1"
    assert "uid=" not in await refused(skill(tmp_path / "skill", script, permissions=may(command=())), tmp_path)


async def test_any_program_for_one_that_may_start_any(tmp_path: Path) -> None:
    assert "uid=" in await says(skill(tmp_path / "skill", "id", permissions=may(command=("*",))), tmp_path)


async def test_a_script_cannot_name_what_is_to_be_read(secrets: Path, tmp_path: Path) -> None:
    (secrets / "helper").write_text(f"#!{tmp_path}/.ssh/id\n")
    (secrets / "helper").chmod(0o755)
    script = f"cat {tmp_path}/.ssh/id"
    named = may("write:.", command=("cat", "./helper"))
    assert "Permission denied" in await refused(skill(tmp_path / "skill", script, permissions=named), secrets)


# The network, and other processes

CONNECT = """
import socket, sys
for kind, where in (
    (socket.AF_INET, ("127.0.0.1", {port})),
    (socket.AF_INET, ("127.0.0.1", {other})),
    (socket.AF_UNIX, {path!r}),
    (socket.AF_UNIX, "\\0cis-test"),
):
    try:
        with socket.socket(kind) as own:
            own.connect(where)
        print("in", end=" ")
    except PermissionError:
        print("no", end=" ")
for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
    try:
        socket.socket(socket.AF_INET, kind).close()
        print("in", end=" ")
    except PermissionError:
        print("no", end=" ")
a, b = socket.socketpair()
print(a.send(b"x"), end="")
"""


@pytest.mark.parametrize(
    ("network", "answer"),
    [((), "no no no no no no 1"), (("localhost:{port}",), "in no no no no no 1"), (("*",), "in in no no in no 1")],
)
async def test_the_network_as_far_as_it_is_granted(tmp_path: Path, network: tuple[str, ...], answer: str) -> None:
    path = str(tmp_path / "engine.sock")
    with (
        socket.create_server(("127.0.0.1", 0)) as one,
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.socket(socket.AF_UNIX) as engine,
    ):
        engine.bind(path)
        engine.listen()
        port = one.getsockname()[1]
        script = CONNECT.format(port=port, other=other.getsockname()[1], path=path)
        named = tuple(host.format(port=port) for host in network)
        caller = skill(
            tmp_path / "skill", script, python=True, permissions=may("read:.", network=named), confirm="asked"
        )
        assert await says(caller, tmp_path) == answer


async def test_other_processes_and_the_kernel_are_out_of_reach(tmp_path: Path) -> None:
    script = f"""
import ctypes, os, resource, signal, socket
libc = ctypes.CDLL(None, use_errno=True)
def refused(call):
    try:
        return call() == -1 and ctypes.get_errno() in (1, 13, 38)
    except PermissionError:
        return True
print(
    refused(lambda: os.kill(os.getppid(), 0)),
    refused(lambda: os.kill({os.getpid()}, signal.SIGKILL)),
    refused(lambda: libc.ptrace(16, os.getppid(), 0, 0)),
    refused(lambda: libc.unshare(0x10000000)),
    refused(lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, 0)),
    refused(lambda: libc.syscall(425, 1, 0)),
    refused(lambda: libc.syscall(321, 0, 0, 0)),
    refused(lambda: libc.syscall(250, 0, 0)),
    refused(lambda: libc.shmget(0, 4096, 0o1600)),
    refused(lambda: libc.shmat(1, 0, 0)),
    refused(lambda: libc.inotify_init()),
    refused(lambda: socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)),
    refused(lambda: libc.syscall(319, b"x", 0)),
    refused(lambda: resource.prlimit({os.getpid()}, resource.RLIMIT_NOFILE, (0, 0))),
    refused(lambda: os.setpriority(os.PRIO_USER, 0, 19)),
    refused(lambda: os.chroot("/")),
)
"""
    answer = await says(skill(tmp_path / "skill", script, python=True), tmp_path)
    assert set(answer.split()) == {"True"}, answer


async def test_it_inherits_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "secret")
    script = """
import os
def is_open(fd):
    try:
        return os.fstat(fd) is not None
    except OSError:
        return False
print(list(filter(is_open, range(256))), dict(os.environ), os.getpgrp() == os.getpid())
"""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    answer = await says(skill(tmp_path / "skill", script, python=True), tmp_path)
    os.close(reading)
    os.close(writing)
    assert answer.startswith("[0, 1, 2]")
    assert "secret" not in answer
    assert answer.endswith("True"), "it leads a group of its own"


# Limits


async def stopped(manifest: SkillManifest, folder: Path) -> CisError:
    began = time.monotonic()
    with pytest.raises(CisError) as failure:
        await call(manifest, folder)
    assert time.monotonic() - began < 15
    return failure.value


@contextmanager
def net(pid: int) -> Generator[None]:
    """Keep `pid`, and what it starts, to 200 processes by the kernel's own count, should ours be wrong."""
    group = Path("/sys/fs/cgroup/pids") / f"cis-test-{os.getpid()}"
    try:
        group.mkdir()
    except OSError:  # no such hierarchy, or not ours: the user's own limit has to do
        yield
        return
    try:
        (group / "pids.max").write_text("200")
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        for each in (str(pid), *children):
            (group / "cgroup.procs").write_text(each)
        yield
    finally:
        _remove(group)


def _remove(group: Path) -> None:
    """Remove a group of processes once the last dead one has left it, within ten seconds."""
    for _ in range(500):
        for each in (group / "cgroup.procs").read_text().split():  # what was forked meanwhile, too
            with suppress(OSError):
                (group.parent / "cgroup.procs").write_text(each)
        with suppress(OSError):
            return group.rmdir()
        time.sleep(0.02)
    group.rmdir()


BOMB = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass\n"


@pytest.mark.skipif(not this_kernel().counts, reason="nobody counts processes here")
async def test_a_fork_bomb_is_one_and_ends(tmp_path: Path) -> None:
    bomb = skill(tmp_path / "skill", BOMB, python=True, limits={"processes": 20})
    async with processes() as mine:
        native = NativeSkills(Home(tmp_path / "home"), mine)
        given = SkillCall(cwd=tmp_path, env=confined_env("greet"))
        await native.run(skill(tmp_path / "other", "true"), given)
        launcher = mine._launcher._process  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
        assert launcher is not None
        with net(launcher.pid), pytest.raises(CisError) as failure:
            await native.run(bomb, given)
    assert (failure.value.code, failure.value.message) == (
        "CIS-SKILL-043",
        "the skill greet had more than 20 processes and threads at the same time",
    )
    assert not living(tmp_path / "skill")


async def test_processes_one_after_the_other_are_no_bomb(tmp_path: Path) -> None:
    script = "import os\nfor _ in range(60):\n    if not os.fork(): os._exit(0)\n    os.wait()\nprint('done')"
    busy = skill(tmp_path / "skill", script, python=True, limits={"processes": 5})
    assert await says(busy, tmp_path) == "done"


async def test_threads_count_too(tmp_path: Path) -> None:
    script = """
import threading
stop = threading.Event()
for _ in range(30):
    threading.Thread(target=stop.wait, daemon=True).start()
"""
    assert (await stopped(skill(tmp_path / "skill", script, python=True, limits={"processes": 20}), tmp_path)).code == (
        "CIS-SKILL-043"
    )


async def test_what_eats_memory_alone(tmp_path: Path) -> None:
    hungry = skill(
        tmp_path / "skill", "x = [bytes(1 << 20) for _ in range(4000)]", python=True, limits={"memory_mb": 64}
    )
    failure = await stopped(hungry, tmp_path)
    assert (failure.code, failure.hint) == ("CIS-SKILL-042", "memory_mb in [limits] of its manifest allows more")


async def test_what_eats_memory_together(tmp_path: Path) -> None:
    script = "import os, time\nfor _ in range(3): os.fork()\nx = b'x' * (30 << 20)\ntime.sleep(30)"
    hungry = skill(tmp_path / "skill", script, python=True, limits={"memory_mb": 100})
    assert (await stopped(hungry, tmp_path)).code == "CIS-SKILL-042"
    assert not living(tmp_path / "skill")


@pytest.mark.parametrize(
    "script",
    [
        'cat /dev/zero > "$TMPDIR/big"',
        'i=0; while :; do i=$((i+1)); head -c 500000 /dev/zero > "$TMPDIR/$i"; done',
        'i=0; while :; do i=$((i+1)); head -c 500000 /dev/zero > "build/$i"; done',
    ],
)
async def test_what_fills_the_disk(tmp_path: Path, script: str) -> None:
    filling = skill(tmp_path / "skill", script, permissions=may("write:build/"), limits={"disk_mb": 1})
    failure = await stopped(filling, tmp_path)
    assert (failure.code, failure.message) == ("CIS-SKILL-044", "the skill greet wrote more than 1 MB")


async def test_what_computes_for_ever(tmp_path: Path) -> None:
    busy = skill(tmp_path / "skill", "while :; do :; done", limits={"cpu_secs": 1})
    assert (await stopped(busy, tmp_path)).code == "CIS-SKILL-041"


async def test_what_waits_for_ever(tmp_path: Path) -> None:
    waiting = skill(tmp_path / "skill", "trap '' TERM; cat /dev/zero > /dev/null", timeout=0.2)
    assert isinstance(await stopped(waiting, tmp_path), TimedOut)
    assert not living(tmp_path / "skill")


@pytest.mark.parametrize("where", ["", " >&2"])
async def test_what_prints_without_end(tmp_path: Path, where: str) -> None:
    endless = skill(tmp_path / "skill", f"trap '' PIPE; while :; do cat /dev/zero; done{where}")
    failure = await stopped(endless, tmp_path)
    assert isinstance(failure, Invalid)
    assert failure.code == ("CIS-SKILL-046" if where else "CIS-SKILL-025")


DAEMON = """
import os, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
os.setpgid(0, 0)
os.execve(sys.executable, ["cis-daemon", "-I", "-S", "-c", "import time; time.sleep(1000)"], {})
"""


def living(*marks: Path | str) -> list[str]:
    """The command lines of processes that name one of `marks`."""
    found: list[str] = []
    for name in filter(str.isdecimal, os.listdir("/proc")):
        try:
            line = Path(f"/proc/{name}/cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        found += [line for mark in marks if str(mark) in line]
    return found


async def test_nothing_outlives_the_call(tmp_path: Path) -> None:
    seconds = str(time.time_ns())
    leaving = skill(tmp_path / "skill", DAEMON.replace("1000", seconds), python=True)
    result, _ = await call(leaving, tmp_path)
    assert result.success
    assert not living(seconds)


async def test_terminal_escapes_and_lies_about_json_are_text(tmp_path: Path) -> None:
    liar = skill(tmp_path / "skill", r"""printf '{"a": "\033]52;c;ZXZpbA==\007\u001b[2J", "a": 1} trailing'""")
    assert await says(liar, tmp_path) == '{"a": "\\u001b[2J", "a": 1} trailing'
    nested = skill(tmp_path / "skill", "head -c 200000 /dev/zero | tr '\\0' '['")
    assert await says(nested, tmp_path) == "[" * 200_000


async def test_many_at_once_do_not_mix(tmp_path: Path) -> None:
    echo = skill(tmp_path / "skill", 'cat > /dev/null; echo "$1" > "$TMPDIR/own"; cat "$TMPDIR/own"')
    async with processes() as mine:
        native = NativeSkills(Home(tmp_path / "home"), mine)
        given = [SkillCall(args=(str(n),), cwd=tmp_path, env=confined_env("greet")) for n in range(40)]
        results = await asyncio.gather(*(native.run(echo, each) for each in given))
    assert [result.output for result in results] == list(range(40))


async def test_an_argument_may_be_long(tmp_path: Path) -> None:
    assert await says(skill(tmp_path / "skill", 'echo "${#1}"'), tmp_path, "x" * 120_000) == "120000"


async def test_a_launcher_that_is_killed_takes_its_calls_along_and_is_started_again(tmp_path: Path) -> None:
    async with processes() as mine:
        native = NativeSkills(Home(tmp_path / "home"), mine)
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        given = SkillCall(cwd=tmp_path, env=confined_env("greet"))
        waits = skill(tmp_path / "skill", "sleep 300 & echo $!; wait")
        going = asyncio.ensure_future(native.run(waits, given, on_log=heard.set_result))
        left = int(await heard)
        launcher = mine._launcher._process  # pyright: ignore[reportPrivateUsage, reportOptionalMemberAccess]
        assert launcher is not None
        launcher.kill()
        with pytest.raises(CisError, match="the process that starts skills was killed"):
            await going
        assert left not in marked("CIS_SKILL=greet")
        assert (await native.run(skill(tmp_path / "skill", "echo fine"), given)).output == "fine"


async def test_a_kernel_that_has_less_than_it_promised_runs_nothing(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot enforce what it was found to enforce"):
        await call(skill(tmp_path / "skill", "true"), tmp_path, kernel=Kernel(99, True))


async def test_what_cannot_be_held_to_its_permissions_and_was_not_confirmed_does_not_run(tmp_path: Path) -> None:
    hosts = skill(tmp_path / "skill", "true", permissions=may(network=("example.org:443",)))
    with pytest.raises(Refused, match="this machine cannot hold the skill greet to all that it may do: hosts of"):
        await call(hosts, tmp_path)
    result, _ = await call(replace(hosts, confirm="it was said"), tmp_path)
    assert result.success
