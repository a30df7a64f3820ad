"""Lines of shell: what only bash understands of them."""

from __future__ import annotations

import re

PLAIN = frozenset({"sh", "/bin/sh"})
"""The shell that runs commands here, as a file may name it."""
BASHES = frozenset({"bash", "/bin/bash", "/usr/bin/bash", "zsh", "/bin/zsh"})
"""Shells that understand more."""
MAX_LINE = 20_000
"""Characters of a command that are looked at."""
_TEMPLATE = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_QUOTED = re.compile(r"\\.|'[^']*+'|\"(?:[^\"\\]|\\.)*+\"|(?:(?<=\s)|\A)#[^\n]*+", re.DOTALL)
_BRACES = re.compile(r"(?<!\$)\{[^\s{}'\";&|]*+\}")
_BASH_ONLY = (
    re.compile(r"(?<![\w\[])\[\[\s[^\n]{0,200}?\s\]\]"),
    re.compile(r"[<>]\([^)\n]{0,200}\)"),
    re.compile(r"<<<\s*[^\s]{0,50}"),
    re.compile(r"\bset -\w{0,10}o pipefail"),
)
"""`[[ … ]]`, process substitution, here-strings, pipefail."""


def bash_only(line: str) -> str:
    """Something in a command that means something else, or nothing, to /bin/sh; empty if nothing is found."""
    bare = _TEMPLATE.sub("x", line[:MAX_LINE])
    bare = _QUOTED.sub(lambda match: "''" if match[0][0] in "'\"" else "", bare)
    for braces in _BRACES.finditer(bare):
        if "," in braces[0] or ".." in braces[0]:
            return braces[0]
    found = (pattern.search(bare) for pattern in _BASH_ONLY)
    return next((match[0] for match in found if match is not None), "")
