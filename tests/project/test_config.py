"""project.toml in both of its shapes, with its mistakes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.problems import Severity
from cis_tui.project.config import ProjectFile, load_project
from tests.conftest import ROOT

DID = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"


def _load(root: Path, text: str) -> ProjectFile:
    (root / ".cis" / "skills-elsewhere").mkdir(parents=True, exist_ok=True)
    (root / ".cis" / "project.toml").write_text(text, "utf-8")
    return load_project(root)


def test_every_field_of_the_contract_is_read(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "skill.toml").write_text("[skill]\nname = 'x'\nentry = 'true'\n")
    file = _load(
        tmp_path,
        "[project]\nname = 'cis'\nid = 'abc'\n[ai]\nprovider = 'claude'\nmodel = 'm'\nguide = 'g'\n"
        "[[skills]]\nname = 'x'\npath = 'tools'\nauto_load = true\n"
        "[memory]\nnamespace = 'team/cis/'\nshared_keys = ['a/']\ndefault_domain = 'public'\n"
        f"[dag]\nmax_parallel = 3\n[stakeholders]\ndba = '{DID}'\n",
    )
    assert file == ProjectFile(
        name="cis",
        id="abc",
        namespace="team/cis",
        default_domain="public",
        shared_keys=("a/",),
        max_parallel=3,
        stakeholders={"dba": DID},
        skill_paths=(tmp_path / "tools",),
    )


def test_a_flat_file_is_read_and_the_rest_has_defaults(tmp_path: Path) -> None:
    file = _load(tmp_path, "name = 'p'\nid = '1'\n")
    assert file == ProjectFile(name="p", id="1", namespace="project/p")
    assert _load(tmp_path, "").name == tmp_path.name


@pytest.mark.parametrize(
    ("text", "severity", "said"),
    [
        ("[project", Severity.ERROR, "project.toml:1: not TOML"),
        ("[project]\nname = 3", Severity.ERROR, 'project.toml:2: "name" is 3, expected text'),
        ("\n[dag]\nmax_parallel = 0", Severity.ERROR, "project.toml:3: "),
        ("[memory]\ndefault_domain = 'publc'", Severity.ERROR, 'did you mean "public"?'),
        ("[memory]\nshared_keys = 'a'", Severity.ERROR, '"shared_keys" is "a", expected a list of texts'),
        ("[stakeholders]\ndba = 'bob'", Severity.ERROR, '"dba" is "bob", expected a DID'),
        ("[stakeholders]\ndba = 3", Severity.ERROR, '"dba" is 3, expected a DID'),
        ("[[skills]]\npath = '../x'", Severity.ERROR, 'project.toml:2: the skill path "../x" leaves the project'),
        ("[[skills]]\npath = 'x'", Severity.ERROR, 'there is no skill.toml in the skill path "x"'),
        ("skills = 3", Severity.ERROR, "expected a list of tables"),
        ("[memry]\na = 1", Severity.WARNING, 'unknown field "memry" is ignored; did you mean "memory"?'),
        ("[dag]\nmax_paralel = 1", Severity.WARNING, 'did you mean "max_parallel"?'),
    ],
)
def test_a_mistake_has_its_place_and_the_project_still_opens(
    tmp_path: Path, text: str, severity: Severity, said: str
) -> None:
    file = _load(tmp_path, text)
    assert file.name
    (problem,) = file.problems
    assert problem.severity is severity
    assert said in str(problem)


def test_sections_of_settings_are_left_to_their_reader(tmp_path: Path) -> None:
    assert (
        _load(tmp_path, "[decisions]\nrecommended = 1\n[core]\nlog_level = 'info'\n[memory]\nhot_weeks = 4\n").problems
        == ()
    )


def test_a_missing_file_is_a_problem(tmp_path: Path) -> None:
    assert "No such file" in str(load_project(tmp_path).problems[0])


def test_the_repositorys_own_file_is_sound() -> None:
    assert load_project(ROOT).problems == ()


@given(st.text(alphabet="[]{}=\"'\n abcdmemoryskills.path1#", max_size=60))
@settings(deadline=None, max_examples=40)
def test_no_text_makes_it_fail(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    assert _load(tmp_path_factory.mktemp("p"), text).name
