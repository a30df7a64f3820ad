"""Names of secrets, word by word: of entries, variables, fields and headings, in several languages.

A word counts as a whole: `token` names a secret, `tokenizer` does not. What stands beside it counts too:
`token-budget`, `max_tokens` and `secret-santa` are about something else.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

_WORDS = """
    secret secrets password passwords passwd passwds pwd pwds pw passphrase passphrases passcode passcodes passkey
    passkeys userpass dbpass token tokens apitoken authtoken accesstoken bottoken credential credentials cred creds
    apikey apikeys privkey privatekey secretkey accesskey bearer jwt jwts totp otp otps hotp cvv cvv2 cvc cvc2 pin
    puk mnemonic mnemonics ssn iban ibans htpasswd netrc pgpass dsn psk passwort passworte passwörter kennwort
    kennwörter kennworte zugangsdaten zugangscode geheimnis kreditkarte kreditkartennummer kartennummer
    reisepassnummer ausweisnummer sozialversicherungsnummer contraseña contraseñas clave claves senha senhas mdp
    wachtwoord wachtwoorden hasło heslo şifre parola lösenord salasana adgangskode jelszó пароль пароли пароля
    паролем пин токен токены секрет снилс
"""
_PHRASES = """
    api key, api keys, api token, api secret, private key, private keys, access key, access keys, auth key,
    auth keys, secret key, secret keys, encryption key, encryption keys, decryption key, signing key, master key,
    account key, service key, storage key, shared key, ssh key, ssh keys, ssl key, tls key, deploy key, gpg key,
    pgp key, age key, wallet key, license key, licence key, product key, activation key, activation code,
    recovery key, recovery keys, recovery code, recovery codes, recovery phrase, recovery words, recovery seed,
    backup code, backup codes, backup phrase, backup key, rescue code, rescue codes, scratch codes, pass word,
    pass phrase, pass code, pin code, pin number, seed phrase, seed words, secret words, wallet seed, credit card,
    debit card, card number, card details, cc number, security code, session cookie, session key, connection string,
    connection strings, conn string, database url, db url, redis url, mongo uri, mongodb uri, webhook url,
    social security, passport number, passport no, passport nr, bank account, account number, account no,
    routing number, sort code, tax id, drivers license, driver license, driving licence, national id, id number,
    identity card, door code, gate code, alarm code, garage code, entry code, lock code, safe code, access code,
    access codes, login code, unlock code, unlock pattern, verification code, safe combination, lock combination,
    locker combination, wifi key, db pass, user pass, root pass, admin pass, smtp pass, mail pass, email pass,
    sql pass, redis pass, ssh pass, wifi pass, login pass, auth pass, app pass, ldap pass, key pass, store pass,
    keystore pass, keychain pass, vpn pass, wlan key, wpa key, network key, security answer, security answers,
    maiden name, 2 fa code, 2 fa codes, 2 fa secret, 2 fa key, 2 fa seed, 2 fa backup, mfa code, mfa codes,
    mfa secret, mfa key, mfa seed, 2 fa recovery, id rsa, id ed 25519, id ecdsa, id dsa, sas url, auth header,
    authorization header, mot de passe, mots de passe, code pin, code secret, clé api, clef api, clés api,
    clé privée, clé secrète, carte bancaire, carte de crédit, clave api, clave privada, clave secreta,
    palabra de paso, tarjeta de crédito, número de tarjeta, número de pasaporte, palavra passe, palavras passe,
    chave api, chave da api, chave de api, chave privada, chave secreta, cartão de crédito, número do cartão,
    chiave api, chiave privata, chiave segreta, parola d ordine, carta di credito, numero di carta, api schlüssel,
    privater schlüssel, geheimer schlüssel, wlan schlüssel, ключ api, api ключ, api キー, api 키
"""
_KEEPERS = """
    openai anthropic stripe aws azure gcp google github gitlab slack twilio sendgrid mailgun heroku cloudflare
    datadog sentry deepl openweather mapbox algolia firebase supabase pinecone huggingface groq mistral cohere
    replicate elevenlabs notion linear figma telegram discord shopify paypal binance
"""
"""Whose key is a secret."""
_PARTS = """
    密码 密碼 口令 密钥 密鑰 私钥 私鑰 令牌 助记词 助記詞 身份证 身份證 卡号 卡號 护照号 验证码
    パスワード パスフレーズ パスコード 暗証番号 秘密鍵 アクセスキー シークレット トークン 合言葉
    リカバリーコード 비밀번호 패스워드 비밀키 개인키 토큰 시크릿 인증키
"""
"""These scripts put no space between words."""

_ENDS = re.compile(
    r"(?:password|passwd|passphrase|passcode|passwort|kennwort|apikey|secretkey|accesskey|privatekey|authkey|credentials|"
    r"(?:auth|access|api|bot|refresh|bearer|session|user|oauth|github|gitlab|slack|npm|csrf|xsrf|app|id)token|"
    r"(?:client|app|api|shared|user|webhook|jwt|auth|oauth)secret|(?:^|db|user|root|admin|sql|ssh|my|smtp|mail|ftp)(?:pass|pwd))$"
)

_AFTER_WORDS = """
    policy policies manager managers reset resets rotation rotations length len size sizes count counts limit limits
    budget budgets expiry expires expiration expired ttl lifetime age type types format formats url urls uri
    endpoint endpoints path paths file filename dir directory name names field fields column columns label labels
    prompt hint hints strength rule rules requirement requirements generator generators usage used use cost costs
    price prices pricing stats env var vars variable variables ref refs reference doc docs documentation page pages
    screen form input box dialog validator validation checker check checks enabled disabled required optional
    version algorithm algo provider rate rates bucket buckets ring economy sale standard min max avg average window
    context counter estimate estimates throughput per embedding embeddings ids split splits splitter splitting
    parser lexer stream position positions index indices probability probabilities logprobs board boards layout
    layouts out outs map maps header headers number mode numbering assignment assignments scanning scanner scan
    detection detector detectors leak leaks leakage hygiene sprawl management santa garden gardens sauce sauces
    admirer admirers agent agents society societies service services ingredient ingredients recipe recipes level
    levels menu weapon passage passages history lives wars hitler hunt
    command commands cmd library lib flow flows attempts attempt
    throttle cooldown store
