"""`cis memory`, as scripts use it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.cli.support import CIS, call, cis

if TYPE_CHECKING:
    import pytest

ITEM_FIELDS = {
    "key",
    "value",
    "domain",
    "category",
    "index_type",
    "version",
    "origin",
    "created_at",
    "week",
    "access_count",
    "last_accessed_at",
    "pinned",
}


def test_what_was_set_is_got_and_nothing_else() -> None:
    assert cis("memory", "set", "a/b", "hello world").out == "Memory saved to private domain\n"
    assert cis("memory", "get", "a/b") == cis("memory", "get", "a/b")
    got = cis("memory", "get", "a/b")
    assert (got.code, got.out, got.err) == (0, "hello world\n", "")


def test_a_missing_key_is_exit_3_with_a_next_step() -> None:
    told = cis("memory", "get", "nothing")
    assert (told.code, told.out) == (3, "")
    assert told.err == 'error: there is no memory "nothing"\nhint: cis memory list shows all keys\n'
    as_json = cis("memory", "get", "nothing", "--json")
    assert (as_json.code, as_json.err) == (3, "")
    assert set(as_json.error) == {"code", "message", "hint", "context"}
    assert cis("memory", "get", "nothing", "--default", "x").out == "x\n"
    assert cis("memory", "get", "nothing", "--default", "").out == "\n"
    assert cis("memory", "delete", "nothing").code == 3
    assert cis("memory", "history", "nothing").code == 3


def test_a_value_may_come_from_stdin() -> None:
    assert cis("memory", "set", "k", "-", input="from stdin\n").code == 0
    assert cis("memory", "get", "k").out == "from stdin\n"
    assert cis("memory", "set", "k", input="zwei\nZeilen\n\n").code == 0
    assert cis("memory", "get", "k").out == "zwei\nZeilen\n\n"
    forgotten = cis("memory", "set", "k")
    assert forgotten.code == 2
    assert cis("memory", "get", "k").out == "zwei\nZeilen\n\n", "a forgotten value overwrites nothing"
    assert cis("memory", "set", "k", "").code == 0
    assert cis("memory", "get", "k").out == "\n"


def test_a_listing_asks_for_nothing_by_name_and_so_shows_no_secret() -> None:
    cis("memory", "set", "user/api-key", "abc123")
    (item,) = cis("memory", "list", "--json").json
    assert item["value"] is None
    assert cis("memory", "get", "user/api-key").out == "abc123\n"


def test_bytes_come_back_as_they_were() -> None:
    data = bytes(range(256))
    assert cis("memory", "set", "blob", input=data).code == 0
    got = subprocess.run([CIS, "memory", "get", "blob"], capture_output=True, check=True)
    assert got.stdout == data
    assert cis("memory", "get", "blob", "--json").json["value"]["base64"].startswith("AAECAwQ")
    assert "256 bytes" in cis("memory", "list").out


def test_an_item_has_the_shape_of_the_contract() -> None:
    written = cis("memory", "set", "k", "v", "--domain", "public", "--category", "mine", "--pin", "--json").json
    assert written.keys() >= ITEM_FIELDS
    assert (written["domain"], written["category"], written["pinned"]) == ("public", "mine", True)
    assert list(written["version"].values()) == [1]
    assert written["origin"] in written["version"]
    got = cis("memory", "get", "k", "--json").json
    assert got.keys() >= ITEM_FIELDS
    assert (got["access_count"], got["last_accessed_at"][-1]) == (1, "Z")


def test_a_list_is_one_array_by_key() -> None:
    for key in ("b", "a", "c/1"):
        cis("memory", "set", key, f"value of {key}")
    assert [item["key"] for item in cis("memory", "list", "--json").json] == ["a", "b", "c/1"]
    assert [item["key"] for item in cis("memory", "list", "c/", "--json").json] == ["c/1"]
    assert cis("memory", "list", "--domain", "public", "--json").json == []
    short = cis("memory", "list", "--limit", "1")
    assert "value of a" in short.out
    assert "2 more; --limit 3 shows all" in short.err


def test_what_is_sensitive_is_masked_in_a_listing() -> None:
    cis("memory", "set", "api-key", "hunter2hunter2")
    listed = cis("memory", "list").out
    assert "Sensitive" in listed
    assert "hunter2" not in listed
    assert cis("memory", "get", "api-key").out == "hunter2hunter2\n"


def test_a_secret_that_is_made_public_is_warned_of() -> None:
    told = cis("memory", "set", "user/api-key", "abc123", "--domain", "public")
    assert (told.code, told.out) == (0, "Memory saved to public domain\n")
    assert told.err.startswith('warning: the key says "api key"') and "in clear" in told.err
    assert cis("memory", "set", "user/other-api-key", "abc123").err == ""


def test_control_sequences_in_a_value_do_not_reach_a_listing() -> None:
    cis("memory", "set", "evil", "\x1b[2Jgone\x1b]0;title\x07")
    assert "\x1b" not in cis("memory", "list").out
    assert cis("memory", "get", "evil").out == "\x1b[2Jgone\x1b]0;title\x07\n"


def test_a_deleted_key_is_gone_and_its_history_stays() -> None:
    cis("memory", "set", "k", "first")
    cis("memory", "set", "k", "second")
    assert cis("memory", "delete", "k").code == 0
    assert cis("memory", "get", "k").code == 3
    history = cis("memory", "history", "k", "--json").json
    assert [(item["value"], item["deleted"]) for item in history] == [("", True), ("second", False), ("first", False)]
    assert "deleted" in cis("memory", "history", "k").out


def test_the_project_decides_where_undecided_entries_go(tmp_path: Path) -> None:
    (tmp_path / "p" / ".cis").mkdir(parents=True)
    (tmp_path / "p" / ".cis" / "project.toml").write_text('[memory]\ndefault_domain = "public"\n')
    (tmp_path / "p" / "below").mkdir()
    assert cis("memory", "set", "k", "v", cwd=tmp_path / "p" / "below").out == "Memory saved to public domain\n"
    assert cis("memory", "set", "l", "v", cwd=tmp_path).out == "Memory saved to private domain\n"
    assert cis("memory", "set", "m", "v", "--project", str(tmp_path / "p")).out == "Memory saved to public domain\n"
    assert cis("memory", "set", "password", "v", cwd=tmp_path / "p").out == "Memory saved to private domain\n"
    told = cis("memory", "set", "n", "v", "--project", str(tmp_path / "none"))
    assert (told.code, "there is no folder" in told.err) == (3, True)


def test_a_home_of_ones_own(tmp_path: Path) -> None:
    cis("memory", "set", "k", "there", "--home", str(tmp_path / "there"))
    assert cis("memory", "get", "k").code == 3
    assert cis("memory", "get", "k", "--home", str(tmp_path / "there")).out == "there\n"
    assert cis("memory", "get", "k", env={"CIS_HOME": str(tmp_path / "there")}).out == "there\n"


def test_with_a_live_engine_the_same_is_said() -> None:
    cis("memory", "set", "k", "v", "--domain", "public")
    assert cis("engine", "start").code == 0
    try:
        assert cis("memory", "get", "k").out == "v\n"
        assert cis("memory", "set", "b", input=b"\xff\x00").out == "Memory saved to private domain\n"
        assert subprocess.run([CIS, "memory", "get", "b"], capture_output=True, check=True).stdout == b"\xff\x00"
        assert cis("memory", "get", "missing").code == 3
        assert cis("memory", "set", "", "v").code == 5
        assert [item["key"] for item in cis("memory", "list", "--json").json] == ["b", "k"]
        assert cis("memory", "history", "k", "--json").json[0].keys() >= ITEM_FIELDS
        assert cis("memory", "delete", "k").code == 0
    finally:
        assert cis("engine", "stop").code == 0
    assert cis("memory", "get", "k").code == 3


def test_a_reader_that_goes_away_is_no_error() -> None:
    for number in range(3):
        cis("memory", "set", f"k{number}", input="x" * 200_000)
    line = f'{CIS} memory list --json | head -c 10; echo " ${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=True)
    assert done.stdout == '[{"key":"k 0\n'
    assert done.stderr == ""


def test_hostile_keys_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    told = call(capsys, "memory", "get", "\x1b[31mkey\n")
    assert told.code == 3
    assert "\x1b" not in told.err


def modules(*words: str) -> set[str]:
    """The modules that a command loads."""
    program = (
        f"import sys; from cis_tui.cli import main; code = main({list(words)!r});"
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stderr.split())


def heavy_modules(*words: str) -> set[str]:
    """The heavy modules that a command loads."""
    heavy = {"asyncio", "pydantic", "rich", "textual", "argparse", "networkx", "cryptography", "jinja2", "sqlite_utils"}
    return heavy & modules(*words)


def test_the_fast_commands_load_nothing_heavy() -> None:
    cis("memory", "set", "k", "v")
    for words in (["memory", "get", "k"], ["memory", "list"], ["memory", "history", "k"], ["memory", "set", "k", "w"]):
        assert heavy_modules(*words) == set(), words
    assert heavy_modules("--version") == set()
    assert cis("engine", "start").code == 0
    try:
        assert heavy_modules("memory", "get", "k") == set()
    finally:
        cis("engine", "stop")


def test_who_looks_at_runs_without_an_engine_loads_nothing_that_runs_them() -> None:
    working = {"agents.service", "api.client", "dag.runner", "p2p.service", "protocol", "skills.process"}
    assert {f"cis_tui.{name}" for name in working} & modules("run", "list") == set()


def test_get_loads_no_more_than_it_needs() -> None:
    cis("memory", "set", "k", "v")
    program = "import sys; from cis_tui.cli import main; main(['memory', 'get', 'k']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert not {"dataclasses", "typing", "pathlib", "inspect", "logging"} & set(done.stdout.split())


def test_json_lines_hold_any_text() -> None:
    cis("memory", "set", "k", input='quotes " and \\ and \u2028 and ü\n')
    assert json.loads(cis("memory", "get", "k", "--json").out)["value"] == 'quotes " and \\ and \u2028 and ü'
    assert cis("memory", "get", "k", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}).out.endswith("ü\n")
