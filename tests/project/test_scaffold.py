"""What `cis init` writes."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from cis_tui.core.errors import Refused
from cis_tui.core.paths import Home, find_project
from cis_tui.core.problems import Severity
from cis_tui.dag.model import LevelKind
from cis_tui.dag.parse import load_dag
from cis_tui.dag.validate import validate
from cis_tui.project.config import load_project
from cis_tui.project.scaffold import init_project
from cis_tui.project.trust import TrustStore
from cis_tui.skills.registry import find_skills


def test_a_new_project_works_at_once(tmp_path: Path, home: Home) -> None:
    root = tmp_path / 'my "project" é'
    root.mkdir()
    written = init_project(root)
    assert [str(path.relative_to(root)) for path in written] == [
        ".cis/project.toml",
        ".cis/dags/tour.toml",
        ".cis/skills/greet/skill.toml",
        ".cis/skills/greet/greet.sh",
    ]
    assert find_project(root / ".cis" / "dags") == root
    project = load_project(root)
    assert (project.name, project.problems) == (root.name, ())
    assert len(project.id) == 36

    skills = {name: skill.manifest for name, skill in find_skills(home, root).items() if skill.manifest is not None}
    dag = load_dag(written[1])
    assert dag.spec is not None
    assert dag.problems == ()
    assert not [problem for problem in validate(dag.spec, skills=skills) if problem.severity is Severity.ERROR]
    assert {task.level.kind for task in dag.spec.tasks} == set(LevelKind)
    assert any(task.retry.max for task in dag.spec.tasks)

    greet = skills["greet"]
    command = [str(greet.folder / greet.entry)]
    said = subprocess.run(command, input='{"input": {"who": "you"}}', capture_output=True, text=True, check=True)
    assert said.stdout == "hello, you\n"

    trust = TrustStore(home)
    trust.trust_written(root, written)
    assert trust.report(root).pending == ()


def test_two_projects_have_different_ids(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        init_project(tmp_path / name)
    assert load_project(tmp_path / "a").id != load_project(tmp_path / "b").id


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / ".cis" / "dags").mkdir(parents=True)
    (tmp_path / ".cis" / "project.toml").write_text("name = 'mine'\n")
    (tmp_path / ".cis" / "dags" / "tour.toml").symlink_to("nowhere")
    assert [path.name for path in init_project(tmp_path)] == ["skill.toml", "greet.sh"]
    assert (tmp_path / ".cis" / "project.toml").read_text() == "name = 'mine'\n"
    assert os.readlink(tmp_path / ".cis" / "dags" / "tour.toml") == "nowhere"
    assert init_project(tmp_path) == []


def test_nothing_is_written_through_a_link_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".cis").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused, match="leads out of"):
        init_project(tmp_path / "new")
    assert list((tmp_path / "elsewhere").iterdir()) == []
