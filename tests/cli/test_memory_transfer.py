"""`cis memory export` and `import`: what leaves, what comes back, and what a broken file leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import CIS, cis

SECRET = "hunter2hunter2"


def lines(*objects: object) -> str:
    """The objects as JSON lines."""
    return "".join(f"{json.dumps(each)}\n" for each in objects)


def exported(*words: str, home: Path | None = None) -> list[dict[str, Any]]:
    """What an export prints."""
    where = ("--home", str(home)) if home else ()
    done = cis("memory", "export", *words, *where)
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


def essence(items: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a round trip keeps."""
    kept = ("key", "value", "domain", "category", "index_type", "pinned", "classed")
    return [{name: item[name] for name in kept} for item in items]


@pytest.fixture
def filled() -> None:
    """A home with an entry of every sort."""
    told = cis(
        "memory",
        "import",
        "-",
        input=lines(
            {"key": "team/motto", "value": "ship ü \u2028 it", "domain": "public", "pinned": True},
            {"key": "team/blob", "value": {"base64": "/wAB"}, "domain": "public", "category": "bin"},
            {"key": "me/diary", "value": "dear\ndiary"},
            {"key": "me/kind", "value": "x", "index_type": "Temporary", "classed": True},
            {"key": "me/password", "value": SECRET},
        ),
    )
    assert (told.code, told.err) == (0, "5 entries imported\n")


