"""The session of a project: what may run there."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.errors import Invalid
from cis_tui.core.paths import Home
from cis_tui.project.session import ProjectSession
from cis_tui.project.trust import TrustStore

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
