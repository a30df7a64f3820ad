"""`cis config`, `cis engine`, `cis completion`, and how words are put on the terminal."""

from __future__ import annotations

import errno
import gc
import io
import os
import pty
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cis_tui.cli import running
from cis_tui.cli.failure import report
from cis_tui.cli.outcome import exit_code, seconds
from cis_tui.cli.output import paint, show, table
from cis_tui.core.clock import Instant
from cis_tui.core.errors import Exit, NotFound
from cis_tui.core.lock import engine_live
from cis_tui.core.paths import Home
from cis_tui.dag.model import LevelKind
from cis_tui.dag.state import RunState
from cis_tui.dag.views import Decision, DecisionKind, DecisionStatus, RunStatus, TaskStatus, TaskView
from tests.cli.support import CIS, call, cis


def test_every_setting_says_where_it_comes_from(home: Home, tmp_path: Path) -> None:
    home.config_file.write_text("[decisions]\nrecommended = 9\n")
    (tmp_path / "p" / ".cis").mkdir(parents=True)
    project_file = tmp_path / "p" / ".cis" / "project.toml"
    project_file.write_text('[memory]\ndefault_domain = "public"\n')
    shown = cis("config", "show", "--json", cwd=tmp_path / "p", env={"CIS_UI_THEME": "other"}).json
    sources = {value["name"]: (value["value"], value["source"]) for value in shown}
    assert sources["decisions.recommended"] == (9.0, str(home.config_file))
    assert sources["memory.default_domain"] == ("public", str(project_file))
    assert sources["ui.theme"] == ("other", "env CIS_UI_THEME")
    assert sources["memory.hot_weeks"] == (4, "default")
    assert "decisions.recommended  9" in cis("config", "show").out


