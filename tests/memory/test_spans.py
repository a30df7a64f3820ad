"""Secrets that show themselves are found in a stream, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from cis_tui.memory.detect.spans import secret_spans, undecided

KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjE\nAAAA\n-----END OPENSSH PRIVATE KEY-----"
GITHUB = b"ghp_" + b"a1B2c3D4e5F6" * 3
HARMLESS = (
    b"commit 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n",
    b"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
    b"GET https://example.org/search?q=token&page=2 200\n",
    b"git@github.com:owner/repository.git https://user@example.org/\n",
    b"/usr/lib/python3.11/site-packages/jinja2/environment.py:1301: in render\n",
    b"gcc -O2 -fstack-protector-strong -Wformat-security -c src/a_rather_long_file_name.c\n",
    b"test_a_name_that_is_very_long_and_has_no_secret_in_it PASSED\n",
    b"use sk_live_xxxxxxxxxxxxxxxxxxxxxxxx or ghp_your_token_here_0000000000\n",
    b"-----BEGIN CERTIFICATE-----\nMIIBszCCARw\n-----END CERTIFICATE-----\n",
    b"Authorization: Bearer <token>\n",
)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        (b"pushed with " + GITHUB + b" to origin\n", GITHUB),
        (b'{"token": "' + GITHUB + b'"}\n', GITHUB),
        (b"url: https://bob:hunter22@example.org/x\n", b"hunter22"),
        (b"> authorization: Bearer abcdefgh12345678XYZ\r\n", b"abcdefgh12345678XYZ"),
        (b"key:\n" + KEY + b"\ndone\n", KEY),
        (b"AKIAIOSFODNN7ABCDEFG\n", b"AKIAIOSFODNN7ABCDEFG"),
    ],
)
def test_a_secret_is_found_whole(line: bytes, secret: bytes) -> None:
    ((begin, end),) = secret_spans(line)
    assert line[begin:end] == secret


@pytest.mark.parametrize("line", HARMLESS)
def test_ordinary_output_is_left_alone(line: bytes) -> None:
    assert secret_spans(line * 20) == []


def test_twice_the_same_token_is_found_twice() -> None:
    line = GITHUB + b"," + GITHUB + b":" + GITHUB + b"\n"
    assert [line[begin:end] for begin, end in secret_spans(line)] == [GITHUB] * 3


@pytest.mark.parametrize(
    ("data", "held"),
    [
        (b"all is well\n", b""),
        (b"progress ....", b""),
        (b"push gh", b"gh"),
        (b"from http", b"http"),
        (b"Overwrite? ", b""),
        (b"push ghp_abc", b"ghp_abc"),
        (b"x https://user:pa", b"https://user:pa"),
        (b"done\nAuthorization: Bear", b"Authorization: Bear"),
        (b"done\n-----BEG", b"-----BEG"),
    ],
)
def test_only_what_could_become_a_secret_is_held_back(data: bytes, held: bytes) -> None:
    assert data[undecided(data) :] == held
