"""The JSON schema for editors says the same as the reader."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import jsonschema
import pytest

from cis_tui.skills.checking import SCHEMA
from cis_tui.skills.registry import SHIPPED_SKILLS
from tests.conftest import ROOT
from tests.skills.test_manifest import WHOLE


def _validator() -> Any:
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)  # pyright: ignore[reportUnknownMemberType]
    return jsonschema.Draft7Validator(schema)


def _complaints(text: str) -> list[str]:
    return [error.message for error in _validator().iter_errors(tomllib.loads(text))]


def test_what_the_reader_takes_without_a_word_is_valid() -> None:
    manifests = [*SHIPPED_SKILLS.glob("*/skill.toml"), *(ROOT / ".cis" / "skills").glob("*/skill.toml")]
    assert len(manifests) >= 3
    assert [_complaints(text) for text in (WHOLE, *(path.read_text("utf-8") for path in manifests))] == [
        [] for _ in range(len(manifests) + 1)
    ]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('"native"', '"nativ"'), "'nativ' is not one of ['native', 'wasm', 'dag']"),
        (("description", "descripton"), "'descripton' was unexpected"),
        (('"read:."', '"."'), "is not valid under any of the given schemas"),
        (("timeout_secs = 12", "timeout_secs = 0"), "0 is less than or equal to the minimum of 0"),
        (('type = "path"', 'type = "pth"'), "'pth' is not one of"),
        (('name = "git-sync"\n', ""), "'name' is a required property"),
    ],
)
def test_what_the_reader_complains_about_is_not(change: tuple[str, str], said: str) -> None:
    assert any(said in complaint for complaint in _complaints(WHOLE.replace(*change)))


def test_every_field_that_is_read_is_in_it() -> None:
    schema = SCHEMA.read_text("utf-8")
    older = {"binary", "command", "timeout", "execution", "hooks", "resource", "choices"}
    fields: set[str] = set()
    for name in ("manifest", "entry", "grants", "exports"):
        source = (ROOT / "cis_tui" / "skills" / f"{name}.py").read_text("utf-8")
        fields |= set(
            re.findall(r"\.(?:text|texts|line|prose|choice|number|whole|flag|table|tables)\(\"(\w+)\"", source)
        )
    assert {"mode", "many", "phrases", "timeout_secs"} <= fields
    assert [field for field in sorted(fields - older) if f'"{field}"' not in schema] == []
