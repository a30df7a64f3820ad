"""What kind of thing an entry is, from its key's words and its value (spec, Memory Write Flow, step 2).

The first rule that applies decides:

1. the key holds a word, or words in a row, that name a secret, whatever the value looks like: Sensitive;
2. the value holds a private key, a token of a known vendor or a JWT: Sensitive;
3. the first word of the key that names a kind: `preference` UserPreference, `decision` ImportantDecision,
   `config` ProjectConfig, `tmp` Temporary, and the like;
4. the first part of the key is `project`: ProjectConfig;
5. anything else was written down by a person to be kept: UserPreference.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from cis_tui.memory.records import IndexType

_SECRET_WORDS = """
    secret secrets password passwords passwd pwd passphrase passphrases passcode token tokens authtoken accesstoken
    credential credentials creds apikey apikeys privkey bearer jwt totp otp cvv cvc mnemonic ssn
    passwort kennwort contraseña senha пароль
"""
_SECRET_PHRASES = """
    api key, api keys, private key, private keys, access key, access keys, auth key, encryption key, signing key,
    master key, account key, service key, ssh key, ssh keys, recovery key, recovery code, recovery codes, backup codes,
    pass word, pass phrase, pass code, pin code, seed phrase, credit card, card number, session cookie,
    connection string
"""
# These scripts put no space between words.
_SECRET_PARTS = ("密码", "密碼", "口令", "パスワード", "비밀번호")
_KINDS = {
    IndexType.USER_PREFERENCE: "preference preferences prefs pref favorite favorites favourite favourites",
    IndexType.IMPORTANT_DECISION: "decision decisions decided adr adrs rationale",
    IndexType.PROJECT_CONFIG: "config configs configuration conf setting settings",
    IndexType.TEMPORARY: "tmp temp temporary cache caches cached scratch draft drafts ephemeral log logs debug",
}


@dataclass(frozen=True, slots=True)
class Classification:
    """What an entry was taken as."""

    index_type: IndexType
    reason: str
    """Why, for a person; names no part of the value."""


def classify(key: str, value: str | bytes = "") -> Classification:
    """The kind of the entry `key` = `value`, by the rules above."""
    words = words_of(key)
    secret = _secret_name(words)
    if secret:
        return Classification(IndexType.SENSITIVE, f'the key says "{secret}"')
    held = _secret_value(value)
    if held:
        return Classification(IndexType.SENSITIVE, f"the value holds {held}")
    kinds = _kind_words()
    for word in words:
        if word in kinds:
            return Classification(kinds[word], f'the key says "{word}"')
    if words[:1] == ("project",):
        return Classification(IndexType.PROJECT_CONFIG, 'the key begins with "project"')
    return Classification(IndexType.USER_PREFERENCE, "nothing says otherwise")


def words_of(key: str) -> tuple[str, ...]:
    """The words of a key in small letters: `user/apiKey-v2` is user, api, key, v, 2."""
    if not key.isascii():
        import unicodedata

        key = unicodedata.normalize("NFKC", key)
    return tuple(word.lower() for word in _word_pattern().findall(key))


def default_category(key: str) -> str:
    """The category of an entry for which none was given: the first part of its key, `general` if it has one only."""
    first, slash, _ = key.partition("/")
    return first.strip() if slash and first.strip() else "general"


def _secret_name(words: tuple[str, ...]) -> str:
    singles, pairs = _secret_words()
    for word in words:
        if word in singles or any(part in word for part in _SECRET_PARTS):
            return word
    for pair in pairwise(words):
        if pair in pairs:
            return " ".join(pair)
    return ""


def _secret_value(value: str | bytes) -> str:
    text = value if isinstance(value, str) else value.decode("latin-1")
    for name, pattern in _value_patterns():
        if pattern.search(text):
            return name
    return ""


# Made at the first write: a read needs none of them.
@cache
def _secret_words() -> tuple[frozenset[str], frozenset[tuple[str, ...]]]:
    phrases = (phrase.split() for phrase in _SECRET_PHRASES.split(","))
    return frozenset(_SECRET_WORDS.split()), frozenset(tuple(phrase) for phrase in phrases)


@cache
def _kind_words() -> dict[str, IndexType]:
    return {word: kind for kind, words in _KINDS.items() for word in words.split()}


@cache
def _word_pattern() -> re.Pattern[str]:
    return re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")


@cache
def _value_patterns() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """What a secret is called, and how it looks; each begins with fixed letters: a search is fast, and linear."""
    return tuple(
        # The look behind keeps `task-list` from being an `sk-` key.
        (name, re.compile(f"{begin}(?<![A-Za-z0-9]{begin}){rest}"))
        for name, begin, rest in (
            ("a private key", r"PRIVATE KEY", r"(?: BLOCK)?-----"),
            ("a private key (age)", r"AGE-SECRET-KEY-1", r"[0-9A-Z]{20}"),
            ("a JSON web token", r"eyJ", r"[\w-]{8,4096}\.[\w-]{8,16384}\."),
            ("an API key (sk-)", r"sk-", r"(?=[a-zA-Z_-]{0,40}\d)[\w-]{16}"),
            ("a Stripe key", r"sk_", r"(?:live|test)_\w{10}"),
            ("a Stripe key", r"rk_", r"(?:live|test)_\w{10}"),
            ("a GitHub token", r"gh[pousr]_", r"[A-Za-z0-9]{20}"),
            ("a GitHub token", r"github_pat_", r"\w{20}"),
            ("a GitLab token", r"glpat-", r"[\w-]{16}"),
            ("an AWS access key", r"AKIA", r"[0-9A-Z]{16}"),
            ("an AWS access key", r"ASIA", r"[0-9A-Z]{16}"),
            ("a Slack token", r"xox[abeoprs]-", r"[\w-]{10}"),
            ("a Google API key", r"AIza", r"[\w-]{35}"),
            ("a Google access token", r"ya29\.", r"[\w-]{20}"),
            ("an npm token", r"npm_", r"[A-Za-z0-9]{30}"),
            ("a PyPI token", r"pypi-AgE", r"[\w-]{20}"),
            ("a Hugging Face token", r"hf_", r"[A-Za-z0-9]{30}"),
            ("a SendGrid key", r"SG\.", r"[\w-]{16,32}\.[\w-]{16}"),
            ("a DigitalOcean token", r"dop_v1_", r"[0-9a-f]{32}"),
            ("a Shopify token", r"shpat_", r"[0-9a-fA-F]{32}"),
        )
    )
