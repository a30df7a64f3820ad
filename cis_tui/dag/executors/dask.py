"""The executor that has attempts carried out by the workers of a Dask cluster, which is used as hands only.

The engine chooses the worker, so that it is known before anything runs, and pins the attempt to it. What Dask would do
of its own accord, to run a task again elsewhere, to keep its result, to go on after a cancel, cannot happen: see
`Hands`.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cis_tui.core.errors import CisError, NotFound, Refused, Unavailable
from cis_tui.core.text import clean_line, did_you_mean
from cis_tui.dag.attempt import Outcome
from cis_tui.dag.executors import remote
from cis_tui.dag.executors.base import Work
from cis_tui.dag.executors.cluster import Cluster
from cis_tui.dag.executors.invocation import Invocation, sent
from cis_tui.dag.executors.link import Link, WorkerFacts
from cis_tui.dag.executors.machine import Machine, misfit, why_unfit
from cis_tui.dag.model import DagSpec, TaskSpec
from cis_tui.dag.outputs import Output
from cis_tui.skills.model import SkillManifest, SkillType

_FIRST = 5.0
"""Seconds that is waited at most for a scheduler that was never there."""
_FRESH = 1.0
"""Seconds for which what the scheduler said of its workers is believed."""
_LOCALLY = "--executor local runs it here"


class DaskExecutor:
    """Implements `Executor` for one run, over one connection at a time."""

    def __init__(
        self,
        name: str,
        open: Callable[[float], Awaitable[Link]],
        *,
        run: str,
        root: Path,
        shared: bool,
        patience: float,
        cluster: Cluster | None = None,
    ) -> None:
        """`root`: the folder of the project, which with `shared` the workers have, too; `patience`: seconds that is
        waited for a worker that was there and is gone; `cluster`: what is closed with it."""
        self.name = name
        self._open = open
        self._run = run
        self._root = root
        self._shared = shared
        self._patience = patience
        self._cluster = cluster
        self._link: Link | None = None
        self._session = ""
        self._machines: dict[str, Machine] = {}
        """Those that the scheduler knows, by address."""
        self._met: set[Machine] = set()
        """Those, and others that still have something of ours."""
        self._asked = 0.0
        self._changing = asyncio.Lock()
        self._changed = asyncio.Event()
        """Replaced whenever there may be room."""
        self._count = 0

    async def begin(self) -> None:
        """Connect, and end what is left of the run on the workers.

        Raises:
            Unavailable: there is no scheduler, no worker, or none that can be used (CIS-DAG-165, 166, 168).
        """
        await self._refresh()
        if not any(machine.bears(None, "") for machine in self._machines.values()):
            raise self._unusable(self._machines.values())

    # See `Executor`

    def problems(self, spec: DagSpec, skills: Mapping[str, SkillManifest]) -> list[CisError]:
        """See `Executor`."""
        found = [*_unfit_skills(spec, skills)]
        for task in (task for each in (spec, *spec.dags.values()) for task in each.tasks):
            if task.creates and not self._shared:
                found.append(_unshared(task))
            label = task.target_node
            if label is not None and not any(machine.bears(label, "") for machine in self._machines.values()):
                found.append(self._nobody(label, "", task.id))
        return found

    @asynccontextmanager
    async def place(self, label: str | None, *, worker: str = "") -> AsyncGenerator[_Place]:
        """See `Executor`.

        Entering raises:
            NotFound: no worker bears the label, or is the one (CIS-DAG-164), even after a while.
            Unavailable: the scheduler is gone, and does not come back (CIS-DAG-165).
        """
        machine = await self._room_on(label, worker)
        try:
            yield _Place(self, machine)
        finally:
            machine.busy -= 1
            self._tell()

    async def close(self) -> None:
        """See `Executor`."""
        for machine in self._met:
            await machine.close()
        if self._link is not None:
            await self._link.close()
        if self._cluster is not None:
            await self._cluster.close()

    async def carry_out(self, machine: Machine, work: Work, output: Output) -> Outcome:
        """Have `machine` run `work`."""
        call = work.call
        if call.manifest is None and not call.line:
            return Outcome(True, 0)
        try:
            package = await machine.ship(call.manifest) if call.manifest else ""
        except CisError as error:
            return Outcome(False, None, error=error.message, final=not error.retryable)
        self._count += 1
        invocation = Invocation(
            key=f"cis-{work.run}/{work.task}#{work.attempt}@{self._session[:12]}.{self._count}",
            session=self._session,
            hands=machine.hands,
            run=work.run,
            task=work.task,
            attempt=work.attempt,
            skill=work.skill,
            line=call.line,
            manifest=sent(call.manifest) if call.manifest else None,
            package=package,
            args=call.args,
            input=call.input,
            env={**call.env, **work.told},
            project=str(self._root) if self._shared else "",
            work_dir=str(call.cwd.relative_to(self._root)) if call.cwd.is_relative_to(self._root) else ".",
            timeout=call.timeout,
        )
        return await machine.carry_out(invocation, output)

    # Who there is

    async def _room_on(self, label: str | None, worker: str) -> Machine:
        loop = asyncio.get_running_loop()
        missing: float | None = None
        while True:
            changed = self._changed
            await self._refresh()
            bearing = [machine for machine in self._machines.values() if machine.bears(label, worker)]
            free = [machine for machine in bearing if machine.busy < machine.facts.threads]
            if free:
                found = min(free, key=lambda machine: machine.busy / machine.facts.threads)
                found.busy += 1
                return found
            missing = None if bearing else missing or loop.time()
            if missing is not None and loop.time() - missing >= self._patience:
                raise self._nobody(label, worker)
            with suppress(TimeoutError):
                async with asyncio.timeout(_FRESH):
                    await changed.wait()

    async def _refresh(self) -> None:
        """Look who there is, unless that was done just now; connect, if that is needed."""
        loop = asyncio.get_running_loop()
        async with self._changing:
            link = self._link
            if link is None or link.lost:
                link = await self._connect()
            elif loop.time() - self._asked < _FRESH:
                return
            await self._meet(link, await link.workers())
            self._asked = loop.time()

    async def _connect(self) -> Link:
        if self._link is not None:  # what its workers still have is given up by those who wait for it
            await self._link.close()
        self._link = None
        self._machines = {}
        link = self._link = await self._open(self._patience if self._session else min(self._patience, _FIRST))
        self._session = uuid.uuid4().hex
        try:
            told = await link.call_scheduler(remote.hello_scheduler)
            unfit = misfit(told)
        except Exception as error:
            unfit = why_unfit(error)
        if unfit:
            self._link = None
            await link.close()
            raise Unavailable(
                "CIS-DAG-166",
                f"the scheduler at {link.address} cannot be used: {unfit}",
                hint=_LOCALLY,
                retryable=False,
            )
        return link

    async def _meet(self, link: Link, workers: Iterable[WorkerFacts]) -> None:
        here = {worker.address: worker for worker in workers}
        machines = {address: machine for address, machine in self._machines.items() if address in here}
        self._machines = {address: machine for address, machine in machines.items() if not machine.lost}
        for address, facts in here.items():
            if address not in self._machines:
                self._machines[address] = Machine(facts, link, self._session)
        self._met = {machine for machine in self._met if machine.busy} | set(self._machines.values())
        await asyncio.gather(*(self._greet(machine) for machine in self._machines.values() if not machine.hands))

    async def _greet(self, machine: Machine) -> None:
        await machine.greet()
        if not machine.unfit:
            await machine.sweep(self._run)

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    # What is wrong

    def _unusable(self, machines: Iterable[Machine]) -> Unavailable:
        unfit = [f"{machine.facts.name}: {machine.unfit}" for machine in machines]
        why = f"no worker of {self.name} can be used" + (f" for this: {'; '.join(unfit)}" if unfit else ": it has none")
        return Unavailable(
            "CIS-DAG-166",
            clean_line(why, limit=500),
            hint=f"start some, with cis installed; {_LOCALLY}",
            retryable=False,
        )

    def _nobody(self, label: str | None, worker: str, task: str = "") -> CisError:
        usable = [machine for machine in self._machines.values() if machine.bears(None, "")]
        wanted = [machine for machine in self._machines.values() if machine.unfit and label in machine.facts.labels]
        if not usable or wanted:
            return self._unusable(wanted)
        labels = sorted({label for machine in usable for label in machine.facts.labels})
        known = clean_line(", ".join(labels), limit=500)
        where = f' for "{task}"' if task else ""
        if worker and label is None:
            what = f"the worker {worker} of {self.name} is not there"
        else:
            what = f'no worker of {self.name} bears the label "{clean_line(label or "")}"{where}'
        return NotFound("CIS-DAG-164", what, hint=did_you_mean(label or worker, labels) or f"there are {known}")


def _unfit_skills(spec: DagSpec, skills: Mapping[str, SkillManifest]) -> Iterator[CisError]:
    for skill in sorted(spec.skills & skills.keys()):
        granted = skills[skill].permissions
        if skills[skill].type is not SkillType.NATIVE:
            what = f"the skill {skill} is of the type {skills[skill].type}; workers run native ones"
            yield Refused("CIS-DAG-173", what, hint=_LOCALLY)
        if granted.memory_read or granted.memory_write:
            what = f"the skill {skill} needs memory, which does not leave this machine"
            yield Refused("CIS-DAG-162", what, hint=_LOCALLY)


def _unshared(task: TaskSpec) -> CisError:
    return Refused(
        "CIS-DAG-163",
        f'"{task.id}" creates files, which can be taken back only where the engine sees them',
        hint=f"dask.shared = true says that the workers have the same project folder; {_LOCALLY}",
    )


class _Place:
    """Implements `Place`."""

    def __init__(self, executor: DaskExecutor, machine: Machine) -> None:
        self._executor = executor
        self._machine = machine

    @property
    def where(self) -> Mapping[str, object]:
        """See `Place`."""
        return {"executor": self._executor.name, "worker": self._machine.facts.name}

    async def run(self, work: Work, output: Output) -> Outcome:
        """See `Place`."""
        return await self._executor.carry_out(self._machine, work, output)
