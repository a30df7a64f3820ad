"""Numbers whose check digits tell what they are: payment cards and bank accounts; and social security numbers."""

from __future__ import annotations

import re
from functools import cache


def checked_number(text: str) -> str:
    """What number of a card, account or person `text` holds; empty when none."""
    for found in _cards().finditer(text):
        digits = re.sub(r"[ -]", "", found.group())
        if _card_length(digits) and _luhn(digits):
            return "a payment card's number"
    for found in _accounts().finditer(text):
        if _iban(found.group()):
            return "a bank account's number"
    return ""


def _card_length(digits: str) -> bool:
    """Whether the issuer that the first digits name gives out numbers of this length."""
    size = len(digits)
    if digits[0] == "4":
        return size in (13, 16, 19)
    if digits[:2] in ("34", "37"):
        return size == 15
    if digits[:2] in ("36", "38", "39") or "300" <= digits[:3] <= "305":
        return size == 14
    if "51" <= digits[:2] <= "55" or "2221" <= digits[:4] <= "2720" or "3528" <= digits[:4] <= "3589":
        return size == 16
    return digits[:2] in ("60", "62", "64", "65", "50", "67") and size in (16, 19)


def _luhn(digits: str) -> bool:
    if len(set(digits)) < 3 and digits[0] != "4":
        return False
    odd = sum(map(int, digits[-1::-2]))
    even = sum(n * 2 - 9 if n > 4 else n * 2 for n in map(int, digits[-2::-2]))
    return (odd + even) % 10 == 0


def _iban(text: str) -> bool:
    plain = text.replace(" ", "").replace("-", "").upper()
    if not 15 <= len(plain) <= 34:
        return False
    moved = plain[4:] + plain[:4]
    return int("".join(str(int(letter, 36)) for letter in moved)) % 97 == 1


@cache
def _cards() -> re.Pattern[str]:
    return re.compile(
        r"(?<![\d.,A-Za-z_+-])(?:[2-6]\d{3}(?:[ -]?\d{4}){3}(?:[ -]?\d{3})?|3[47]\d{2}[ -]?\d{6}[ -]?\d{5}"
        r"|3[0689]\d{2}[ -]?\d{6}[ -]?\d{4}|4\d{12})(?![\d.]\d|[A-Za-z_]|-\d)(?!\d)"
    )


@cache
def _accounts() -> re.Pattern[str]:
    return re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b")
