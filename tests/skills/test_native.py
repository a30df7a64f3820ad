"""Native skills: one JSON document in, one answer out (contract, skill.toml)."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError, Invalid, NotFound, Refused, TimedOut
from cis_tui.core.paths import Home
from cis_tui.skills.answer import notice_of, parse_answer
from cis_tui.skills.model import SkillManifest, SkillType
from cis_tui.skills.surroundings import confined_env, skill_env
from tests.skills.natives import call, skill


async def test_it_is_given_what_the_contract_says(tmp_path: Path) -> None:
    script = """
    printf '%s\\n' "$#" "$@" "$CIS_SKILL" "$CIS_RUN" "$CIS_TASK" "$CIS_ATTEMPT" "$CIS_PROJECT" "$PWD" >&2
    cat
    """
    result, log = await call(skill(tmp_path / "skill", script, args=("--first",)), tmp_path, "a b", "c")
    assert result.success
    assert result.output == {"args": ["a b", "c"], "input": {"tag": "1.0"}, "project": str(tmp_path), "run": "r1"}
    told = ["3", "--first", "a b", "c", "greet", "r1", "t", "2", str(tmp_path), str(tmp_path)]
    assert log.decode().splitlines()[: len(told)] == told


async def test_it_can_call_cis(tmp_path: Path) -> None:
    result, _ = await call(skill(tmp_path / "skill", "command -v python"), tmp_path)
    assert result.success, "the folder of the running cis is on the PATH"


async def test_plain_text_is_an_answer(tmp_path: Path) -> None:
    result, log = await call(
        skill(tmp_path / "skill", r"echo working >&2; printf 'it is \033[31mred\033[0m\n'"), tmp_path
    )
    assert (result.success, result.output, result.exit_code) == (True, "it is red", 0)
    assert log == b"working\nit is \x1b[31mred\x1b[0m\n" or log == b"it is \x1b[31mred\x1b[0m\nworking\n"


async def test_a_failure_gives_what_it_said(tmp_path: Path) -> None:
    result, _ = await call(skill(tmp_path / "skill", "echo 'no such file' >&2; exit 4"), tmp_path)
    assert (result.success, result.output, result.exit_code) == (False, "no such file", 4)


async def test_its_own_limit_of_time_and_that_of_the_call(tmp_path: Path) -> None:
    slow = skill(tmp_path / "skill", "sleep 1000", timeout=0.1)
    with pytest.raises(TimedOut, match=r"timed out after 0\.1 s"):
        await call(slow, tmp_path)
    with pytest.raises(TimedOut, match=r"timed out after 0\.2 s"):
        await call(replace(slow, timeout=1000), tmp_path, timeout=0.2)


@pytest.mark.parametrize(("kilobytes", "fits"), [(1000, True), (1024, True), (1025, False)])
async def test_an_answer_of_more_than_a_megabyte_is_refused(tmp_path: Path, kilobytes: int, fits: bool) -> None:
    long = skill(tmp_path / "skill", f"head -c {kilobytes * 1024} /dev/zero | tr '\\0' x")
    if fits:
        result, _ = await call(long, tmp_path)
        assert result.output == "x" * (kilobytes * 1024)
    else:
        with pytest.raises(Invalid, match="more than 1024 kB"):
            await call(long, tmp_path)


async def test_what_does_not_fit_into_the_result_is_kept_whole_in_a_file(tmp_path: Path) -> None:
    kept = tmp_path / "kept" / "answer"
    long = skill(tmp_path / "skill", "printf '[\"é'; seq 1 100000; printf '\"]'", limits={"output_kb": 1})
    result, _ = await call(long, tmp_path, overflow=kept)
    assert result.success
    assert isinstance(result.output, str)
    assert result.output.startswith('["é1\n2\n3\n')
    assert len(result.output.encode()) <= 1024
    assert result.output_file == str(kept)
    assert kept.read_text() == '["é' + "".join(f"{number}\n" for number in range(1, 100_001)) + '"]'
    assert kept.stat().st_mode & 0o777 == 0o600


async def test_an_answer_that_fits_makes_no_file(tmp_path: Path) -> None:
    result, _ = await call(skill(tmp_path / "skill", "echo '{}'"), tmp_path, overflow=tmp_path / "kept")
    assert (result.output, result.output_file, (tmp_path / "kept").exists()) == ({}, "", False)


async def test_the_manifest_may_allow_less(tmp_path: Path) -> None:
    long = skill(tmp_path / "skill", "head -c 3000 /dev/zero", limits={"output_kb": 2})
    with pytest.raises(Invalid, match="more than 2 kB"):
        await call(long, tmp_path)


async def test_a_program_on_the_path(tmp_path: Path) -> None:
    result, _ = await call(skill(tmp_path / "skill", "", entry="printf", args=("%s-",)), tmp_path, "a", "b")
    assert result.output == "a-b-"


def link_out(manifest: SkillManifest) -> SkillManifest:
    """Its program is a link to a file beside its folder."""
    outside = manifest.folder.parent / "outside.sh"
    (manifest.folder / "run").rename(outside)
    (manifest.folder / "run").symlink_to(outside)
    return manifest


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"entry": "no-such-program"}, NotFound, "needs no-such-program, which is neither in"),
        ({"entry": "sub/run.sh"}, NotFound, "needs sub/run.sh"),
        ({"type": SkillType.WASM}, Refused, "of the type wasm"),
    ],
)
async def test_what_cannot_run_says_why(
    tmp_path: Path, changes: dict[str, object], kind: type[CisError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        await call(replace(skill(tmp_path / "skill", "true"), **changes), tmp_path)  # pyright: ignore[reportArgumentType]


async def test_a_link_out_of_its_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="leads out of the skill's folder"):
        await call(link_out(skill(tmp_path / "skill", "true")), tmp_path)


async def test_a_file_that_is_no_program_says_so(tmp_path: Path) -> None:
    broken = skill(tmp_path / "skill", "true")
    (broken.folder / "run").write_bytes(b"\x7fELF but not really")
    with pytest.raises(Invalid, match="greet cannot be started"):
        await call(broken, tmp_path)


async def test_a_script_that_names_no_interpreter_is_told_to(tmp_path: Path) -> None:
    broken = skill(tmp_path / "skill", "true")
    (broken.folder / "run").write_text("print('hello')\n")
    with pytest.raises(Invalid, match="greet cannot be started") as failure:
        await call(broken, tmp_path)
    assert "#!/usr/bin/env python3" in failure.value.hint
    assert failure.value.message.count("Errno") <= 1


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"a": [1, null, "x"]}', {"a": [1, None, "x"]}),
        ('"text"', "text"),
        ("3", 3),
        ("", ""),
        ("two\nlines", "two\nlines"),
        ('{"a": 1} {"b": 2}', '{"a": 1} {"b": 2}'),
        (r'{"a\u0007": "\u001b]0;title\u0007red\u001b[31m"}', {"a": "red"}),
        ("[" * 100_000, "[" * 100_000),
        ('{"a": NaN}', '{"a": NaN}'),
    ],
)
def test_answers(text: str, answer: object) -> None:
    assert parse_answer(text) == answer


def test_the_environment_goes_through_to_commands_of_ones_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("COLOUR", "blue")
    env = skill_env(Home(tmp_path), "greet")
    assert env["COLOUR"] == "blue"
    assert env["PATH"].startswith(os.environ["PATH"])
    assert json.dumps(env)


def test_the_passphrase_of_private_memory_stays_with_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIS_PASSPHRASE", "correct horse")
    monkeypatch.setenv("CIS_PASSPHRASE_FILE", "/nowhere")
    assert not [name for name in skill_env(Home(tmp_path), "greet") if name.startswith("CIS_PASSPHRASE")]


def test_a_skill_of_somebody_gets_no_secret_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "LD_PRELOAD", "CIS_HOME", "CIS_PASSPHRASE"):
        monkeypatch.setenv(name, "secret")
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    env = confined_env("greet", run="r1")
    assert "secret" not in env.values()
    assert (env["LANG"], env["CIS_RUN"]) == ("de_DE.UTF-8", "r1")


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ({"notify": "done\nnow"}, "done now"),
        ('{"notify":"done"}', "done"),
        ({"notify": 3}, ""),
        ({"other": "x"}, ""),
        ('{"notify": broken', ""),
        ("notify", ""),
        (["notify"], ""),
    ],
)
def test_what_an_answer_asks_to_be_shown(output: object, told: str) -> None:
    assert notice_of(output) == told
