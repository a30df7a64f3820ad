"""A thread in which trio runs, beside the caller's asyncio loop, and the two ways across."""

# libp2p brings stubs of an old trio (trio-typing), which know neither its cancel scopes nor its nurseries as they are.
# pyright: reportUnknownMemberType=false, reportCallIssue=false, reportArgumentType=false

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import Any, Protocol, TypeVar, cast

from cis_tui.core.errors import Unavailable

T = TypeVar("T")
_STOP_PATIENCE = 10.0


class Started(Protocol):
    """Called by the thread's main function when it is ready."""

    def __call__(self) -> None: ...


class TrioThread:
    """Runs one async main function of trio until it is told to stop; calls go in and out as plain awaits."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._token: Any = None
        self._nursery: Any = None
        self._calls: set[asyncio.Future[Any]] = set()
        self.died: asyncio.Event = asyncio.Event()
        """Set when the thread has ended, whatever the reason."""
        self.error: BaseException | None = None
        """Why it ended, if not because it was told to."""

    async def start(self, main: Callable[[Started], Awaitable[None]]) -> None:
        """Start the thread; return when `main` has called what it is given.

        Raises:
            whatever `main` raised before that.
        """
        self._loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, args=(main, ready), name=self._name, daemon=True)
        self._thread.start()
        await asyncio.shield(ready)

    def _run(self, main: Callable[[Started], Awaitable[None]], ready: asyncio.Future[None]) -> None:
        error: BaseException | None = None
        try:
            import trio

            trio.run(self._main, main, lambda: self._to_loop(_settle, ready, None, None))
        except BaseException as raised:
            error = _inmost(raised)
        self._to_loop(self._ended, ready, error)

    async def _main(self, main: Callable[[Started], Awaitable[None]], started: Started) -> None:
        import trio

        async with trio.open_nursery() as nursery:
            self._nursery = nursery
            self._token = trio.lowlevel.current_trio_token()
            await main(started)
            nursery.cancel_scope.cancel()

    def _to_loop(self, function: Callable[..., None], *args: Any) -> None:
        """Call `function` in the asyncio loop; nothing happens if that is closed."""
        assert self._loop is not None
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)

    def _ended(self, ready: asyncio.Future[None], error: BaseException | None) -> None:
        self.error = error
        self.died.set()
        _settle(ready, None, error or Unavailable("CIS-P2P-005", "the network was stopped"))
        for call in tuple(self._calls):
            _settle(call, None, Unavailable("CIS-P2P-005", "the network was stopped"))

    def post(self, function: Callable[..., object], *args: object) -> None:
        """Call `function` in the trio thread soon; nothing happens if that has ended."""
        import trio

        if self._token is not None:
            with suppress(trio.RunFinishedError):
                self._token.run_sync_soon(function, *args)

    async def call(self, function: Callable[..., Awaitable[T]], *args: object) -> T:
        """Await `function` in the trio thread; a cancel on this side cancels it there.

        Raises:
            Unavailable: the thread has ended, or ends meanwhile (CIS-P2P-005).
        """
        import trio

        if self._token is None or self.died.is_set():
            raise Unavailable("CIS-P2P-005", "the network is not running")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        scope = trio.CancelScope()

        async def run() -> None:
            try:
                with scope:
                    result = await function(*args)
                    self._to_loop(_settle, future, result, None)
            except Exception as error:
                self._to_loop(_settle, future, None, error)

        self._calls.add(future)
        try:
            self.post(self._begin, run)
            return await future
        except asyncio.CancelledError:
            self.post(scope.cancel)
            raise
        finally:
            self._calls.discard(future)

    def _begin(self, run: Callable[[], Awaitable[None]]) -> None:
        # After the nursery was closed the thread is about to end, which settles the call.
        with suppress(RuntimeError):
            self._nursery.start_soon(run)

    async def ask(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """From trio: await a coroutine in the asyncio loop; a cancel on this side cancels it there.

        Raises:
            Unavailable: the loop is closed (CIS-P2P-005).
            whatever the coroutine raised.
        """
        import trio

        assert self._loop is not None
        done = trio.Event()
        token = trio.lowlevel.current_trio_token()

        def finished(_: object) -> None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(done.set)

        try:
            future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        except RuntimeError as error:
            coroutine.close()
            raise Unavailable("CIS-P2P-005", "the network is not running") from error
        future.add_done_callback(finished)
        try:
            await done.wait()
        except trio.Cancelled:
            future.cancel()
            raise
        try:
            return future.result()
        except CancelledError as error:
            raise Unavailable("CIS-P2P-005", "the answer was given up") from error

    def tell(self, function: Callable[..., None], *args: object) -> None:
        """From trio: call `function` in the asyncio loop soon."""
        self._to_loop(function, *args)

    async def stop(self) -> None:
        """End the thread and wait for it; calls that are under way fail."""
        if self._thread is None:
            return
        self.post(self._cancel)
        await asyncio.to_thread(self._thread.join, _STOP_PATIENCE)
        await asyncio.sleep(0)

    def _cancel(self) -> None:
        self._nursery.cancel_scope.cancel()


def _inmost(error: BaseException) -> BaseException:
    """The one error in nested groups of one, as nurseries make them."""
    while isinstance(error, BaseExceptionGroup):
        inner = cast("tuple[BaseException, ...]", error.exceptions)
        error = inner[0] if len(inner) == 1 else RuntimeError(f"several failures: {inner!r}")
    return error


def _settle(future: asyncio.Future[Any], result: object, error: BaseException | None) -> None:
    """Give `future` its end, unless it has one."""
    if future.done():
        return
    if error is None:
        future.set_result(result)
    elif isinstance(error, Exception):
        future.set_exception(error)
    else:
        future.set_exception(Unavailable("CIS-P2P-005", f"the network failed: {error!r}"))
