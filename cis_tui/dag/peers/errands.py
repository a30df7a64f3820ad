"""Tasks of runs of this node that other nodes of the same person carry out: begun once, followed, ended."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress

from cis_tui.core.cancelling import uncancelled
from cis_tui.core.codec import dumps
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused, Unavailable
from cis_tui.core.identity import Identity
from cis_tui.core.text import clean_line
from cis_tui.dag.attempt import Outcome
from cis_tui.dag.executors.base import Work
from cis_tui.dag.executors.names import PEER
from cis_tui.dag.outputs import Output
from cis_tui.dag.peers.jobs import GRACE, KIND, LEASE, LOOKS, PROTOCOL, End, Follow, Job, News, Stop, job_words
from cis_tui.dag.peers.line import Line, Topic, called
from cis_tui.dag.peers.talk import Talk
from cis_tui.dag.secrecy import Secrets

WAIT = 4.0
"""Seconds that the node waits for news before it says that there are none."""
_PATIENCE = 10.0
"""Seconds that one who was never there is waited for, and beyond `WAIT` for any answer."""
_LONG = 6
"""Paces of a line on which words cost something that the node waits for news at least."""
_PAUSE = 0.5
_ENDING = 3.0
"""Seconds that one who is to end a job is looked for."""
_UNSENT = frozenset(
    {"CIS-P2P-001", "CIS-P2P-005", "CIS-P2P-060", "CIS-P2P-061", "CIS-MATRIX-034", "CIS-MATRIX-080", "CIS-MATRIX-090"}
)
"""Codes of a line that say that nothing went out."""


class Errands:
    """Implements `Elsewhere` with the nodes of a line. On the engine's event loop."""

    def __init__(
        self,
        line: Line,
        identity: Identity,
        *,
        lease: float = LEASE,
        wait: float = WAIT,
        patience: float = _PATIENCE,
        ending: float = _ENDING,
    ) -> None:
        """`lease`: that of the other nodes, as in `JobService`."""
        self.talk = Talk(line, identity, PROTOCOL, KIND)
        self.lease = lease
        self.wait = wait
        self.patience = patience
        self.ending = ending
        self._line = line
        self._me = identity.did

    def pace(self, did: str) -> float:
        """See `Line`."""
        return self._line.pace(did)

    def place(self, label: str, secrets: Secrets, paused: Callable[[], bool], dag: str) -> Errand | None:
        """Room at the node that `label` names; None if it is the name of none, or this one.

        Raises:
            Refused: it is the name of a node that is not this person's own (CIS-P2P-102).
            NotFound: it is the DID of none, or the name of several (CIS-P2P-103).
        """
        if label == self._me:
            return None
        found = self._line.named(label)
        own = [did for did in found if self._line.is_own(did)]
        name = clean_line(label, limit=80)
        if len(own) > 1:
            raise NotFound("CIS-P2P-103", f'several of your nodes are called "{name}"', hint="name it by its DID")
        if own:
            return Errand(self, own[0], called(self._line, own[0]), secrets, paused, dag)
        if found:
            hint = "only nodes of one person run tasks for each other"
            raise Refused("CIS-P2P-102", f'"{name}" is not one of your own nodes', hint=hint)
        if label.startswith("did:"):
            raise NotFound("CIS-P2P-103", f"there is no node {name}", hint="cis peer list shows those you know")
        return None


