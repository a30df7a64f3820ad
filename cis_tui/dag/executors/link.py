"""A connection to a Dask scheduler: what this program needs of `distributed`, which is imported when it is used."""

from __future__ import annotations

import asyncio
import importlib
import logging
import math
import warnings
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, cast

from cis_tui.core.errors import CisError, Unavailable
from cis_tui.core.text import clean_line

log = logging.getLogger(__name__)
_CLOSE = 3.0
_ROUND_TRIP = 15.0
"""Seconds that a short call takes at most."""


@dataclass(frozen=True, slots=True)
class Security:
    """Certificates, each a path or the PEM text itself; all empty for a connection in clear."""

    ca: str = ""
    cert: str = ""
    key: str = ""

    def __bool__(self) -> bool:
        return bool(self.ca)


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """A worker as its scheduler describes it."""

    address: str
    name: str
    """What it was named; its address, if it was not."""
    host: str
    threads: int
    labels: frozenset[str]
    """Its name, and its resources of which it has at least 1."""


class Link:
    """One client of one scheduler."""

    def __init__(self, client: Any, address: str) -> None:
        """Use `open`."""
        self._client = client
        self.address = address
        self._workers: list[WorkerFacts] = []
        self._asked_at = -math.inf
        self._asking = asyncio.Lock()

    @classmethod
    async def open(cls, address: str, security: Security, within: float) -> Link:
        """Connect to the scheduler at `address` (`tcp://…`, `tls://…`); it may take `within` seconds to be there.

        Raises:
            Unavailable: nobody answers, or not as should be (CIS-DAG-165); `distributed` is missing (CIS-DAG-168).
        """
        distributed = await load()
        options: dict[str, object] = {"asynchronous": True, "set_as_default": False, "timeout": within}
        client = None
        try:
            async with asyncio.timeout(within + _CLOSE):
                if security:
                    options["security"] = distributed.Security(
                        tls_ca_file=security.ca,
                        tls_client_cert=security.cert,
                        tls_client_key=security.key,
                        require_encryption=True,
                    )
                client = distributed.Client(address, **options)
                await client
        except Exception as error:
            if client is not None:
                await _close(client)
            raise _unreachable(address, error) from error
        return cls(client, address)

    @property
    def lost(self) -> bool:
        """Whether the scheduler is gone, with all that it knew."""
        return self._client.status != "running"

    async def workers(self, fresh: float = 0.1) -> list[WorkerFacts]:
        """All workers that the scheduler knows, or knew `fresh` seconds ago.

        Raises:
            Unavailable: it does not answer (CIS-DAG-165).
        """
        loop = asyncio.get_running_loop()
        async with self._asking:
            if loop.time() - self._asked_at >= fresh:
                identity = await self._asked(self._client.scheduler.identity(n_workers=-1))
                self._workers = [_facts(str(address), each) for address, each in identity["workers"].items()]
                self._asked_at = loop.time()
            return self._workers

    async def call_scheduler(self, function: Callable[..., object]) -> Any:
        """What `function`, a function of a module, gives in the scheduler's process.

        Raises:
            Unavailable: it does not answer (CIS-DAG-165).
            Exception: whatever it raised there.
        """
        async with asyncio.timeout(_ROUND_TRIP):
            return await self._client.run_on_scheduler(function)

    async def call(
        self,
        worker: str,
        function: Callable[..., Coroutine[Any, Any, object]],
        *args: object,
        within: float = _ROUND_TRIP,
    ) -> Any:
        """What `function`, a coroutine function of a module, gives in the process of the worker at that address.

        Raises:
            TimeoutError: there is no answer `within` those seconds.
            Exception: whatever it raised there, or the connection.
        """
        async with asyncio.timeout(within):
            found = await self._client.run(function, *args, workers=[worker])
        return found[worker]

    async def hold(self, worker: str, function: Callable[[bytes], Awaitable[str]], document: bytes, key: str) -> str:
        """Run `function` as the task `key` of that worker and of no other, once, and keep nothing of it.

        Raises:
            Exception: whatever it raised there; the worker or the scheduler is lost.
        """
        future = self._client.submit(
            function,
            document,
            key=key,
            pure=False,
            retries=0,
            workers=[worker],
            allow_other_workers=False,
        )
        try:
            return str(await future.result())
        finally:
            future.release()

    async def close(self) -> None:
        """Let go of the scheduler."""
        await _close(self._client)

    async def _asked(self, question: Awaitable[Any]) -> Any:
        try:
            async with asyncio.timeout(_ROUND_TRIP):
                return await question
        except Exception as error:
            raise _unreachable(self.address, error) from error


async def load() -> Any:
    """The package `distributed`, imported in a thread, with its messages in our log.

    Raises:
        Unavailable: it is not installed, or broken (CIS-DAG-168).
    """
    try:
        found = await asyncio.to_thread(importlib.import_module, "distributed")
    except Exception as error:
        raise Unavailable(
            "CIS-DAG-168",
            f"Dask cannot be used here: {clean_line(str(error))}",
            hint="install cis again, with all that it depends on",
            retryable=False,
        ) from error
    quieten()
    return found


def quieten() -> None:
    """Send what `distributed` logs, which it prints by itself, to the log of this program, and only what is grave."""
    for name in ("distributed", "distributed.client", "tornado", "bokeh"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", module=r"distributed\b")


async def _close(client: Any) -> None:
    with suppress(Exception):
        async with asyncio.timeout(_CLOSE):
            await client.close(timeout=_CLOSE)


def _facts(address: str, data: Mapping[str, Any]) -> WorkerFacts:
    name = clean_line(str(data.get("name") or address), limit=128)
    resources = cast("Mapping[str, float]", data.get("resources") or {})
    labels = {name, *(clean_line(str(label)) for label, amount in resources.items() if amount >= 1)}
    return WorkerFacts(address, name, host_of(address), max(int(data.get("nthreads") or 1), 1), frozenset(labels))


def host_of(address: str) -> str:
    """The host in `tcp://host:port`, or what is like that."""
    return address.rpartition("://")[2].rpartition(":")[0].strip("[]")


def _unreachable(address: str, error: Exception) -> CisError:
    if isinstance(error, CisError):
        return error
    why = clean_line(str(error), limit=300) or type(error).__name__
    return Unavailable(
        "CIS-DAG-165",
        f"the scheduler at {address} does not answer: {why}",
        hint="start it, or use another executor: --executor local",
    )
