"""`cis init`, `cis trust`, `cis skill`, `cis doctor`, `cis status`, `cis peer`."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from cis_tui.core.paths import Home
from tests.cli.support import CIS, TWO_TASKS, call, cis, make_project

SKILL_FIELDS = {"name", "version", "type", "file", "description", "permissions", "trusted", "problems"}


def test_a_new_project_works_at_once(tmp_path: Path) -> None:
    made = cis("init", str(tmp_path / "new"))
    assert made.code == 0
    assert f"wrote {tmp_path}/new/.cis/project.toml" in made.out
    assert "did:key:z6Mk" in made.out
    [dag] = cis("dag", "list", "--json", cwd=tmp_path / "new").json
    assert dag["trusted"] is True
    assert cis("dag", "validate", cwd=tmp_path / "new").code == 0
    assert cis("skill", "run", "greet", "--input", '{"who": "you"}', cwd=tmp_path / "new").out == "hello, you\n"
    again = cis("init", str(tmp_path / "new"), "--json")
    assert (again.code, again.json["written"]) == (0, [])
    inside = cis("init", str(tmp_path / "new" / "below")).out
    assert f"inside the project {tmp_path}/new" in inside


def test_where_no_project_can_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    told = call(capsys, "init", str(tmp_path / "file"))
    assert (told.code, "is a file, and a project is a folder" in told.err) == (2, True)
    for folder in ("/proc/none", str(tmp_path / "file" / "below")):
        told = call(capsys, "init", folder, "--json")
        assert (told.code, told.error["code"]) == (4, "CIS-CORE-013")
        assert "see that it is yours" in told.error["hint"]


def test_init_trusts_only_what_it_wrote(tmp_path: Path) -> None:
    theirs = tmp_path / "cloned" / ".cis" / "dags" / "theirs.toml"
    theirs.parent.mkdir(parents=True)
    theirs.write_text(TWO_TASKS)
    assert cis("init", cwd=tmp_path / "cloned").code == 0
    trusted = {dag["name"]: dag["trusted"] for dag in cis("dag", "list", "--json", cwd=tmp_path / "cloned").json}
    assert trusted == {"two": False, "tour": True}


def test_trust_shows_what_it_grants_and_can_be_taken_back(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    file = root / ".cis" / "dags" / "two.toml"
    file.write_text(TWO_TASKS)
    shown = cis("trust", "--show", cwd=root)
    assert (shown.code, "new .cis/dags/two.toml" in shown.out, "echo hello" in shown.out) == (0, True, True)
    report = cis("trust", "--show", "--json", cwd=root).json
    assert [item["change"] for item in report["pending"]] == ["new"]
    assert cis("dag", "run", "two", cwd=root).code == 4
    granted = cis("trust", cwd=root)
    assert (granted.code, "echo hello" in granted.out) == (0, True)
    assert cis("dag", "run", "two", cwd=root).code == 0
    file.write_text(TWO_TASKS.replace("hello", "goodbye"))
    changed = cis("trust", "--show", cwd=root).out
    assert '-command = "echo hello' in changed
    assert '+command = "echo goodbye' in changed
    assert cis("trust", "--author", "--json", cwd=root).json["trust"] == "author"
    file.write_text(TWO_TASKS.replace("hello", "once more"))
    assert cis("dag", "run", "two", cwd=root).code == 0
    assert cis("trust", "--revoke", str(root)).code == 0
    assert cis("dag", "run", "two", cwd=root).code == 4
    assert cis("trust", str(tmp_path)).code == 3


@pytest.mark.parametrize(("answer", "code"), [(b"\n", 4), (b"n\n", 4), (b"y\n", 0), (b"a\n", 0)])
def test_at_a_terminal_enter_is_never_yes(tmp_path: Path, answer: bytes, code: int) -> None:
    root = make_project(tmp_path / "p")
    (root / ".cis" / "dags" / "two.toml").write_text(TWO_TASKS)
    controller, terminal = pty.openpty()
    process = subprocess.Popen([CIS, "trust"], cwd=root, stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    seen = b""
    while b"no: " not in seen:
        seen += os.read(controller, 4096)
    assert b"echo hello" in seen
    os.write(controller, answer)
    assert process.wait() == code
    os.close(controller)
    assert cis("dag", "list", "--json", cwd=root).json[0]["trusted"] is (code == 0)


def test_skills_are_listed_checked_and_run(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    folder = root / ".cis" / "skills" / "echo"
    folder.mkdir(parents=True)
    (folder / "skill.toml").write_text(
        '[skill]\nname = "echo"\nversion = "1.0.0"\ntype = "native"\nentry = "run.sh"\ndescription = "Says it"\n'
    )
    (folder / "run.sh").write_text(
        '#!/bin/sh\nif [ "$1" = fail ]; then echo no; exit 3; fi\nprintf \'{"got": "%s"}\' "$1"\n'
    )
    (folder / "run.sh").chmod(0o755)
    skills = {skill["name"]: skill for skill in cis("skill", "list", "--json", cwd=root).json}
    assert all(skill.keys() >= SKILL_FIELDS for skill in skills.values())
    assert (skills["echo"]["trusted"], skills["shell"]["origin"]) == (False, "shipped")
    assert cis("skill", "run", "echo", cwd=root).code == 4
    assert cis("trust", cwd=root).code == 0
    ran = cis("skill", "run", "echo", "--json", "--", "-x", cwd=root)
    assert (ran.json["success"], ran.json["output"], ran.json["exit_code"]) == (True, {"got": "-x"}, 0)
    assert cis("skill", "run", "echo", "fail", cwd=root).code == 1
    assert cis("skill", "run", "ecko", cwd=root).code == 3
    assert cis("skill", "run", "echo", "--input", "[1]", cwd=root).code == 2
    assert "Says it" in cis("skill", "show", "echo", cwd=root).out
    assert cis("skill", "show", "ecko", cwd=root).code == 3
    assert cis("skill", "check", str(folder)).out == f"{folder}/skill.toml: ok, echo\n"
    for words in ((), ("echo",)):
        assert cis("skill", "check", *words, cwd=root).out == f"{folder}/skill.toml: ok, echo\n"
    (folder / "skill.toml").write_text('[skill]\nname = "echo"\ntype = "natve"\n')
    checked = cis("skill", "check", str(folder))
    assert (checked.code, "natve" in checked.out) == (5, True)
    assert cis("skill", "check", str(root)).code == 3


def test_a_skill_is_checked_beside_what_it_needs(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[skill]\nname = "mine"\nentry = "true"\n[[dependencies]]\nname = "echo"\nversion = ">=1"\n')
    assert cis("skill", "check", str(file), cwd=tmp_path).out == f"{file}: ok, mine\n"
    file.write_text(file.read_text().replace(">=1", ">=99"))
    checked = cis("skill", "check", str(file), "--json", cwd=tmp_path)
    assert checked.code == 5
    assert checked.json["problems"][0]["line"] == 4
    assert '"echo" >=99, and there is 1.0.0' in checked.json["problems"][0]["message"]


def test_the_schema_of_manifests_is_printed(tmp_path: Path) -> None:
    assert json.loads(cis("skill", "schema", cwd=tmp_path).out)["title"] == "skill.toml"


def test_the_doctor_finds_nothing_wrong_with_a_new_home(tmp_path: Path) -> None:
    fresh = cis("doctor", "--json", "--home", str(tmp_path / "none"), cwd=tmp_path)
    assert (fresh.code, {check["state"] for check in fresh.json}) == (0, {"ok"})
    assert not (tmp_path / "none").exists()
    cis("init", str(tmp_path / "p"))
    cis("memory", "set", "k", "v")
    cis("dag", "run", "two", cwd=make_project(tmp_path / "q", two=TWO_TASKS))
    well = cis("doctor", "--json", cwd=tmp_path / "q")
    assert well.code == 0
    assert {check["state"] for check in well.json} == {"ok"}
    assert "1 private" in cis("doctor").out


def test_the_doctor_says_what_is_broken_and_how_to_mend_it(home: Home, tmp_path: Path) -> None:
    cis("memory", "set", "k", "v")
    cis("dag", "run", "two", cwd=make_project(tmp_path / "q", two=TWO_TASKS))
    home.config_file.write_text("[memory]\nhot_week = 3\n")
    home.config_file.chmod(0o644)
    home.runs_db.write_bytes(b"not a database at all" * 100)
    next((home.memory / "private").glob("memory-*.db")).write_bytes(b"nor this" * 1000)
    told = cis("doctor", "--json")
    states = {check["name"]: check["state"] for check in told.json}
    assert told.code == 1
    assert (states["home"], states["config"], states["runs"], states["memory"]) == ("fail", "warn", "fail", "fail")
    lines = cis("doctor").out
    assert f"chmod go-rwx {home.config_file}" in lines
    assert 'did you mean "memory.hot_weeks"?' in lines


def test_status_is_one_glance(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p", two=TWO_TASKS)
    cis("memory", "set", "k", "v")
    cis("dag", "run", "two", cwd=root)
    status = cis("status", "--json", cwd=root).json
    assert status["engine"] is None
    assert (status["project"]["name"], status["memory"]["private"], status["runs"]) == ("demo", 1, {"completed": 1})
    assert status["decisions"] == []
    assert f"project    demo, trusted ({root})\n" in cis("status", cwd=root).out
    out = cis("status", cwd=tmp_path).out
    assert "not running" in out
    assert "none here; cis init makes one" in out


def test_who_this_node_is(capsys: pytest.CaptureFixture[str]) -> None:
    identity = call(capsys, "peer", "id", "--json").json
    assert identity["did"].startswith("did:key:z6Mk")
    assert identity["peer_id"].startswith("12D3KooW")
    assert identity["addrs"] == []
    assert identity["did"] in call(capsys, "peer", "id").out
    assert cis("status", "--json").json["did"] == identity["did"]


def test_a_sentence_is_understood_shown_and_run(tmp_path: Path) -> None:
    root = tmp_path / "new"
    cis("init", str(root), cwd=tmp_path)
    done = cis("do", "say hello to Ada Lovelace", cwd=root)
    assert (done.out, done.err) == ("hello, Ada Lovelace\n", 'greet: who="Ada Lovelace"\n')
    assert cis("do", "run", "greet", "for", "Bo", "--json", cwd=root).json["output"] == "hello, Bo"
    assert cis("do", "--show", "greet Ada", cwd=root).out == "greet: who=Ada\n"
    lost = cis("do", "run gret", cwd=root)
    assert (lost.code, "did you mean: say hello to WHO" in lost.err) == (3, True)
    assert cis("do", "greet one two three", "--show", "--json", cwd=root).json["reading"]["values"] == {
        "who": "one two three"
    }
    other = root / ".cis" / "skills" / "meet"
    other.mkdir()
    (other / "skill.toml").write_text(
        '[skill]\nname = "meet"\nentry = "true"\n[[exports.commands]]\nname = "greet"\n'
        'args = [{ name = "depth", type = "integer", required = true }]\nphrases = ["say hello to {depth}"]\n'
    )
    assert cis("do", "run meet on x", cwd=root).code == 5
    assert cis("do", "say hello to 3", cwd=root).code == 2
    assert cis("do", "run meet on 3", cwd=root).code == 4, "it is not trusted"


def test_a_skill_that_is_a_dag_is_a_run(tmp_path: Path) -> None:
    root = make_project(tmp_path / "p")
    folder = root / ".cis" / "skills" / "ship"
    folder.mkdir(parents=True)
    (folder / "skill.toml").write_text(
        '[skill]\nname = "ship"\ntype = "dag"\nentry = "tasks.toml"\n[[exports.commands]]\nname = "ship"\n'
        'args = [{ name = "version", required = true }]\nphrases = ["ship {version}"]\n'
    )
    (folder / "tasks.toml").write_text(
        '[dag.params.version]\n[[dag.tasks]]\nid = "build"\ncommand = "echo built"\n[[dag.tasks]]\nid = "push"\n'
        'deps = ["build"]\ncommand = "test {{ params.version }} != 0 && echo pushed {{ params.version }}"\n'
    )
    assert cis("skill", "run", "ship", "1.2", cwd=root).code == 4
    cis("trust", "--yes", cwd=root)
    done = cis("do", "ship 1.2", "--json", cwd=root).json
    assert (done["success"], done["output"], done["exit_code"]) == (True, "pushed 1.2", 0)
    (run,) = cis("run", "list", "--json", cwd=root).json
    assert run["id"] in done["note"]
    failed = cis("skill", "run", "ship", "0", "--json", cwd=root)
    assert (failed.code, failed.json["success"]) == (1, False)
    assert cis("skill", "run", "ship", cwd=root).code == 5