@pytest.mark.usefixtures("filled")
def test_an_export_to_a_file_says_what_it_did_in_json_too(tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    told = cis("memory", "export", "--include-private", "-o", str(file), "--json")
    assert told.json == {"exported": 4, "withheld": 1, "file": str(file)}
    assert "without --include-private" in cis("memory", "export", "me/password").err


@pytest.mark.usefixtures("filled")
def test_only_what_is_public_leaves_unless_more_is_asked_for() -> None:
    assert [item["key"] for item in exported()] == ["team/blob", "team/motto"]
    assert [item["key"] for item in exported("--include-private", "me/")] == ["me/diary", "me/kind"]
    assert [item["key"] for item in exported("me/")] == []
    told = cis("memory", "export", "--include-private")
    assert SECRET not in told.out
    assert told.err == "4 entries exported; 1 Sensitive left out (--include-sensitive takes them too, in clear)\n"


@pytest.mark.usefixtures("filled")
def test_what_is_sensitive_leaves_when_it_is_asked_for_by_name() -> None:
    assert [item["value"] for item in exported("me/password", "--include-private")] == [SECRET]
    assert exported("me/password") == [], "its name does not make it public"
    assert exported("me/passwor", "--include-private") == []
    keys = [item["key"] for item in exported("--include-private", "--include-sensitive")]
    assert keys == ["me/diary", "me/kind", "me/password", "team/blob", "team/motto"]


@pytest.mark.usefixtures("filled")
def test_a_round_trip_gives_the_same_memory(tmp_path: Path) -> None:
    file, other = tmp_path / "all.jsonl", tmp_path / "other"
    assert cis("memory", "export", "--include-private", "--include-sensitive", "-o", str(file)).code == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert cis("memory", "import", str(file), "--home", str(other)).code == 0
    there = exported("--include-private", "--include-sensitive", home=other)
    assert essence(there) == essence(exported("--include-private", "--include-sensitive"))
    kind = next(item for item in there if item["key"] == "me/kind")
    assert (kind["index_type"], kind["classed"]) == ("Temporary", True)


def test_a_live_engine_does_the_same(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(lines(*({"key": f"k/{n:04}", "value": f"v{n}", "domain": "public"} for n in range(1203))))
    assert cis("engine", "start").code == 0
    try:
        assert cis("memory", "import", str(file)).err == "1,203 entries imported\n"
        assert [item["value"] for item in exported()] == [f"v{n}" for n in range(1203)]
        big = "ü\n" * 2_000_000
        assert cis("memory", "import", "-", input=lines({"key": "big", "value": big})).code == 0
        assert [item["value"] for item in exported("big", "--include-private")] == [big]
    finally:
        assert cis("engine", "stop").code == 0
    assert len(exported()) == 1203


def test_a_file_is_taken_whole_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    bad = '{"key": "b"}\nnot json\n\n[1]\n{"key": "c\\n", "value": "x"}\n{"key": "d", "value": 5, "domain": "all"}\n'
    file.write_text(lines({"key": "a", "value": "x"}) + bad + lines({"key": "z", "value": "x"}))
    told = cis("memory", "import", str(file))
    assert told.code == 5
    assert f'{file}:2: "value" is null' in told.err
    assert f"{file}:3: the line is not JSON at column 1\n" in told.err
    assert f"{file}:5: the line is a list" in told.err
    assert f"{file}:6: a key is one line of text" in told.err
    assert f"{file}:7: " in told.err
    assert "5 of 7 lines" in told.err
    assert cis("memory", "list", "--json").json == []
    error = cis("memory", "import", str(file), "--json").error
    assert (error["code"], error["context"]["bad"], len(error["context"]["problems"])) == ("CIS-MEM-080", 5, 5)
    skipped = cis("memory", "import", str(file), "--skip-invalid", "--json")
    assert (skipped.code, skipped.json) == (0, {"imported": 2, "skipped": 5})
    assert [item["key"] for item in cis("memory", "list", "--json").json] == ["a", "z"]


def test_a_stream_is_kept_as_far_as_it_is_right() -> None:
    told = cis("memory", "import", "-", input=lines({"key": "a", "value": "x"}, 7, {"key": "b", "value": "x"}))
    assert told.code == 5
    assert "kept 1 entry of stdin" in told.err
    assert "error: stdin:2: " in told.err
    assert [item["key"] for item in cis("memory", "list", "--json").json] == ["a"]


def test_a_value_that_cannot_be_kept_is_not_shown() -> None:
    told = cis("memory", "import", "-", input=lines({"key": "pin", "value": 7391}))
    assert "7391" not in told.err


def test_a_line_without_end_costs_no_memory(tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    file.write_bytes(b'{"key": "k", "value": "' + b"x" * 60_000_000 + b'"}\n' + b'{"key": "a", "value": "x"}\n')
    told = cis("memory", "import", str(file), "--skip-invalid")
    assert (told.code, "1 entry imported; 1 bad line skipped" in told.err) == (0, True)


def test_fields_that_mean_nothing_are_told(tmp_path: Path) -> None:
    file = tmp_path / "in.jsonl"
    file.write_text(lines({"key": "a", "value": "x", "pined": True, "origin": "elsewhere"}))
    told = cis("memory", "import", str(file))
    assert told.err == "fields that mean nothing here are ignored: pined\n1 entry imported\n"


def test_an_import_declassifies_only_where_a_person_did() -> None:
    name = {"key": "api/token", "value": "x", "index_type": "ProjectConfig"}
    assert cis("memory", "import", "-", input=lines(name)).code == 0
    assert cis("memory", "get", "api/token", "--json").json["index_type"] == "Sensitive"


def test_a_missing_file_and_a_missing_folder_are_told(tmp_path: Path) -> None:
    assert cis("memory", "import", str(tmp_path / "no")).code == 3
    assert cis("memory", "export", "-o", str(tmp_path / "no" / "file")).code == 4
    cis("memory", "set", "a", "1", "--domain", "public")
    full = cis("memory", "export", "-o", "/dev/full")
    assert (full.code, "the disk is full\nhint: make room" in full.err) == (6, True), full.err
    assert list(tmp_path.glob("**/*.tmp")) == []


def test_an_export_leaves_devices_and_the_old_file_alone(tmp_path: Path) -> None:
    cis("memory", "set", "team/a", "x", "--domain", "public")
    assert cis("memory", "export", "-o", "/dev/null").code == 0
    assert not Path("/dev/null").is_file()
    file = tmp_path / "out"
    file.write_text("old")
    assert cis("memory", "export", "-o", str(file), "--home", "/dev/null/x").code != 0
    assert file.read_text() == "old"


def test_ctrl_c_says_what_is_kept(tmp_path: Path) -> None:
    command = [CIS, "memory", "import", "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env=dict(os.environ)) as process:
        assert process.stdin is not None and process.stderr is not None
        for number in range(10_500):
            process.stdin.write(lines({"key": f"k/{number}", "value": "x", "domain": "public"}).encode())
        process.stdin.flush()
        assert process.stderr.readline().startswith(b"10,000 entries imported")
        process.send_signal(signal.SIGINT)
        told = process.stderr.read().decode()
        process.stdin.close()
        assert process.wait() == 130
    kept = int(told.partition("kept ")[2].partition(" entries of stdin")[0].replace(",", ""))
    assert kept >= 10_000
    assert len(exported()) == kept


@pytest.mark.parametrize("live", [False, True])
def test_an_import_makes_no_secret_anything_else_without_a_yes(tmp_path: Path, live: bool) -> None:
    assert live is False or cis("engine", "start").code == 0
    try:
        cis("memory", "set", "s/note", "p", "--type", "Sensitive")
        by_key = {"key": "s/password", "value": "p", "index_type": "Temporary", "classed": True}
        by_memory = {"key": "s/note", "value": "p", "index_type": "Temporary", "classed": True}
        file = tmp_path / "in.jsonl"
        file.write_text(lines({"key": "a", "value": "x"}, by_key, by_memory))
        told = cis("memory", "import", str(file))
        assert told.code == 5
        assert f"{file}:2: s/password is Sensitive (the key" in told.err
        assert f"{file}:3: s/note is Sensitive (you said so); as Temporary it would be shown" in told.err
        assert "cis memory import --yes keeps it so" in told.err
        assert [item["key"] for item in cis("memory", "list", "--json").json] == ["s/note"]
        stream = cis("memory", "import", "-", input=lines(by_memory))
        assert (stream.code, "error: stdin:1: s/note is Sensitive" in stream.err) == (5, True)
        assert cis("memory", "import", str(file), "--skip-invalid", "--json").json == {"imported": 1, "skipped": 2}
        assert cis("memory", "import", str(file), "--yes").code == 0
        kinds = {item["key"]: item["index_type"] for item in cis("memory", "list", "--json").json}
        assert (kinds["s/note"], kinds["s/password"]) == ("Temporary", "Temporary")
    finally:
        assert live is False or cis("engine", "stop").code == 0


def test_a_secret_that_the_same_stream_brings_is_kept_one() -> None:
    said = {"key": "k", "value": "p", "index_type": "Temporary", "classed": True}
    told = cis("memory", "import", "-", input=lines({**said, "index_type": "Sensitive"}, said))
    assert (told.code, "say --yes" in told.err) == (4, True)
    assert [item["index_type"] for item in cis("memory", "list", "--json").json] == ["Sensitive"]


def test_a_round_trip_of_what_was_declassified_takes_a_yes(tmp_path: Path) -> None:
    assert cis("memory", "set", "api/token", "none", "--type", "Temporary", "--yes").code == 0
    file, other = tmp_path / "all.jsonl", tmp_path / "other"
    assert cis("memory", "export", "--include-private", "-o", str(file)).code == 0
    assert cis("memory", "import", str(file), "--home", str(other)).code == 5
    assert cis("memory", "import", str(file), "--yes", "--home", str(other)).code == 0
    assert essence(exported("--include-private", home=other)) == essence(exported("--include-private"))


def test_an_export_goes_where_a_name_leads(tmp_path: Path) -> None:
    cis("memory", "set", "a", "1", "--domain", "public")
    kept, link = tmp_path / "kept", tmp_path / "link"
    kept.write_text("before\n")
    link.symlink_to(kept)
    with kept.open("ab") as file:
        assert cis("memory", "export", "-o", f"/proc/{os.getpid()}/fd/{file.fileno()}").code == 0
    assert kept.read_text().startswith('before\n{"key":"a"'), "what stdout is as a file is written on"
    assert cis("memory", "export", "-o", str(link)).code == 0
    assert (link.is_symlink(), kept.read_text().startswith('{"key":"a"')) == (True, True)
