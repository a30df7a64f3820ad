"""What a run may not tell is in no log, no event and not in the journal; the tasks after it get it all the same."""

from __future__ import annotations

import base64
import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.environment import SECRET_NAMES
from cis_tui.dag.outputs import log_path
from cis_tui.dag.secrecy import Secrets, SecretStream, secret_values
from cis_tui.dag.views import RunStatus
from tests.dag.lab import Lab, open_lab, read, shell

VALUE = "zebra-crossing"
"""What memory has under `own/word`, see the lab."""
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3
TEXT = (
    f"first {VALUE} then {base64.b64encode(VALUE.encode()).decode()}\n"
    f'{{"token": "{TOKEN}"}}\nhttps://me:{VALUE}@host/ and https://me:other-secret@host/\n'
    "-----BEGIN PRIVATE KEY-----\nabc\ndef\n-----END PRIVATE KEY-----\n"
    "Authorization: Bearer abcdefgh12345678XYZ\nlast\n"
)
HIDDEN = (VALUE, TOKEN, "other-secret", "abc\n", "def\n", "abcdefgh12345678XYZ")


def streamed(secrets: Secrets, parts: list[bytes]) -> str:
    stream = SecretStream(secrets)
    return b"".join([*(stream.feed(part) for part in parts), stream.finish()]).decode()


def knowing(*values: str) -> Secrets:
    secrets = Secrets()
    secrets.add(*values)
    return secrets


@settings(max_examples=60, deadline=None)
@given(cuts=st.lists(st.integers(0, len(TEXT)), max_size=12))
def test_it_is_masked_wherever_a_stream_is_cut(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(TEXT)]
    data = TEXT.encode()
    shown = streamed(knowing(VALUE), [data[a:b] for a, b in pairwise(places)])
    assert not any(secret in shown for secret in HIDDEN)
    assert base64.b64encode(VALUE.encode()).decode() not in shown
    assert shown.startswith("first *** then ***\n")
    assert shown.endswith("last\n")


def test_a_token_without_end_is_masked_to_its_end() -> None:
    long = [b"word sk-ant-api03-"] + [b"A1b2C3d4" * 100] * 20 + [b" after\n"]
    assert streamed(Secrets(), long) == "word *** after\n"


def test_a_key_without_end_is_masked_to_the_end_of_the_stream() -> None:
    key = [b"x\n-----BEGIN RSA PRIVATE", b" KEY-----\n"] + [b"MIIEabc" * 9 + b"\n"] * 200
    assert streamed(Secrets(), key) == "x\n***"
    assert streamed(Secrets(), [*key, b"-----END RSA PRIV", b"ATE KEY-----\nafter\n"]) == "x\n***\nafter\n"


def test_what_a_run_learns_later_is_masked_from_then_on() -> None:
    secrets = Secrets()
    stream = SecretStream(secrets)
    first = stream.feed(b"before-known\n")
    secrets.add("before-known")
    assert first + stream.feed(b"before-known\n") + stream.finish() == b"before-known\n***\n"


def test_variables_are_secret_by_their_names_or_by_who_gave_them(tmp_path: Path) -> None:
    env = {
        "DB_PASSWORD": "hunter2!",
        "API_KEY": "k-123456",
        "USE_TOKEN": "true",
        "SSH_KEY_PIN": "1234567",
        "TOKEN_PATH": str(tmp_path),
        "SSH_PRIVATE_KEY": str(tmp_path),
        "HOME": "/root/home",
        "PLAIN": "given-by-cis",
        SECRET_NAMES: "PLAIN",
    }
    assert secret_values(env) == ["hunter2!", "k-123456", "given-by-cis"]


def everything_kept(lab: Lab) -> bytes:
    """All bytes of the home: the journal with its write-ahead log, and the logs of tasks."""
    return b"".join(path.read_bytes() for path in lab.home.root.rglob("*") if path.is_file())


async def test_no_secret_of_a_run_is_kept_and_the_next_task_gets_it(tmp_path: Path) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.run(
            shell("tell", 'echo "{\\"word\\": \\"{{ memory("own/word") }}\\", \\"n\\": 7}"'),
            shell("use", "echo {{ tasks.tell.output.word }} > used; echo n {{ tasks.tell.output.n }}", "tell"),
            shell("env", "echo $DB_PASSWORD; echo $DB_PASSWORD | base64", env={"DB_PASSWORD": "correct-horse"}),
            shell("token", f"echo {TOKEN[:10]}$(echo {TOKEN[10:]})"),
            shell("each", "echo {{ item }} >> items", "tell", for_each=("{{ tasks.tell.output.word }}", "plain")),
            shell("bad", f"echo broke {TOKEN[:10]}$(echo {TOKEN[10:]}); false", idempotent=True),
        )
        tasks = {task.id: task for task in run.tasks}
        assert json.loads(tasks["tell"].output) == {"word": "***", "n": 7}
        assert tasks["tell"].masked
        assert not tasks["use"].masked
        assert read(lab.project / "used") == f"{VALUE}\n", "the next task got the real value"
        assert sorted(read(lab.project / "items").split()) == ["plain", VALUE]
        assert tasks["env"].output == "***\n***\n"
        assert read(log_path(lab.home.runs, run.id, "env", 1)) == "***\n***\n"
        assert tasks["bad"].output == "broke ***\n"
        kept = everything_kept(lab)
        told = json.dumps([event.data for event in lab.events], default=str)
        for secret in (VALUE, "correct-horse"):
            assert secret.encode() not in kept.replace(b'"DB_PASSWORD":"correct-horse"', b"")
            assert secret not in told.replace('"DB_PASSWORD": "correct-horse"', "")
        assert TOKEN not in told
        assert TOKEN.encode() not in kept


async def test_a_result_whose_secret_is_gone_is_not_used_without_it(tmp_path: Path) -> None:
    gate = "until test -e go; do sleep 0.02; done"
    async with open_lab(tmp_path) as lab:
        run = await lab.start(
            shell("tell", 'echo "{\\"word\\": \\"{{ memory("own/word") }}\\", \\"n\\": 7}"'),
            shell("wait", gate, "tell", idempotent=True),
            shell("fine", "echo {{ tasks.tell.output.n }} > fine", "wait"),
            shell("lacks", "echo {{ tasks.tell.output.word }} > lacks", "wait"),
            shell("whole", "echo '{{ tasks.tell.output }}' > lacks", "wait"),
        )
        await lab.running("wait")
    (tmp_path / "project" / "go").touch()
    async with open_lab(tmp_path) as lab:
        await lab.runs.resume(run)
        view = await lab.ended(run)
        tasks = {task.id: task for task in view.tasks}
        assert view.status is RunStatus.FAILED
        assert tasks["fine"].status.value == "completed"
        for id in ("lacks", "whole"):
            assert 'the output of "tell" held a secret, which is not kept' in tasks[id].error
        assert not (lab.project / "lacks").exists()
        again = await lab.runs.rerun(run, "tell")
        assert (await lab.ended(again.id)).status is RunStatus.COMPLETED
        assert read(lab.project / "lacks").strip() != ""


@pytest.mark.parametrize("word", ["***", "plain"])
async def test_an_output_that_only_looks_masked_is_used(tmp_path: Path, word: str) -> None:
    async with open_lab(tmp_path) as lab:
        run = await lab.run(shell("a", f"echo '{word}'"), shell("b", "echo '{{ tasks.a.output }}' > b", "a"))
        assert run.status is RunStatus.COMPLETED
        assert read(lab.project / "b").strip() == word
