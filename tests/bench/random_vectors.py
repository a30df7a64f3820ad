"""A child that answers as the model does, at once and with chance: to measure search without the model."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy

from cis_tui.memory.child import serve
from cis_tui.memory.embedder import DIMENSIONS


def answers() -> Callable[[bytes], bytes]:
    """A row of length 1 for each text, the same for the same text."""

    def answer(question: bytes) -> bytes:
        rows = [
            numpy.random.default_rng(abs(hash(text)) % 2**32).standard_normal(DIMENSIONS)
            for text in json.loads(question)
        ]
        return b"".join((row / numpy.linalg.norm(row)).astype(numpy.float32).tobytes() for row in rows)

    return answer


if __name__ == "__main__":
    serve(answers)
