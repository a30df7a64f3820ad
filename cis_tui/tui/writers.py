"""Who wrote something: a node's name as this person knows it, never without its DID."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cis_tui.tui.paint import shown

Names = Mapping[str, str]
"""The DID of a node to its name, which the node gave to itself: it proves nothing."""
NOBODY: Names = {}
SHORT = 13
"""Cells of a short DID."""
NAME = 40
"""Characters of a name that are shown."""


def short_did(did: str) -> str:
    """A DID in at most `SHORT` cells: `z6Mkabcd…wxyz`."""
    key = shown(did.removeprefix("did:key:"), limit=80)
    return f"{key[:8]}…{key[-4:]}" if len(key) > SHORT else key


def node_name(did: str, names: Names) -> str:
    """A node by its name and its short DID, or by that alone: no name can pass for another node's."""
    name = shown(names.get(did, ""), limit=NAME).strip()
    return f"{name} ({short_did(did)})" if name else short_did(did)


def writer(did: str, me: str, names: Names) -> str:
    """Who wrote a version: `here`, or another node."""
    return "here" if did == me else node_name(did, names)


def written(dids: Iterable[str], me: str, names: Names) -> str:
    """Such as `written here and by laptop (z6Mkabcd…wxyz)`."""
    return "written " + " and ".join("here" if did == me else f"by {node_name(did, names)}" for did in dids)
