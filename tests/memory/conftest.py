"""What the tests of memory share."""

from __future__ import annotations

import pytest

from cis_tui.memory import keys


@pytest.fixture(autouse=True)
def quick_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new passphrase costs a hundredth; the key file says how much it does, for whoever opens it."""
    monkeypatch.setattr(keys, "_ARGON2", {"t": 1, "m": 64, "p": 1})
