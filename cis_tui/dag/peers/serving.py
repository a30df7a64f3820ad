"""What other nodes of this person want to be run here: each job a run of one task, under this node's own policy."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from cis_tui.core.errors import CisError, Invalid, NotFound, Refused
from cis_tui.core.events import Event, EventType
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home, private_dir
from cis_tui.core.text import clean_line
from cis_tui.dag.journal import Journal
from cis_tui.dag.peers.jobs import (
    GRACE,
    KIND,
    LEASE,
    LOOKS,
    NOBODY_SAW,
    PIECE,
    PROTOCOL,
    TASK,
    Follow,
    Job,
    News,
    Stop,
    checked,
    end_of,
    is_exposed,
    job_spec,
    of_one,
)
from cis_tui.dag.peers.line import Line, called, short
from cis_tui.dag.peers.rate import Buckets
from cis_tui.dag.peers.talk import Said, Talk
from cis_tui.dag.record import Asked, RunRecord
from cis_tui.dag.runs import RunService
from cis_tui.dag.views import TaskStatus
from cis_tui.skills.model import SkillManifest, SkillType

log = logging.getLogger(__name__)
MOST_OF_ONE = 16
"""Jobs of one node that go on here at the same time."""
MAX_WAIT = 60.0
"""Seconds that a question is kept waiting for news."""
_FULL = PIECE // 4
"""Characters of output that are told at once."""
_FENCED = 10_000
"""Names of jobs that were ended before they had begun."""
FindSkill = Callable[[str], SkillManifest]


@dataclass(eq=False, slots=True)
class _Job:
    """A job that has not ended."""

    did: str
    run: str
    id: str
    heard: float
    paused: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)


class JobService:
    """The jobs of one engine. To be used on its event loop."""

    def __init__(
        self,
        *,
        line: Line,
        identity: Identity,
        runs: RunService,
        journal: Journal,
        home: Home,
        find_skill: FindSkill,
        exposed: Callable[[], Collection[str]],
        lease: float = LEASE,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        """`find_skill`: a skill of this node outside of any project, trusted, or an error; blocks, as does `exposed`,
        which gives what may run unasked."""
        self._line = line
        self._talk = Talk(line, identity, PROTOCOL, KIND)
        self._runs = runs
        self._journal = journal
        self._home = home
        self._find_skill = find_skill
        self._exposed = exposed
        self._lease = lease
        self._timer = timer
        self._known: dict[tuple[str, str], str] = {}
        """Node and its name for a job to the run that it is here."""
        self._live: dict[str, _Job] = {}
        """By run."""
        self._fenced: OrderedDict[tuple[str, str], None] = OrderedDict()
        self._beginning = asyncio.Lock()
        self._complaints = Buckets(10, 60.0, timer)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watching: asyncio.Task[None] | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Know the jobs of before: what was under way when the engine ended is over, what had not begun begins anew."""
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = self._journal.bus.subscribe(self._hear)
        for run, did, job, ended in await asyncio.to_thread(self._runs.history.jobs):
            self._known[did, job] = run
            if not ended:
                await self._after_crash(run, did, job)

    async def _after_crash(self, run: str, did: str, job: str) -> None:
        try:
            view = await asyncio.to_thread(self._runs.history.show, run)
            if any(task.attempts for task in view.tasks):
                await self._runs.cancel(run, reason=NOBODY_SAW)
                return
            skills = await asyncio.to_thread(self._skills, run)
            self._watch(run, did, job)
            await self._runs.resume(run, skills=skills)
        except CisError as error:
            log.warning("the job %s of %s is left: %s", run, short(did), error.message)

    def _skills(self, run: str) -> dict[str, SkillManifest]:
        """Those that it calls and that are still there. Blocks."""
        found: dict[str, SkillManifest] = {}
        for name in self._runs.skills_of(run):
            with suppress(CisError):
                found[name] = self._find_skill(name)
        return found

    async def close(self) -> None:
        """Answer nothing more. What goes on is ended with all other runs."""
        self._unsubscribe()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    async def serve(self, did: str, body: bytes, *, age: float = 0.0, asks: bool = True) -> bytes:
        """What is answered to another node, whose DID is proven; nothing if it is no question of this node to us.

        `age`: the seconds that it was on its way. `asks`: a person may be asked about what is not exposed.
        """
        try:
            return await self._talk.answer(did, body, partial(self._answer, asks), age=age)
        except CisError as error:
            log.warning("tasks: %s was refused: %s (%s)", short(did), error.message, error.code)
            return b""

    async def _answer(self, may_ask: bool, did: str, said: Said) -> object:
        try:
            if not self._line.is_own(did):
                what = f"{called(self._line, did)} is not one of the nodes of who owns this one"
                raise Refused("CIS-P2P-106", what, hint="pair them as nodes of one person: cis peer pair")
            match said.what:
                case "run":
                    return await self._run(did, checked(said.as_a(Job)), said.age, may_ask)
                case "news":
                    return await self._news(did, said.as_a(Follow))
                case "end":
                    return await self._end(did, said.as_a(Stop))
                case _:
                    raise Invalid("CIS-P2P-091", f"nothing is known here of {said.what}")
        except CisError as error:
            if self._complaints.take(did):
                log.warning("tasks: %s was refused: %s (%s)", short(did), error.message, error.code)
                told = f"{called(self._line, did)} wants a task to be run here: {error.message}"
                self._journal.emit(EventType.ERROR, {"peer": did, "code": error.code, "error": told})
            raise

    # What is asked

    async def _run(self, did: str, job: Job, age: float, may_ask: bool) -> News:
        """Begin a job, unless one has begun by its name; it is recorded when this returns."""
        async with self._beginning:
            if (did, job.id) in self._fenced:
                raise Refused("CIS-P2P-109", "the task was ended before it had begun")
            if (did, job.id) not in self._known:
                if age > LEASE + GRACE:  # who wanted it takes it for lost
                    raise Refused("CIS-P2P-111", f"the task came {age:.0f} s after it was asked for", retryable=True)
                await self._begin(did, job, may_ask)
        return await self._news(did, Follow(job.id))

    async def _begin(self, did: str, job: Job, may_ask: bool) -> None:
        for earlier in [each for each in self._live.values() if each.did == did and of_one(each.id, job.id)]:
            await self._cancel(earlier.run, "another attempt of the same task begins")
        if sum(each.did == did for each in self._live.values()) >= MOST_OF_ONE:
            raise Refused("CIS-P2P-108", f"{MOST_OF_ONE} tasks of this node go on here already", retryable=True)
        name = called(self._line, did)
        skills: dict[str, SkillManifest] = {}
        if job.skill:
            manifest = await asyncio.to_thread(self._find_skill, job.skill)
            if manifest.type is SkillType.DAG:
                raise Refused("CIS-P2P-110", f"the skill {job.skill} is a DAG, which no other node can call")
            skills[job.skill] = manifest
        asks = not is_exposed(job, await asyncio.to_thread(self._exposed))
        if asks and not may_ask:
            hint = 'the other node has to have it in "expose" of [p2p]'
            raise Refused("CIS-P2P-112", "only what is exposed may be asked for from the room", hint=hint)
        run = secrets.token_hex(5)
        folder = self._home.runs / run / "work"
        await asyncio.to_thread(private_dir, folder)
        about = clean_line(f"{job.task} of its run {job.run} of {job.dag}", limit=300)
        record = RunRecord(
            id=run, spec=job_spec(job, name, folder, asks=asks), asked=Asked(did, job.id, name=name, about=about)
        )
        self._known[did, job.id] = run
        self._watch(run, did, job.id)
        try:
            await self._runs.begin(record, skills)
        except CisError:
            del self._known[did, job.id], self._live[run]
            raise

    async def _news(self, did: str, follow: Follow) -> News:
        """How a job is, as soon as there is something new, or the time is over."""
        run = self._known.get((did, follow.id))
        if run is None:
            return News(False)
        live = self._live.get(run)
        begun = self._timer()
        deadline = begun + min(max(follow.wait, 0.0), MAX_WAIT)
        gathered = min(begun + max(follow.gather, 0.0), deadline) if follow.offset else begun
        while True:
            if live is not None:
                live.heard = deadline  # who asked is there until it has its answer
                live.news.clear()
                await self._pause(live, follow.paused)
            found, hurries = await asyncio.to_thread(self._look, run, max(follow.offset, 0))
            left = (gathered if found.offset > follow.offset else deadline) - self._timer()
            if hurries or live is None or left <= 0 or found.waits != follow.waits:
                if live is not None:
                    live.heard = self._timer()
                return found
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await live.news.wait()

    def _look(self, run: str, offset: int) -> tuple[News, bool]:
        """How it is, and whether that is to be told at once. Blocks."""
        view = self._runs.history.show(run)
        task = view.tasks[0]
        waits = task.status is TaskStatus.WAITING
        if not task.attempts:
            end = end_of(view)
            return News(True, waits=waits, end=end), end is not None
        chunk = self._runs.history.logs(run, TASK, attempt=1, offset=offset, limit=PIECE)
        # Its end comes after the last of its output.
        over = chunk.ended and chunk.offset <= offset
        news = News(True, chunk.offset, chunk.text, waits, end_of(view) if over else None)
        return news, news.end is not None or (bool(news.text) and (chunk.ended or len(news.text) >= _FULL))

    async def _pause(self, job: _Job, paused: bool) -> None:
        """What waits for a yes here waits longer while the run that wants it is paused."""
        if job.paused != paused:
            job.paused = paused
            with suppress(CisError):
                await (self._runs.pause(job.run) if paused else self._runs.resume(job.run))

    async def _end(self, did: str, stop: Stop) -> None:
        """End a job with all its processes; one that has not begun never does."""
        async with self._beginning:
            run = self._known.get((did, stop.id))
            if run is None:
                self._fenced[did, stop.id] = None
                while len(self._fenced) > _FENCED:
                    self._fenced.popitem(last=False)
                return
        name = called(self._line, did)
        await self._cancel(run, clean_line(f"ended by {name}: {stop.why}", limit=300))

    async def _cancel(self, run: str, why: str) -> None:
        with suppress(Refused, NotFound):  # it has just ended by itself
            await self._runs.cancel(run, reason=why)

    # What goes on

    def _watch(self, run: str, did: str, job: str) -> None:
        self._live[run] = _Job(did, run, job, self._timer())
        if self._watching is None or self._watching.done():
            self._watching = asyncio.get_running_loop().create_task(self._watch_leases())

    async def _watch_leases(self) -> None:
        """End the jobs of which nobody wants to hear any more."""
        while self._live:
            await asyncio.sleep(self._lease / LOOKS)
            for job in tuple(self._live.values()):
                if self._timer() - job.heard > self._lease:
                    log.warning("the job %s is ended: %s is gone", job.run, short(job.did))
                    with suppress(CisError):  # as when the disk is full: it is looked again
                        await self._cancel(
                            job.run, f"{called(self._line, job.did)} was not heard of for {self._lease:g} s"
                        )

    def _hear(self, event: Event) -> None:
        """On the journal's thread."""
        run, loop = event.data.get("run"), self._loop
        if isinstance(run, str) and run in self._live and loop is not None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._note, run, event.type)

    def _note(self, run: str, type: str) -> None:
        job = self._live.get(run)
        if job is not None:
            job.news.set()
            if type in (EventType.RUN_COMPLETED, EventType.RUN_FAILED):
                del self._live[run]
