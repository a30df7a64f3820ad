"""The vector index of public memory, by chromadb, in a process of its own that alone owns the folder: see `chroma`.

Ids and vectors only, one collection for each hot week; no text ever. Chroma's server is never started.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from cis_tui.memory.child import serve
from cis_tui.memory.chroma import pack, unpack
from cis_tui.memory.embedder import DIMENSIONS

_PART = 500
"""Vectors that are added at once."""
_SHAPE = {"space": "cosine", "ef_construction": 200, "ef_search": 100, "max_neighbors": 16, "sync_threshold": 1000}


class Store:
    """The collections in one folder."""

    def __init__(self, folder: Path, prefix: str) -> None:
        """`prefix`: what collections of vectors of today's model are called before their week; others are dropped."""
        os.umask(0o077)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._lock = os.open(folder.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RuntimeError(f"another process owns {folder}") from error
        self._client = _client(folder)
        self._collections: dict[str, Any] = {}
        self._prefix = prefix
        for each in self._client.list_collections():
            if not each.name.startswith(prefix):
                self._client.delete_collection(each.name)

    def answer(self, question: bytes) -> bytes:
        """Do what a question asks."""
        asked, data = unpack(question)
        match asked["do"]:
            case "open":
                return pack({"rows": {week: self._rows(week) for week in self._weeks()}})
            case "add":
                self._add(str(asked["week"]), asked["rows"], data)
            case "remove":
                self._collection(str(asked["week"])).delete(ids=[str(row) for row in asked["rows"]])
            case "drop":
                self._collections.pop(str(asked["week"]), None)
                self._client.delete_collection(f"{self._prefix}{asked['week']}")
            case "query":
                return pack({"near": self._near(data, int(asked["limit"]))})
            case _:
                raise ValueError("an unknown question")
        return pack({})

    def _weeks(self) -> list[str]:
        return [each.name.removeprefix(self._prefix) for each in self._client.list_collections()]

    def _rows(self, week: str) -> list[int]:
        """The rows that a collection has and finds; one that has lost its way is dropped."""
        collection = self._collection(week)
        try:
            rows = [int(id) for id in collection.get(include=[])["ids"]]
            sample = collection.get(
                ids=[str(row) for row in rows[:: max(len(rows) // 5, 1)][:5]], include=["embeddings"]
            )
            for id, vector in zip(sample["ids"], sample["embeddings"], strict=True):
                found = collection.query(query_embeddings=[vector], n_results=3, include=["distances"])
                if id not in found["ids"][0] and found["distances"][0][0] > 1e-3:
                    raise RuntimeError("a vector does not find itself")
        except Exception:
            self._collections.pop(week, None)
            self._client.delete_collection(f"{self._prefix}{week}")
            return []
        return rows

    def _add(self, week: str, rows: Sequence[int], data: bytes) -> None:
        vectors = numpy.frombuffer(data, numpy.float32).reshape(len(rows), DIMENSIONS)
        for start in range(0, len(rows), _PART):
            ids = [str(row) for row in rows[start : start + _PART]]
            self._collection(week).upsert(ids=ids, embeddings=vectors[start : start + _PART])

    def _near(self, data: bytes, limit: int) -> list[tuple[str, int, float]]:
        question = numpy.frombuffer(data, numpy.float32).reshape(1, DIMENSIONS)
        near: list[tuple[str, int, float]] = []
        for week in self._weeks():
            found = self._collection(week).query(query_embeddings=question, n_results=limit, include=["distances"])
            pairs = zip(found["ids"][0], found["distances"][0], strict=True)
            near += [(week, int(id), 1.0 - float(distance)) for id, distance in pairs]
        return sorted(near, key=lambda each: -each[2])[:limit]

    def _collection(self, week: str) -> Any:
        if week not in self._collections:
            configuration: Mapping[str, object] = {"hnsw": _SHAPE}
            self._collections[week] = self._client.get_or_create_collection(
                f"{self._prefix}{week}", embedding_function=None, configuration=configuration
            )
        return self._collections[week]


def _client(folder: Path) -> Any:
    """Chroma on a folder.

    Raises:
        RuntimeError: it cannot be opened; it is thrown away, for it can be made again, by another process than this
            one, since chroma remembers the failure.
    """
    import chromadb
    from chromadb.config import Settings

    library: Any = chromadb
    try:
        client = library.PersistentClient(
            str(folder), settings=Settings(anonymized_telemetry=False, is_persistent=True)
        )
        client.list_collections()
    except Exception as error:
        shutil.rmtree(folder)
        raise RuntimeError(f"the index could not be opened: {error}") from error
    return client


def _answers() -> Callable[[bytes], bytes]:
    return Store(Path(sys.argv[1]), sys.argv[2]).answer


if __name__ == "__main__":
    serve(_answers)
