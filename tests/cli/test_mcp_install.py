"""`cis mcp install`: what is added to the settings of clients, and what is never lost there."""

from __future__ import annotations

import json
import os
import stat
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cis_tui.cli.mcp_clients import CLIENTS
from cis_tui.cli.mcp_install import add_server
from cis_tui.core.errors import CisError, Refused
from tests.cli.support import CIS, call

ENTRY = {"command": "/opt/cis", "args": ["mcp"]}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(autouse=True)
def own_program_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """`cis` on PATH is the one that is tested, and no client's folder is named by the environment."""
    monkeypatch.setenv("PATH", f"{Path(CIS).parent}{os.pathsep}{os.environ['PATH']}")
    for name in ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "XDG_CONFIG_HOME", "CIS_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_the_command_of_a_client_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    claude = call(capsys, "mcp", "install", "claude")
    assert (claude.code, claude.out) == (0, "claude mcp add --scope user cis -- cis mcp\n")
    there = call(capsys, "mcp", "install", "codex", "--home", "/tmp/x y", "--json").json
    assert there["command"][-4:] == ["cis", "mcp", "--home", "/tmp/x y"]
    assert there["config"]["mcp_servers"]["cis"]["args"] == ["mcp", "--home", "/tmp/x y"]
    cursor = call(capsys, "mcp", "install", "cursor").out
    assert json.loads(cursor) == {"mcpServers": {"cis": {"command": "cis", "args": ["mcp"]}}}


def test_the_clients_are_listed_and_others_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert {each["name"] for each in call(capsys, "mcp", "install", "--json").json} == set(CLIENTS)
    wrong = call(capsys, "mcp", "install", "clude")
    assert wrong.code == 2
    assert 'did you mean "claude"' in wrong.err
    assert call(capsys, "mcp", "install", "--write").code == 2
    assert call(capsys, "mcp", "--write").code == 2


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_is_told_once(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    first = call(capsys, "mcp", "install", name, "--write", "--json").json
    file = Path(first["file"])
    assert file.is_relative_to(Path.home())
    assert (first["written"], first["backup"]) == (True, "")
    text = file.read_text("utf-8")
    found: dict[str, Any] = tomllib.loads(text) if file.suffix == ".toml" else json.loads(text)
    assert "mcp" in str(found[CLIENTS[name].section]["cis"])
    assert call(capsys, "mcp", "install", name, "--write", "--json").json["written"] is False
    assert [path.name for path in file.parent.iterdir() if "before-cis" in path.name] == []


def test_comments_order_mode_and_links_stay(tmp_path: Path) -> None:
    text = '# mine\nmodel = "x" # really\n\n[mcp_servers.other]\ncommand = "o"\n'
    real, linked = tmp_path / "dotfiles.toml", tmp_path / "config.toml"
    real.write_text(text)
    real.chmod(0o640)
    linked.symlink_to(real)
    backup = add_server(linked, "mcp_servers", ENTRY)
    assert backup is not None
    assert backup.read_text() == text
    assert linked.is_symlink()
    assert real.read_text().startswith(text)
    assert tomllib.loads(real.read_text())["mcp_servers"]["cis"] == ENTRY
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@settings(max_examples=40, deadline=None)
@example(before={}, servers={"Infinity": None, "NaN": "NaN"})
@given(before=st.dictionaries(st.text(), JSON, max_size=4), servers=st.dictionaries(st.text(), JSON, max_size=2))
def test_everything_else_is_kept(
    tmp_path_factory: pytest.TempPathFactory, before: dict[str, object], servers: dict[str, object]
) -> None:
    file = tmp_path_factory.mktemp("client") / "settings.json"
    servers.pop("cis", None)
    before["mcpServers"] = servers
    file.write_text(json.dumps(before))
    add_server(file, "mcpServers", ENTRY)
    assert json.loads(file.read_text("utf-8")) == before | {"mcpServers": servers | {"cis": ENTRY}}


def test_an_entry_of_ours_is_replaced_and_a_strangers_is_not(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"mcpServers": {"cis": {"command": "/old/bin/cis", "args": ["mcp"]}}}))
    assert add_server(file, "mcpServers", ENTRY) is not None
    assert json.loads(file.read_text())["mcpServers"]["cis"] == ENTRY
    for entry in (
        '{"command": {"cis": "mcp"}}',
        '{"command": 1, "args": "cis mcp"}',
        '{"command": "cisco", "args": []}',
    ):
        strange = f'{{"mcpServers": {{"cis": {entry}}}}}'
        file.write_text(strange)
        with pytest.raises(Refused, match="another server"):
            add_server(file, "mcpServers", ENTRY)
        assert file.read_text() == strange


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.json", '{"a": 1} // a comment'),
        ("a.json", '{"a": 1, "a": 2}'),
        ("a.json", "[1, 2]"),
        ("a.json", '{"mcpServers": []}'),
        ("a.json", '{"a": 1e999}'),
        ("a.json", "[" * 100_000),
        ("a.toml", "a = = 1"),
        ("a.toml", 'mcpServers = "x"'),
    ],
)
def test_what_cannot_be_read_whole_is_left_alone(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(CisError, match=str(file)):
        add_server(file, "mcpServers", ENTRY)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert file.read_text() == text
