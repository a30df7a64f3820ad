"""skill.toml, strict in the contract's shape and generous with older ones; and the skills shipped."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.problems import Severity
from cis_tui.skills.manifest import LoadedSkill, load_manifest
from cis_tui.skills.model import (
    Argument,
    ArgumentType,
    Dependency,
    ExportedCommand,
    Permissions,
    SkillManifest,
    SkillOrigin,
    SkillType,
)
from cis_tui.skills.registry import SHIPPED_SKILLS
from tests.conftest import ROOT
from tests.skills.wasm.support import ECHO

SAMPLES = ROOT / "tests" / "samples" / "skills"

WHOLE = """\
[skill]
name = "linter"
version = "1.0.0"
type = "native"
entry = "run.sh"
args = ["--fast"]
description = "Lints"
author = "me"
timeout_secs = 12
[permissions]
memory_read = ["project/"]
memory_write = ["project/lint/"]
filesystem = ["read:.", "write:build/"]
command = ["ruff", "git"]
network = false
[limits]
memory_mb = 512
cpu_secs = 30
fuel = 10_000_000_000
output_kb = 1024
[exports]
commands = [{ name = "lint", description = "Lint a file", args = [{ name = "path", type = "path", required = true }] }]
[[dependencies]]
name = "git-sync"
version = ">=1.0"
"""


def _load(tmp_path: Path, text: str) -> LoadedSkill:
    folder = tmp_path / "folder"
    folder.mkdir(exist_ok=True)
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    (folder / "skill.toml").write_text(text)
    return load_manifest(folder / "skill.toml", SkillOrigin.HOME)


def _whole(skill: LoadedSkill) -> SkillManifest:
    assert skill.manifest is not None, skill.problems
    return skill.manifest


def _said(skill: LoadedSkill) -> str:
    return "\n".join(f"{problem.severity}: {problem}" for problem in skill.problems)


def test_every_field_of_the_contract_is_read(tmp_path: Path) -> None:
    skill = _load(tmp_path, WHOLE)
    assert not skill.problems
    assert len(skill.digest) == 64
    assert skill.manifest == SkillManifest(
        name="linter",
        version="1.0.0",
        type=SkillType.NATIVE,
        entry="run.sh",
        args=("--fast",),
        description="Lints",
        timeout=12.0,
        permissions=Permissions(("project/",), ("project/lint/",), ("read:.", "write:build/"), ("ruff", "git"), ()),
        limits={"memory_mb": 512, "cpu_secs": 30, "fuel": 10_000_000_000, "output_kb": 1024},
        exports=(ExportedCommand("lint", "Lint a file", (Argument("path", ArgumentType.PATH, required=True),)),),
        dependencies=(Dependency("git-sync", ">=1.0", line=23),),
        folder=tmp_path / "folder",
        file=str(tmp_path / "folder" / "skill.toml"),
        origin=SkillOrigin.HOME,
    )


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('name = "linter"', ""), 'skill.toml:1: "name" is "", expected a name of 1 to 128 characters'),
        (('name = "linter"', 'name = "a/b"'), '"name" is "a/b", expected a name'),
        (
            ('"native"', '"nativ"'),
            'skill.toml:4: "type" is "nativ", expected native or wasm or dag; did you mean "native"?',
        ),
        (
            ('"native"', '"claude-agent"'),
            'a skill of type "claude-agent" is work for an agent, which this version cannot',
        ),
        (('entry = "run.sh"', ""), 'there is no "entry"; name a program on PATH, or a file beside the manifest'),
        (('"run.sh"', '"../run.sh"'), 'skill.toml:5: the entry "../run.sh" leaves the folder of the skill'),
        (('"run.sh"', '"bin/run"'), 'the entry "bin/run" does not exist'),
        (('"run.sh"', '"skill.toml"'), "may not be executed; chmod +x"),
        (("timeout_secs = 12", "timeout_secs = 0"), "expected a number of seconds above 0"),
        (('"read:."', '"."'), '"filesystem" is ".", expected "read:PATH" or "write:PATH"'),
        (("memory_mb = 512", "memory_mb = 0"), '"memory_mb" is 0, expected a whole number from 1'),
        (('args = ["--fast"]', "args = 3"), '"args" is 3, expected a list of texts'),
        (('"me"', '"me"\nmode = "wram"'), '"mode" is "wram", expected once or warm; did you mean "warm"?'),
        (('name = "lint"', 'name = "li nt"'), '"name" is "li nt", expected the name of a command'),
        (('type = "path"', 'type = "pth"'), '"type" is "pth", expected string or path or'),
        (("required = true", "enum = [3]"), '"enum" is 3, expected values of the type path'),
        (("required = true", "default = 3"), '"default" is 3, expected a path'),
        (("required = true", "many = true }, { name = 'b'"), '"path" takes all words that are left: it must be last'),
        (("required = true }]", "required = true }], phrases = ['lint {file}']"), "names {file}, which is none of"),
        (("required = true }]", "required = true }], phrases = ['{path}']"), "a phrase needs a word of its own"),
        (("required = true }", "required = true }, { name = 'path' }"), 'the argument "path" is there twice'),
        (('">=1.0"', '">=one"'), 'skill.toml:25: "version" is ">=one", expected a range of versions'),
        (('"git-sync"', "3"), 'skill.toml:24: "name" is 3, expected text'),
        (("[skill]", "[skill"), "not TOML"),
        (("[skill]", "[skil]"), "there is no [skill]"),
    ],
)
def test_a_mistake_is_an_error_and_the_skill_does_not_run(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    skill = _load(tmp_path, WHOLE.replace(*change))
    assert skill.manifest is None
    assert any(said in str(problem) for problem in skill.problems if problem.severity is Severity.ERROR), skill.problems
    assert skill.name in ("linter", "folder", "a/b")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("description", "descripton"),
            'unknown field "descripton" in [skill] is ignored; did you mean "description"?',
        ),
        (("network", "netwrok"), 'unknown field "netwrok" in [permissions] is ignored; did you mean "network"?'),
        (('filesystem = ["read:.", "write:build/"]', "filesystem = true"), 'is taken as ["read:.", "write:."]'),
        (('command = ["ruff", "git"]', "command = true"), '"command = true" is taken as ["*"]'),
        (('command = ["ruff", "git"]', "shell = true"), 'the permission "shell" is read as "command"'),
        (('command = ["ruff", "git"]', 'command = "ruff"'), 'the text "command" is taken as a list of one'),
        (('type = "path"', 'type = "file"'), 'the type "file" is taken as "path"'),
        (("required = true", "default = 'src', required = true"), "an argument with a default is never missing"),
        (("args = [{", "args = ['first', {"), 'an argument that is a text is taken as { name = "…", type = "string" }'),
        (('">=1.0"', '"^1.2"'), 'the version "^1.2" is taken as ">=1.2,<2"'),
        (('">=1.0"', '"1.2"'), 'the version "1.2" is taken as ">=1.2"'),
        (("[[dependencies]]\n", "[dependencies.other]\n"), "the table [dependencies] is read as a list"),
        (("[limits]", 'mode = "warm"\n[limits]'), 'unknown field "mode" in [permissions]'),
        (('"me"', '"me"\nmode = "warm"'), '"cpu_secs" does not bound a warm skill: "timeout_secs" bounds each'),
        (
            ("[limits]", "[hooks]\npost = 'x'\n[limits]"),
            '"hooks" is read but not carried out by this version: no hook is run',
        ),
    ],
)
def test_liberties_are_said(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    skill = _load(tmp_path, WHOLE.replace(*change))
    _whole(skill)
    assert f"warning: {skill.file}" in _said(skill)
    assert said in _said(skill)


def test_a_manifest_written_for_toml_1_1_is_read(tmp_path: Path) -> None:
    skill = _load(tmp_path, "skill = {\n name = 'x',\n entry = 'run.sh',\n}\n")
    assert (_whole(skill).name, len(skill.problems)) == ("x", 1)


def test_true_for_memory_means_all_that_is_public(tmp_path: Path) -> None:
    manifest = _whole(_load(tmp_path, WHOLE.replace('["project/"]', "true")))
    assert manifest.permissions.memory_read == ("",)


def test_permissions_in_a_list_of_tables_are_merged(tmp_path: Path) -> None:
    text = WHOLE.split("[permissions]")[0] + (
        "[[permissions]]\ntype = 'filesystem'\npaths = ['read:src']\n[[permissions]]\ntype = 'network'\n"
        "[[permissions]]\nname = 'command'\nvalue = false\n"
    )
    skill = _load(tmp_path, text)
    assert _whole(skill).permissions == Permissions(filesystem=("read:src",), network=("*",))
    assert "the list [[permissions]] is read as one table [permissions]" in _said(skill)
    assert '"network = true" is taken as ["*"]' in _said(skill)


def test_a_skill_that_is_a_dag_names_its_file_or_has_its_tasks_itself(tmp_path: Path) -> None:
    head = '[skill]\nname = "x"\ntype = "dag"\n'
    own = _load(tmp_path, head + "[[dag.tasks]]\nid = 'a'\n")
    assert (_whole(own).type, _whole(own).entry, own.problems) == (SkillType.DAG, "skill.toml", ())
    assert "or write [[dag.tasks]] into this one" in _said(_load(tmp_path, head))
    assert 'the entry "x.toml" does not exist' in _said(_load(tmp_path, head + 'entry = "x.toml"\n'))
    assert "leaves the folder" in _said(_load(tmp_path, head + 'entry = "../x.toml"\n'))
    assert '"timeout_secs" means nothing' in _said(_load(tmp_path, head + 'entry = "run.sh"\ntimeout_secs = 3\n'))


@pytest.mark.parametrize("path", ["read:..", "write:../x", "read:/etc", "read:~/.ssh", "write:a/../../b"])
def test_a_path_outside_of_the_project_cannot_be_permitted(tmp_path: Path, path: str) -> None:
    skill = _load(tmp_path, WHOLE.replace("read:.", path))
    assert skill.manifest is None
    assert "a path in the project, such as read:. or write:build/" in _said(skill)


def test_a_host_without_a_port_grants_nothing_and_says_so(tmp_path: Path) -> None:
    skill = _load(tmp_path, WHOLE.replace("network = false", 'network = ["example.org", "example.org:443"]'))
    assert _whole(skill).permissions.network == ("example.org", "example.org:443")
    assert '"example.org" grants no network: it is no "host:port"' in _said(skill)


WASM = '[skill]\nname = "x"\ntype = "wasm"\nentry = "{entry}"\n[limits]\nmemory_mb = 1\ncpu_secs = 3\nfuel = 5\n'


def test_a_wasm_skill_with_limits_of_both_kinds(tmp_path: Path) -> None:
    _load(tmp_path, "")
    (tmp_path / "folder" / "skill.wasm").write_bytes(bytes(wasmtime.wat2wasm(ECHO)))
    skill = _load(tmp_path, WASM.format(entry="skill.wasm"))
    assert _whole(skill).limits == {"memory_mb": 1, "cpu_secs": 3, "fuel": 5}
    assert [problem.message for problem in skill.problems] == [
        'the limit "cpu_secs" is for native skills; "fuel" and "timeout_secs" bound one of type wasm'
    ]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("other.wasm", b"", "the module skill.wasm does not exist"),
        ("skill.wasm", b"\0asm\1\0\0\0", "skill.wasm cannot be used: it does not export handle(i32, i32) -> i64"),
        ("skill.wasm", b"#!/bin/sh\n", "it is neither a WebAssembly module nor the text of one"),
    ],
)
def test_a_module_that_cannot_be_used_is_an_error(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    _load(tmp_path, "")
    (tmp_path / "folder" / name).write_bytes(data)
    skill = _load(tmp_path, WASM.format(entry="skill.wasm"))
    assert skill.manifest is None
    assert message in _said(skill)


def test_a_module_outside_of_the_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "skill.wasm").write_bytes(bytes(wasmtime.wat2wasm(ECHO)))
    skill = _load(tmp_path, WASM.format(entry="../skill.wasm"))
    assert "lies outside of the folder of the skill" in _said(skill)


def test_the_sample_with_a_binary_calls_it() -> None:
    skill = load_manifest(SAMPLES / "example.toml", SkillOrigin.HOME)
    assert (skill.name, _whole(skill).entry, _whole(skill).args) == ("test-echo", "echo", ())
    assert "[execution] is read as entry and args of [skill]" in _said(skill)


def test_the_sample_shell_keeps_its_arguments() -> None:
    manifest = _whole(load_manifest(SAMPLES / "shell-skill.toml", SkillOrigin.HOME))
    assert (manifest.entry, manifest.args) == ("sh", ("-c",))


def test_the_sample_with_commands_becomes_a_program_that_chooses(tmp_path: Path) -> None:
    skill = load_manifest(SAMPLES / "git-auto-sync.toml", SkillOrigin.HOME)
    manifest = _whole(skill)
    assert 'the type "shell" is taken as "native"' in _said(skill)
    assert [command.name for command in manifest.exports] == ["fetch", "check-update", "create-branch"]
    assert "whose first argument is fetch | check-update | create-branch" in _said(skill)
    assert '"hooks" is read but not carried out' in _said(skill)
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    done = subprocess.run(
        [manifest.entry, *manifest.args, "create-branch"], cwd=tmp_path, capture_output=True, text=True
    )
    assert "Switched to a new branch 'build/" in done.stderr
    done = subprocess.run([manifest.entry, *manifest.args], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "usage: fetch | check-update | create-branch\n")


def test_a_command_with_quotes_in_its_name_runs(tmp_path: Path) -> None:
    skill = _load(
        tmp_path,
        "[skill]\nname = 'x'\n[[commands]]\nname = \"it's; exit 9\"\ncommand = 'echo \"$1\" it works'\n"
        "[[commands]]\nname = 'b'\n",
    )
    assert 'a command needs "name" and "command"' in _said(skill)
    skill = _load(tmp_path, "[skill]\nname = 'x'\n[[commands]]\nname = \"it's; *)\"\ncommand = 'echo \"$1\" works'\n")
    manifest = _whole(skill)
    done = subprocess.run(
        [manifest.entry, *manifest.args, "it's; *)", "it"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "it works\n"


@pytest.mark.parametrize(
    ("args", "input", "said"),
    [
        (["a", "b c"], {}, "a b c\n"),
        ([], {"k": "é"}, '{"k": "é"}\n'),
        ([], {}, "the-task\n"),
    ],
)
def test_the_shipped_echo_speaks(args: list[str], input: dict[str, str], said: str) -> None:
    manifest = _whole(load_manifest(SHIPPED_SKILLS / "echo" / "skill.toml", SkillOrigin.SHIPPED))
    call = json.dumps({"args": args, "input": input, "project": "", "run": "r"})
    env = {"PATH": os.environ["PATH"], "CIS_TASK": "the-task", "PYTHONIOENCODING": "utf-8"}
    command = [manifest.entry, *manifest.args, *args]
    assert subprocess.run(command, input=call, capture_output=True, text=True, check=True, env=env).stdout == said


def test_the_shipped_skills_have_no_problems() -> None:
    for folder in sorted(SHIPPED_SKILLS.iterdir()):
        skill = load_manifest(folder / "skill.toml", SkillOrigin.SHIPPED)
        assert skill.problems == ()
        assert skill.name == folder.name


def test_the_digest_follows_every_file_of_the_folder(tmp_path: Path) -> None:
    digests = {_load(tmp_path, WHOLE).digest}
    folder = tmp_path / "folder"
    (folder / "lib").mkdir()
    (folder / "lib" / "more.py").write_text("x")
    digests.add(_load(tmp_path, WHOLE).digest)
    (folder / "lib" / "more.py").chmod(0o755)
    digests.add(_load(tmp_path, WHOLE).digest)
    (folder / "lib" / "more.py").rename(folder / "lib" / "less.py")
    digests.add(_load(tmp_path, WHOLE).digest)
    (folder / "link").symlink_to("/etc/passwd")
    digests.add(_load(tmp_path, WHOLE).digest)
    assert len(digests) == 5
    assert "" in digests, "a link out of the folder leaves it without a digest"


_VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "type", "command"]), inner),
    max_leaves=5,
)
_SECTIONS = st.sampled_from(["skill", "execution", "commands", "permissions", "limits", "hooks", "exports"])
_FIELDS = st.sampled_from(["name", "type", "entry", "binary", "args", "timeout_secs", "memory", "filesystem", "fuel"])


@given(st.dictionaries(_SECTIONS, st.dictionaries(_FIELDS, _VALUES, max_size=5) | _VALUES))
@settings(deadline=None, max_examples=40)
def test_whatever_a_manifest_says_becomes_a_skill_or_problems(
    tmp_path_factory: pytest.TempPathFactory, data: dict[str, object]
) -> None:
    import tomlkit

    folder = tmp_path_factory.mktemp("skill")
    (folder / "skill.toml").write_text(tomlkit.dumps(data), "utf-8")  # pyright: ignore[reportUnknownMemberType]
    skill = load_manifest(folder / "skill.toml", SkillOrigin.HOME)
    assert skill.manifest is not None or any(problem.severity is Severity.ERROR for problem in skill.problems)
