"""Secrets that a text names: `DB_PASSWORD=…`, `"token": "…"`, "the wifi password is …", in several languages.

Every name of a secret is looked at on its own, a bounded stretch before and after it: the time is linear in the text.
"""

from __future__ import annotations

import re
from functools import cache

from cis_tui.memory.detect.kinds import Kind, Tie
from cis_tui.memory.detect.names import is_counted, secret_words, words_of
from cis_tui.memory.detect.nouns import Noun, nouns_in
from cis_tui.memory.detect.values import can_be_secret, is_placeholder, looks_made_up, phrase_like
from cis_tui.memory.detect.vendors import commanded_in

MOST_NAMES = 10_000
"""A text with more names of secrets than this is taken for a secret unread: the time stays bounded."""

MOST_PLACES = 50_000
"""And so is a text that has the letters of one of them more often."""
_TOO_MANY = "more names of secrets than can be read"

_AROUND = r"""(?:
    [ _](?:for|to|of|on|at|in|from|with|für|fürs|zu|zum|zur|vom|von|im|de|del|para|pour|du|da|do|das|dos
        |della|per|на|от|для|к)
        \s(?!a\s)[^\n.:;=!?,"“]{1,50}?(?!=)
    |[ ]?[（(\[][^)）\]\n]{1,40}[)）\]]
    |[ _](?:value|string|v?\d{1,2}|live|prod|production|staging|dev|test|backup|here|below|again|number|no\.?|\#)
    |[ ]I[ ](?:use|set|have|chose|picked)(?:[ ]\w+){0,4}?
    |的|を|の\w{0,6}
)?"""
_VALUE = r"""
    (?:@?"(?P<double>[^"\n]{1,256})"|@?'(?P<single>[^'\n]{1,256})'|`(?P<tick>[^`\n]{1,256})`
    |[“«「](?P<curly>[^”»」\n]{1,128})[”»」]
    |[*]{1,2}(?P<bold>[^*\n]{1,128})[*]{1,2}|(?P<bare><?[^\s"'`,;“”「」<]{1,256}))"""
_TIED = re.compile(
    rf"""["'`\])}}*_]{{0,4}}{_AROUND}["'`\])*]{{0,3}}
    (?:
      (?P<strong>[ \t]{{0,8}}(?::=|={{1,3}}|＝)[ \t]{{0,8}}|>(?=\S))
      |(?P<colon>[ \t]{{0,4}}(?:(?<!\d)[:：]|[:：](?!\d\d\b)|=>|->|→)(?!//)[ \t]{{0,8}}(?P<below>\r?\n[ \t>*-]{{0,8}})?)
      |(?P<said>[ ]?(?:は|が|是|为|為|는|은|가|이)[ ]?
         |[ ]{{1,2}}(?:is|was|are|were|=|ist|lautet|war|es|era|son|est|sont|était|é|è|eh|são|sono|это|равен
           |will\sbe|should\sbe|now\sis|became)
          (?:[ ](?:now|currently|still|just|simply|set\sto|actually|called|literally|this|probably
           |ahora|jetzt|maintenant|agora|следующий))?[ ]?[:：]?[ ]{{1,2}}
         |'s[ ])
    )
    {_VALUE}""",
    re.VERBOSE | re.IGNORECASE,
)
_LOOSE = re.compile(
    rf"""["'`]?
    (?:[ ]{{1,2}}(?:set|changed|updated|reset|rotated)?[ ]?(?:to|as|[-–—>|])[ ]{{1,2}}|,?[ ]{{1,2}}){_VALUE}""",
    re.VERBOSE | re.IGNORECASE,
)
_BEHIND = re.compile(
    r"(?:^|[\s\"'`(])([^\s\"'`(]{4,64})[\"'`]?,?\s(?:is|as|was|ist|es|est|è|é|como|als)\s"
    r"(?:(?:my|the|our|his|her|their|your|a|mein|das|mi|la|mon|le|meu|minha|il|un)\s)?(?:[\w-]+\s){0,3}\Z",
    re.IGNORECASE,
)
_LOGIN = re.compile(
    r"[\"']?(?:\s?\([^)\n]{1,30}\))?(?:[ ](?:for|to|on|at|für|para|pour)[ ][^\n:=,]{1,40}?)?"
    r"\s?(?:[:=]|is|are|with|as|-|sind|son)\s{0,2}"
    r"[\"'`]?[\w.@+-]{2,48}[\"'`]?\s?[/:|,]\s?[\"'`]?(?P<value>[^\s/\"'`|,;]{4,64})",
    re.IGNORECASE,
)
_ENDING = re.compile(
    r"[\"'`)\]*]{0,3}(?:\s*$|\s*\n|[.,;!?。，)<]|\s+(?:and|but|for|on|at|in|so|since|with|now|if|und|y|e|et|[(#/|-]|//|--))",
    re.IGNORECASE,
)
_TRAILING = ".,;:!?)]}>*_。，、です입니다"
_IDENT = re.compile(r"[A-Za-z0-9_-]{0,48}\Z")
_IDENT_TAIL = re.compile(r"[A-Za-z0-9_-]{0,40}")
_GROUPED = re.compile(r"[A-Za-z]{0,3}\s?(?:\d+[ -]?){1,6}")
"""Digits in groups: `1234 5678 9012`."""

_PLAIN_KEYS = frozenset(
    (
        *(
            "primary",
            "foreign",
            "sort",
            "cache",
            "public",
            "pub",
            "partition",
            "hash",
            "range",
            "lookup",
            "unique",
            "index",
        ),
        *("object", "bucket", "row", "group", "idempotency", "composite", "natural", "translation", "label", "config"),
        *("field", "query", "route", "node", "item", "map", "dict", "event", "metric", "message", "storage", "state"),
    )
)
"""What has keys that are no secret."""
_FOUND = {
    Kind.PASSWORD: "a password, named before it",
    Kind.TOKEN: "a key or token, named before it",
    Kind.NUMBER: "a PIN or code, named before it",
    Kind.IDENTITY: "a number of a card, an account or a document",
}