"""
"""A word after the secret's that says that the value is about it."""
_BEFORE_WORDS = """
    max min maximum minimum num count no without disable enable enabled reset forgot forgotten show hide toggle has is
    require requires required allow remember gpio
"""
_BEFORE_TOKEN_WORDS = """
    total avg average per input output prompt completion context cached new special pad bos eos eot sep cls mask unk
    stop design fungible public n used
"""
_COUNTED_WORDS = """
    token tokens secret secrets password passwords pin pins key keys
"""
"""What is counted and switched."""


_AFTER = frozenset(_AFTER_WORDS.split())
_BEFORE = frozenset(_BEFORE_WORDS.split())
_BEFORE_TOKEN = frozenset(_BEFORE_TOKEN_WORDS.split())
_COUNTED = frozenset(_COUNTED_WORDS.split())
_MARKS = ("pass", "token", "secret", "key", "pwd", "cred", "wort")
"""Letters of words that `_ENDS` knows."""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a name, in small letters and without accents: `user/apiKey-v2` is user, api, key, v, 2."""
    if not text.isascii():
        text = _folded(text)
    return tuple(map(str.lower, _word().findall(text)))


def secret_name(key: str, words: tuple[str, ...]) -> str:
    """Those of its `words` by which the path `key` (parts between `/`) names a secret; empty when it names none."""
    if not _may_name(words, key):
        return ""
    parts = key.split("/")
    for part in parts:
        found = secret_words(words_of(part))
        if found:
            return found
    return _phrase_in(words) if len(parts) > 1 else ""


def _may_name(words: tuple[str, ...], key: str) -> bool:
    """Whether `secret_words` has anything to find in `key`, of these `words`."""
    singles, heads, _ = _lexicon()
    if not (key.isascii() and singles.isdisjoint(words) and heads.isdisjoint(pairwise(words))):
        return True
    low = key.lower()
    return (
        "pass" in low
        or "token" in low
        or "secret" in low
        or "key" in low
        or "pwd" in low
        or "cred" in low
        or "wort" in low
    )


def secret_words(words: tuple[str, ...]) -> str:
    """The words among `words`, one name's, by which it names a secret; empty when it names none."""
    singles, heads, scripts = _lexicon()
    for at, word in enumerate(words):
        if (word in singles or _ENDS.search(word)) and not _beside(words, at, at + 1):
            return word
        if not word.isascii() and any(part in word for part in scripts):
            return word
    return "" if heads.isdisjoint(pairwise(words)) else _phrase_in(words)


def is_counted(before: list[str], name: str) -> bool:
    """Whether the word before a name says that secrets are counted or switched: `max tokens`, `no password`."""
    return bool(before) and _counts(before[0].lower(), name.lower())


def _phrase_in(words: tuple[str, ...]) -> str:
    phrases = _phrases()
    for at, word in enumerate(words):
        for phrase in phrases.get(word, ()):
            end = at + len(phrase)
            if words[at:end] == phrase and not _beside(words, at, end):
                return " ".join(phrase)
    return ""


def _beside(words: tuple[str, ...], start: int, end: int) -> bool:
    """Whether a word beside `words[start:end]` says that they are about a secret, not the name of one."""
    if end < len(words) and words[end] in _AFTER:
        return True
    return start > 0 and _counts(words[start - 1], words[start])


def _counts(before: str, name: str) -> bool:
    return (before in _BEFORE and name in _COUNTED) or (before in _BEFORE_TOKEN and name in ("token", "tokens"))


def _folded(text: str) -> str:
    """`text` without accents, in the composed forms: `contraseña` is `contrasena`."""
    import unicodedata

    split = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in split if not "\u0300" <= letter <= "\u036f")
    return unicodedata.normalize("NFC", bare)


# Made at the first write: a read needs none of them.
@cache
def _lexicon() -> tuple[frozenset[str], frozenset[tuple[str, str]], tuple[str, ...]]:
    """The single words, the first two words of each phrase, and the parts of words."""
    heads = frozenset((phrase[0], phrase[1]) for phrases in _phrases().values() for phrase in phrases)
    return frozenset(_folded(_WORDS).split()), heads, tuple(_folded(_PARTS).split())


@cache
def _phrases() -> dict[str, tuple[tuple[str, ...], ...]]:
    """The phrases by their first word."""
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    keepers = (f"{keeper} key" for keeper in _KEEPERS.split())
    for phrase in (*_folded(_PHRASES).split(","), *keepers):
        words = tuple(phrase.split())
        found[words[0]] = (*found.get(words[0], ()), words)
    return found


@cache
def _word() -> re.Pattern[str]:
    return re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\d_A-Z]+|\d+")
