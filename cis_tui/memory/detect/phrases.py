"""Words and codes that open a wallet or an account: BIP 39 mnemonics, recovery codes, licence keys."""

from __future__ import annotations

import re
from functools import cache
from zlib import crc32

SHORTEST = 12
"""Words of the shortest mnemonic."""

_LAST_BIT = (1 << 14) - 1
_MARKS = " \t\"'`.,;:()[]{}*#-_1234567890"


def phrase_secret(text: str, low: str, words: list[str]) -> str:
    """What words or codes of that kind `text`, made of `words`, holds; `low`: the same in small letters."""
    if len(words) < SHORTEST <= len(text) // 4:
        words = _words().findall(low)
    if _mnemonic(words):
        return "a recovery phrase"
    dashes = low.count("-")
    if dashes >= 3 and _licence().search(text):
        return "a licence key"
    return "recovery codes" if _codes(low, dashes) else ""


def _mnemonic(words: list[str]) -> bool:
    """Whether 12 words or more in a row are all of BIP 39's list, numbers and marks beside them apart.

    Such a row holds one of every 12 words, so that only these need a look.
    """
    known: dict[str, bool] = {}
    for at in range(SHORTEST - 1, len(words) + SHORTEST, SHORTEST) if len(words) >= SHORTEST else ():
        at = min(at, len(words) - 1)
        if not (words[at].isalpha() or words[at].strip(_MARKS)):
            at -= 1
        if _listed(words[at], known) and _is_row(words, at, known):
            return True
    return False


def _is_row(words: list[str], at: int, known: dict[str, bool]) -> bool:
    """Whether 12 words in a row around `words[at]` are listed: different ones, or all but one the same."""
    row = [words[at]]
    for step in (-1, 1):
        here = at + step
        while 0 <= here < len(words) and abs(here - at) <= 2 * SHORTEST:
            word = words[here]
            if word.isalpha() or word.strip(_MARKS):
                if not _listed(word, known):
                    break
                row.append(word)
            here += step
    different = len(set(row))
    return len(row) >= SHORTEST and (different > SHORTEST // 2 or (different == 2 and min(map(row.count, row)) == 1))


def _listed(word: str, known: dict[str, bool]) -> bool:
    """Whether `word` is one of the 2,048; one in nine other words passes as well, twelve in a row do not."""
    found = known.get(word)
    if found is None:
        plain = word.lower() if word.isalpha() else word.strip(_MARKS).lower()
        place = crc32(plain.encode()) & _LAST_BIT
        found = known[word] = 3 <= len(plain) <= 8 and bool(_filter()[place >> 3] >> (place & 7) & 1)
    return found


def _codes(low: str, dashes: int) -> bool:
    named = _named_codes().search(low) if "cod" in low or not low.isascii() else None
    if named:
        found = _code().findall(low[named.end() : named.end() + 400])
        if sum(any(map(str.isdigit, code)) for code in found) >= 2:
            return True
    return dashes >= 5 and any(
        sum(any(map(str.isdigit, code)) and any(map(str.isalpha, code)) for code in _dashed().findall(row.group())) >= 4
        for row in _rows().finditer(low)
    )


# Made at the first write: a read needs none of them.
@cache
def _words() -> re.Pattern[str]:
    return re.compile(r"[a-z]+")


@cache
def _named_codes() -> re.Pattern[str]:
    return re.compile(
        r"(?:recovery|backup|rescue|scratch|emergency|2fa|mfa|one-time|reserve)[ _-](?:log-?in |pass)?codes?|"
        r"wiederherstellungscodes?|notfallcodes?|c[oó]digos de (?:recuperaci[oó]n|respaldo|recupera[çc][aã]o)|"
        r"codes de (?:secours|récupération)|codici di (?:recupero|backup)|"
        r"恢复代码|备用码|リカバリーコード|복구 코드|резервные коды|коды восстановления"
    )


@cache
def _code() -> re.Pattern[str]:
    return re.compile(r"(?<![\w-])(?:[a-z0-9]{4,12}(?:[ -][a-z0-9]{4,6}){1,3}|(?=[a-z]*\d)[a-z0-9]{5,16})(?![\w-])")


@cache
def _rows() -> re.Pattern[str]:
    return re.compile(
        r"(?:(?<![\w-])(?:\d{1,2}[.)] ?)?[a-z0-9]{4,6}(?:-[a-z0-9]{4,6}){1,3}(?![\w-])[\s,;]{1,4}){4,20}"
        r"(?:[a-z0-9]{4,6}(?:-[a-z0-9]{4,6}){1,3})"
    )


@cache
def _dashed() -> re.Pattern[str]:
    return re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)+")


