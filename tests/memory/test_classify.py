"""Which keys and values are taken as what."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.memory.classify import classify, default_category, words_of
from cis_tui.memory.earned import NO_REASON, earned
from cis_tui.memory.records import IndexType


@pytest.mark.parametrize(
    "key",
    [
        "user/api-key",
        "user/apiKey",
        "API_KEY",
        "service.APIKey",
        "github/token",
        "tokens/ci",
        "db password",
        "Passwd",
        "vpn_passphrase",
        "aws/credentials",
        "ssh/private-key",
        "client_secret",
        "myOAuth2Token",
        "stripe/SECRET_KEY",
        "bank/pin-code",
        "user/用户密码",
        "ＡＰＩ＿ＫＥＹ",
    ],
)
def test_a_key_that_names_a_secret_is_sensitive_whatever_its_value_is(key: str) -> None:
    assert classify(key, "true").index_type is IndexType.SENSITIVE
    assert classify(key, b"\xff").index_type is IndexType.SENSITIVE


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("project/tokenizer/config", IndexType.PROJECT_CONFIG),
        ("project/cis/settings", IndexType.PROJECT_CONFIG),
        ("project/readme", IndexType.PROJECT_CONFIG),
        ("user/preference/theme", IndexType.USER_PREFERENCE),
        ("user/preferences/cache-size", IndexType.USER_PREFERENCE),
        ("project/decision/2026-11-database", IndexType.IMPORTANT_DECISION),
        ("docs/ADR-12", IndexType.IMPORTANT_DECISION),
        ("tmp/config", IndexType.TEMPORARY),
        ("run/cache/last", IndexType.TEMPORARY),
        ("notes/secretary-of-state", IndexType.USER_PREFERENCE),
        ("notes/keyboard", IndexType.USER_PREFERENCE),
        ("crypto/public-key", IndexType.USER_PREFERENCE),
        ("plain note", IndexType.USER_PREFERENCE),
    ],
)
def test_the_first_telling_word_decides(key: str, kind: IndexType) -> None:
    assert classify(key, "some value").index_type is kind


def _secret_values() -> dict[str, str]:
    # Put together here, so that no scanner of repositories takes this file for a leak.
    body = "aB3" * 14
    header = base64.urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=")
    return {
        "pem": "-----BEGIN RSA " + "PRIVATE KEY-----\nMIIE",
        "pgp": "-----BEGIN PGP " + "PRIVATE KEY BLOCK-----",
        "age": "AGE-SECRET-" + "KEY-1" + "Q" * 58,
        "jwt": f"Bearer {header}.{body}.{body}",
        "openai": "sk-" + body,
        "stripe": "sk_" + "live_" + body,
        "github": "my token: ghp" + "_" + body[:36],
        "gitlab": "glpat" + "-" + body[:20],
        "aws": "AKIA" + "Q2W3E4R5T6Y7U8I9",
        "slack": "xoxb" + "-" + body,
        "google": "AIza" + body[:35],
        "npm": "npm" + "_" + body[:36],
    }


@pytest.mark.parametrize("name", _secret_values())
def test_a_value_that_holds_a_secret_is_sensitive(name: str) -> None:
    value = _secret_values()[name]
    for text in (value, f"remember: {value} (work)", value.encode()):
        found = classify("notes/today", text)
        assert found.index_type is IndexType.SENSITIVE
        assert value not in found.reason


@pytest.mark.parametrize(
    "value",
    [
        "the tokenizer splits words",
        "task-list-and-more-of-it-in-2026",
        "sk-learn-based-classifiers-are-fine",
        "0b2f6b9e-1a58-4c79-9b2e-2b1f0e7b8c11",
        "sha256:" + "ab" * 32,
    ],
)
def test_harmless_values_are_not(value: str) -> None:
    assert classify("notes/today", value).index_type is IndexType.USER_PREFERENCE


def test_hostile_values_take_bounded_time() -> None:
    began = time.process_time()
    for text in ("eyJ" + "a" * 1_000_000, "eyJa." * 200_000, "sk-" * 300_000, "PRIVATE KEY" * 90_000):
        classify("notes/today", text)
    assert time.process_time() - began < 5


def test_words_are_split_at_case_dashes_and_digits() -> None:
    assert words_of("user/apiKey-v2_HTTPServer.x") == ("user", "api", "key", "v", "2", "http", "server", "x")


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(["password", "api-key", "secret", "Token"]))
def test_no_surrounding_hides_a_secret_word(before: str, after: str, word: str) -> None:
    assert classify(f"{before}/{word}/{after}").index_type is IndexType.SENSITIVE


@settings(deadline=None, max_examples=80)
@given(st.text(max_size=80), st.one_of(st.text(max_size=80), st.binary(max_size=80)))
def test_anything_can_be_classified(key: str, value: str | bytes) -> None:
    found = classify(key, value)
    assert found.reason
    assert default_category(key)


def test_a_category_is_the_first_part_of_the_key() -> None:
    assert default_category("user/theme") == "user"
    assert default_category("theme") == "general"
    assert default_category("/theme") == "general"


@pytest.mark.parametrize(
    "key",
    [
        "wifi password",
        "home/wifi-passphrase",
        "bank/pin",
        "bank/iban",
        "visa card number",
        "2fa-backup-codes",
        "github/recovery codes",
        "wallet/seed-phrase",
        "ssh/id_ed25519",
        "aws/secretAccessKey",
        "db/connection-string",
        "sentry/dsn",
        "passport number",
        "tax/SSN",
        "door code",
        "PGPASSWORD",
        "mysql_root_pwd",
        "oauth/clientSecret",
        "stripe-webhook-secret",
        "notes/contraseña",
        "clave-api",
        "WLAN-Schlüssel",
        "router/Kennwort",
        "mot de passe",
        "clé API",
        "senha",
        "chave-privada",
        "chiave segreta",
        "пароль",
        "api ключ",
        "wifi/密码",
        "サーバー/パスワード",
        "APIキー",
        "와이파이 비밀번호",
    ],
)
def test_secrets_have_names_of_many_kinds_and_languages(key: str) -> None:
    assert classify(key, "see the drawer").index_type is IndexType.SENSITIVE


@pytest.mark.parametrize(
    "key",
    [
        "project/tokenizer/config",
        "llm/max_tokens",
        "llm/maxTokens",
        "llm/token-budget",
        "model/num_key_value_heads",
        "model/pad_token",
        "party/secret-santa",
        "office/secretary",
        "docs/password-policy",
        "notes/api-key-rotation",
        "input/keyboard",
        "input/key-bindings",
        "zoo/monkey",
        "db/primary-key",
        "crypto/public-key",
        "sport/compass",
        "travel/passenger",
        "build/bypass-cache",
        "user/pinned",
        "map/pins",
    ],
)
def test_names_that_only_look_like_it_are_not(key: str) -> None:
    assert classify(key, "something").index_type is not IndexType.SENSITIVE


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("we decided to keep the archive for a year", IndexType.IMPORTANT_DECISION),
        ("Decision: PostgreSQL, because of the extensions", IndexType.IMPORTANT_DECISION),
        ("hemos decidido usar Python", IndexType.IMPORTANT_DECISION),
        ("I prefer tabs", IndexType.USER_PREFERENCE),
        ("always use the metric system", IndexType.USER_PREFERENCE),
    ],
)
def test_a_value_may_say_what_it_is(value: str, kind: IndexType) -> None:
    found = classify("notes/today", value)
    assert found.index_type is kind
    assert found.particular
    assert classify("tmp/today", value).index_type is IndexType.TEMPORARY


def test_an_entry_that_is_nothing_in_particular_says_so() -> None:
    found = classify("notes/today", "milk and bread")
    assert found.index_type is IndexType.USER_PREFERENCE
    assert found.reason == NO_REASON
    assert not found.particular


NOW = Instant(1_800_000_000)
WEEK = 7 * 86_400
KINDS = st.sampled_from(list(IndexType))
REASONS = st.sampled_from([NO_REASON, 'the key says "config"'])


def test_use_earns_and_disuse_loses() -> None:
    def kind(uses: int, weeks_ago: float) -> IndexType:
        return earned(IndexType.TEMPORARY, 'the key says "tmp"', uses, Instant(NOW - weeks_ago * WEEK), NOW)

    assert kind(9, 0) is IndexType.TEMPORARY
    assert kind(10, 0) is IndexType.FREQUENTLY_QUERIED
    assert kind(10, 4) is IndexType.FREQUENTLY_QUERIED
    assert kind(1_000, 4.01) is IndexType.TEMPORARY
    assert earned(IndexType.TEMPORARY, "", 1_000, None, NOW) is IndexType.TEMPORARY


@given(KINDS, REASONS, st.integers(0, 1_000), st.floats(-9, 9), st.booleans())
def test_only_what_is_nothing_in_particular_is_earned(
    kind: IndexType, reason: str, uses: int, weeks_ago: float, classed: bool
) -> None:
    counts = earned(kind, reason, uses, Instant(NOW - weeks_ago * WEEK), NOW, classed=classed)
    assert counts in (kind, IndexType.FREQUENTLY_QUERIED)
    if classed or kind is IndexType.SENSITIVE or (reason != NO_REASON and kind is not IndexType.TEMPORARY):
        assert counts is kind


@given(KINDS, REASONS, st.integers(0, 50), st.floats(0, 9))
def test_more_use_and_later_use_never_lose_it(kind: IndexType, reason: str, uses: int, weeks_ago: float) -> None:
    if earned(kind, reason, uses, Instant(NOW - weeks_ago * WEEK), NOW) is IndexType.FREQUENTLY_QUERIED:
        assert earned(kind, reason, uses + 1, Instant(NOW - weeks_ago * WEEK), NOW) is IndexType.FREQUENTLY_QUERIED
        assert earned(kind, reason, uses, NOW, NOW) is IndexType.FREQUENTLY_QUERIED
