"""The exchange behind a pairing code: SPAKE2 (RFC 9382) bound to the keys of both sides.

Whoever listens, or sits in between, learns nothing that could be tried against codes later: each exchange tells of one
guess whether it was right, and no more.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass
from typing import Protocol, cast

from cis_tui.core.errors import Refused

_MESSAGE = 33
"""Bytes of a message: a letter for the side, and a point of the curve."""
_PROOF = 32


@dataclass(frozen=True, slots=True)
class Code:
    """What is read from one screen and typed on the other, such as `42-719-305`."""

    plate: str
    """Two digits that tell open codes apart; no secret."""
    secret: str
    """Six digits."""

    def __str__(self) -> str:
        return f"{self.plate}-{self.secret[:3]}-{self.secret[3:]}"


def new_code() -> Code:
    """A random code."""
    return Code(f"{secrets.randbelow(100):02d}", f"{secrets.randbelow(1_000_000):06d}")


def read_code(text: str) -> Code | None:
    """The code that a person typed, with or without what separates its parts; None if it is none."""
    digits = "".join(text.split()).replace("-", "")
    if len(text) > 40 or len(digits) != 8 or not (digits.isascii() and digits.isdigit()):
        return None
    return Code(digits[:2], digits[2:])


class _Spake(Protocol):
    """One side of spake2's, which has no types."""

    def start(self) -> bytes: ...
    def finish(self, inbound: bytes, /) -> bytes: ...


class Exchange:
    """One try of one code between two nodes that have proven who they are. Methods take some 20 ms."""

    def __init__(self, code: Code, *, opener: str, joiner: str, opens: bool) -> None:
        """`opener`, `joiner`: the DIDs of who shows the code and who types it; `opens`: whether this is the first."""
        import spake2

        kind = spake2.SPAKE2_B if opens else spake2.SPAKE2_A  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
        password = f"{code.plate}{code.secret}".encode()
        names = {"idA": f"cis pair joiner {joiner}".encode(), "idB": f"cis pair opener {opener}".encode()}
        self._side = cast("_Spake", kind(password, **names))
        self._opens = opens
        self._key = b""
        self.message = self._side.start()
        """What the other side has to get."""

    def take(self, message: bytes) -> None:
        """Take the other side's message.

        Raises:
            Refused: it is none (CIS-P2P-050).
        """
        try:
            if len(message) != _MESSAGE:
                raise ValueError("wrong length")
            self._key = self._side.finish(message)
        except Exception as error:  # it raises whatever its arithmetic does
            raise Refused("CIS-P2P-050", "the other side does not speak of pairing as this one does") from error

    def seal(self, card: bytes) -> bytes:
        """The proof that this side knows the code, with `card`, which only the other side can read."""
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        box = ChaCha20Poly1305(self._derived("card", mine=True)).encrypt(bytes(12), card, None)
        return self._proof(box, mine=True) + box

    def open(self, sealed: bytes) -> bytes:
        """The other side's card, once it has proven that it knows the code.

        Raises:
            Refused: it has not (CIS-P2P-051).
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

        proof, box = sealed[:_PROOF], sealed[_PROOF:]
        wrong = Refused("CIS-P2P-051", "the code is wrong", hint="look at the other screen, and type it again")
        if not self._key or not hmac.compare_digest(proof, self._proof(box, mine=False)):
            raise wrong
        try:
            return ChaCha20Poly1305(self._derived("card", mine=False)).decrypt(bytes(12), box, None)
        except InvalidTag as error:
            raise wrong from error

    def _proof(self, box: bytes, *, mine: bool) -> bytes:
        # HMAC commits to the key, which the cipher does not: one proof cannot fit two codes.
        return hmac.digest(self._derived("proof", mine=mine), box, "sha256")

    def _derived(self, purpose: str, *, mine: bool) -> bytes:
        """A key of this exchange; each is used for one message alone."""
        side = "opener" if self._opens is mine else "joiner"
        return hmac.digest(self._key, f"cis pair {side} {purpose}".encode(), "sha256")
