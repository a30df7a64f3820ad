"""Who may do what from a room: a table of DID x capability, for tasks also up to which level; all else is refused.

It follows from what a person has said of a peer (`cis peer allow`), and from `[matrix] policy` where that says more or
less, one rule a text: `allowed memory vote`, `own task:confirmed`, or `did:key:z6Mk… memory propose task:mechanical`.
A rule for a DID takes the place of the one for what it is; one that is denied may do nothing, whatever is said of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cis_tui.core.errors import Invalid, Refused

CAPABILITIES = ("memory", "vote", "propose", "task")
LEVELS = ("mechanical", "recommended", "confirmed", "arbitrated")
_STANDINGS = ("own", "allowed", "pending")
_DEFAULT = ("own memory vote propose task:confirmed", "allowed memory vote propose")


@dataclass(frozen=True, slots=True)
class Standing:
    """What a person has said of a node."""

    trust: str = ""
    """own, allowed, pending or denied; empty: it is not known."""
    name: str = ""


Book = Callable[[str], Standing]
"""Looks a DID up; fast, on any thread."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What one may do."""

    capabilities: frozenset[str] = frozenset()
    level: str = ""
    """The greatest one of tasks that it may request; empty: none."""


class Policy:
    """The table."""

    def __init__(self, book: Book, rules: Iterable[str] = ()) -> None:
        """
        Raises:
            Invalid: a rule is none (CIS-MATRIX-040).
        """
        self.book = book
        self._rules = dict(map(read_rule, _DEFAULT)) | dict(map(read_rule, rules))

    def grant(self, did: str) -> Grant:
        """What a node may do."""
        trust = self.book(did).trust
        if trust == "denied":
            return Grant()
        return self._rules.get(did) or self._rules.get(trust) or Grant()

    def allows(self, did: str, capability: str) -> bool:
        """Whether it may do something at all."""
        return capability in self.grant(did).capabilities

    def check(self, did: str, capability: str) -> None:
        """See that it may; an empty capability is everybody's who is not denied.

        Raises:
            Refused: it may not (CIS-MATRIX-041).
        """
        if self.allows(did, capability) or (not capability and self.book(did).trust != "denied"):
            return
        hint = f"cis peer allow {did} lets it"
        raise Refused("CIS-MATRIX-041", f"{did} may not: {capability or 'it is denied'}", hint=hint)


def read_rule(text: str) -> tuple[str, Grant]:
    """Whom a rule is for, and what it grants.

    Raises:
        Invalid: it is none (CIS-MATRIX-040).
    """
    who, *words = text.split() or [""]
    if who not in _STANDINGS and not who.startswith("did:key:z6Mk"):
        raise _no_rule(text, f"it begins with a DID, or with {', '.join(_STANDINGS)}")
    level = ""
    granted: set[str] = set()
    for word in words:
        capability, colon, named = word.partition(":")
        if capability not in CAPABILITIES or bool(colon) != (capability == "task") or (colon and named not in LEVELS):
            raise _no_rule(text, f"{word} is none of memory, vote, propose, task:{', task:'.join(LEVELS)}")
        granted.add(capability)
        level = named or level
    return who, Grant(frozenset(granted), level)


def _no_rule(text: str, why: str) -> Invalid:
    return Invalid("CIS-MATRIX-040", f"{text[:100]!r} in matrix.policy is no rule: {why}")
