"""What a name of a secret announces, and how a value is tied to it."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What a name of a secret announces."""

    PASSWORD = "password"
    """Anything a person makes up, a plain word or several included."""
    TOKEN = "token"
    """Something a machine made up."""
    NUMBER = "number"
    """A few digits: PIN, CVV, door code."""
    IDENTITY = "identity"
    """A number given by an authority or a bank."""


class Tie(Enum):
    """How a name and what may be its value are tied together."""

    ASSIGNED = 3
    """`name=value`, `"name": "value"`, `--name value`."""
    COLON = 2
    """`name: value`, in prose too."""
    SAID = 1
    """`name is value`."""
    BARE = 0
    """`name value`."""
