"""Whether what stands after the name of a secret can be one, or only talks about it."""

from __future__ import annotations

import re

from cis_tui.memory.detect.kinds import Kind, Tie

_PLACEHOLDER = re.compile(
    r"[$%<{\[(@#]|.*(?:\{\{|\$\{|\$\(|%\(|\}\})|[xX*.•●_?-]+$|\.\.\.|…|"
    r"(?:your|insert|enter|put|add|replace|change|example|sample|dummy|placeholder|fake|todo|tbd|fixme|"
    r"redacted|masked|hidden|removed|censored|foo|bar|baz|xxx|n/?a)(?:[-_ ]|$)|"
    r".*(?:redacted|placeholder|(?<![A-Za-z0-9])example|_here$|-here$|changeme|change[-_]me|your[-_](?:api|key|token|secret|pass|own)|"
    r"dummy|x{5}|\*{3}|\.\.\.$|…$)",
    re.IGNORECASE | re.DOTALL,
)
_REFERENCE = re.compile(
    r"(?:[A-Za-z_]{1,24}\d{0,2}\.)+[A-Za-z_]+$|[a-z][a-z0-9_-]*(?:/[a-z][a-z0-9_.-]*)+$|[A-Za-z_][\w.:]*[(\[]|[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+$|"
    r"(?:env|vault|op|keyring|secret|secrets|ssm|arn|aws|gcp|azure|file|pass|bw|doppler|keychain|https?|s3|gs|ref|did|urn|"
    r"sha\d+|md5):(?!//[^/\s]*@)|(?:self|this|process|os|config|settings|args|options|opts|params|request|req|ctx|env|environ)\b[.\[]|"
    r"!(?:vault|secret|Ref|Sub|GetAtt)|/|~/|\./|[A-Za-z]:\\",
)
_NOT_SECRET = re.compile(
    r"\d{4}-\d\d-\d\d|\d{1,2}:\d\d|v?\d+(?:\.\d+)+\b|"
    r"\d+(?:[.,]\d+)*\s?(?:%|[kmgt]?i?b|k|m|ms|s|sec|min|h|d|days?|chars?|bits?|bytes?|"
    r"tokens?|characters?|digits?|letters?|words?|times?|hours?|minutes?|seconds?|weeks?|months?|years?|usd|eur)?$|"
    r"\d+[-‐](?:chars?|characters?|digits?|bits?|bytes?|letters?|words?|days?|hours?|minutes?)|[\w.+-]+@[\w-]+\.[\w.]+$|"
    r"(?:sha-?\d+|md5|rs256|hs256|es256|aes-?\d*|base64|base32|utf-?8|oauth-?2?|oauth2\.0|x509|x\.509|bcrypt|"
    r"argon2i?d?|scrypt|pbkdf2|"
    r"ed25519|rsa-?\d*|jwt|2fa|mfa|s3|k8s|v\d|ascii|http2?|ipv[46]|p2p|i18n|web3|auth0|1password|gpt-?\d\S*)$",
    re.IGNORECASE,
)
_TALK_WORDS = """
    a an the this that these those it its he she they we you i in on at to for from of by with without about into
    over under and or but not no never always only just also still now then here there today tomorrow yesterday
    again already yet soon too very so such more less most much many few some any every each all both either none
    nothing something anything everything same different other another own new old good bad great nice fine ok okay
    right wrong correct incorrect valid invalid true false yes off null nil nan void undefined unset empty blank
    missing required optional mandatory needed necessary expired expiring current former stored saved kept hashed
    encrypted salted hidden visible masked redacted protected secure insecure safe unsafe strong weak simple complex
    complicated long longer short shorter easy hard difficult impossible possible public private secret personal
    shared unique common random generated automatic auto manual default temporary temp permanent static dynamic
    local remote global known unknown set reset changed rotated revoked stolen leaked lost forgotten forgot
    remembered written printed sent given shown used unused working broken what which who whom whose where when why
    how because since until while if unless than as like be been being is are was were am do does did done have has
    had having will would can could should may might must shall ready available unavailable pending active inactive
    enabled disabled supported deprecated case-sensitive case sensitive string str int integer float bool boolean
    bytes text type object array list dict number char varchar pass password passwords passwd passphrase token
    tokens key keys secrets pin code value name user username login bearer basic ask check see look read use using
    try enter change contact call update create make get click go please your my our his her their me us him them
    one two three four five six seven eight nine ten first second last next annoying stupid silly funny weird
    terrible awful ridiculous important confidential critical plaintext cleartext unencrypted expected session-only
    somewhere elsewhere nowhere up down out es un una el la los las que muy si por para con der die das ein eine
    nicht sehr zu ist und le les des une du pas très et um uma os não muito il lo gli non molto de obligatoria
    obligatorio obrigatória obrigatório obligatoire requis requise erforderlich notwendig falsch richtig sicher
    unsicher schwach stark neu alt geheim gleich incorrecta incorrecto inválida válida segura débil fuerte larga
    corta misma igual errada forte fraca faible oublié valable sbagliata scaduta necessaria debole nuova vecchia
    stessa secreta secreto обязателен неверный await async function lambda return raise throw typeof import iter
    open self super yield print input minimum maximum characters patience practice love kindness hope trust time
    butter consistency preparation timing simplicity persistence
"""
"""Words after `password is` or `token:` that are no password."""
_DEFAULT_WORDS = """
    true false yes no null none nil undefined on off string str int bool required optional bearer basic
    await async new function lambda self this input prompt return
"""
_TALK = frozenset(_TALK_WORDS.split())
_DEFAULTS = frozenset(_DEFAULT_WORDS.split())
_ADJECTIVE = re.compile(
    r".*(?:ed|ing|able|ible|ful|less|ous|ly|ive|ary|ory|ent|ant|ical|en|ada|ado|ido|ida|oria|iert|bar|lich|toire)$"
)
_NAMES = frozenset(
    ("token", "tokens", "secret", "secrets", "passwd", "pwd", "passphrase", "apikey", "credentials", "pin")
)
"""Words that as a value are a name once more."""
_SYMBOL = re.compile(r"[!@#$%^&*+=?~|\\/§€£<>.:_-]")
_WORDY = re.compile(r"[A-Za-zÀ-ÿ]+(?:[-'’/&+][A-Za-zÀ-ÿ]+)+$")
_INNER_UPPER = re.compile(r"[a-z].*[A-Z]")


