"""Skills of a project: run from what was trusted, kept as they were while they are broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.errors import Invalid, NotFound, Refused
from cis_tui.core.paths import Home
from cis_tui.project.session import ProjectSession
from cis_tui.project.trust import TrustStore
from cis_tui.skills.kernel import Kernel
from cis_tui.skills.model import SkillManifest, SkillOrigin
from cis_tui.skills.snapshot import Snapshots

MANIFEST = '[skill]\nname = "greet"\nversion = "1.0"\nentry = "greet.sh"\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    base = tmp_path / "project"
    write_skill(base / ".cis" / "skills" / "greet")
    (base / ".cis" / "project.toml").write_text("name = 'p'\n")
    return base


def write_skill(folder: Path, manifest: str = MANIFEST, said: str = "hello") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "greet.sh").write_text(f"#!/bin/sh\necho {said}\n")
    (folder / "greet.sh").chmod(0o755)
    (folder / "skill.toml").write_text(manifest)


@pytest.fixture
def session(home: Home, root: Path) -> ProjectSession:
    return ProjectSession(home, TrustStore(home), root, Snapshots(home.skill_copies))


def trust(home: Home, root: Path, *, author: bool = False) -> None:
    store = TrustStore(home)
    store.grant(root, store.report(root).digest, author=author)


def _says(manifest: SkillManifest) -> str:
    return (manifest.folder / manifest.entry).read_text()


def test_it_runs_from_a_copy_of_what_was_trusted(session: ProjectSession, home: Home, root: Path) -> None:
    with pytest.raises(Refused, match="the skill greet is not trusted as it is now"):
        session.runnable_skill("greet")
    trust(home, root)
    manifest = session.runnable_skill("greet")
    folder = root / ".cis" / "skills" / "greet"
    assert manifest.folder.is_relative_to(home.root)
    assert manifest.file == str(folder / "skill.toml")
    (folder / "greet.sh").write_text("#!/bin/sh\necho evil\n")
    assert "hello" in _says(manifest), "what was checked is what runs"
    with pytest.raises(Refused, match="not trusted"):
        session.runnable_skill("greet")
    trust(home, root)
    assert "evil" in _says(session.runnable_skill("greet"))


def test_its_author_is_not_asked_again(session: ProjectSession, home: Home, root: Path) -> None:
    trust(home, root, author=True)
    write_skill(root / ".cis" / "skills" / "greet", MANIFEST.replace("1.0", "2.0"), "more")
    assert session.runnable_skill("greet").version == "2.0"


@pytest.mark.parametrize("author", [False, True])
def test_broken_it_is_called_as_it_was_and_says_why(
    session: ProjectSession, home: Home, root: Path, author: bool
) -> None:
    trust(home, root, author=author)
    session.runnable_skill("greet")
    write_skill(root / ".cis" / "skills" / "greet", MANIFEST.replace('entry = "greet.sh"', "entry = 3"), "broken")
    manifest = session.runnable_skill("greet")
    assert (manifest.stale, "hello" in _says(manifest)) == (True, True)
    (info,) = [skill for skill in session.skills() if skill.name == "greet"]
    said = [str(problem) for problem in info.problems]
    assert 'skill.toml:4: "entry" is 3, expected text' in said[0]
    assert "it is called as it was before it was broken (1.0)" in said[-1]
    write_skill(root / ".cis" / "skills" / "greet", MANIFEST.replace("1.0", "1.1"), "mended")
    if not author:
        with pytest.raises(Refused):
            session.runnable_skill("greet")
        trust(home, root)
    manifest = session.runnable_skill("greet")
    assert (manifest.version, manifest.stale, "mended" in _says(manifest)) == ("1.1", False, True)


def test_what_is_no_longer_trusted_is_not_kept(session: ProjectSession, home: Home, root: Path) -> None:
    trust(home, root)
    session.runnable_skill("greet")
    write_skill(root / ".cis" / "skills" / "greet", "[skill\n")
    TrustStore(home).revoke(root)
    with pytest.raises(Invalid, match=r"the skill greet cannot run: .*skill.toml:1: not TOML"):
        session.runnable_skill("greet")


def test_never_whole_it_cannot_run(session: ProjectSession, home: Home, root: Path) -> None:
    write_skill(root / ".cis" / "skills" / "greet", "[skill\n")
    trust(home, root)
    with pytest.raises(Invalid, match="the skill greet cannot run"):
        session.runnable_skill("greet")
    with pytest.raises(NotFound, match='there is no skill "gret"'):
        session.runnable_skill("gret")


def test_those_of_the_home_run_from_a_copy_and_need_no_trust(session: ProjectSession, home: Home, root: Path) -> None:
    write_skill(home.skills / "wave", MANIFEST.replace("greet", "wave", 1).replace('"wave.sh"', '"greet.sh"'))
    manifest = session.runnable_skill("wave")
    assert (manifest.origin, manifest.folder.parent) == (SkillOrigin.HOME, home.skill_copies)
    (home.skills / "wave" / "etc").symlink_to("/etc")
    assert session.runnable_skill("wave").folder == home.skills / "wave", "a copy cannot be made of everything"
    assert session.runnable_skill("shell").origin is SkillOrigin.SHIPPED


def test_a_skill_behind_a_link_is_never_trusted(session: ProjectSession, home: Home, root: Path) -> None:
    (root / "tools").mkdir()
    (root / ".cis" / "skills" / "greet").rename(root / "tools" / "greet")
    (root / ".cis" / "skills" / "greet").symlink_to(root / "tools" / "greet")
    trust(home, root, author=True)
    with pytest.raises(Refused):
        session.runnable_skill("greet")


DAG = '[[dag.tasks]]\nid = "a"\ncommand = "true"\n'


def test_who_votes_is_a_part_of_what_is_trusted(session: ProjectSession, home: Home, root: Path) -> None:
    (root / ".cis" / "dags").mkdir()
    (root / ".cis" / "dags" / "a.toml").write_text(DAG)
    trust(home, root)
    assert session.runnable("a")[0].name == "a"
    file = root / ".cis" / "project.toml"
    file.write_text("name = 'other'\nversion = '2'\n[dag]\nmax_parallel = 2\n[ui]\ntheme = 'x'\n")
    assert session.runnable("a")[0].name == "a", "what decides nothing asks nobody"
    assert session.info().pending == 0
    file.write_text(f"name = 'p'\n[stakeholders]\ndba = '{DID}'\n")
    for call in (lambda: session.runnable("a"), lambda: session.runnable_skill("greet")):
        with pytest.raises(Refused, match=r"\.cis/project\.toml is not trusted as it is now"):
            call()
    assert session.runnable_skill("shell"), "what is not the project's is called all the same"
    (item,) = TrustStore(home).report(root).pending
    assert (item.path, "dba" in item.diff) == (".cis/project.toml", True)
    trust(home, root)
    assert session.runnable("a")[0].name == "a"
    file.write_text(f"# a remark\nname = 'q'\n[stakeholders]\ndba = '{DID}'\n")
    assert session.runnable("a")[0].name == "a", "a remark changes nothing"


DID = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"


def test_a_dag_that_changes_while_it_is_read_is_held_against_what_was_read(
    session: ProjectSession, home: Home, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / ".cis" / "dags").mkdir()
    file = root / ".cis" / "dags" / "a.toml"
    file.write_text(DAG)
    trust(home, root)
    evil = DAG.replace("true", "evil")
    file.write_text(evil)
    covers = TrustStore.covers

    def too_late(self: TrustStore, *args: object, **more: object) -> bool:
        file.write_text(DAG)  # by now, what lies there is what was trusted
        return covers(self, *args, **more)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(TrustStore, "covers", too_late)
    with pytest.raises(Refused, match="the DAG a"):
        session.runnable("a")


def test_what_the_kernel_cannot_hold_it_to_is_said_and_asked_about(home: Home, root: Path) -> None:
    (root / ".cis" / "dags").mkdir()
    (root / ".cis" / "dags" / "d.toml").write_text('[[dag.tasks]]\nid = "t"\nskill = "greet"\n')
    trust(home, root)
    copies, store = Snapshots(home.skill_copies), TrustStore(home)
    weak = ProjectSession(home, store, root, copies, probe=lambda: Kernel(0, True))
    whole = ProjectSession(home, store, root, copies, probe=lambda: Kernel(7, True))
    gap = "files and programs (the kernel has no Landlock)"
    info = {skill.name: skill for skill in weak.skills()}
    assert gap in info["greet"].not_enforced
    assert not info["shell"].not_enforced, "it is a command of one's own"
    assert gap in weak.runnable_skill("greet").confirm
    (problem,) = weak.dag("d").problems
    assert problem.severity == "warning"
    assert 'calls the skill "greet", and is confirmed before: it is not held here to all that it may do' in str(problem)
    assert whole.runnable_skill("greet").confirm == ""
    assert not whole.dag("d").problems
