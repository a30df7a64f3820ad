"""Versions of skills and the ranges that others ask for (PEP 440; those of Cargo and npm are understood)."""

from __future__ import annotations

import re

_CARET = re.compile(r"\^\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\Z")
_TILDE = re.compile(r"~\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?\Z")
_BARE = re.compile(r"v?\d+(?:\.\d+)*\Z")


def read_specifier(text: str) -> tuple[str | None, bool]:
    """`text` as a specifier, None if it is none, and whether it was written in another way."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # only few manifests need it

    text = text.strip()
    if text in ("*", "latest", "any"):
        return "", True
    taken = _translated(text)
    try:
        SpecifierSet(taken)
    except InvalidSpecifier:
        return None, False
    return taken, taken != text


def _translated(text: str) -> str:
    if caret := _CARET.match(text):
        return _below_next(text.lstrip("^ "), [int(part) for part in caret.groups() if part])
    if tilde := _TILDE.match(text):
        parts = [int(part) for part in tilde.groups() if part]
        return f">={text.lstrip('~ ')},<{_bumped(parts, min(1, len(parts) - 1))}"
    if _BARE.match(text):
        return f">={text.removeprefix('v')}"
    return re.sub(r"(?<![<>=!~])=(?!=)", "==", text)


def _below_next(text: str, parts: list[int]) -> str:
    """Up to the next version that changes the first number that is not 0."""
    place = next((index for index, part in enumerate(parts) if part), len(parts) - 1)
    return f">={text},<{_bumped(parts, place)}"


def _bumped(parts: list[int], place: int) -> str:
    return ".".join(str(part) for part in (*parts[:place], parts[place] + 1))


def satisfies(version: str, specifier: str) -> bool | None:
    """Whether `version` lies in the range; None when it is no version that can be compared."""
    from packaging.specifiers import SpecifierSet
    from packaging.version import InvalidVersion, Version

    if not specifier:
        return True
    try:
        return SpecifierSet(specifier).contains(Version(version), prereleases=True)
    except InvalidVersion:
        return None
