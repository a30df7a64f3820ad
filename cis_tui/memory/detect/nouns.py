"""Where a text names a secret.

Each row of the tables begins with fixed letters, so that a text without them costs one search for a string each.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cis_tui.memory.detect.kinds import Kind

_KEYS = r"""(?:api|access|auth|private|secret|encryption|decryption|signing|master|account|service|storage|shared|ssh
    |deploy|licen[cs]e|product|activation|recovery|session|consumer|app|application|client|subscription|admin|webhook|write|server
    |integration|function|host|ingest|wallet|backup|security|gpg|pgp|ssl|tls|hmac|aes|user|org|personal|project|bot|live|test
    )(?:['’]s)?[ _.-]?\Z"""
_WIRELESS = r"(?:wi-?fi|wlan|wpa2?|network|router|pre-?shared|hotspot)[ _-]?\Z"
_CODES = r"""(?:door|gate|alarm|garage|entry|lock|safe|access|security|verification|login|2fa|mfa|otp|unlock|sms
    |confirmation|building|locker|bike|vault|authentication|authenticator|auth|one-time|entrance|padlock|lockbox|keypad|panel|sim|card
    )(?:['’]s)?[ _-]\Z"""
_NUMBER = r"(?:\s|_)(?:number|no\b\.?|nr\b\.?|num\b|id\b|\#)"

_MADE_UP = (
    ("pass", Kind.PASSWORD, r"(?:word|wd|phrase|code|wort|key)s?|(?![a-z0-9])", ""),
    ("pw", Kind.PASSWORD, r"d?(?![a-z0-9])", r"(?:^|[^a-z0-9]|(?:db|my|user|root|admin|sql|pg|ftp|ssh))\Z"),
    ("key", Kind.PASSWORD, r"(?![a-z])", _WIRELESS),
    ("answer", Kind.PASSWORD, "", r"security[ _]\Z"),
    ("maiden name", Kind.PASSWORD, "", ""),
    ("secret", Kind.TOKEN, r"s?(?:[ _.-]?(?:access[ _.-]?)?keys?)?", ""),
    ("token", Kind.TOKEN, r"s?", ""),
    ("key", Kind.TOKEN, r"s?(?![a-z])", _KEYS),
    ("key", Kind.TOKEN, r"(?=\s?[:=]\s?[\"']?[a-z0-9]{24})", r"(?:^|[^a-z:])\Z"),
    ("key", Kind.TOKEN, r"(?![a-z])", r"[a-z0-9][_-]\Z"),
    ("cred", Kind.TOKEN, r"(?:ential)?s?(?![a-z])", ""),
    ("conn", Kind.TOKEN, r"(?:ection)?[ _-]?str(?:ing)?", ""),
    ("dsn", Kind.TOKEN, r"(?![a-z])", r"(?:^|[^a-z])\Z"),
    ("bearer", Kind.TOKEN, "", ""),
    ("authorization", Kind.TOKEN, "", ""),
    ("session", Kind.TOKEN, r"[ _-]?(?:id|cookie)", ""),
    ("psk", Kind.TOKEN, r"(?![a-z])", r"(?:^|[^a-z])\Z"),
)
_NUMBERS = (
    ("pin", Kind.NUMBER, r"(?:[ -]?(?:codes?|number|nummer))?(?![a-z0-9])", r"(?:^|[^a-z0-9])\Z"),
    ("cvv", Kind.NUMBER, r"2?", ""),
    ("cvc", Kind.NUMBER, r"2?(?![a-z])", r"(?:^|[^a-z])\Z"),
    ("puk", Kind.NUMBER, r"(?![a-z])", r"(?:^|[^a-z])\Z"),
    ("otp", Kind.NUMBER, r"(?![a-z])", r"(?:^|[^a-z]|[^a-z][th])\Z"),
    ("code", Kind.NUMBER, r"s?(?![a-z])", _CODES),
    ("combination", Kind.NUMBER, "", r"(?:safe|lock|locker|bike|vault|padlock)(?:['’]s)?[ ]\Z"),
    ("code pin", Kind.NUMBER, "", ""),
    ("ssn", Kind.IDENTITY, r"(?![a-z])", r"(?:^|[^a-z])\Z"),
    ("social", Kind.IDENTITY, rf"\s(?:security|insurance)(?:{_NUMBER})?", ""),
    ("passport", Kind.IDENTITY, rf"(?:{_NUMBER})?", ""),
    ("card", Kind.IDENTITY, rf"(?:{_NUMBER})?(?![a-z])", r"(?:credit|debit|bank|visa|master|amex)[ _-]?\Z"),
    ("card", Kind.IDENTITY, rf"{_NUMBER}", ""),
    ("cc", Kind.IDENTITY, rf"{_NUMBER}", r"(?:^|[^a-z])\Z"),
    ("visa", Kind.IDENTITY, r"(?![a-z])", r"(?:^|[^a-z])\Z"),
    ("iban", Kind.IDENTITY, r"(?![a-z])", r"(?:^|[^a-z])\Z"),
    ("account", Kind.IDENTITY, rf"{_NUMBER}", ""),
    ("routing", Kind.IDENTITY, rf"{_NUMBER}", ""),
    ("sort code", Kind.IDENTITY, "", ""),
    ("tax id", Kind.IDENTITY, "", ""),
    ("national", Kind.IDENTITY, rf"\s(?:id|insurance)(?:{_NUMBER})?", ""),
    ("licen", Kind.IDENTITY, rf"[cs]e(?:{_NUMBER})?", r"driver(?:['’]?s)?\s\Z"),
)
"""What has digits."""
_ABROAD = (
    ("kennw", Kind.PASSWORD, r"(?:o|ö)rt(?:er|e)?", ""),
    ("zugangs", Kind.PASSWORD, r"(?:code|passwort)", ""),
    ("contrase", Kind.PASSWORD, r"(?:ñ|n)as?", ""),
    ("clave", Kind.PASSWORD, r"s?(?![a-z])(?!\s(?:de\s)?(?:la\s)?(?:api|secreta|privada))", r"(?:^|[^a-z])\Z"),
    ("clave", Kind.TOKEN, r"\s(?:de\s)?(?:la\s)?(?:api|secreta|privada)", ""),
    ("senha", Kind.PASSWORD, r"s?", ""),
    ("de passe", Kind.PASSWORD, "", r"mots?\s\Z"),
    ("mdp", Kind.PASSWORD, r"(?![a-z])", r"(?:^|[^a-z])\Z"),
    ("palavra", Kind.PASSWORD, r"[- ]passe", ""),
    ("palabra de paso", Kind.PASSWORD, "", ""),
    ("parola", Kind.PASSWORD, r"(?:\sd'ordine)?", ""),
    ("wachtwoord", Kind.PASSWORD, "", ""),
    ("chave", Kind.TOKEN, r"\s(?:da\s|de\s)?(?:api|secreta|privada|acesso)", ""),
    ("chiave", Kind.TOKEN, r"\s(?:api|segreta|privata)", ""),
    ("geheim", Kind.TOKEN, r"nis(?![a-z])", ""),
    ("geheimzahl", Kind.NUMBER, "", ""),
    ("codigo", Kind.NUMBER, r"\s(?:pin|de\sacc?es[os]o?|de\sseguran[çc]a|de\sseguridad)", ""),
    ("codice", Kind.NUMBER, r"\s(?:pin|segreto|di\s(?:accesso|sblocco))", ""),
    ("codice fiscale", Kind.IDENTITY, "", ""),
    ("karte", Kind.IDENTITY, r"n?(?:nummer)?", r"(?:kredit|bank|ec-?)\Z"),
    ("kontonummer", Kind.IDENTITY, "", ""),
    ("reisepass", Kind.IDENTITY, r"(?:nummer)?", ""),
    ("nummer", Kind.IDENTITY, "", r"(?:ausweis|sozialversicherungs|karten|steuer)\Z"),
    ("steuer", Kind.IDENTITY, r"-?id", ""),
    ("tarjeta", Kind.IDENTITY, r"(?:\sde\s(?:cr[eé]dito|d[eé]bito))?", ""),
    (
        "mero de",
        Kind.IDENTITY,
        r"\s(?:tarjeta|cuenta|pasaporte|seguro\ssocial|seguridad\ssocial|la\starjeta)",
        r"n[uú]\Z",
    ),
    ("ro de", Kind.IDENTITY, r"\s(?:carte|compte|passeport|sécurité\ssociale|la\scarte)", r"num[eé]\Z"),
    ("pasaporte", Kind.IDENTITY, "", ""),
    ("dni", Kind.IDENTITY, r"(?![a-z])", r"(?:^|[^a-z])\Z"),
    ("cpf", Kind.IDENTITY, r"(?![a-z])", r"(?:^|[^a-z])\Z"),
    ("carte", Kind.IDENTITY, r"\s(?:bancaire|de\scr[eé]dit|bleue)", ""),
    ("carta di", Kind.IDENTITY, r"\scredito", ""),
    ("cart", Kind.IDENTITY, r"[aã]o(?:\sde\scr[eé]dito)?", ""),
)
"""In ASCII, and tied to its value by `:`, `=` or one of these."""
_TIES_ABROAD = (" es ", " ist ", " est ", " lautet ", " era ", " son ")
_SCRIPTS = (
    ("код", Kind.NUMBER, r"(?!\w)", r"(?:пин[-\s]?)\Z"),
    ("парол", Kind.PASSWORD, r"[ьяеи]\w?", ""),
    ("hasł", Kind.PASSWORD, r"o", ""),
    ("şifre", Kind.PASSWORD, "", ""),
    ("lösenord", Kind.PASSWORD, "", ""),
    ("パスワード", Kind.PASSWORD, "", ""),
    ("パスフレーズ", Kind.PASSWORD, "", ""),
    ("合言葉", Kind.PASSWORD, "", ""),
    ("密码", Kind.PASSWORD, "", ""),
    ("密碼", Kind.PASSWORD, "", ""),
    ("口令", Kind.PASSWORD, "", ""),
    ("비밀번호", Kind.PASSWORD, "", ""),
    ("패스워드", Kind.PASSWORD, "", ""),
    ("암호", Kind.PASSWORD, "", ""),
    ("schlüssel", Kind.TOKEN, "", r"(?:api|geheimer|privater|wlan|zugangs|lizenz)[- ]?\Z"),
    ("シークレット", Kind.TOKEN, "", ""),
    ("トークン", Kind.TOKEN, "(?!数|上限|制限)", ""),
    ("秘密鍵", Kind.TOKEN, "", ""),
    ("キー", Kind.TOKEN, "", r"(?:api|アクセス)\s?\Z"),
    ("令牌", Kind.TOKEN, "", ""),
    ("密钥", Kind.TOKEN, "", ""),
    ("密鑰", Kind.TOKEN, "", ""),
    ("私钥", Kind.TOKEN, "", ""),
    ("토큰", Kind.TOKEN, "(?!\\s?수)", ""),
    ("시크릿", Kind.TOKEN, "", ""),
    ("키", Kind.TOKEN, "", r"(?:api|인증|비밀)\s?\Z"),
    ("токен", Kind.TOKEN, r"\w{0,2}", ""),
    ("секрет", Kind.TOKEN, r"\w{0,2}", ""),
    ("ключ", Kind.TOKEN, r"(?:\sapi)?", r"(?:api|секретный|приватный|доступа)?[- ]?\Z"),
    ("cl", Kind.TOKEN, r"(?:é|ef|e)\s(?:d'|de\sl')?(?:api|secrète|privée)", ""),
    ("código", Kind.NUMBER, r"\s(?:pin|de\sacc?es[os]o?|de\sseguran[çc]a|de\sseguridad)", ""),
    ("accès", Kind.NUMBER, "", r"code\sd'\Z"),
    ("暗証番号", Kind.NUMBER, "", ""),
    ("验证码", Kind.NUMBER, "", ""),
    ("驗證碼", Kind.NUMBER, "", ""),
    ("身份证", Kind.IDENTITY, r"号?码?", ""),
    ("护照", Kind.IDENTITY, r"号码?", ""),
    ("卡号", Kind.IDENTITY, "", ""),
    ("信用卡", Kind.IDENTITY, r"号?", ""),
    ("クレジットカード", Kind.IDENTITY, r"(?:番号)?", ""),
    ("マイナンバー", Kind.IDENTITY, "", ""),
    ("주민등록번호", Kind.IDENTITY, "", ""),
    ("снилс", Kind.IDENTITY, "", ""),
    ("паспорт", Kind.IDENTITY, r"\w?", ""),
)
_WINDOW = 24


@dataclass(frozen=True, slots=True)
class Noun:
    """A name of a secret in a text."""

    kind: Kind
    start: int
    end: int


def nouns_in(low: str, stems: list[str]) -> Iterator[Noun]:
    """The names of secrets in a text in small letters that has these `stems`."""
    for stem in stems:
        for kind, pattern, before in _rows()[stem]:
            for found in pattern.finditer(low):
                start = found.start()
                if before is None or before.search(low, max(0, start - _WINDOW), start):
                    yield Noun(kind, start, found.end())


def stems_in(low: str, *, numbers: bool) -> list[str]:
    """The letters with which a name may begin, of those that a text in small letters has; `numbers`: it has digits."""
    made_up, counted, abroad, scripts = _stems()
    found = [stem for stem in made_up if stem in low]
    if numbers:
        found += [stem for stem in counted if stem in low]
    plain = low.isascii()
    if not plain or ": " in low or "=" in low or _tied_abroad(low):
        found += [stem for stem in abroad if stem in low]
    return found if plain else found + [stem for stem in scripts if stem in low]


def _tied_abroad(low: str) -> bool:
    return any(tie in low for tie in _TIES_ABROAD)


# Made at the first write: a read needs none of them.
@cache
def _stems() -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(dict.fromkeys(row[0] for row in table)) for table in (_MADE_UP, _NUMBERS, _ABROAD, _SCRIPTS))


@cache
def _rows() -> dict[str, list[tuple[Kind, re.Pattern[str], re.Pattern[str] | None]]]:
    rows: dict[str, list[tuple[Kind, re.Pattern[str], re.Pattern[str] | None]]] = {}
    for stem, kind, rest, before in (*_MADE_UP, *_NUMBERS, *_ABROAD, *_SCRIPTS):
        pattern = re.compile(f"{re.escape(stem)}(?:{rest})")
        rows.setdefault(stem, []).append((kind, pattern, re.compile(before, re.VERBOSE) if before else None))
    return rows
