"""Secrets that show themselves: by the form of a vendor's token, by what carries them, or by chance alone (entropy)."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from math import log2

from cis_tui.memory.detect.values import is_placeholder
from cis_tui.memory.detect.vendors import carried_in, tokens_in

_SHORTEST = 16


def shown_secret(text: str, low: str, words: list[str]) -> str:
    """What secret `text`, made of `words`, shows unnamed; empty when none. `low`: `text` in small letters, as long."""
    for word in words:
        if len(word) >= _SHORTEST:
            for token, name in tokens_in(word):
                if not _is_dummy(token):
                    return name
    for (start, end), name in carried_in(low):
        dummy = low[start:end] in _DUMMIES and name != "a password in a URL"
        if not dummy and not is_placeholder(text[start:end]):
            return name
    return _random(text)


_DUMMIES = frozenset(
    [
        "password",
        "passwd",
        "pass",
        "pwd",
        "secret",
        "token",
        "key",
        "apikey",
        "api_key",
        "access_token",
        "bearer",
        "basic",
        "user",
    ]
)
"""What stands in documents where a secret would."""


def _is_dummy(token: str) -> bool:
    """Whether `token` stands in a document for a real one: `sk_live_xxxxxxxx`."""
    plain = token.lower()
    return "xxxx" in plain or "your" in plain or "****" in plain or "...." in plain


def _random(text: str) -> str:
    text = _without_public_blocks(text)
    for run in _runs().finditer(text):
        token = run.group()
        if len(token) <= _LONGEST and not _digest().match(token) and _is_random(token) and not _is_harmless(text, run):
            return "a random-looking string"
    return ""


def _without_public_blocks(text: str) -> str:
    """`text` without certificates, public keys and signatures."""
    if "-----BEGIN " not in text:
        return text
    parts = text.split("-----BEGIN ")
    return parts[0] + "".join(part.partition("-----END ")[2] for part in parts[1:])


def _is_random(token: str) -> bool:
    """Whether `token`, or its longest part, mixes letters and digits as only a machine does."""
    token = max(_parts().findall(token), key=len, default="")
    if len(token) < _SHORTEST_PART:
        return False
    counts = Counter(token)
    classes = [
        sum(n for c, n in counts.items() if "0" <= c <= "9"),
        sum(n for c, n in counts.items() if "a" <= c <= "z"),
        sum(n for c, n in counts.items() if "A" <= c <= "Z"),
    ]
    if classes[0] < 2 or not any(classes[1:]):
        return False
    size = len(token)
    bits = -sum(n / size * log2(n / size) for n in counts.values())
    if min(classes[1:]) > 0:
        return bits >= _LEAST_MIXED and _switches(token) >= 5
    return size >= 24 and bits >= _LEAST_ONE_CASE and _switches(token) >= 8


_LONGEST = 512
"""Characters of the longest random string taken for a secret: more are data."""
_SHORTEST_PART = 14
_LEAST_MIXED = 3.5
_LEAST_ONE_CASE = 3.7


def _switches(token: str) -> int:
    """How often the kind of character changes: words and numbers in a row change seldom."""
    return len(_kinds().findall(token)) - 1


def _is_harmless(text: str, run: re.Match[str]) -> bool:
    """A digest, an identifier, an address, encoded media, or a public key."""
    token = run.group()
    if _known().match(token):
        return True
    before = text[max(0, run.start() - 48) : run.start()]
    return bool(_public_before().search(before)) or bool(_public_after().match(text, run.end()))


# Made at the first write: a read needs none of them.
@cache
def _runs() -> re.Pattern[str]:
    # Only whole runs: looked at from its first character each, in linear time.
    return re.compile(r"(?<![A-Za-z0-9+/_~.=-])[A-Za-z0-9+/_~-]{20,}={0,2}(?![A-Za-z0-9])")


@cache
def _digest() -> re.Pattern[str]:
    return re.compile(r"(?:0x)?[0-9a-fA-F-]+$|.{0,24}?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@cache
def _parts() -> re.Pattern[str]:
    return re.compile(r"[^_~-]+")


@cache
def _kinds() -> re.Pattern[str]:
    return re.compile(r"[0-9]+|[A-Z][a-z]+|[a-z]+|[A-Z]+|[^0-9A-Za-z]+")


@cache
def _known() -> re.Pattern[str]:
    base58 = "[1-9A-HJ-NP-Za-km-z]"
    return re.compile(
        "|".join(
            (
                r"[0-9A-HJKMNP-TV-Z]{26}$|[0-9a-v]{20}$|[012][0-9A-Za-z]{26}$",  # ULID, XID, KSUID
                rf"(?:Qm{base58}{{44}}|baf[a-z2-7]{{50,}}|(?:z6Mk|12D3KooW|16Uiu2){base58}{{40,}})$",  # CID, DID, peers
                rf"(?:[13]{base58}{{25,34}}|bc1[a-z0-9]{{20,60}}|[xyz]pub\w+|age1[a-z0-9]{{50,}})$",  # addresses
                r"iVBORw0KGgo|/9j/|R0lGOD|UklGR|JVBERi0|UEsDB|PHN2Zy|PD94bWw|Qk[0-9A-Za-z]",
                r"H4sI|AAAAB3NzaC1|AAAAC3NzaC1|AAAAE2VjZHNh|MII[A-Za-z0-9]",
                r"/?(?:[A-Za-z]?[a-z0-9._~-]+/)+[\w.~-]*$|[a-z]+(?:[-_/][a-z0-9]+)+$|[A-Z]+(?:_[A-Z0-9]+)+$",
                r"[A-Za-z][a-z]*(?:[-_A-Z][a-z]*)*\d{0,4}$|(?:[A-Z]{1,4}\d{2,}[-/]?)+$|[\d_/.T-]+\w?$",
                r"(?:cus|pi|ch|prod|price|acct|sub|evt|in|pm|cs|seti|pk|req|msg|run|thread|asst|file|org|proj|user)_",
                r"sha\d+-|pubkey-|ssh-|[\w-]*\d{4}-\d\d-\d\d",
            )
        )
    )


@cache
def _public_before() -> re.Pattern[str]:
    return re.compile(
        r"(?:sha\d*|md5|blake2\w?|integrity|checksum|digest|hash|commit|etag|revision|fingerprint|signature|h1|go\.sum|"
        r"ssh-(?:rsa|ed25519|dss)|ecdsa-sha2-nistp\d+|public[ _-]?key|pub[ _-]?key|base64|content|data:[\w/+;-]+|"
        r"\bkid|\bjti|nonce|guid|uuid|(?:request|trace|span)[ _-]?id|did:\w+|cid|ipfs|address)"
        r"[\"']?\s{0,2}[:=,/ ~-]?\s{0,2}[\"']?$",
        re.IGNORECASE,
    )


@cache
def _public_after() -> re.Pattern[str]:
    return re.compile(
        r"\.(?:com|org|net|io|dev|html?|js|css|png|jpe?g|svg|json|md|py|txt|pdf|woff2?|whl|tar|gz|zip)\b|"
        r"@[\w-]+\.|\(|://"
    )
