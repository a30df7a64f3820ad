"""Trust: what runs is what somebody looked at. Real files, links, processes and races."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.paths import Home
from cis_tui.project.model import Change, TrustItem, TrustState
from cis_tui.project.trust import TrustStore

DAG = '[[dag.tasks]]\nid = "a"\ncommand = "true"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    base = tmp_path / "project"
    skill = base / ".cis" / "skills" / "greet"
    skill.mkdir(parents=True)
    (base / ".cis" / "dags").mkdir()
    (base / ".cis" / "project.toml").write_text("name = 'p'\n")
    (base / ".cis" / "dags" / "a.toml").write_text(DAG)
    (skill / "skill.toml").write_text("[skill]\nname = 'greet'\nentry = 'greet.sh'\n")
    (skill / "greet.sh").write_text("#!/bin/sh\necho hello\n")
    return base


@pytest.fixture
def trust(home: Home) -> TrustStore:
    return TrustStore(home)


def _dag(root: Path) -> Path:
    return root / ".cis" / "dags" / "a.toml"


def _skill(root: Path) -> Path:
    return root / ".cis" / "skills" / "greet" / "skill.toml"


def _grant(trust: TrustStore, root: Path, *, author: bool = False) -> None:
    trust.grant(root, trust.report(root).digest, author=author)


def _pending(trust: TrustStore, root: Path) -> dict[str, Change]:
    return {item.path: item.change for item in trust.report(root).pending}


def test_a_new_project_is_not_trusted_and_shows_all_of_its_code(trust: TrustStore, root: Path) -> None:
    report = trust.report(root)
    assert (report.project, report.state) == (str(root), TrustState.UNTRUSTED)
    assert report.pending == (
        TrustItem(".cis/dags/a.toml", Change.NEW, DAG),
        TrustItem(".cis/skills/greet/greet.sh", Change.NEW, "#!/bin/sh\necho hello\n"),
        TrustItem(".cis/skills/greet/skill.toml", Change.NEW, "[skill]\nname = 'greet'\nentry = 'greet.sh'\n"),
    )
    assert not trust.covers(root, _dag(root))
    assert not trust.covers(root, _skill(root))


def test_what_was_granted_runs(trust: TrustStore, root: Path, home: Home) -> None:
    _grant(trust, root)
    for store in (trust, TrustStore(home)):
        assert store.state(root) is TrustState.CONTENT
        assert store.covers(root, _dag(root))
        assert store.covers(root, _skill(root))
        assert store.report(root).pending == ()


def test_a_changed_file_asks_again_with_a_diff(trust: TrustStore, root: Path) -> None:
    _grant(trust, root)
    _dag(root).write_text(DAG.replace("true", "rm -rf /"))
    (item,) = trust.report(root).pending
    assert (item.path, item.change) == (".cis/dags/a.toml", Change.CHANGED)
    assert '-command = "true"\n+command = "rm -rf /"' in item.diff
    assert not trust.covers(root, _dag(root))
    assert trust.covers(root, _skill(root)), "what did not change still runs"
    _dag(root).write_text(DAG)
    assert trust.covers(root, _dag(root)), "what was trusted once is trusted when it is back"


def test_a_skill_is_trusted_with_all_of_its_files(trust: TrustStore, root: Path) -> None:
    _grant(trust, root)
    folder = _skill(root).parent
    (folder / "lib.sh").write_text("echo more\n")
    assert _pending(trust, root) == {".cis/skills/greet/lib.sh": Change.NEW}
    assert not trust.covers(root, _skill(root))
    (folder / "lib.sh").unlink()
    assert trust.covers(root, _skill(root))
    (folder / "greet.sh").unlink()
    assert _pending(trust, root) == {".cis/skills/greet/greet.sh": Change.REMOVED}
    assert not trust.covers(root, _skill(root))


def test_making_a_file_executable_is_a_change(trust: TrustStore, root: Path) -> None:
    _grant(trust, root)
    (_skill(root).parent / "greet.sh").chmod(0o755)
    (item,) = trust.report(root).pending
    assert "whether it may be executed" in item.diff


def test_only_what_was_shown_can_be_granted(trust: TrustStore, root: Path) -> None:
    shown = trust.report(root).digest
    _dag(root).write_text(DAG + "# changed in the meantime\n")
    with pytest.raises(Refused) as caught:
        trust.grant(root, shown)
    assert caught.value.code == "CIS-PROJ-021"
    assert "changed since they were shown" in caught.value.message
    assert trust.state(root) is TrustState.UNTRUSTED


def test_an_authors_changes_are_taken_up(trust: TrustStore, root: Path) -> None:
    _grant(trust, root, author=True)
    assert trust.state(root) is TrustState.AUTHOR
    _dag(root).write_text("changed")
    (_skill(root).parent / "new.sh").write_text("x")
    assert trust.report(root).pending == ()
    assert trust.covers(root, _dag(root))
    assert trust.covers(root, _skill(root))
    assert not trust.covers(root, root / ".cis" / "dags" / "missing.toml")


def test_content_replaces_author_and_revoking_ends_both(trust: TrustStore, root: Path, home: Home) -> None:
    _grant(trust, root, author=True)
    _grant(trust, root)
    assert trust.state(root) is TrustState.CONTENT
    trust.revoke(root)
    assert trust.state(root) is TrustState.UNTRUSTED
    assert not trust.covers(root, _dag(root))
    assert set(_pending(trust, root).values()) == {Change.NEW}
    assert list((home.root / "trust").iterdir()) == [], "no copies are kept of what is not trusted"


def test_init_trusts_what_it_wrote_and_no_more(trust: TrustStore, root: Path) -> None:
    trust.trust_written(root, [_dag(root), root / ".cis" / "project.toml"])
    assert trust.state(root) is TrustState.CONTENT
    assert trust.covers(root, _dag(root))
    assert not trust.covers(root, _skill(root))


def test_files_elsewhere(trust: TrustStore, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "loose.toml"
    outside.write_text(DAG)
    inside = root / "loose.toml"
    inside.write_text(DAG)
    assert trust.covers(root, outside), "a file of no project is the person's own"
    assert not trust.covers(root, inside)
    trust.trust_written(root, [_dag(root)])
    assert trust.covers(root, inside), "a loose file counts as trusted once the project is trusted at all"


def test_another_projects_file_needs_that_projects_trust(trust: TrustStore, root: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    (mine / ".cis").mkdir(parents=True)
    (mine / ".cis" / "project.toml").write_text("")
    _grant(trust, mine, author=True)
    assert not trust.covers(mine, _dag(root))
    _grant(trust, root)
    assert trust.covers(mine, _dag(root))


def test_a_project_within_a_project_has_its_own_trust(trust: TrustStore, root: Path) -> None:
    inner = root / "vendor" / "inner"
    (inner / ".cis" / "dags").mkdir(parents=True)
    (inner / ".cis" / "project.toml").write_text("")
    (inner / ".cis" / "dags" / "a.toml").write_text(DAG)
    _grant(trust, root, author=True)
    assert not trust.covers(root, inner / ".cis" / "dags" / "a.toml")
    _grant(trust, inner)
    assert trust.covers(root, inner / ".cis" / "dags" / "a.toml")


def test_one_project_has_one_trust_whatever_way_leads_to_it(trust: TrustStore, root: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(root)
    _grant(trust, tmp_path / "alias")
    assert trust.state(root) is TrustState.CONTENT
    assert trust.covers(root, _dag(tmp_path / "alias"))
    assert trust.covers(tmp_path / "alias", _dag(root))
    assert trust.covers(root, root / ".cis" / "skills" / ".." / "dags" / "a.toml")


@pytest.mark.parametrize("author", [False, True])
def test_a_link_out_of_the_project_never_runs(trust: TrustStore, root: Path, tmp_path: Path, author: bool) -> None:
    (tmp_path / "evil.toml").write_text(DAG)
    link = root / ".cis" / "dags" / "evil.toml"
    link.symlink_to(tmp_path / "evil.toml")
    assert "cannot be trusted" in {item.path: item.diff for item in trust.report(root).pending}[".cis/dags/evil.toml"]
    _grant(trust, root, author=author)
    assert not trust.covers(root, link)
    assert trust.covers(root, _dag(root))


@pytest.mark.parametrize("author", [False, True])
def test_a_folder_behind_a_link_is_not_entered(trust: TrustStore, root: Path, tmp_path: Path, author: bool) -> None:
    for number, target in enumerate((tmp_path / "out", root / "tools")):
        target.mkdir()
        (target / "skill.toml").write_text("x")
        (root / ".cis" / "skills" / f"linked{number}").symlink_to(target)
    assert ".cis/skills/linked0/skill.toml" not in _pending(trust, root)
    assert ".cis/skills/linked0" in _pending(trust, root)
    _grant(trust, root, author=author)
    for number in (0, 1):
        assert not trust.covers(root, root / ".cis" / "skills" / f"linked{number}" / "skill.toml")


def test_a_whole_cis_folder_behind_a_link_is_not_entered(trust: TrustStore, root: Path, tmp_path: Path) -> None:
    (root / ".cis").rename(tmp_path / "moved")
    (root / ".cis").symlink_to(tmp_path / "moved")
    _grant(trust, root, author=True)
    assert not trust.covers(root, _dag(root))


def test_a_link_inside_the_project_is_trusted_with_what_it_leads_to(trust: TrustStore, root: Path) -> None:
    (root / "shared.toml").write_text(DAG)
    link = root / ".cis" / "dags" / "shared.toml"
    link.symlink_to("../../shared.toml")
    _grant(trust, root)
    assert trust.covers(root, link)
    (root / "shared.toml").write_text("changed")
    assert not trust.covers(root, link)


def test_pipes_and_devices_are_neither_read_nor_run(trust: TrustStore, root: Path) -> None:
    os.mkfifo(root / ".cis" / "dags" / "pipe.toml")
    (root / ".cis" / "dags" / "zero.toml").symlink_to("/dev/zero")
    _grant(trust, root)
    assert not trust.covers(root, root / ".cis" / "dags" / "pipe.toml")
    assert set(_pending(trust, root)) == {".cis/dags/pipe.toml", ".cis/dags/zero.toml"}


def test_declared_skills_are_code_too(trust: TrustStore, root: Path) -> None:
    (root / "tools").mkdir()
    (root / "tools" / "skill.toml").write_text("[skill]\nname = 'x'\nentry = 'x.sh'\n")
    (root / "tools" / "x.sh").write_text("#!/bin/sh\n")
    (root / ".cis" / "project.toml").write_text("[[skills]]\npath = 'tools'\n")
    assert {"tools/skill.toml", "tools/x.sh"} <= _pending(trust, root).keys()
    assert not trust.covers(root, root / "tools" / "skill.toml")
    _grant(trust, root)
    assert trust.covers(root, root / "tools" / "skill.toml")
    (root / "tools" / "x.sh").write_text("#!/bin/sh\nevil\n")
    assert not trust.covers(root, root / "tools" / "skill.toml")


def test_what_is_shown_is_safe_and_bounded(trust: TrustStore, root: Path) -> None:
    dags = root / ".cis" / "dags"
    (dags / "a.toml").write_text("x = '\x1b]52;c;aGk=\x07'\n# \u202egnissap\n")
    (dags / "binary.toml").write_bytes(b"\0\1")
    (dags / "huge.toml").write_bytes(b"#" * 70_000)
    (dags / "long.toml").write_text("# line\n" * 5000)
    (dags / "na\x1b[31mme.toml").write_text("")
    shown = {item.path: item.diff for item in trust.report(root).pending}
    assert shown[".cis/dags/a.toml"] == "(control or invisible characters in it are not shown)\nx = ''\n# gnissap\n"
    assert shown[".cis/dags/binary.toml"] == "2 bytes that are not text"
    assert "larger than 64 kB" in shown[".cis/dags/huge.toml"]
    assert "15000 more characters are not shown" in shown[".cis/dags/long.toml"]
    assert shown[".cis/dags/name.toml"] == ""
    _grant(trust, root)
    (dags / "long.toml").write_text("# line\n" * 5000 + "# end")
    assert "too long to be compared line by line" in trust.report(root).pending[0].diff


def test_names_that_are_not_utf8_are_trusted_like_others(trust: TrustStore, root: Path) -> None:
    odd = root / ".cis" / "dags" / os.fsdecode(b"caf\xe9.toml")
    odd.write_text(DAG)
    _grant(trust, root)
    assert trust.covers(root, odd)
    assert trust.report(root).pending == ()


def test_too_many_files_are_refused(trust: TrustStore, root: Path) -> None:
    folder = root / ".cis" / "skills" / "many"
    folder.mkdir()
    for number in range(5001):
        (folder / str(number)).touch()
    with pytest.raises(Invalid, match="more than 5000 files"):
        trust.report(root)


def test_the_record_is_private_and_damage_is_an_error(trust: TrustStore, root: Path, home: Home) -> None:
    _grant(trust, root)
    assert home.trust_file.stat().st_mode & 0o777 == 0o600
    assert all(copy.stat().st_mode & 0o777 == 0o600 for copy in (home.root / "trust").iterdir())
    home.trust_file.write_text("[projects")
    with pytest.raises(Invalid) as caught:
        TrustStore(home).state(root)
    assert (caught.value.code, caught.value.hint) == (
        "CIS-PROJ-020",
        "delete it: every project will ask for trust again",
    )


def test_processes_that_grant_at_once_do_not_lose_one_another(root: Path, tmp_path: Path, home: Home) -> None:
    roots = [tmp_path / f"p{number}" for number in range(6)]
    for path in roots:
        (path / ".cis" / "dags").mkdir(parents=True)
        (path / ".cis" / "project.toml").write_text("")
        (path / ".cis" / "dags" / "a.toml").write_text(DAG)
    code = (
        "import sys\nfrom pathlib import Path\nfrom cis_tui.core.paths import Home\n"
        "from cis_tui.project.trust import TrustStore\n"
        "trust = TrustStore(Home(Path(sys.argv[1])))\n"
        "for path in map(Path, sys.argv[2:]): trust.grant(path, trust.report(path).digest)\n"
    )
    halves = [[str(path) for path in roots[part::3]] for part in range(3)]
    children = [subprocess.Popen([sys.executable, "-c", code, str(home.root), *half]) for half in halves]
    assert [child.wait() for child in children] == [0, 0, 0]
    trust = TrustStore(home)
    assert all(trust.covers(path, path / ".cis" / "dags" / "a.toml") for path in roots)
