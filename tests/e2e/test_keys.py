"""The key of private memory, at a terminal and in scripts, with a live engine and without."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import CIS, Open, Project

OLD, NEW = "correct horse", "battery staple"


def run(project: Project, *words: str, input: str = "", **env: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command off a terminal."""
    done = subprocess.run(
        [CIS, *words], cwd=project.root, env={**os.environ, **env}, input=input, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


def set_passphrase(project: Project, passphrase: str = OLD) -> None:
    """A private and a public entry, and a passphrase."""
    project.cis("memory", "set", "own/note", "mine")
    project.cis("memory", "set", "open/note", "ours", "--domain", "public")
    code, out, err = run(project, "memory", "rekey", "--passphrase", CIS_NEW_PASSPHRASE=passphrase)
    assert (code, "by a passphrase" in out) == (0, True), err


def test_a_person_sets_a_passphrase_and_is_asked_for_it(open_terminal: Open, project: Project) -> None:
    project.cis("memory", "set", "own/note", "mine")
    terminal = open_terminal("memory", "rekey", "--passphrase", cwd=project.root)
    terminal.wait("new passphrase:")
    terminal.press(OLD, "enter")
    terminal.wait("again:")
    terminal.press("something else", "enter")
    terminal.wait("not the same")
    terminal.wait(lambda screen: screen.count("new passphrase:") == 2)
    terminal.press(OLD, "enter")
    terminal.wait(lambda screen: screen.count("again:") == 2)
    terminal.press(OLD, "enter")
    assert terminal.wait_exit() == 0
    assert OLD not in terminal.screen(), "what is typed is not shown"
    terminal = open_terminal("memory", "get", "own/note", cwd=project.root)
    terminal.wait("passphrase of private memory:")
    terminal.press("wrong", "enter")
    terminal.wait("not its passphrase")
    terminal.wait(lambda screen: screen.count("memory:") == 2)
    terminal.press(OLD, "enter")
    terminal.wait("mine")
    assert terminal.wait_exit() == 0
    terminal = open_terminal("memory", "get", "own/note", cwd=project.root)
    for attempt in range(3):
        terminal.wait(lambda screen, n=attempt: screen.count("memory:") == n + 1)
        terminal.press("wrong", "enter")
    terminal.wait("error:")
    assert terminal.wait_exit() == 6


def test_off_a_terminal_nobody_is_asked(project: Project) -> None:
    set_passphrase(project)
    code, out, err = run(project, "memory", "get", "own/note")
    assert (code, out) == (6, "")
    assert "locked" in err and "CIS_PASSPHRASE" in err
    code, out, err = run(project, "memory", "list", "--json")
    assert (code, [item["key"] for item in json.loads(out)]) == (0, ["open/note"])
    assert "private memory is locked" in err
    assert run(project, "memory", "list", "--domain", "private")[0] == 6
    assert run(project, "memory", "get", "own/note", CIS_PASSPHRASE=OLD)[:2] == (0, "mine\n")
    code, out, err = run(project, "memory", "get", "own/note", CIS_PASSPHRASE=NEW)
    assert (code, "not its passphrase" in err) == (6, True)
    for command in ("lock", "unlock"):
        code, out, err = run(project, "memory", command)
        assert (code, "no engine is live" in err) == (6, True)
    assert "key kept by a passphrase, locked" in project.cis("status")
    assert project.json("status")["private"] == {
        "kept": "passphrase",
        "locked": True,
        "auto_lock": 0.0,
        "lock_in": None,
    }
    assert "locked" in project.cis("doctor")
    assert "private memory: key kept by a passphrase, locked" in project.cis("memory", "stats")


def test_an_engine_is_unlocked_and_locked(project: Project) -> None:
    set_passphrase(project)
    project.cis("engine", "start")
    assert run(project, "memory", "get", "own/note")[0] == 6
    assert run(project, "memory", "get", "own/note", CIS_PASSPHRASE=OLD)[:2] == (0, "mine\n"), "by the command itself"
    assert run(project, "memory", "get", "own/note")[0] == 6, "and the engine is as it was"
    code, _, err = run(project, "memory", "unlock", input=f"{NEW}\n")
    assert (code, "not its passphrase" in err) == (6, True)
    assert run(project, "memory", "unlock", input=f"{OLD}\n")[1].startswith("Private memory is unlocked; it is locked")
    assert project.cis("memory", "get", "own/note") == "mine\n"
    assert "locked after 15 min without use" in project.cis("status")
    project.cis("memory", "lock")
    assert run(project, "memory", "get", "own/note")[0] == 6
    code, out, err = run(project, "memory", "list")
    assert (code, "own/note" in out, "private memory is locked" in err) == (0, False, True)
    assert run(project, "memory", "unlock", "--json", CIS_PASSPHRASE=OLD)[0] == 0
    assert project.cis("memory", "get", "own/note") == "mine\n"


def test_at_a_terminal_the_engine_is_unlocked_on_the_way(open_terminal: Open, project: Project) -> None:
    set_passphrase(project)
    project.cis("engine", "start")
    terminal = open_terminal("memory", "list", cwd=project.root)
    terminal.wait("passphrase of private memory:")
    terminal.press("enter")
    screen = terminal.wait("only public entries")
    assert "open/note" in screen or terminal.wait("open/note")
    assert terminal.wait_exit() == 0
    terminal = open_terminal("memory", "get", "own/note", cwd=project.root)
    terminal.wait("passphrase of private memory:")
    terminal.press(OLD, "enter")
    terminal.wait("mine")
    assert project.cis("memory", "get", "own/note") == "mine\n", "for everybody"


@pytest.mark.parametrize("live", [False, True], ids=["files", "engine"])
def test_the_key_is_changed_in_every_way(project: Project, live: bool) -> None:
    set_passphrase(project)
    if live:
        project.cis("engine", "start")
        run(project, "memory", "unlock", CIS_PASSPHRASE=OLD)
    kept = Path(os.environ["CIS_HOME"]) / "keys" / "data.json"
    before = kept.read_bytes()
    for code, said, env in (
        (6, "not its passphrase", {"CIS_PASSPHRASE": NEW}),
        (6, "locked", {}),
        (6, "no new passphrase", {"CIS_PASSPHRASE": OLD}),
    ):
        found = run(project, "memory", "rekey", "--passphrase", **env)
        assert (found[0], said in found[2]) == (code, True), found
        assert kept.read_bytes() == before
    code, out, err = run(
        project, "memory", "rekey", "--passphrase", "--json", CIS_PASSPHRASE=OLD, CIS_NEW_PASSPHRASE=NEW
    )
    assert (code, json.loads(out)["kept"], json.loads(out)["files"] >= 2) == (0, "passphrase", True), err
    assert err, "what is going on is told on stderr"
    if live:
        assert project.cis("memory", "get", "own/note") == "mine\n", "the engine goes on"
    assert run(project, "memory", "rekey", "--keyring", CIS_PASSPHRASE=NEW)[0] == 6
    code, out, _ = run(project, "memory", "rekey", "--file", CIS_PASSPHRASE=NEW)
    assert (code, "in a file" in out) == (0, True)
    assert project.cis("memory", "get", "own/note") == "mine\n"
    assert run(project, "memory", "lock")[0] == (4 if live else 6)
    project.cis("doctor")


def test_two_processes_make_one_key(project: Project) -> None:
    home = os.environ["CIS_HOME"]
    shutil.rmtree(home)
    writers = [
        subprocess.Popen([CIS, "memory", "set", f"own/{number}", str(number)], cwd=project.root) for number in range(6)
    ]
    assert [writer.wait(60) for writer in writers] == [0] * 6
    assert len(project.rows("memory", "list", "own/")) == 6


_IN_A_SESSION = r"""
set -eu
eval "$(printf '\n' | gnome-keyring-daemon --unlock --components=secrets)"
"$CIS" memory set own/note mine >&2
"$CIS" memory rekey >&2
"$CIS" memory get own/note
"$CIS" status | grep '^private'
CIS_NEW_PASSPHRASE=horse "$CIS" memory rekey --passphrase >&2
CIS_PASSPHRASE=horse "$CIS" memory rekey --keyring >&2
"$CIS" memory get own/note
cat "$CIS_HOME/keys/data.json"
"""


@pytest.mark.parametrize("daemon", [name for name in ("gnome-keyring-daemon",) if shutil.which(name)])
def test_a_real_keyring_keeps_the_key(project: Project, tmp_path: Path, daemon: str) -> None:
    shutil.rmtree(os.environ["CIS_HOME"])
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    env = {**os.environ, "CIS": str(CIS), "XDG_RUNTIME_DIR": str(runtime), "XDG_DATA_HOME": str(tmp_path / "data")}
    session = ["dbus-run-session", "--", "bash", "-c", _IN_A_SESSION]
    done = subprocess.run(session, cwd=project.root, env=env, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    first, state, second, *kept = done.stdout.splitlines()
    assert (first, second) == ("mine", "mine")
    assert "key kept in the keyring" in state
    assert json.loads("\n".join(kept))["kept"] == "keyring"
    assert not re.search(r"[0-9a-f]{64}", "\n".join(kept))
    # Outside of the session nobody has it.
    assert run(project, "memory", "get", "own/note")[0] == 6
