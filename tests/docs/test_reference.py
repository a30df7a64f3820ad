"""The reference is as the program is."""

from __future__ import annotations

from tests.conftest import ROOT
from tests.docs.reference import reference


def test_the_reference_is_as_the_program_is() -> None:
    assert (ROOT / "docs" / "reference.md").read_text("utf-8") == reference(), "`just reference` writes it anew"
