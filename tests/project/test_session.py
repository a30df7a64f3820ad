"""The session of a project: what may run there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.paths import Home
from cis_tui.project.session import ProjectSession
from cis_tui.project.trust import TrustStore

OUTER = "[[dag.tasks]]\nid = 'ship'\ndag = 'inner'\n"
VOTE = """
[[dag.tasks]]
id = "vote"
command = "true"
level = { type = "arbitrated", stakeholders = ["dba"] }
"""


@pytest.mark.parametrize("wrong", ['[stakeholders]\ndba = "notadid"\n', "garbage = [\n"])
def test_a_misread_project_file_gives_nobody_the_votes_of_others(home: Home, tmp_path: Path, wrong: str) -> None:
    root = tmp_path / "work"
    (root / ".cis" / "dags").mkdir(parents=True)
    (root / ".cis" / "dags" / "vote.toml").write_text(VOTE)
    file = root / ".cis" / "project.toml"
    file.write_text('[project]\nname = "work"\n')
    trust = TrustStore(home)
    trust.grant(root, trust.report(root).digest)
    session = ProjectSession(home, trust, root)
    assert session.runnable("vote")[0].name == "vote"
    file.write_text('[project]\nname = "work"\n' + wrong)
    with pytest.raises(Invalid) as caught:
        session.runnable("vote")
    assert str(file) in caught.value.message


def _project(home: Home, root: Path, **dags: str) -> ProjectSession:
    (root / ".cis" / "dags").mkdir(parents=True)
    (root / ".cis" / "project.toml").write_text('[project]\nname = "work"\n')
    for name, text in dags.items():
        (root / ".cis" / "dags" / f"{name}.toml").write_text(text)
    trust = TrustStore(home)
    trust.grant(root, trust.report(root).digest)
    return ProjectSession(home, trust, root)


def test_a_dag_brings_the_dags_and_skills_for_which_its_tasks_stand(home: Home, tmp_path: Path) -> None:
    inner = "[[dag.tasks]]\nid = 'a'\nskill = 'echo'\n[[dag.tasks]]\nid = 'b'\ndag = 'leaf'\n"
    leaf = "[[dag.tasks]]\nid = 'x'\ncommand = 'true'\n"
    session = _project(home, tmp_path / "work", outer=OUTER, inner=inner, leaf=leaf)
    spec, skills = session.runnable("outer")
    assert list(spec.dags) == ["inner", "leaf"]
    assert set(skills) == {"echo", "shell"}
    assert session.dag("outer").problems == ()


def test_a_dag_within_is_trusted_by_its_own_content(home: Home, tmp_path: Path) -> None:
    session = _project(home, tmp_path / "work", outer=OUTER, inner="[[dag.tasks]]\nid = 'a'\ncommand = 'true'\n")
    assert session.dag("outer").trusted
    file = tmp_path / "work" / ".cis" / "dags" / "inner.toml"
    file.write_text("[[dag.tasks]]\nid = 'a'\ncommand = 'echo changed'\n")
    assert not session.dag("outer").trusted
    with pytest.raises(Refused, match=r"the DAG inner .* is not trusted"):
        session.runnable("outer")


def test_a_dag_that_would_run_itself_is_refused_with_the_way(home: Home, tmp_path: Path) -> None:
    back = "[[dag.tasks]]\nid = 'again'\ndag = 'outer'\n"
    session = _project(home, tmp_path / "work", outer=OUTER, inner=back)
    with pytest.raises(Invalid, match='task "again" would make a DAG run itself: outer -> inner -> outer') as caught:
        session.runnable("outer")
    assert "inner.toml:1: " in caught.value.message


def test_errors_of_a_dag_within_are_errors_of_the_whole(home: Home, tmp_path: Path) -> None:
    session = _project(home, tmp_path / "work", outer=OUTER, inner="[[dag.tasks]]\nid = 'a'\ndeps = ['b']\n")
    (problem,) = session.dag("outer").problems
    assert 'inner.toml:1: task "a" needs "b", which does not exist' in str(problem)
    missing = _project(home, tmp_path / "other", outer=OUTER, inner2="[[dag.tasks]]\nid = 'a'\n")
    (problem,) = missing.dag("outer").problems
    assert str(problem).endswith(
        'outer.toml:1: task "ship" stands for the DAG "inner", which does not exist; did you mean "inner2"?'
    )


def test_a_file_outside_of_a_project_finds_its_neighbours(home: Home, tmp_path: Path) -> None:
    (tmp_path / "outer.toml").write_text(OUTER)
    (tmp_path / "inner.toml").write_text("[[dag.tasks]]\nid = 'a'\n")
    session = ProjectSession(home, TrustStore(home), None)
    assert list(session.runnable(str(tmp_path / "outer.toml"))[0].dags) == ["inner"]
    (tmp_path / "outer.toml").write_text("[[dag.tasks]]\nid = 'ship'\ndag = '../inner'\n")
    (problem,) = session.dag(str(tmp_path / "outer.toml")).problems
    assert "which does not exist" in problem.message
