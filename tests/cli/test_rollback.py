"""`cis run rollback`, and runs that are rolled back by themselves."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

from tests.cli.support import CIS, cis, make_project

DEPLOY = """
[dag]
policy = "{policy}"
[[dag.tasks]]
id = "build"
command = "echo built > app"
creates = ["app"]
[[dag.tasks]]
id = "push"
command = "touch pushed"
deps = ["build"]
rollback = ["rm pushed", {{ skill = "echo", args = ["gone"] }}]
[[dag.tasks]]
id = "check"
command = "{check}"
deps = ["push"]
"""


def test_a_failed_run_is_taken_back_and_told(tmp_path: Path) -> None:
    project = make_project(tmp_path, deploy=DEPLOY.format(policy="rollback_on_failure", check="false"))
    done = cis("dag", "run", "deploy", cwd=project)
    assert done.code == 1
    lines = done.out.splitlines()
    assert [line.split() for line in lines[-5:-1]] == [
        ["STATUS", "KIND", "WHAT"],
        ["restored", "command", "rm", "pushed"],
        ["restored", "command", "echo", "gone"],
        ["restored", "file", "app"],
    ]
    assert "rolled_back after" in lines[-1]
    assert "(check failed): 1 failed, 2 rolled_back" in lines[-1]
    assert not (project / "app").exists()
    assert not (project / "pushed").exists()
    (view,) = cis("run", "list", "--json").json
    assert view["status"] == "rolled_back"
    assert [(item["kind"], item["id"], item["status"]) for item in view["undo"]] == [
        ("command", "push#1", "restored"),
        ("command", "push#2", "restored"),
        ("file", "app", "restored"),
    ]
    assert cis("run", "rollback", view["id"]).code == 4
    assert "==> push#2 <==\n" in cis("run", "logs", view["id"]).out
    assert "gone" in cis("run", "logs", view["id"], "--task", "push#2").out


def test_a_run_is_rolled_back_on_demand(tmp_path: Path) -> None:
    project = make_project(tmp_path, deploy=DEPLOY.format(policy="all_success", check="true"))
    run = cis("dag", "run", "deploy", "--json", cwd=project).json["id"]
    plan = cis("run", "rollback", run, "--plan", "--json").json
    assert [(item["kind"], item["id"], item["status"]) for item in plan] == [
        ("command", "push#1", "pending"),
        ("command", "push#2", "pending"),
        ("file", "app", "pending"),
    ]
    assert (project / "pushed").exists()
    (project / "pushed").unlink()
    done = cis("run", "rollback", run)
    assert done.code == 1
    assert 'rollback of "push" failed: exit code 1: rm:' in done.out
    assert (project / "app").exists()
    assert cis("run", "show", run).out.count("pending") == 2
    assert "No such file" in cis("run", "logs", run, "--task", "push#1").out
    done = cis("run", "rollback", run, "--skip", "push", "--json")
    assert (done.code, done.json["status"]) == (0, "rolled_back")
    assert not (project / "app").exists()
    assert cis("run", "rollback", "zz").code == 3


def test_a_person_at_the_terminal_is_asked_first(tmp_path: Path) -> None:
    project = make_project(tmp_path, deploy=DEPLOY.format(policy="all_success", check="true"))
    run = cis("dag", "run", "deploy", "--json", cwd=project).json["id"]
    for answer, code, left in (("n", 4, True), ("y", 0, False)):
        ours, theirs = pty.openpty()
        os.write(ours, f"{answer}\n".encode())
        with subprocess.Popen([CIS, "run", "rollback", run], stdin=theirs, stdout=theirs, stderr=theirs) as asked:
            os.close(theirs)
            shown = _all(ours)
            assert asked.wait(60) == code, shown
        assert "Take back what it did? [y/N]" in shown
        assert (project / "app").exists() is left


def _all(terminal: int) -> str:
    parts: list[bytes] = []
    try:
        while part := os.read(terminal, 4096):
            parts.append(part)
    except OSError:  # nobody holds the other end any more
        pass
    os.close(terminal)
    return b"".join(parts).decode()


REMEMBERS = """
[dag]
policy = "rollback_on_failure"
[[dag.tasks]]
id = "note"
command = "cis memory set project/state new --domain public; cis memory set user/plan secret-plan --domain private"
[[dag.tasks]]
id = "drop"
command = "cis memory delete project/old; cis memory set project/state newer"
deps = ["note"]
rollback = ["cis memory set project/undone yes --domain public"]
[[dag.tasks]]
id = "bad"
command = "{bad}"
deps = ["drop"]
"""


def test_memory_is_as_it_was_before_the_run(tmp_path: Path) -> None:
    project = make_project(tmp_path, remembers=REMEMBERS.format(bad="false"))
    for key in ("state", "old"):
        assert cis("memory", "set", f"project/{key}", "before", "--domain", "public").code == 0
    done = cis("dag", "run", "remembers", cwd=project)
    assert done.code == 1, done
    entries = {item["key"]: item["value"] for item in cis("memory", "list", "--json").json}
    assert entries == {"project/state": "before", "project/old": "before", "project/undone": "yes"}
    (view,) = cis("run", "list", "--json").json
    assert [(item["id"], item["status"]) for item in view["undo"]] == [
        ("drop#1", "restored"),
        ("project/old", "restored"),
        ("project/state", "restored"),
        ("private entry 3", "restored"),
    ]
    assert "user/plan" not in done.out


def test_what_somebody_else_remembered_since_is_kept(tmp_path: Path) -> None:
    project = make_project(tmp_path, remembers=REMEMBERS.format(bad="true"))
    run = cis("dag", "run", "remembers", "--json", cwd=project).json["id"]
    assert cis("memory", "set", "project/state", "mine").code == 0
    done = cis("run", "rollback", run)
    assert done.code == 0
    assert "1 changed since by somebody else and kept" in done.out.splitlines()[-1]
    assert cis("memory", "get", "project/state").out == "mine\n"


def test_the_plan_of_a_rollback_names_public_memory_and_counts_private(tmp_path: Path) -> None:
    project = make_project(
        tmp_path, remembers=REMEMBERS.format(bad="true").replace("rollback_on_failure", "all_success")
    )
    run = cis("dag", "run", "remembers", "--json", cwd=project).json["id"]
    plan = cis("run", "rollback", run, "--plan").out
    assert "project/state" in plan and "private entry" in plan
    assert "user/plan" not in plan
    assert cis("memory", "get", "project/state").out == "newer\n"


def test_a_part_is_run_again_while_the_project_is_trusted(tmp_path: Path) -> None:
    project = make_project(tmp_path, deploy=DEPLOY.format(policy="all_success", check="test -e ok"))
    run = cis("dag", "run", "deploy", "--json", cwd=project).json["id"]
    (project / "ok").touch()
    done = cis("run", "rerun", run, "--from", "check")
    assert done.code == 0, done
    assert f"takes over 2 of 3 tasks from {run}" in done.err
    new = cis("run", "list", "--json").json[0]
    assert (new["status"], new["rerun_of"]) == ("completed", run)
    assert f"taken over from {run}" in cis("run", "show", new["id"]).out
    assert cis("run", "rerun", run, "--from", "zz").code == 3
    assert cis("trust", "--revoke", cwd=project).code == 0
    assert cis("run", "rerun", run, "--from", "check").code == 4
