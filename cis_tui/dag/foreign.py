"""Recognises the workflow files of other programs, to say what they are and what becomes of them here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

_STEPS = 'write each step as [[dag.tasks]] with id = "…", command = "…" and deps = ["…"]'


@dataclass(frozen=True, slots=True)
class Foreign:
    """A kind of file that is none of ours."""

    name: str
    """With its article."""
    hint: str = _STEPS


@dataclass(frozen=True, slots=True)
class _Look:
    """What a kind of file looks like: all of `lines` start a line of it, or it has one of `names`."""

    foreign: Foreign
    lines: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def _yaml(*keys: str) -> tuple[str, ...]:
    return tuple(rf"{key}\s*:" for key in keys)


_GITHUB = Foreign(
    "a GitHub Actions workflow",
    'each step with "run" becomes a task: id = "…", command = its run, deps = its needs and the step before it;'
    ' "uses" has no counterpart',
)
_MAKE = Foreign(
    "a Makefile", 'it can stay: a task with command = "make TARGET" for each target, deps for what it needs'
)
_TASKFILE = Foreign("a Taskfile", 'it can stay: a task with command = "task NAME" for each task, deps for its deps')
_JUST = Foreign("a justfile", 'it can stay: a task with command = "just RECIPE" for each recipe')
_CODE = Foreign("a program, not a file of tasks", 'it can stay: a task with command = "python FILE"')

_TEXTS = (
    _Look(_CODE, (r"(?:from|import) \w[\w.]*", r"(?:def |@|with |\w+ = )")),
    _Look(Foreign("a script", 'it can stay: a task with command = "sh FILE"'), (r"\A#!",)),
    _Look(_GITHUB, (r"(?:on|'on'|\"on\"|true)\s*:", *_yaml("jobs"), r"\s+(?:- )?(?:runs-on|uses|steps)\s*:")),
    _Look(Foreign("a GitLab pipeline"), _yaml("stages", r"\s+(?:script|- )"), (".gitlab-ci.yml",)),
    _Look(Foreign("a GitLab pipeline"), (r"\s+script\s*:", r"\s+stage\s*:")),
    _Look(Foreign("a CircleCI pipeline"), (r"version\s*:\s*2", *_yaml("jobs", "workflows"))),
    _Look(Foreign("an Azure pipeline"), (r"(?:trigger|pool|stages)\s*:", r"\s*- (?:script|task|stage)\s*:")),
    _Look(_TASKFILE, (r"version\s*:\s*['\"]?[23]", *_yaml("tasks")), ("taskfile.yml", "taskfile.yaml")),
    _Look(
        Foreign("a Compose file, which describes services"), _yaml("services"), ("compose.yaml", "docker-compose.yml")
    ),
    _Look(Foreign("an Argo workflow"), (r"apiVersion\s*:\s*argoproj\.io", r"kind\s*:")),
    _Look(Foreign("a Tekton pipeline"), (r"apiVersion\s*:\s*tekton\.dev", r"kind\s*:")),
    _Look(Foreign("a Drone pipeline"), (r"kind\s*:\s*pipeline", *_yaml("steps"))),
    _Look(Foreign("a Bitbucket pipeline"), _yaml("pipelines")),
    _Look(Foreign("a Kubernetes object"), _yaml("apiVersion", "kind")),
    _Look(Foreign("an Ansible playbook"), (r"- (?:name\s*:.*\n\s+)?hosts\s*:",)),
    _Look(Foreign("a Kestra flow"), _yaml("namespace", "tasks")),
    _Look(
        Foreign("a Dagu DAG", 'each step becomes [[dag.tasks]]: its name is the id, "depends" is deps'),
        (*_yaml("steps"), r"\s*- "),
    ),
    _Look(Foreign("a pre-commit configuration"), _yaml("repos")),
    _Look(_MAKE, (r"[\w./%$() -]+:(?!=)[^\n]*\n(?:\t|$)", r"\t\S"), ("makefile", "gnumakefile")),
    _Look(
        _JUST, (r"@?[\w-]+(?: [^:\n]*)?:(?!=)[^\n]*\n(?: {2,}|\t)(?!- |[\w.-]+\s*:|#)\S",), ("justfile", ".justfile")
    ),
    _Look(Foreign("a Snakefile"), (r"rule \w+\s*:",), ("snakefile",)),
    _Look(Foreign("a Jenkinsfile"), (r"pipeline\s*\{",), ("jenkinsfile",)),
)
_TABLES: Mapping[tuple[str, ...], Foreign] = {
    ("States", "StartAt"): Foreign("a state machine of Step Functions"),
    ("nodes", "connections"): Foreign("an n8n workflow", f'"connections" is the order of its nodes: {_STEPS}'),
    ("scripts", "dependencies"): Foreign("a package.json", 'a task with command = "npm run SCRIPT" for each script'),
    ("scripts", "version"): Foreign("a package.json", 'a task with command = "npm run SCRIPT" for each script'),
    ("build-system",): Foreign("a pyproject.toml"),
    ("project", "tool"): Foreign("a pyproject.toml"),
    ("package", "dependencies"): Foreign("a Cargo.toml"),
    ("on", "jobs"): _GITHUB,
    ("services",): Foreign("a Compose file, which describes services"),
}


def recognise_text(text: str, file: str) -> Foreign | None:
    """What a text is that is neither TOML nor JSON; None if it has the look of nothing known."""
    name = PurePath(file).name.lower()
    for look in _TEXTS:
        if name in look.names:
            return look.foreign
    head = text[:100_000]
    for look in _TEXTS:
        if look.lines and all(re.search(f"^(?:{line})", head, re.MULTILINE) for line in look.lines):
            return look.foreign
    return None


def recognise_table(data: Mapping[str, object]) -> Foreign | None:
    """What a table is that has no tasks of ours; None if it has the look of nothing known."""
    return next((foreign for fields, foreign in _TABLES.items() if all(field in data for field in fields)), None)
