"""Texts to vectors, by the model in a process of its own (`embedding`): text goes through a pipe and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from cis_tui.memory.child import IDLE_SECONDS, Child

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Vectors = NDArray[numpy.float32]

MODEL = "minilm-l6-v2-int8/1"
"""The space of the vectors: the model and how texts are made for it. Vectors of two spaces cannot be compared."""
DIMENSIONS = 384
MAX_TEXT = 1200
"""Characters of a text that are looked at; about what the model takes in."""
_BATCH = 32
_BATCH_TEXT = 8000
"""Characters of a batch, so that a question that comes meanwhile waits for a fraction of a second."""
_SAFE = {
    # The run time would write an identifier and a database into the user's cache, and send them off.
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


class Embedder:
    """The model as this process sees it; for any number of threads."""

    def __init__(self, *, idle_seconds: float = IDLE_SECONDS, module: str = "cis_tui.memory.embedding") -> None:
        """`idle_seconds`: after so long without a question the model's process ends, and its memory is free."""
        self._child = Child(module, env=_SAFE, idle_seconds=idle_seconds, code="CIS-MEM-050")

    @property
    def failure(self) -> str:
        """Why there is no model, as far as is known; empty while nothing speaks against it."""
        return self._child.failure

    def embed(self, texts: Sequence[str]) -> Vectors:
        """A row of length 1 for each of `texts`, at most 32. Blocks; the first time until the model is loaded.

        Raises:
            ChildFailed: there is no model, or it fails (CIS-MEM-050).
        """
        import numpy

        question = json.dumps([text[:MAX_TEXT] or " " for text in texts]).encode()
        return numpy.frombuffer(self._child.ask(question), numpy.float32).reshape(len(texts), DIMENSIONS)

    def ready(self, wait: float) -> bool:
        """Whether the model is loaded; begins to load it, and waits for that at most `wait` seconds."""
        return self._child.warm(b'[" "]', wait)

    def close(self) -> None:
        """End the model's process."""
        self._child.close()


def batches(texts: Sequence[str]) -> Iterator[range]:
    """`texts` in parts, as ranges of positions, each of which the model answers in a fraction of a second."""
    start = size = 0
    for position, text in enumerate(texts):
        if position > start and (position - start == _BATCH or size + len(text[:MAX_TEXT]) > _BATCH_TEXT):
            yield range(start, position)
            start, size = position, 0
        size += len(text[:MAX_TEXT])
    if start < len(texts):
        yield range(start, len(texts))
