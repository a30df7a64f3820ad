"""One worker of a cluster as an executor uses it: what it was sent, what it says, whether it is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from cis_tui.core.cancelling import uncancelled
from cis_tui.core.codec import decode
from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable
from cis_tui.core.text import clean_line
from cis_tui.dag.attempt import Outcome
from cis_tui.dag.executors import remote
from cis_tui.dag.executors.hands import GRACE, LEASE
from cis_tui.dag.executors.invocation import Invocation, digest_of, pack
from cis_tui.dag.executors.link import Link, WorkerFacts, host_of
from cis_tui.dag.outputs import Output
from cis_tui.skills.model import SkillManifest

WAIT = 10.0
"""Seconds that a worker waits for news before it says that there are none."""
_PATIENCE = 15.0
"""Seconds beyond that after which it is asked again."""
_PAUSE = 0.2
_GLANCE = 1.0
"""Seconds between two looks at whether the scheduler still has it."""
_GUARDED = 0.5
"""Seconds within which the guardian of a process that is dead has ended what that had started."""
_PROBE = 1.0
_SEND = 60.0
"""Seconds that the files of a skill may take to a worker."""


class _StartedAnew(Exception):
    """Another process has the address of the one that we knew."""


@dataclass(eq=False, slots=True)
class _Sent:
    """An attempt that the worker has, or is about to have."""

    output: Output
    ended: asyncio.Future[Outcome]
    offset: int = 0

    def finish(self, outcome: Outcome) -> None:
        if not self.ended.done():
            self.ended.set_result(outcome)


class Machine:
    """A worker process, over one connection."""

    def __init__(self, facts: WorkerFacts, link: Link, session: str) -> None:
        self.facts = facts
        self.busy = 0
        """Attempts for which there is room taken."""
        self.unfit = ""
        """Why it cannot be used."""
        self.lost = False
        self.hands = ""
        """The process; see `Hands.id`."""
        self._link = link
        self._session = session
        self._sent: dict[str, _Sent] = {}
        self._done: list[str] = []
        self._listening: asyncio.Task[None] | None = None
        self._explaining: set[asyncio.Task[None]] = set()
        self._packages: set[str] = set()
        self._sending = asyncio.Lock()

    def bears(self, label: str | None, worker: str) -> bool:
        """Whether it has `label`, and is the one called `worker`, or on its machine."""
        facts = self.facts
        same = worker in ("", facts.name) or ("://" in worker and host_of(worker) == facts.host)
        return not self.lost and not self.unfit and same and (label is None or label in facts.labels)

    async def greet(self) -> None:
        """Find out whether it can be used."""
        try:
            told = await self._link.call(self.facts.address, remote.hello)
            self.unfit = misfit(told)
            self.hands = "" if self.unfit else str(told["hands"])
        except Exception as error:
            self.unfit = why_unfit(error)

    async def sweep(self, run: str) -> None:
        """End what is left there of a run, of executors that are gone."""
        with suppress(Exception):
            await self._link.call(self.facts.address, remote.sweep, run, self._session, within=GRACE + _PATIENCE)

    async def ship(self, manifest: SkillManifest) -> str:
        """The digest of a skill's files, which the worker has when this returns.

        Raises:
            Refused: they cannot be sent (CIS-DAG-169).
            Unavailable: the worker does not answer (CIS-DAG-165).
        """
        data = await asyncio.to_thread(pack, manifest)
        digest = digest_of(data)
        async with self._sending:
            if digest in self._packages:
                return digest
            try:
                if not await self._link.call(self.facts.address, remote.has, digest):
                    await self._link.call(self.facts.address, remote.keep, digest, data, within=_SEND)
            except CisError:
                raise
            except Exception as error:
                raise self._silent(error) from error
            self._packages.add(digest)
        return digest

    async def carry_out(self, invocation: Invocation, output: Output) -> Outcome:
        """Have it run one attempt, to its end; when the caller is cancelled it is ended there first."""
        key = invocation.key
        sent = self._sent[key] = _Sent(output, asyncio.get_running_loop().create_future())
        self._listen()
        work = self._link.hold(self.facts.address, remote.carry_out, invocation.dumps(), key)
        holding = asyncio.ensure_future(work)
        holding.add_done_callback(lambda task: self._held(key, sent, task))
        try:
            return await asyncio.shield(sent.ended)
        except asyncio.CancelledError:
            await uncancelled(self._end(key))
            raise
        finally:
            del self._sent[key]
            self._done.append(key)
            holding.cancel()
            self._listen()

    async def close(self) -> None:
        """Listen no more."""
        tasks = [task for task in (self._listening, *self._explaining) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # What it says

    def _listen(self) -> None:
        if not self.lost and (self._listening is None or self._listening.done()):
            self._listening = asyncio.ensure_future(self._follow())

    async def _follow(self) -> None:
        """Take what the worker tells, as long as it has something of ours."""
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while self._sent or self._done:
            done = list(self._done)
            known = {key: sent.offset for key, sent in self._sent.items()}
            wait = WAIT if known else 0.0
            try:
                found = await self._news(known, done, wait)
            except Exception as error:
                if isinstance(error, _StartedAnew) or await self._is_gone(heard):
                    self._lose()
                    return
                continue
            heard = loop.time()
            del self._done[: len(done)]
            for key, (offset, data, end) in found.items():
                self._take(key, offset, data, end)

    async def _news(self, known: Mapping[str, int], done: Sequence[str], wait: float) -> Any:
        """What it tells, or the error of not being there any more: a scheduler goes on to look for it for long."""
        asking = asyncio.ensure_future(
            self._link.call(self.facts.address, remote.news, self._session, known, done, wait, within=wait + _PATIENCE)
        )
        try:
            while not asking.done():
                await asyncio.wait({asking}, timeout=_GLANCE)
                if not asking.done() and not await self._is_known(_GLANCE):
                    raise ConnectionError("the scheduler does not know it any more")
            hands, found = asking.result()
        finally:
            asking.cancel()
        if hands != self.hands:
            raise _StartedAnew
        return found

    def _take(self, key: str, offset: int, data: bytes, end: bytes | None) -> None:
        sent = self._sent.get(key)
        if sent is None or offset != sent.offset:
            return
        if data:
            sent.offset += len(data)
            sent.output.feed(data)
        if end is not None:
            sent.finish(_outcome(end))

    # Whether it is lost

    async def _is_gone(self, heard: float) -> bool:
        """Whether what it had of ours has ended with it; waits until that is certain, or it is back.

        A process that refuses connections is dead, and its guardian ends what it ran. What cannot be reached ends its
        work by itself once its lease is over.
        """
        loop = asyncio.get_running_loop()
        while loop.time() < heard + LEASE + GRACE:
            if await self._is_known():
                await asyncio.sleep(_PAUSE)
                return False
            if await _refuses(self.facts.address):
                await asyncio.sleep(_GUARDED)
                return True
            await asyncio.sleep(_PAUSE)
        return True

    async def _is_known(self, fresh: float = 0.1) -> bool:
        """Whether the scheduler has it, or had it `fresh` seconds ago."""
        try:
            known = [] if self._link.lost else await self._link.workers(fresh)
        except CisError:
            return False
        return any(worker.address == self.facts.address for worker in known)

    def _lose(self) -> None:
        self.lost = True
        what = "the scheduler was lost" if self._link.lost else f"the worker {self.facts.name} was lost"
        for sent in self._sent.values():
            sent.finish(Outcome(False, None, sent.output.tail(), what, lost=True))

    def _held(self, key: str, sent: _Sent, task: asyncio.Task[str]) -> None:
        """The task of the scheduler that stood for an attempt is over; what that means, if nobody else says it."""
        if task.cancelled() or sent.ended.done():
            return
        error = task.exception()
        if error is not None:
            explaining = asyncio.ensure_future(self._explain(key, sent, error))
            self._explaining.add(explaining)
            explaining.add_done_callback(self._explaining.discard)
        elif task.result():
            what = f"the worker {self.facts.name} does not run it: {task.result()}"
            sent.finish(Outcome(False, None, error=what, lost=True))

    async def _explain(self, key: str, sent: _Sent, error: BaseException) -> None:
        """The scheduler gave the attempt up. If the worker lives, it is ended there, and that is its end."""
        try:
            why = "the scheduler gave it up"
            hands = await self._link.call(self.facts.address, remote.end, [key], why, within=_PATIENCE)
        except Exception:
            return  # whoever listens finds out
        if hands != self.hands:
            return
        await asyncio.wait({sent.ended}, timeout=2.0)
        why = clean_line(str(error), limit=500) or type(error).__name__
        sent.finish(Outcome(False, None, error=f"the scheduler did not run it: {why}"))

    async def _end(self, key: str) -> None:
        """End an attempt there. Who cannot be reached ends it by itself, once its lease is over."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE + 3):
                while not self.lost:
                    try:
                        await self._link.call(self.facts.address, remote.end, [key], "cancelled")
                        return
                    except Exception:
                        await asyncio.sleep(_PAUSE)

    def _silent(self, error: Exception) -> Unavailable:
        why = clean_line(str(error), limit=300) or type(error).__name__
        return Unavailable("CIS-DAG-165", f"the worker {self.facts.name} does not answer: {why}")