def can_be_secret(value: str, kind: Kind, tie: Tie, *, ends: bool, quoted: bool = False) -> bool:
    """Whether `value`, tied to the name of a secret of this kind, is one; `ends`: its line or clause ends with it."""
    if len(value) < 3 or (is_placeholder(value) and not _strong(value, tie)):
        return False
    if kind is Kind.NUMBER:
        return bool(re.fullmatch(r"[#*]?(?:\d[ -]?){3,8}[#*]?", value)) or (tie.value >= 2 and looks_made_up(value))
    if kind is Kind.IDENTITY:
        return sum(map(str.isdigit, value)) >= 6
    if _REFERENCE.match(value) or _is_name(value, quoted=quoted):
        return False
    if kind is Kind.TOKEN:
        return _token(value, tie)
    return _password(value, tie, ends)


def is_placeholder(value: str) -> bool:
    """Whether `value` stands for one that is elsewhere: `<your-token>`, `${TOKEN}`, `xxxx`."""
    return bool(_PLACEHOLDER.match(value))


def looks_made_up(value: str) -> bool:
    """Whether `value` mixes letters with digits, signs or capitals as no word does."""
    if _NOT_SECRET.match(value) or _WORDY.match(value):
        return False
    digit = any(map(str.isdigit, value))
    letter = any(map(str.isalpha, value))
    if digit and letter:
        return len(value) >= 4
    return letter and len(value) >= 6 and bool(_INNER_UPPER.match(value) or _SYMBOL.search(value))


_PHRASE = re.compile(r"([A-Za-zÀ-ÿ]{3,}(?:[ -][A-Za-zÀ-ÿ0-9]{2,}){2,11})[\"'`)]?\s*(?:[.!?\n]|$)")


def phrase_like(text: str) -> bool:
    """Whether `text` begins with a passphrase: three or more words in a row that make no sentence, and then an end."""
    found = _PHRASE.match(text)
    if not found:
        return False
    words = re.split(r"[ -]", found.group(1).lower())
    talk = sum(word in _TALK or bool(_ADJECTIVE.match(word)) for word in words)
    return talk == 0 or (talk == 1 and len(words) >= 4)


def is_password(value: str) -> bool:
    """Whether `value`, a single word, can only be a password: it has small and capital letters, digits and a sign."""
    if not 8 <= len(value) <= 64 or is_placeholder(value) or _NOT_SECRET.match(value) or _REFERENCE.match(value):
        return False
    return (
        any(map(str.isdigit, value))
        and any(map(str.isupper, value))
        and any(map(str.islower, value))
        and bool(re.search(r"[!#$%^&*?]|@(?!\d|[\w-]+\.\w)", value))
        and not re.search(r"[/(){}\[\]=<>;:]", value)
    )


def _strong(value: str, tie: Tie) -> bool:
    """A password may begin with a sign, but not as a reference does."""
    return (
        tie.value >= 1
        and value[0] in "@#%$(["
        and len(value) >= 7
        and any(map(str.isdigit, value))
        and any(map(str.isalpha, value))
        and not re.match(
            r"\$[A-Za-z_{(]\w*\W?$|[%@][A-Za-z_]+[%@]$|[$#][{(]|\$\w+[.\[-]|[\[(<].*[\])>]$|@\w+$|#[0-9a-fA-F]{3,8}$",
            value,
        )
    )


def _is_name(value: str, *, quoted: bool) -> bool:
    """`my_api_key`, `api_key`, `dbPassword`: a variable, not a value."""
    from cis_tui.memory.detect.names import secret_words, words_of

    if not value.isascii() or any(map(str.isdigit, value)) or not value.replace("_", "").replace("-", "").isalpha():
        return False
    words = words_of(value)
    if not secret_words(words) or value.lower() == "password":
        return False
    return value.lower() in _NAMES or (len(words) > 1 and not quoted)


def _token(value: str, tie: Tie) -> bool:
    if " " in value:
        return False
    if value.isdigit():
        return len(value) >= (6 if tie is Tie.ASSIGNED else 8)
    if _NOT_SECRET.match(value):
        return False
    if tie is Tie.ASSIGNED and value.lower() not in _TALK:
        return len(value) >= 3 and (len(value) >= 16 or looks_made_up(value) or (len(value) <= 12 and value.islower()))
    if tie is Tie.COLON and len(value) >= 20 and not _WORDY.match(value):
        return True
    return len(value) >= (6 if tie.value >= 1 else 8) and looks_made_up(value) and any(map(str.isdigit, value))


def _password(value: str, tie: Tie, ends: bool) -> bool:
    plain = value.lower()
    if tie is Tie.ASSIGNED:
        return plain not in _DEFAULTS
    if plain in _TALK:
        return False
    if value.isdigit():
        return len(value) >= 4
    if looks_made_up(value):
        return tie is not Tie.BARE or any(map(str.isdigit, value))
    if tie is Tie.BARE or not ends or _NOT_SECRET.match(value) or len(value) < 4:
        return False
    return tie is Tie.COLON or not _ADJECTIVE.match(plain)
