"""The JSON schema of DAG files says the same as the reader."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import jsonschema
import pytest

from cis_tui.dag.parse import SCHEMA, parse_dag
from cis_tui.project.scaffold import NEW_DAG
from tests.conftest import ROOT
from tests.docs.pages import blocks

WHOLE = """
[skill]
name = "whole"
[dag]
policy = "allow_debt"
limits = { db = 1 }
[dag.params.version]
default = "1.0"
[[dag.tasks]]
id = "a"
command = ["echo", "{{ params.version }}"]
retry = { max = 2, backoff = 1.5 }
level = { type = "arbitrated", stakeholders = ["dba"], threshold = 0.5 }
rollback = ["echo undone", { skill = "notify", input = { text = "undone" } }]
creates = "out"
limit = "db"
[[dag.tasks]]
id = "b"
prompt = "Sum it up"
deps = ["a"]
level = { type = "recommended", timeout = 5, default_action = "skip" }
agent_config = { effort = "low", timeout_secs = 5 }
"""


def _complaints(text: str) -> list[str]:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)  # pyright: ignore[reportUnknownMemberType]
    validator: Any = jsonschema.Draft7Validator(schema)
    return [error.message for error in validator.iter_errors(tomllib.loads(text))]


def test_what_the_reader_takes_without_a_word_is_valid() -> None:
    files = [path.read_text("utf-8") for path in (ROOT / ".cis" / "dags").glob("*.toml")]
    assert len(files) >= 2
    for text in (WHOLE, NEW_DAG, *files):
        assert parse_dag(text, "x.toml").problems == ()
        assert _complaints(text) == []


def test_what_the_page_shows_is_valid() -> None:
    shown = [block.body for block in blocks(ROOT / "README.md") if block.language == "toml"]
    assert shown and [_complaints(text) for text in shown if "[[dag.tasks]]" in text] == [[]]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('"allow_debt"', '"alow_debt"', "'alow_debt' is not one of"),
        ("deps =", "dep =", "'dep' was unexpected"),
        ("backoff = 1.5", "backoff = -1", "is not valid under any of the given schemas"),
        ('"arbitrated"', '"arbitrate"', "is not valid under any of the given schemas"),
        ('id = "b"\n', "", "'id' is a required property"),
        ('effort = "low"', 'effort = "lo"', "'lo' is not one of"),
    ],
)
def test_what_the_reader_complains_about_is_not(before: str, after: str, said: str) -> None:
    text = WHOLE.replace(before, after)
    assert parse_dag(text, "x.toml").problems
    assert any(said in complaint for complaint in _complaints(text))


def test_every_field_that_is_read_is_in_it() -> None:
    schema = SCHEMA.read_text("utf-8")
    taken = r"\.(?:text|texts|line|prose|choice|number|whole|flag|table|tables|plain|plain_list|strings|get)\(\"(\w+)\""
    fields: set[str] = set()
    for name in ("reader", "agent_fields"):
        source = (ROOT / "cis_tui" / "dag" / f"{name}.py").read_text("utf-8")
        fields |= set(re.findall(taken, source)) | set(re.findall(r"seconds\(\"(\w+)\"", source))
    assert {"quorum", "for_each", "max_delay", "provider_type"} <= fields
    assert [field for field in sorted(fields) if f'"{field}"' not in schema] == []
