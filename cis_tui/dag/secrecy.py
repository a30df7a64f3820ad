"""What of a run is not to be stored or shown: the secrets that it was given, and those that show themselves."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from threading import Lock

from cis_tui.core.document import is_list, is_table
from cis_tui.core.environment import SECRET_NAMES, inherited_env
from cis_tui.memory.detect.names import secret_words, words_of
from cis_tui.memory.detect.spans import LONGEST, key_end, open_key, secret_spans, token_end, undecided
from cis_tui.memory.masking import MASK, Masker, forms

_MASK = MASK.decode()
SHORTEST_VARIABLE = 6
"""Bytes of the shortest value of a variable that is masked because of the variable's name."""
_PLAIN = frozenset({"true", "false", "enabled", "disabled", "required", "optional", "default", "prompt", "keyring"})


class Secrets:
    """The secret values that one run knows. May be used from any thread."""

    def __init__(self) -> None:
        self._values: set[str] = set()
        self._texts: frozenset[bytes] = frozenset()
        self._lock = Lock()
        self._seen_env = False

    @property
    def texts(self) -> frozenset[bytes]:
        """What is to be masked: the values in all forms that programs usually give them."""
        return self._texts

    def add(self, *values: str) -> None:
        """Mask `values` from now on."""
        with self._lock:
            fresh = [value for value in values if value not in self._values]
            if fresh:
                self._values.update(fresh)
                self._texts |= {form for value in fresh for form in forms(os.fsencode(value))}

    def add_env(self, env: Mapping[str, str]) -> None:
        """Mask the values of variables that are secrets by their names; with the first ones those of the engine."""
        if not self._seen_env:
            self._seen_env = True
            self.add(*secret_values(inherited_env()))
        self.add(*secret_values(env))

    def text(self, text: str) -> str:
        """`text` as it may be stored and shown."""
        stream = SecretStream(self)
        data = text.encode("utf-8", "surrogateescape")
        shown = stream.feed(data) + stream.finish()
        return text if shown == data else shown.decode("utf-8", "replace")

    def tree(self, value: object) -> object:
        """JSON data with every text as it may be stored."""
        if isinstance(value, str):
            return self.text(value)
        if is_table(value):
            return {self.text(key): self.tree(item) for key, item in value.items()}
        if is_list(value):
            return [self.tree(item) for item in value]
        return value


class SecretStream:
    """Masks one stream, of which it holds back only what could still become a secret."""

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets
        self._texts: frozenset[bytes] = frozenset()
        self._masker: Masker | None = None
        self._held = b""
        self._in_key = False
        self._in_token = False
        """The last that was given out was a mask, which stands for what comes next too."""

    def feed(self, data: bytes) -> bytes:
        """What can be stored and shown now that `data` has come."""
        return self._shown(self._known(data))

    def finish(self) -> bytes:
        """The rest: no more data comes."""
        rest = self._masker.finish() if self._masker else b""
        return self._shown(rest, ended=True)

    def _known(self, data: bytes) -> bytes:
        """`data` without the values that the run knows, which may have become more since the last time."""
        before = b""
        if self._texts is not self._secrets.texts:
            before = self._masker.finish() if self._masker else b""
            self._texts = self._secrets.texts
            self._masker = Masker(self._texts) if self._texts else None
        return before + self._masker.feed(data) if self._masker else before + data

    def _shown(self, data: bytes, *, ended: bool = False) -> bytes:
        if self._held:
            data, self._held = self._held + data, b""
        if self._in_key or self._in_token:
            data = self._after_mask(data)
        end = len(data) if ended else undecided(data)
        if len(data) - end > LONGEST:
            end = len(data)
        if end < len(data):
            data, self._held = data[:end], data[end:]
        spans = secret_spans(data)
        return self._without(data, spans) if spans else data

    def _after_mask(self, data: bytes) -> bytes:
        """`data` without the rest of what the last mask stands for."""
        if self._in_key:
            end = key_end(data)
            self._in_key = end < 0
            # The mark of the end may come in two pieces.
            self._held = data[-64:] if end < 0 else b""
            return b"" if end < 0 else data[end:]
        end = token_end(data)
        self._in_token = end == len(data)
        return data[end:]

    def _without(self, data: bytes, spans: Iterable[tuple[int, int]]) -> bytes:
        parts: list[bytes] = []
        place = 0
        for begin, end in spans:
            parts += (data[place:begin], MASK)
            place = end
        parts.append(data[place:])
        if place == len(data):
            self._in_key = open_key(data)
            self._in_token = not self._in_key
        return b"".join(parts)


def holds_mask(value: object) -> bool:
    """Whether JSON data holds a text of which a secret was masked."""
    if isinstance(value, str):
        return _MASK in value
    if is_table(value):
        return any(map(holds_mask, (*value, *value.values())))
    return is_list(value) and any(map(holds_mask, value))


def secret_values(env: Mapping[str, str]) -> list[str]:
    """The values in `env` that are secrets by the names of their variables, or since `cis secret run` gave them."""
    given = frozenset(env.get(SECRET_NAMES, "").split(","))
    return [value for name, value in env.items() if name in given or (_is_secret(name) and _is_value(value))]


@lru_cache(maxsize=4096)
def _is_secret(name: str) -> bool:
    return bool(secret_words(words_of(name)))


def _is_value(value: str) -> bool:
    """Whether it is more than a switch, a number or the path of a file."""
    if len(value.strip()) < SHORTEST_VARIABLE or value.lower() in _PLAIN or value.isdigit():
        return False
    return not (value.startswith(("/", "~", ".")) and os.path.exists(os.path.expanduser(value)))
