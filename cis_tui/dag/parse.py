"""From the text of a DAG file to a DAG, with every problem of the file at once."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from cis_tui.core.document import MAX_BYTES, Notes, as_table, as_text, is_table, parse_json, parse_toml, read_text
from cis_tui.core.errors import Invalid
from cis_tui.core.problems import Problem
from cis_tui.core.tables import Table
from cis_tui.core.text import clean_line
from cis_tui.dag.foreign import recognise_table, recognise_text
from cis_tui.dag.lines import looks_like_lines, parse_lines
from cis_tui.dag.model import DagSpec
from cis_tui.dag.normalise import normalise
from cis_tui.dag.reader import read_dag

SCHEMA = Path(__file__).resolve().parent / "dag.schema.json"
"""JSON schema of a DAG file, for editors; of the contract's shape only, not of other dialects."""
_YAML = re.compile(r"^(?:---|[\w-]+:(?:\s|$)|- [\w-]+:)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class LoadedDag:
    """What a DAG file says."""

    name: str
    file: str
    digest: str
    """SHA-256 of the file's text, hexadecimal; empty when it could not be read."""
    spec: DagSpec | None
    """As far as it could be understood, for a look at it; it may run only if no problem is an error."""
    problems: tuple[Problem, ...]
    hashed: str = ""
    """What trust is held against, see `HashedFile`; empty when nothing of a project may be so."""


def load_dag(path: Path, content: bytes | None = None) -> LoadedDag:
    """Read a DAG file, or take its `content` as it was read before; never raises for what is in it."""
    try:
        text = read_text(path) if content is None else as_text(content)
    except Invalid as error:
        notes = Notes(str(path))
        notes.error((), error.message, error.hint)
        return LoadedDag(_stem(str(path)), str(path), "", None, notes.problems)
    return parse_dag(text, str(path))


def parse_dag(text: str, file: str) -> LoadedDag:
    """Understand the text of a DAG file; `file` is its path, which says whether it is TOML or JSON."""
    data, notes = _parse(text, file)
    spec = None if notes.broken else _read(data, notes, _stem(file))
    name = spec.name if spec else _stem(file)
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return LoadedDag(name, file, digest, spec, notes.problems)


def _stem(file: str) -> str:
    return clean_line(Path(file).stem, limit=128) or "dag"


def _parse(text: str, file: str) -> tuple[object, Notes]:
    """The raw content; None with an error when there is none."""
    suffix = Path(file).suffix.lower()
    notes = Notes(file)
    if len(text) > MAX_BYTES:
        notes.error((), f"larger than {MAX_BYTES // 1_000_000} MB")
        return None, notes
    if suffix in (".yaml", ".yml"):
        return None, _refuse_yaml(text, notes)
    if suffix == ".json" or (suffix != ".toml" and text.lstrip().startswith(("{", "[{"))):
        data, notes = parse_json(text, file)
    else:
        data, notes = parse_toml(text, file)
    if notes.broken and looks_like_lines(text):
        return parse_lines(text, file)
    return (None, _recognise(text, suffix, notes)) if notes.broken else (data, notes)


def _recognise(text: str, suffix: str, broken: Notes) -> Notes:
    """Name the format of a text that is neither TOML nor JSON, if it has the look of one."""
    if suffix in (".toml", ".json"):
        return broken
    notes = Notes(broken.file)
    foreign = recognise_text(text, broken.file)
    if foreign is None:
        return _refuse_yaml(text, notes) if _YAML.search(text) else broken
    notes.error((), f"this is {foreign.name}; a DAG file is TOML or JSON", foreign.hint)
    return notes


def _refuse_yaml(text: str, notes: Notes) -> Notes:
    foreign = recognise_text(text, notes.file)
    what = f"{foreign.name} (YAML)" if foreign else "YAML"
    hint = foreign.hint if foreign else 'write each task as [[dag.tasks]] with id = "…" and command = "…"'
    notes.error((), f"this is {what}; a DAG file is TOML or JSON", hint)
    return notes


def _read(data: object, notes: Notes, name: str) -> DagSpec | None:
    foreign = recognise_table(as_table(data))
    if foreign is not None and "dag" not in as_table(data):
        notes.error((), f"this is {foreign.name}, not a DAG", foreign.hint)
        return None
    top = normalise(data, notes)
    if "tasks" in as_table(top.get("dag")):
        return read_dag(Table(top, (), notes), name=name)
    kind = as_table(top.get("skill")).get("type", "dag")
    if "execution" in top or "commands" in top or kind != "dag":
        notes.error(
            ("skill",),
            "this is the manifest of a skill, not a DAG",
            "it belongs into a folder of its own in .cis/skills",
        )
    else:
        found = ", ".join(clean_line(field, limit=40) for field in list(as_table(data))[:8])
        notes.error(
            ("dag",) if is_table(data) and "dag" in data else (),
            "there are no tasks" + (f" in it, only: {found}" if found else ""),
            'a task is [[dag.tasks]] with id = "…" and command = "…"',
        )
    return None
