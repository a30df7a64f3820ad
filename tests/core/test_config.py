"""Settings, their precedence and their errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from cis_tui.core.config import load_config, parse_setting
from cis_tui.core.errors import Invalid, NotFound
from cis_tui.core.paths import Home


def test_each_source_wins_over_the_ones_below(tmp_path: Path) -> None:
    home, project = tmp_path / "config.toml", tmp_path / "project.toml"
    name = "decisions.recommended"

    def load(env: dict[str, str] | None = None, flags: dict[str, object] | None = None) -> tuple[object, str]:
        value = load_config(home, project_file=project, env=env or {}, flags=flags).get(name)
        return value.value, value.source

    assert load() == (5.0, "default")
    home.write_text("[decisions]\nrecommended = 1\n")
    assert load() == (1.0, str(home))
    project.write_text("[decisions]\nrecommended = 2\n")
    assert load() == (2.0, str(project))
    env = {"CIS_DECISIONS_RECOMMENDED": "3"}
    assert load(env) == (3.0, "env CIS_DECISIONS_RECOMMENDED")
    assert load(env, {name: 4}) == (4.0, "flag")


def test_an_unknown_setting_is_warned_about_with_the_nearest(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[memory]\nhot_week = 3\n")
    (warning,) = load_config(file, env={}).warnings
    assert "hot_week" in warning
    assert 'did you mean "memory.hot_weeks"?' in warning


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[memory]\nhot_weeks = "four"', ["memory.hot_weeks", "'four'", "whole number from 1 to 52"]),
        ("[memory]\nhot_weeks = 0", ["memory.hot_weeks", "from 1 to 52"]),
        ("[memory]\nhot_weeks = true", ["memory.hot_weeks"]),
        ('[memory]\ndefault_domain = "pubic"', ["private or public"]),
        ("[memory\n", ["not TOML", "line 1"]),
        (f"a = {'[' * 5000}{']' * 5000}", ["cannot be read", "recursion"]),
        (f"a = {'1' * 5000}", ["cannot be read", "digits"]),
    ],
)
def test_a_wrong_value_names_file_field_and_what_was_expected(tmp_path: Path, text: str, words: list[str]) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(Invalid) as caught:
        load_config(file, env={})
    assert str(file) in caught.value.message
    for word in words:
        assert word in caught.value.message


def test_a_project_file_keeps_its_own_sections_to_itself(tmp_path: Path) -> None:
    project = tmp_path / "project.toml"
    project.write_text('[project]\nname = "x"\n[memory]\nnamespace = "project/x"\ndefault_domain = "public"\n')
    config = load_config(tmp_path / "none.toml", project_file=project, env={})
    assert config.settings.memory.default_domain == "public"
    assert config.warnings == ()


def test_asking_for_an_unknown_setting_helps(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as caught:
        load_config(tmp_path / "none.toml", env={}).get("ui.them")
    assert caught.value.hint == 'did you mean "ui.theme"?'


def test_a_list_is_read_from_files_and_from_the_environment(home: Home) -> None:
    home.config_file.write_text('[agent]\nmemory_read = ["notes/", "diary/open/"]\n')
    assert load_config(home.config_file, env={}).settings.agent.memory_read == ("notes/", "diary/open/")
    named = {"CIS_AGENT_MEMORY_READ": "notes/, team/"}
    assert load_config(home.config_file, env=named).settings.agent.memory_read == ("notes/", "team/")
    as_toml = {"CIS_AGENT_MEMORY_READ": ' ["notes/", "a, b"] '}
    assert load_config(home.config_file, env=as_toml).settings.agent.memory_read == ("notes/", "a, b")
    for wrong in ("[notes/]", '["notes/"', "[1]"):
        with pytest.raises(Invalid, match="a list of texts"):
            parse_setting("agent.memory_read", wrong, "here")
    home.config_file.write_text("[agent]\nmemory_read = [1]\n")
    with pytest.raises(Invalid, match="a list of texts"):
        load_config(home.config_file, env={})


def test_a_project_names_no_private_memory(home: Home, tmp_path: Path) -> None:
    project = tmp_path / "project.toml"
    project.write_text('[agent]\nmemory_read = [""]\n')
    assert load_config(home.config_file, project_file=project, env={}).settings.agent.memory_read == ()
