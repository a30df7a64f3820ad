"""What faces are told of memory in a room: plain, frozen data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MemorySync:
    """How far one node of the room and this one have heard each other."""

    did: str
    heard: int
    """The number up to which all that it said was heard."""
    last: int
    """The greatest number that it is known to have said something under."""
    holes: int
    """Numbers in between that were not heard; they are asked for."""
    told: int
    """The number up to which it has heard all of this node, as it last said."""


@dataclass(frozen=True, slots=True)
class MatrixMemory:
    """Memory in a room at a glance."""

    said: int = 0
    """The greatest number that this node has said something under."""
    waiting: int = 0
    """Versions that are to be said, or may have to be."""
    healed: int = 0
    """Numbers of others that were missing and came, since the engine started."""
    answered: int = 0
    """Operations in which this node has said something again."""
    members: tuple[MemorySync, ...] = ()
