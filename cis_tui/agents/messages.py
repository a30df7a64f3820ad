"""Services that speak the Messages API, in the cloud or on this machine, through the `anthropic` library.

The library takes seconds to import: it is loaded in a thread, at the first request.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from cis_tui.agents.failures import cut_short, from_exception, silent
from cis_tui.agents.keys import Key
from cis_tui.agents.prices import price_of
from cis_tui.agents.provider import ProviderEvent, ProviderFailure, Request
from cis_tui.agents.wire import Assembler, body
from cis_tui.core.document import as_table

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

log = logging.getLogger(__name__)
_PATIENCE = 4
"""Times the limit of silence that a service may send signs of life without any content."""
_OLD_VERSION = "2023-06-01"
"""The version of the API that still takes a temperature."""
CONNECT = 10.0
"""Seconds."""


class MessagesProvider:
    """Implements `Provider` for one service."""

    def __init__(self, *, base_url: str, key: Callable[[], Key], timeout: float, official: bool) -> None:
        """`key` gives what the service is told to know us by, and may block; `timeout`: seconds of silence after which
        an answer is given up; `official`: it is the service of the library's makers."""
        self._base_url = base_url
        self._key = key
        self._timeout = timeout
        self._official = official
        self._client: AsyncAnthropic | None = None
        self._streamed: Any = None
        """The library's class for a stream of events that are not taken apart."""
        self._refused = False
        """Whether the service did not accept the key: a person may have changed it since."""
        self._making = asyncio.Lock()
        self._windows: dict[str, int | None] = {}

    async def stream(self, request: Request) -> AsyncGenerator[ProviderEvent]:
        """See `Provider`."""
        client: Any = await self._connected()
        assembler = Assembler(request.model)
        params, options = body(request), dict[str, Any]()
        if request.temperature is not None and not self._official:
            params["temperature"] = request.temperature
            options["headers"] = {"anthropic-version": _OLD_VERSION}
        source: Any = None
        try:
            # As it comes: the library's own reading of events stumbles over those that it does not know.
            source = await client.post(
                "/v1/messages",
                body={**params, "stream": True},
                cast_to=object,
                options=options,
                stream=True,
                stream_cls=self._streamed,
            )
            while not assembler.ended:
                async with asyncio.timeout(self._timeout * _PATIENCE):
                    event: object = await anext(source, None)
                if event is None:
                    break
                for piece in assembler.take(as_table(event)):
                    yield piece
        except ProviderFailure:
            raise
        except TimeoutError as error:
            raise silent(self._timeout) from error
        except Exception as error:
            failure = from_exception(error, base_url=self._base_url, timeout=self._timeout)
            self._refused = failure.code == "CIS-AGENT-003"
            raise failure from error
        finally:
            if source is not None:
                with suppress(Exception):
                    await source.close()
        # A stream that merely stops raises nothing in the library.
        if assembler.stop is None:
            raise cut_short()
        yield assembler.finished()

    async def window(self, model: str) -> int | None:
        """See `Provider`; asked of the service once."""
        if model not in self._windows:
            known = price_of(model)
            self._windows[model] = known.window if known else None
            try:
                client = await self._connected()
                async with asyncio.timeout(CONNECT):
                    info = await client.models.retrieve(model)
                self._windows[model] = info.max_input_tokens or self._windows[model]
            except Exception as error:
                log.info("the window of %s is not told: %s", model, type(error).__name__)
        return self._windows[model]

    async def close(self) -> None:
        """See `Provider`."""
        if self._client is not None:
            await self._client.close()

    async def _connected(self) -> AsyncAnthropic:
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(self._make)
            elif self._refused:
                key = await asyncio.to_thread(self._key)
                self._client = self._client.copy(api_key=key.secret)  # with the same connections
            self._refused = False
            return self._client

    def _make(self) -> AsyncAnthropic:
        key = self._key()
        import anthropic
        import httpx2

        self._streamed = anthropic.AsyncStream[object]
        return anthropic.AsyncAnthropic(
            # Given always: nothing on the disk, and no other variable, is picked up unasked.
            api_key=key.secret,
            base_url=self._base_url,
            timeout=httpx2.Timeout(self._timeout, connect=CONNECT),
            max_retries=0,
            open_telemetry=False,
        )