class Errand:
    """Implements `Place`: one attempt at another node."""

    def __init__(
        self, errands: Errands, did: str, name: str, secrets: Secrets, paused: Callable[[], bool], dag: str
    ) -> None:
        self._errands = errands
        self._did = did
        self._name = name
        self._secrets = secrets
        self._paused = paused
        self._dag = dag
        self._sent = False
        """Whether the node may have the job."""
        self._longest = 0.0
        """Seconds for which it was asked to wait for news, at most: by a line that is gone it may do that still."""

    @property
    def where(self) -> Mapping[str, object]:
        """See `Place`."""
        return {"executor": PEER, "worker": self._name}

    async def run(self, work: Work, output: Output) -> Outcome:
        """See `Place`. What comes back has no secrets that the other node knows."""
        if work.call.manifest is None and not work.call.line:
            return Outcome(True, 0)
        problem = self._problem(work)
        if problem is not None:
            return Outcome(False, None, error=f"{problem.message} ({problem.code})", final=True)
        job = self._job(work)
        try:
            return await self._follow(job, output)
        except asyncio.CancelledError:
            if self._sent:
                await uncancelled(self._end(job.id))
            raise

    def _problem(self, work: Work) -> CisError | None:
        """Why it cannot be sent."""
        call = work.call
        what = [call.line, list(call.args), dict(call.input), dict(call.env)]
        if call.private or self._secrets.tree(what) != what:
            return Refused("CIS-P2P-104", f"{work.task} was given private values, which do not leave this machine")
        if call.creates:
            return Refused(
                "CIS-P2P-105", f"{work.task} creates files, which can be taken back only where the engine is"
            )
        return None

    def _job(self, work: Work) -> Job:
        call = work.call
        step = "-undo" if "CIS_ROLLBACK" in work.told else ""
        digest = hashlib.sha256(f"{work.task}\0{call.line}".encode() if step else work.task.encode()).hexdigest()
        return Job(
            id=f"{work.run}-{digest[:16]}{step}-{work.attempt}",
            run=work.run,
            task=clean_line(work.task, limit=200),
            dag=clean_line(self._dag, limit=200),
            attempt=work.attempt,
            line=call.line,
            skill=call.manifest.name if call.manifest else "",
            args=call.args if call.manifest else (),
            input=call.input,
            env={**call.env, **work.told},
            timeout=call.timeout,
        )

    async def _follow(self, job: Job, output: Output) -> Outcome:
        """The job to its end, over any number of lines."""
        loop = asyncio.get_running_loop()
        heard, known, offset, waits = loop.time(), False, 0, False
        while True:
            try:
                news = await (self._news(job.id, offset, waits) if known else self._begin(job))
            except Unavailable as error:
                if not error.retryable and not self._sent:
                    return Outcome(False, None, error=f"{error.message} ({error.code})")
                lost = self._given_up(error, loop.time() - heard)
                if lost is not None:
                    return lost
                await asyncio.sleep(_PAUSE)
                continue
            except CisError as error:
                told = f"{self._name}: {error.message} ({error.code})"
                return Outcome(False, None, error=told, final=not error.retryable)
            if known and not news.known:
                return Outcome(False, None, error=f"{self._name} knows nothing of it any more (CIS-P2P-101)", lost=True)
            heard, known = loop.time(), True
            if news.waits and not waits:
                output.feed(f"({self._name} waits for a yes there)\n".encode())
            waits = news.waits
            if news.text:
                output.feed(news.text.encode())
            offset = news.offset
            if news.end is not None:
                return self._outcome(news.end)

    async def _begin(self, job: Job) -> News:
        """Ask for it to be begun; whenever it is cancelled, or fails in any way but one, the node may have it."""
        unsent = False
        lasts = self._errands.lease + GRACE
        topic = Topic(key=f"run {job.id}", lasts=lasts, subject=job.id, told=job_words(job, self._name))
        try:
            return await self._errands.talk.ask(self._did, "run", job, News, topic=topic)
        except Unavailable as error:
            unsent = error.code in _UNSENT
            raise
        finally:
            self._sent = self._sent or not unsent

    async def _news(self, id: str, offset: int, waits: bool) -> News:
        follow = Follow(id, offset, self._wait, self._paused(), waits, self._errands.pace(self._did))
        self._longest = max(self._longest, self._wait)
        within = self._wait + self._errands.patience
        topic = Topic(key=f"news {dumps(follow)}")
        return await self._errands.talk.ask(self._did, "news", follow, News, timeout=within, topic=topic)

    @property
    def _wait(self) -> float:
        """Seconds that the node waits for news."""
        return max(self._errands.wait, _LONG * self._errands.pace(self._did))

    def _given_up(self, error: Unavailable, silent: float) -> Outcome | None:
        """What is known of a job whose node was not heard of for so many seconds; None: it may come back."""
        if not self._sent:
            if silent < self._errands.patience:
                return None
            return Outcome(False, None, error=f"{self._name} is away: {error.message} (CIS-P2P-100)")
        lease = self._errands.lease
        if silent < lease + lease / LOOKS + GRACE + self._longest:  # its lease begins when it has waited
            return None
        return Outcome(False, None, error=f"{self._name} was lost (CIS-P2P-101)", lost=True)

    def _outcome(self, end: End) -> Outcome:
        error = f"{self._name}: {end.error}" if end.error else ""
        return Outcome(
            end.ok,
            end.exit_code,
            end.output,
            clean_line(error, limit=2000),
            end.duration,
            final=end.refused,
            withheld=end.masked,
            lost=end.lost,
        )

    async def _end(self, id: str) -> None:
        """End the job there. A node that cannot be reached ends it by itself, once its lease is over."""
        with suppress(TimeoutError, Invalid, Refused):
            async with asyncio.timeout(self._errands.ending):
                while True:
                    with suppress(Unavailable):
                        stop, topic = Stop(id, "cancelled"), Topic(key=f"end {id}")
                        await self._errands.talk.ask(self._did, "end", stop, object, topic=topic)
                        return
                    await asyncio.sleep(_PAUSE)