def named_secret(text: str, low: str, stems: list[str]) -> str:
    """What kind of secret `text` names and gives, empty when none; `low`, as long, has these `stems` of names."""
    if max(map(low.count, stems), default=0) > MOST_PLACES:
        return _TOO_MANY
    for seen, noun in enumerate(nouns_in(low, stems)):
        if seen == MOST_NAMES:
            return _TOO_MANY
        if _says(text, noun):
            return _FOUND[noun.kind]
    return ""


def login_secret(text: str, low: str) -> str:
    """`a user's name with a password` when `text` gives both: `login: maria / …`; else empty."""
    for name in _login_words().finditer(low):
        pair = _LOGIN.match(text, name.end(), name.end() + 160)
        if pair and looks_made_up(pair["value"].rstrip(_TRAILING)) and any(map(str.isdigit, pair["value"])):
            return "a user's name with a password"
    return ""


def commanded_secret(text: str, low: str) -> str:
    """`a password on a command line` when a command in `text` is given one: `mysql -p…`; else empty."""
    if not (
        (" -" in low and ("-u" in low or "-p" in low or " -a " in low or " -w " in low))
        or "identified" in low
        or "pass" in low
    ):
        return ""
    for start, end in commanded_in(low):
        if not is_placeholder(text[start:end]):
            return "a password on a command line"
    return ""


def _says(text: str, noun: Noun) -> bool:
    """Whether the name of a secret has its value beside it."""
    before = text[max(0, noun.start - 72) : noun.start]
    left = _ending(before)
    right = _beginning(text[noun.end : noun.end + 40])
    name = left + text[noun.start : noun.end] + right
    if (left or right) and not secret_words(words_of(name)):
        return noun.kind is Kind.TOKEN and _unknown_key(text, noun, name)
    if not left and is_counted(before.rsplit(None, 1)[-1:], name):
        return False
    at = noun.end + len(right)
    tied = _TIED.match(text, at, at + 440) or _LOOSE.match(text, at, at + 440)
    if tied and _fits(text, tied, name, noun.kind, named=bool(left.strip("-") or right)):
        return True
    back = _BEHIND.search(before)
    return bool(back) and can_be_secret(back.group(1).rstrip(_TRAILING), noun.kind, Tie.BARE, ends=True)


def _unknown_key(text: str, noun: Noun, name: str) -> bool:
    """`OPENAI_KEY=…`: the key of something, given a value that a machine made up."""
    last = words_of(name)[-2:]
    if len(last) < 2 or last[1] != "key" or last[0] in _PLAIN_KEYS:
        return False
    tied = _TIED.match(text, noun.end, noun.end + 300)
    if tied is None or tied["said"] is not None:
        return False
    value = next(filter(None, tied.group("double", "single", "tick", "bare")), "").rstrip(_TRAILING)
    return len(value) >= 8 and can_be_secret(value, Kind.TOKEN, Tie.SAID, ends=True)


def _ending(before: str) -> str:
    """What of a name stands before its telling part: `DB_` of `DB_PASSWORD`, `--` of `--password`."""
    found = _IDENT.search(before)
    return found.group() if found else ""


def _beginning(after: str) -> str:
    """What of a name stands after its telling part: `_BASE` of `SECRET_KEY_BASE`."""
    found = _IDENT_TAIL.match(after)
    return found.group() if found else ""


def _fits(text: str, tied: re.Match[str], name: str, kind: Kind, *, named: bool) -> bool:
    """Whether the value that `tied` found can be one of the `kind` that `name` announces."""
    tie = _tie(tied, named=named, flag=name.startswith("--") and text[tied.start()] in " =")
    bare = tied["bare"]
    if bare is None:
        value = next(filter(None, tied.group("double", "single", "tick", "curly", "bold")), "")
        return can_be_secret(value.strip(), kind, tie, ends=True, quoted=True)
    value = bare.rstrip(_TRAILING)
    if value.lower() == name.lower().lstrip("-"):
        return False
    start = tied.start("bare")
    rest = text[start + len(value) : tied.end() + 24]
    ends = not rest.strip() or bool(_ENDING.match(rest))
    if can_be_secret(value, kind, tie, ends=ends):
        return True
    if value.isdigit() and kind is Kind.TOKEN and tie is Tie.ASSIGNED:
        return len(value) >= 3 and "token" not in name.lower()
    if kind is Kind.PASSWORD and tie is not Tie.BARE:
        return phrase_like(text[start : start + 160])
    if kind not in (Kind.IDENTITY, Kind.NUMBER):
        return False
    grouped = _GROUPED.match(text, start, start + 40)
    return bool(grouped) and can_be_secret(grouped.group(), kind, tie, ends=ends)


def _tie(tied: re.Match[str], *, named: bool, flag: bool) -> Tie:
    parts = tied.groupdict()
    if flag or parts.get("strong") is not None:
        return Tie.ASSIGNED
    if parts.get("colon") is not None:
        if parts["below"]:
            return Tie.SAID
        return Tie.ASSIGNED if named or parts["double"] or parts["single"] else Tie.COLON
    return Tie.SAID if parts.get("said") is not None else Tie.BARE


@cache
def _login_words() -> re.Pattern[str]:
    return re.compile(
        r"\b(?:credentials?|creds|log-?\s?ins?|sign-?in|zugangsdaten|anmeldung|accesos?|identifiants|accès|username|user|account)\b"
    )
