"""The structured log."""

from __future__ import annotations

import json
import logging

import pytest

from cis_tui.core.logs import mask, start_log, stop_log
from cis_tui.core.paths import Home


def test_records_are_json_lines_in_a_private_file(home: Home) -> None:
    handler = start_log(home)
    try:
        logging.getLogger("cis_tui.test").warning("disk %s", "full\x1b[31m")
        try:
            raise ValueError("password=hunter22")
        except ValueError:
            logging.getLogger("cis_tui.test").exception("failed")
    finally:
        stop_log(handler)
    first, second = (json.loads(line) for line in home.log_file.read_text().splitlines())
    assert (first["level"], first["message"]) == ("warning", "disk full")
    assert "hunter22" not in json.dumps(second)
    assert home.log_file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("api_key=abc123xyz", "abc123xyz"),
        ('{"token": "s3cr3tvalue"}', "s3cr3tvalue"),
        ("Authorization: Bearer abcdef.ghi", "abcdef.ghi"),
        ("key sk-" + "a1b2" * 6 + " used", "a1b2a1b2"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        ("-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----", "abc"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, secret: str) -> None:
    assert secret not in mask(text)


def test_known_secrets_are_masked_and_plain_words_stay() -> None:
    assert mask("the wolf ran", ["wolf"]) == "the [masked] ran"
    assert mask("tokenizer settings: fast") == "tokenizer settings: fast"