@cache
def _licence() -> re.Pattern[str]:
    return re.compile(
        r"(?<![A-Z0-9-])(?=[A-Z-]{0,28}\d)(?=[\d-]{0,28}[A-Z])[A-Z0-9]{5}(?:-[A-Z0-9]{5}){3,5}(?![A-Z0-9-])"
    )


@cache
def _filter() -> bytes:
    from base64 import b64decode

    return b64decode("".join(_FILTER.split()))


_FILTER = """
    gAAAhKAAAAgAiAEEAWAAAAAAgAgCEI0IAAADIMAJACABAEhCAiCARAgAAKAQAAAAEAAEAAEABABQgAIWgCEBIEAAAICBIBEAIAIAAACCAAAAoAgA
    oBCAAIAABAACCCAQAqAQYAIBA0AABCgAQQICAFAAARAQAQkAAAIQAGAAAUEQYNAFAARYASGgMIAEgIMAIAACAAEIAgAgABBAAAARADICCAAklAIA
    EIoICTJCRAQAAgAAAMAAgAQIAAgAIyIACCBgAQAAgAQIAAAIAAAQCAMBAAAEAQAAIgAAJEAA0gQAgAAAgBCgRAAAAAIBACBgAECAABBgBhCAKgAA
    EAEAEAAYKKAAACQEABICiQBAFBAgABAEBACACAAAhIQABwACAAAAABKYBBEA4CgAQIAAAAAAAEEAAAAAAIAQACCAwiAABAAAKABAACAAAABAEEAE
    EAAAgAAjGKAAABBPCAIAUCCAEQMMAAARAEgAAAQAhABAAACACAAEAAISAgAAAJEYAAAIAAAAAAAACAwgAIUAAAAgBkIEBIABIIEBAhQAAACJAAMB
    ACAwAAAJAAAwAAAAgCAABABIABAAEIBARAAAiAAABTgIBBAAQDoCAAAAEAAIIAQCAAQAABACoAIRBIAAYABAAACAAIBAIAAgEAAIBAAC0IAAEAQA
    BAACBaBAQADAAABiACCAGCAAA0AAAAApDAAAAAYAFgIAAIBgEEFgAAAMEAAIAACICEAAgBQCQCAACIgIAAAAgBgAJAgEAIJAABELAACBAAAAAACA
    QAAAAAGAgAACAAIACAAAACAhAAgAgAAAAQAAAEIAQCBCQkAAEAgiARAAEAQIMEABCQAIIAAAEAARIoICAEAQAIASAAAAFARAAIAAAAAAAAQgAEAW
    BAAgEAyABQDLQoCEAAAAQACIAAIQAEAIAgISQBAAoKAgUBAAQFpBCAAAGBARAIBAkgAQChAFAAAApBAABCIIAoAEAQAAAhAIAAAAOgAACgAABCAA
    AAAAEgACACEACAAAgQAAAQARCAogABAIAAAABQAAUAACAFCQAAGIAAAMKBEQIIAEKCCAAIQAAQYAJAIAIBAAAAAAAgACIQAARcADAABgAgIwFAEE
    AAJAGIgAAAQiNIQAQBIACAmAJAAAAACABOAAgCAMgEgABiAAwIBQACAAAIKAUjAASBAAAABgDBAAAEIAgAJAgoAAAJAyAgAAAAjQIBARAADAACBE
    CAiAAAEQBAQAABECKANCBQAAKQAAEABAAMDAACACAAAB0AAAABgGDKBEAIIAAAAJAMIDAwAgIEAIAEQEEACQEgAgCAIoUQBiAQAAABUQFBBAEICg
    0AACEAJBjAAABASIAAAMQABCQAFAAAQgCoAABKAAIEMIIABSAAABgAAUAAJAAIARgB4ABgAAAQgACQBIQAAEIIAACAAAAEgAABAAACABBAAgCAEg
    AAQgCAQFEKEAAAAIAAIAABAAAAAAAANCCABQgGRQCMGgAAJAWAAJAgQBBkAAAAAAAAAFQAUARCAFABEAEiCAIQAANAAgACCAUAWBBGSJQAAIACAA
    AQAEAAAAYAgBgABACQIAAFAABIAAAIIKGBAAAIAEChIAAAAAAgABhADQAIhIBCEMBBAAQElAABDAAIAiAAAAArAIAGAAAAAIAhEEACAYACAQAQAA
    AUEAAgAgOAAAAFQQgYJAAkAAAAAEAADgAAQBAAMCAAABAAAAg4AEEAQCAQASAgAAMBAEAAAAEEIgQAAGAAAAAABRABREAFEAAAAYYAAAAwgAEIAA
    AECIAGAAEEAZJAAAAAAEAFAAAAAgBAABAwDGAAEAAKAkAQABEAAIAIAAEAEQQsAIAkAgxABCMFgEQggIBBCAAAAAiAEAAAAAMAsAAEqAEAMIOQCA
    AcBACBCQCAAAAAAABQAMRIAAAAgKAgAACBAQQAECAAAJAAgAALAgACUAAEAgxIIgMiAAUQxAkBAFCAgCSAAAAEIAAAAAAAAABAABQAAEBAGCAUlA
    EAAAAAEwEAJHAAAAAAQBAgAABAQABkAQAAEQCIAARIAECGYBAABgk6BAAAEJAAAYBgAAgEGAAAAACGEiAECyABAABAAACEgpADEEBAABIAEUAEAg
    BACAAAAoAABMABBAgQIIAASYAFACANAAGIQRAAAEgQoggAggEAQAARAAkAwIAQkCAAQEBQQABIBAQJIIAQABAIAISAkAGMBGAgggAQJUECIAMEIA
    ARQIEAAQAAIAAgAAAACIAEBAMgRBQAAIEAIYAWABcAEAgCgAQABEAIAAAAAAIACAYBQBFEEAAAAAhAAAQkACEKFAEFCAAgAACCAEACEgAEIACAAA
    AAAQAgAQRAWAAgEJGQIACQAymAAEADAAAABDQAAAQAmQAKFGABACAAANBCEAAAAgYBAQAQgAIgCAAA4IAECAgAAAJgAEAQAFAgQKIIASCgQAAIAQ
    BABAIAAAIAAAGxAAAAERAEAA8IABEAgBQCIMAEJAEAAAACRQCIIAAAABAEACAAAAIKAAApAAyAjEgAACAIBAAAAAQAAQACQAAAAASCARAAQAQEAA
    QGCKAABQKAAAAAhkADABIgAgBACUggAgwBBKFCAAAAAAgTgCIAACCEAAgAAQCAFDIAAAgEAQAAAFBEQQgEAAgAoAAAbAAJQQAAAQAVAghkIQBEBR
    AeDABBgAKAIAAACKAICoBgAACAACBACAAAAhIEgIAAA=
"""
"""A bit for each remainder of CRC-32 that a word of BIP 39's English list has: 2,048 words in 2 KiB."""