def misfit(told: object) -> str:
    """Why a worker or scheduler that says this of itself cannot be used; empty if it can."""
    if isinstance(told, dict) and told.get("protocol") == remote.PROTOCOL:  # pyright: ignore[reportUnknownMemberType]
        return ""
    return "it has another version of cis"


def why_unfit(error: Exception) -> str:
    """Why a worker or scheduler that answered so cannot be used."""
    if isinstance(error, ImportError) or "ModuleNotFoundError" in str(error):
        return "cis is not installed there (pip install --no-deps cis-tui, beside distributed)"
    return clean_line(str(error), limit=300) or type(error).__name__


def _outcome(data: bytes) -> Outcome:
    try:
        return decode(Outcome, json.loads(data))
    except (ValueError, Invalid, Refused) as error:
        return Outcome(False, None, error=f"the worker answered nonsense: {clean_line(str(error))}")


async def _refuses(address: str) -> bool:
    """Whether nobody listens at `tcp://host:port` any more."""
    port = address.rpartition(":")[2]
    try:
        async with asyncio.timeout(_PROBE):
            _, writer = await asyncio.open_connection(host_of(address), int(port))
            writer.close()
            await writer.wait_closed()
    except ConnectionRefusedError:
        return True
    except (OSError, ValueError):
        return False
    return False
