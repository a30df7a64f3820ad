"""`cis secret run`: remembered values reach the program, and not its output."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.cli.support import CIS, cis

SECRET = "hunter2/pass+word="
GIVEN = ("secret", "run", "--env", "TOKEN=user/api-key", "--")


@pytest.fixture(autouse=True)
def remembered() -> None:
    assert cis("memory", "set", "user/api-key", SECRET).code == 0


@contextmanager
def started(*words: str) -> Generator[subprocess.Popen[bytes]]:
    """The command, running, with pipes."""
    process = subprocess.Popen([CIS, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            with suppress(BrokenPipeError):
                pipe.close()


def read(process: subprocess.Popen[bytes], size: int) -> bytes:
    """The next `size` bytes that it prints."""
    assert process.stdout is not None
    data = b""
    while len(data) < size and (more := os.read(process.stdout.fileno(), size - len(data))):
        data += more
    return data


def line(process: subprocess.Popen[bytes]) -> bytes:
    """The next line that it prints."""
    data = b""
    while not data.endswith(b"\n") and (more := read(process, 1)):
        data += more
    return data


def test_the_program_has_the_value_and_its_output_does_not() -> None:
    program = 'test "$TOKEN" = "hunter2/pass+word=" && echo "it is $TOKEN"; echo "oops $TOKEN" >&2; exit 3'
    done = cis(*GIVEN, "sh", "-c", program)
    assert (done.code, done.out, done.err) == (3, "it is ***\n", "oops ***\n")


def test_stdin_and_bytes_pass_through_untouched() -> None:
    data = bytes(range(256)) * 1000
    done = subprocess.run([CIS, *GIVEN, "cat"], input=data, capture_output=True, check=True)
    assert done.stdout == data


def test_public_values_and_bytes_work_too() -> None:
    cis("memory", "set", "motto", "ship on Fridays", "--domain", "public")
    cis("memory", "set", "blob", input=b"\xff\xfe-blob")
    words = ("secret", "run", "--env", "MOTTO=motto", "--env", "BLOB=blob", "--")
    done = cis(*words, "sh", "-c", 'echo "$MOTTO" "$BLOB"; printf %s "$BLOB" | od -An -tx1 -w6')
    assert done.out == "*** ***\n ff fe 2d 62 6c 6f\n 62\n"


def test_a_value_that_comes_in_pieces_is_masked_and_a_prompt_is_not_held_back() -> None:
    program = f"import sys; w = sys.stdout.write; w('Go on? '); sys.stdout.flush(); input(); w({SECRET[:5]!r});"
    program += f"sys.stdout.flush(); input(); w({SECRET[5:]!r} + '!')"
    with started(*GIVEN, sys.executable, "-c", program) as process:
        assert process.stdin is not None
        assert read(process, 7) == b"Go on? "
        process.stdin.write(b"\n\n")
        process.stdin.close()
        assert read(process, 100) == b"***!"
        assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--env", "A=nothing", "--", "touch", "ran"), 3, 'there is no memory "nothing"'),
        (("--env", "A=nothing", "--env", "B=none", "--", "touch", "ran"), 3, 'there is no memory "nothing", "none"'),
        (("--env", "1A=user/api-key", "--", "touch", "ran"), 2, "'1A' is no name of a variable"),
        (("--env", "A", "--", "touch", "ran"), 2, "'A' is not NAME=KEY"),
        (("--env", "A=", "--", "touch", "ran"), 2, "'A=' is not NAME=KEY"),
        (("--env", "A=user/api-key", "--env", "A=x", "--", "touch", "ran"), 2, "--env A is given twice"),
        (("--env", "A=user/api-key", "touch", "ran"), 2, 'does not expect "touch"'),
        (("--env", "A=user/api-key", "--"), 2, "needs a command after --"),
        (("--", "touch", "ran"), 2, "required: --env"),
        (("--env", "A=user/api-key", "--", "no-such-command"), 127, "there is no command no-such-command"),
        (("--env", "A=user/api-key", "--", "/etc/passwd"), 126, "/etc/passwd cannot be executed"),
        (("--env", "A=user/null", "--", "touch", "ran"), 5, 'the value of "user/null" holds a null byte'),
        (("--env", "A=user/long", "--", "touch", "ran"), 5, "more than an environment variable can hold (131069)"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_runs(
    words: tuple[str, ...], code: int, said: str, tmp_path: Path
) -> None:
    cis("memory", "set", "user/null", input=b"a\0b")
    cis("memory", "set", "user/long", input="x" * 131070)
    told = cis("secret", "run", *words, cwd=tmp_path)
    assert (told.code, told.out) == (code, "")
    assert said in told.err
    assert SECRET not in told.err
    assert not (tmp_path / "ran").exists()
    as_json = cis("secret", "run", "--json", *words, cwd=tmp_path)
    assert (as_json.code, as_json.err) == (code, "")
    assert said in str(as_json.error["message"])


def test_a_value_that_is_too_short_is_given_and_said_not_to_be_masked() -> None:
    cis("memory", "set", "pin", "123")
    done = cis("secret", "run", "--env", "PIN=pin", "--", "sh", "-c", "echo $PIN")
    assert (done.code, done.out) == (0, "123\n")
    assert done.err == 'warning: the value of "pin" is shorter than 4 characters; PIN is not masked\n'


def test_options_after_the_dashes_are_the_programs() -> None:
    done = cis(*GIVEN, "echo", "--json", "--home", "x", "--", "-h")
    assert (done.code, done.out) == (0, "--json --home x -- -h\n")


def test_json_is_one_document_at_the_end() -> None:
    told = cis("secret", "run", "--json", *GIVEN[2:], "sh", "-c", 'echo "$TOKEN ü"; echo err >&2; kill -9 $$')
    assert told.code == 137
    assert told.json == {"exit_code": 137, "stdout": "*** ü\n", "stderr": "err\n", "cut": False}
    much = cis("secret", "run", "--json", *GIVEN[2:], "sh", "-c", "yes | head -c 3000000")
    assert (len(much.json["stdout"]), much.json["cut"]) == (1024 * 1024, True)


def test_what_unlocks_private_memory_is_not_passed_on() -> None:
    done = cis(*GIVEN, "env", env={"CIS_PASSPHRASE": "open sesame", "CIS_PASSPHRASE_FILE": "/nowhere"})
    assert done.code == 0
    assert "CIS_PASSPHRASE" not in done.out
    assert f"CIS_HOME={os.environ['CIS_HOME']}" in done.out
    assert "TOKEN=***\n" in done.out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_reaches_the_program_once(number: signal.Signals) -> None:
    program = (
        "import os, signal\n"
        f"number = {int(number)}\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [number])\n"
        "print('ready', flush=True)\n"
        "print(signal.sigwait([number]), signal.sigtimedwait([number], 0.2), flush=True)\n"
        "signal.signal(number, signal.SIG_DFL)\n"
        "os.kill(os.getpid(), number)\n"
        "signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])\n"
    )
    with started(*GIVEN, sys.executable, "-c", program) as process:
        assert line(process) == b"ready\n"
        process.send_signal(number)
        assert line(process) == f"{int(number)} None\n".encode()
        assert process.wait(10) == 128 + number


def test_a_reader_that_goes_away_ends_the_program() -> None:
    script = f'{CIS} {" ".join(GIVEN)} yes "$(printf x)" | head -1; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, timeout=30)
    assert (done.stdout, done.stderr) == (f"x\n{128 + signal.SIGPIPE}\n", "")


def test_what_the_program_leaves_running_is_waited_for_until_told_otherwise() -> None:
    with started(*GIVEN, "sh", "-c", "sleep 60 & echo $!") as process:
        left = int(line(process))
        assert process.stderr is not None
        assert b"still holds its output; Ctrl-C leaves it" in process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
        os.kill(left, signal.SIGKILL)


def test_a_use_is_counted_and_seen_with_a_live_engine_by_name_alone() -> None:
    assert cis("engine", "start").code == 0
    try:
        with started("events", "-f") as events:
            assert events.stdout is not None
            while not select.select([events.stdout], [], [], 0)[0]:
                cis("memory", "set", "marker", "until it is heard", "--domain", "public")
            assert cis(*GIVEN, "sh", "-c", 'echo "$TOKEN"').out == "***\n"
            heard = [json.loads(line(events))]
            while heard[-1]["type"] != "MemoryAccess":
                heard.append(json.loads(line(events)))
    finally:
        cis("engine", "stop")
    assert heard[-1]["data"] == {"key": "user/api-key", "domain": "private"}
    assert SECRET not in str(heard)
    assert cis("memory", "get", "user/api-key", "--json").json["access_count"] == 2