def test_a_setting_is_checked_before_it_is_written(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.config_file.write_text("# mine\n[memory]  # about memory\nhot_weeks = 3 # three\n\n[other]\nx = 1\n")
    assert call(capsys, "config", "set", "memory.hot_weeks", "6").out == "memory.hot_weeks = 6\n"
    assert call(capsys, "config", "set", "ui.theme", "cis-light").code == 0
    text = home.config_file.read_text()
    assert text.startswith("# mine\n[memory]  # about memory\nhot_weeks = 6 # three\n\n[other]\nx = 1\n")
    assert '[ui]\ntheme = "cis-light"\n' in text
    assert stat.S_IMODE(home.config_file.stat().st_mode) == 0o600
    assert call(capsys, "config", "get", "memory.hot_weeks").out == "6\n"
    for words, code in [
        (("memory.hot_weeks", "0"), 5),
        (("memory.hot_weeks", "many"), 5),
        (("memory.default_domain", "both"), 5),
        (("memory.hot_week", "6"), 3),
        (("decisions.threshold", "0.7"), 0),
        (("ui.theme", "nope"), 5),
        (("ui.theme", "textual-dark"), 5),
    ]:
        assert call(capsys, "config", "set", *words).code == code, words
    assert "theme" not in call(capsys, "config", "set", "ui.thme", "x").out
    assert 'did you mean "cis-light"?' in call(capsys, "config", "set", "ui.theme", "cis-lihgt").err
    assert 'did you mean "ui.theme"?' in call(capsys, "config", "get", "ui.thme").err
    assert "in [keys] of config.toml" in call(capsys, "config", "set", "keys.quit", "ctrl+x").err


def test_a_setting_is_taken_out_again(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.config_file.write_text("# mine\n[memory]\nhot_weeks = 3 # three\ntotal_weeks = 60\n")
    assert call(capsys, "config", "unset", "memory.hot_weeks").out == "memory.hot_weeks = 4, from default\n"
    assert home.config_file.read_text() == "# mine\n[memory]\ntotal_weeks = 60\n"
    again = call(capsys, "config", "unset", "memory.hot_weeks", "--json")
    assert again.json == {"name": "memory.hot_weeks", "value": 4, "source": "default"}
    assert "did not set it" in again.err
    assert call(capsys, "config", "unset", "ui.theme").code == 0  # of a table that is not there
    assert call(capsys, "config", "unset", "ui.thme").code == 3
    home.config_file.write_text("[memory\n")
    assert call(capsys, "config", "unset", "memory.hot_weeks").code == 5


def test_settings_that_are_kept_elsewhere_are_changed_there(home: Home, tmp_path: Path) -> None:
    kept = tmp_path / "kept.toml"
    kept.write_text("# mine\n")
    home.config_file.symlink_to(kept)
    assert cis("config", "set", "memory.hot_weeks", "6").code == 0
    assert "hot_weeks = 6" in kept.read_text()
    assert cis("config", "unset", "memory.hot_weeks").code == 0
    assert "hot_weeks" not in kept.read_text()
    assert home.config_file.is_symlink()


def test_a_damaged_file_is_not_written_over(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.config_file.write_text("[memory\n")
    told = call(capsys, "config", "set", "memory.hot_weeks", "6")
    assert told.code == 5
    assert home.config_file.read_text() == "[memory\n"
    home.config_file.write_text("memory = 3\n")
    assert call(capsys, "config", "set", "memory.hot_weeks", "6").code == 5


def test_a_setting_that_something_overrides_says_so() -> None:
    told = cis("config", "set", "ui.theme", "paper", env={"CIS_UI_THEME": "theirs"})
    assert told.code == 0
    assert "env CIS_UI_THEME overrides it: theirs" in told.err


def test_an_engine_is_started_and_stopped(home: Home) -> None:
    assert cis("engine", "status").code == 6
    assert cis("engine", "stop").code == 0
    started = cis("engine", "start", "--json")
    assert started.code == 0
    try:
        assert started.json["staying"] is True
        assert cis("engine", "start", "--json").json["pid"] == started.json["pid"]
        assert cis("engine", "status", "--json").json["home"] == str(home.root)
        assert "stays without one" in cis("engine", "status").out
        assert cis("doctor").code == 0
        assert "when it is started anew" in cis("config", "set", "p2p.listen_port", "0").err
        assert cis("config", "set", "p2p.share", '["team/"]').err == ""
    finally:
        stopped = cis("engine", "stop")
    assert stopped.out == "the engine has stopped\n"
    assert not home.engine_socket.exists()
    assert not engine_live(home)
    assert cis("engine", "status", "--json").error["code"] == "CIS-ENG-002"


EVERYWHERE = ("--json", "--project", "--home", "--help")
COMPLETED = [
    ("memory ''", {"set", "get", "history", "undo"}),
    ("mem", {"memory"}),
    ("dag run two --de", {"--detach"}),
    ("--json --home /x memory und", {"undo"}),
    ("memory set k v --domain ''", {"private", "public"}),
    ("decision vote d1 ''", {"approve", "reject", "abstain"}),
    ("dag run two.t", {"two.toml"}),
    ("completion f", {"fish"}),
]


def test_completion_is_a_script_that_the_shell_takes(tmp_path: Path) -> None:
    (tmp_path / "two.toml").touch()
    script = cis("completion", "bash").out
    asked = "\n".join(
        f"COMP_WORDS=(cis {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _cis; echo ${{COMPREPLY[@]}}"
        for words, _ in COMPLETED
    )
    done = subprocess.run(
        ["bash", "-c", f"{script}\n{asked}"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    offered = [{word for word in line.split() if word not in EVERYWHERE} for line in done.stdout.splitlines()]
    for (words, expected), got in zip(COMPLETED, offered, strict=True):
        assert expected <= got if words.endswith("''") else expected == got, words
    assert "source <(cis completion zsh)" in cis("completion", "zsh").out
    assert "-l detach -d" in cis("completion", "fish").out
    assert cis("completion", "bash", "--json").json == {"shell": "bash", "script": script.removesuffix("\n")}
    assert cis("completion", "tcsh").code == 2


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
def test_completion_is_a_script_that_zsh_takes(tmp_path: Path) -> None:
    (tmp_path / "script").write_text(cis("completion", "zsh").out)
    subprocess.run(["zsh", "-n", str(tmp_path / "script")], check=True)


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed")
def test_completion_is_a_script_that_fish_takes(tmp_path: Path) -> None:
    (tmp_path / "two.toml").touch()
    script = cis("completion", "fish").out
    for words, expected in COMPLETED:
        asked = f"{script}\ncomplete -C {shlex.quote('cis ' + words.removesuffix(chr(39) * 2))}"
        done = subprocess.run(
            ["fish", "--no-config", "-c", asked], capture_output=True, text=True, check=True, cwd=tmp_path
        )
        offered = {line.split("\t")[0] for line in done.stdout.splitlines()}
        assert expected <= offered, words
        assert done.stderr == ""


def test_colour_is_for_terminals_whose_owner_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    controller, terminal = pty.openpty()
    with open(terminal, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        show(paint("x", "red"))
        assert os.read(controller, 99) == b"\x1b[31mx\x1b[0m\r\n"
        monkeypatch.setenv("NO_COLOR", "1")
        assert paint("x", "red", stream) == "x"
        table(("NAME",), [("longer",)])
        assert os.read(controller, 99) == b"NAME\r\nlonger\r\n", "it does not know its size"
    os.close(controller)
    assert "\x1b" not in cis("nothing").err


def test_columns_are_aligned_and_clean(capsys: pytest.CaptureFixture[str]) -> None:
    table(("NAME", "N", "WHAT"), [("a", 1, "x\x1b[2J"), ("longer", 10, "two\nlines")])
    assert capsys.readouterr().out == "NAME    N   WHAT\na       1   x\nlonger  10  two lines\n"


def test_lengths_of_time_read_well() -> None:
    assert [seconds(length) for length in (0, 0.04, 9.94, 12.4, 60, 200, 3600, 7500)] == [
        "0.0 s",
        "0.0 s",
        "9.9 s",
        "12 s",
        "1 min 0 s",
        "3 min 20 s",
        "1 h 0 min",
        "2 h 5 min",
    ]


def ended(outcome: RunStatus, **tasks: tuple[TaskStatus, DecisionStatus | None]) -> RunState:
    """A run that ended so, with these tasks and what was decided about them."""
    views = {
        id: TaskView(id, status, LevelKind.CONFIRMED, decision=f"d-{id}" if decided else "")
        for id, (status, decided) in tasks.items()
    }
    decisions = {
        f"d-{id}": Decision(f"d-{id}", "r", id, DecisionKind.CONFIRMED, "?", None, "reject", decided)
        for id, (_, decided) in tasks.items()
        if decided
    }
    return RunState("r", "dag", Instant(0), "all_success", views, outcome=outcome, decisions=decisions)


def test_a_full_disk_is_told_with_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(OSError(errno.ENOSPC, "No space left on device"), ["status"]) == Exit.UNAVAILABLE
    assert "the disk is full\nhint: make room on the disk" in capsys.readouterr().err
    assert report(OSError(errno.EROFS, "Read-only file system", "/x"), ["status"]) == Exit.REFUSED
    assert "cannot write /x: Read-only" in capsys.readouterr().err


def test_a_refusal_is_told_from_a_failure() -> None:
    failed, rejected = (TaskStatus.FAILED, None), (TaskStatus.FAILED, DecisionStatus.REJECTED)
    timed_out, approved = (TaskStatus.FAILED, DecisionStatus.TIMED_OUT), (TaskStatus.FAILED, DecisionStatus.APPROVED)
    assert exit_code(ended(RunStatus.COMPLETED, a=(TaskStatus.COMPLETED, None))) == Exit.DONE
    assert exit_code(ended(RunStatus.FAILED, a=failed)) == Exit.FAILED
    assert exit_code(ended(RunStatus.FAILED, a=rejected)) == Exit.REFUSED
    assert exit_code(ended(RunStatus.FAILED, a=rejected, b=timed_out)) == Exit.REFUSED
    assert exit_code(ended(RunStatus.FAILED, a=rejected, b=failed)) == Exit.FAILED
    assert exit_code(ended(RunStatus.FAILED, a=approved)) == Exit.FAILED
    assert exit_code(ended(RunStatus.CANCELLED, a=(TaskStatus.CANCELLED, None))) == Exit.FAILED


def test_a_bug_is_told_without_a_traceback_and_logged(home: Home) -> None:
    home.root.joinpath("trust.toml").mkdir()
    told = cis("trust", "--json", cwd=Path("/"))
    assert told.code == 3
    home.root.joinpath("runs.db").mkdir()
    told = cis("run", "list")
    assert told.code == 6
    assert "Traceback" not in told.err


def test_an_error_is_told_wherever_it_can_be(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with open("/dev/full", "wb", buffering=0) as device, io.TextIOWrapper(device, write_through=True) as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert report(NotFound("CIS-CLI-010", "it is gone"), ["--json"]) == Exit.NOT_FOUND
        assert "error: it is gone" in capsys.readouterr().err
        monkeypatch.setattr(sys, "stderr", full)
        assert report(NotFound("CIS-CLI-010", "it is gone"), []) == Exit.NOT_FOUND


def test_a_word_that_is_no_text_is_no_bug() -> None:
    with pytest.raises(UnicodeEncodeError) as caught:
        "\udcff".encode()
    assert report(caught.value, ["run", "show", "\udcff"]) == Exit.USAGE


def test_a_bug_is_told_where_no_log_can_be_kept(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    home.root.joinpath("log").write_text("no folder")
    assert report(ValueError("no"), [f"--home={home.root}"]) == Exit.FAILED
    assert "ValueError: no" in capsys.readouterr().err


def test_what_stdin_holds_is_checked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ask, run = ("agent", "ask", "-"), ("skill", "run", "greet", "--input", "-")
    for words, given, said in (
        (ask, b"what\xff", "the prompt on stdin is not UTF-8: invalid start byte at byte 4"),
        (run, b"\xff", "--input on stdin is not UTF-8"),
        (run, b'{"a": 1e999}', "--input is not JSON: Out of range"),
        (run, b" " * 16_000_001, "longer than 16 MB"),
    ):
        with io.TextIOWrapper(io.BytesIO(given), "latin-1") as stdin:
            monkeypatch.setattr(sys, "stdin", stdin)
            called = call(capsys, *words)
        assert (called.code, said in called.err) == (Exit.USAGE, True), called.err


def test_an_interrupt_before_the_work_begins_is_quiet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    def press(work: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(running, "run_to_end", press)
    assert call(capsys, "status").code == Exit.INTERRUPTED
    gc.collect()
    assert not recwarn.list


def test_a_closed_stdin_is_an_empty_one(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in ((("memory", "set", "k"), "no value is given"), (("agent", "ask", "-"), "the prompt is empty")):
        monkeypatch.setattr(sys, "stdin", None)
        called = call(capsys, *words)
        sys.stdin.close()
        assert (called.code, said in called.err) == (Exit.USAGE, True)


def test_a_closed_stdout_is_quiet() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{CIS} config show >&-; {CIS} memory list | true"], capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
