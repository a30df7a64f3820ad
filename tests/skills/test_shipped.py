"""The skills that come with the program: their own tests, and what those cannot say."""

from __future__ import annotations

import importlib.util
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import ModuleType

import pytest

from cis_tui.skills.cases import CASES
from cis_tui.skills.registry import SHIPPED_SKILLS
from cis_tui.skills.surroundings import AUTHOR
from tests.cli.support import cis

TESTED = sorted(folder.name for folder in SHIPPED_SKILLS.iterdir() if (folder / CASES).is_file())


def test_their_own_tests_pass(tmp_path: Path) -> None:
    tried = cis("skill", "test", "--json", cwd=tmp_path).json
    assert {each["skill"] for each in tried} == set(TESTED)
    assert len(TESTED) >= 6
    assert [each for each in tried if not each["ok"]] == []


@pytest.fixture
def address() -> Iterator[str]:
    """A server of three pages."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/away":
                self.send_response(302)
                self.send_header("Location", "file:///etc/passwd")
                self.end_headers()
                return
            body = {"/text": "grüße".encode("latin-1"), "/bytes": bytes(range(256))}.get(self.path, b"gone")
            self.send_response(200 if len(body) != 4 else 404)
            self.send_header("Content-Type", "text/plain; charset=latin-1" if self.path == "/text" else "x/y")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody is told."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_http_get_tells_text_from_bytes_and_goes_nowhere_else(tmp_path: Path, address: str) -> None:
    def get(*args: str) -> dict[str, object]:
        return cis("skill", "run", "http-get", *args, "--json", cwd=tmp_path).json

    assert get(f"{address}/text")["output"] == {
        "status": 200,
        "url": f"{address}/text",
        "type": "text/plain; charset=latin-1",
        "whole": True,
        "text": "grüße",
    }
    found = get(f"{address}/bytes", "200")["output"]
    assert isinstance(found, dict)
    assert (found["whole"], "base64" in found or "text" in found) == (False, True)
    gone = get(f"{address}/gone")["output"]
    assert isinstance(gone, dict)
    assert gone["status"] == 404
    away = str(get(f"{address}/away")["output"])
    assert ("'status': 302" in away, "root:" in away) == (True, False)


def _helper() -> ModuleType:
    spec = importlib.util.spec_from_file_location("cis_skill", AUTHOR / "cis_skill.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["cis_skill"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("answer", "printed", "code"),
    [("text", "text\n", 0), ({"a": ["é"]}, '{"a": ["é"]}\n', 0), (None, "", 0), (RuntimeError, "", 3)],
)
def test_the_helper_reads_and_answers(
    answer: object, printed: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    helper = _helper()
    given = {"args": ["a"], "input": {"b": 1}, "project": "/p", "run": "r"}
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(given)))

    def handle(call: object) -> object:
        assert call == helper.Call(["a"], {"b": 1}, "/p", "r")
        if answer is RuntimeError:
            helper.fail("it cannot be done", 3)
        return answer

    with pytest.raises(SystemExit) as ended:
        helper.run(handle)
    assert (ended.value.code, capsys.readouterr().out) == (code, printed)


def test_the_helper_names_keys_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "cis").write_text("#!/bin/sh\ncat\nprintf '%s ' \"$@\"\n")
    (tmp_path / "cis").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    helper = _helper()
    assert (helper.memory_get("a"), helper.memory_get("--json")) == ("memory get a ", "memory get -- --json ")
    assert helper._cis("memory", "set", *helper._word("-k"), "-", given="\udcff").stdout == "\udcffmemory set -- -k - "


WARM = """#!/usr/bin/env python3
import os
import cis_skill

def handle(call):
    if call.args == ["no"]:
        cis_skill.fail("it cannot be done")
    return {"pid": os.getpid(), "args": call.args}

cis_skill.serve(handle)
"""


def test_the_helper_speaks_utf8_whatever_the_locale() -> None:
    script = "import cis_skill; cis_skill.run(lambda call: {'given': call.args[0], 'file': 'a\\udcff'})"
    env = {"PYTHONPATH": str(AUTHOR), "PYTHONIOENCODING": "latin-1:strict"}
    given = json.dumps({"args": ["ü €"]}, ensure_ascii=False).encode()
    done = subprocess.run([sys.executable, "-S", "-c", script], input=given, env=env, capture_output=True, check=False)
    assert json.loads(done.stdout or "{}") == {"given": "ü €", "file": "a\udcff"}, done.stderr


def test_the_helper_serves_a_warm_skill(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "skills" / "warm"
    folder.mkdir(parents=True)
    (folder / "run.py").write_text(WARM)
    (folder / "run.py").chmod(0o755)
    (folder / "skill.toml").write_text('[skill]\nname = "warm"\nentry = "run.py"\nmode = "warm"\n')
    (tmp_path / "home").chmod(0o700)
    try:
        assert cis("engine", "start", cwd=tmp_path).code == 0
        first, second = (cis("skill", "run", "warm", word, "--json", cwd=tmp_path).json["output"] for word in "ab")
        assert (first["pid"], first["args"], second["args"]) == (second["pid"], ["a"], ["b"])
        failed = cis("skill", "run", "warm", "no", "--json", cwd=tmp_path)
        assert (failed.code, "it cannot be done" in failed.out) == (1, True)
    finally:
        cis("engine", "stop", cwd=tmp_path)
