"""Secrets in text: whether there is one, and of what kind. Nothing here keeps or repeats any part of the text.

Four layers: what shows itself (`tokens`), what is named (`pairs`), what its check digits tell (`numbers`), and words
and codes (`phrases`). Ordinary text passes each by a few searches for fixed letters; all take time linear in the text.
"""

from __future__ import annotations

from cis_tui.memory.detect.find import secret_in
from cis_tui.memory.detect.names import secret_name, words_of

__all__ = ["secret_in", "secret_name", "words_of"]
