"""From what `--executor` says to the executors of a run."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path

from cis_tui.core.config import DaskSettings
from cis_tui.core.errors import CisError, Invalid, Refused
from cis_tui.core.paths import Home, real
from cis_tui.core.text import clean_line
from cis_tui.dag.executors.base import Executor
from cis_tui.dag.executors.cluster import Cluster
from cis_tui.dag.executors.dask import DaskExecutor
from cis_tui.dag.executors.link import Link, Security
from cis_tui.dag.executors.local import LocalExecutor
from cis_tui.dag.executors.names import DASK, LOCAL, Target, parse_target
from cis_tui.dag.model import DagSpec
from cis_tui.dag.record import RunRecord
from cis_tui.dag.template import Private
from cis_tui.skills.model import SkillManifest
from cis_tui.skills.native import NativeSkills
from cis_tui.skills.process import Processes
from cis_tui.skills.wasm.run import WasmSkills

Recall = Callable[[str], str | None]
"""What `memory("key")` gives in a template."""


def memory_for(name: str, recall: Recall) -> Recall:
    """What templates of a run see of memory with the executor `name`: nothing private leaves this machine.

    The function raises:
        Refused: the entry is private (CIS-DAG-161).
    """
    if name == LOCAL:
        return recall

    def public(key: str) -> str | None:
        value = recall(key)
        if isinstance(value, Private):
            what = f'memory("{clean_line(key)}") is private, and does not leave this machine'
            raise Refused("CIS-DAG-161", what, hint="--executor local runs it here")
        return value

    return public


def folder_of(record: RunRecord) -> Path:
    """Where the tasks of a run are at home: its project, or the folder of its file."""
    return real(Path(record.project or Path(record.spec.file).parent))


class Executors:
    """Opens the executors of one engine. To be used on its event loop."""

    def __init__(
        self,
        home: Home,
        processes: Processes,
        settings: DaskSettings,
        *,
        native: NativeSkills,
        wasm: WasmSkills,
        max_parallel: int,
    ) -> None:
        self.local = LocalExecutor(home, processes, native, wasm, asyncio.Semaphore(max_parallel))
        self._home = home
        self._processes = processes
        self._settings = settings
        self._max_parallel = max_parallel

    async def begin(self, name: str, record: RunRecord, skills: Mapping[str, SkillManifest]) -> RunExecutors:
        """Those of a run that is carried out by the executor `name`, which calls `skills`.

        Raises:
            CisError: it cannot be opened, see `open`, or cannot carry out this run.
        """
        found = RunExecutors(self, record)
        try:
            found.main = await found.of(name)
            for problem in found.main.problems(record.spec, skills):
                raise problem
        except BaseException:
            await found.close()
            raise
        return found

    def as_before(self, record: RunRecord, instead: str = "") -> RunExecutors:
        """Those by which the tasks of a run were carried out; with `instead`, that one for all of them.

        Raises:
            Invalid: there is no such executor (CIS-DAG-160).
        """
        return RunExecutors(self, record, parse_target(instead).name if instead else "")

    async def open(self, name: str, record: RunRecord) -> Executor:
        """The executor called `name` for one run; close it when the run has ended.

        Raises:
            Invalid: there is no such executor (CIS-DAG-160), or a certificate cannot be read (CIS-DAG-171).
            Refused: it would be spoken to in clear over a network (CIS-DAG-167).
            Unavailable: it cannot be used now (CIS-DAG-165, 166, 168, 170).
        """
        target = parse_target(name)
        if target.name == LOCAL:
            return self.local
        if target.host:
            return await begun(at_scheduler(target, self._settings, record))
        folder = self._home.runs / record.id / f"workers-{secrets.token_hex(4)}"
        cluster = Cluster(self._processes, folder, self._settings.workers, threads=self._max_parallel)
        address = await cluster.start()
        patience = self._settings.patience
        executor = DaskExecutor(
            target.name,
            lambda within: Link.open(address, cluster.security, within),
            run=record.id,
            root=folder_of(record),
            shared=True,
            patience=patience,
            cluster=cluster,
        )
        return await begun(executor)


class RunExecutors:
    """What carries out the attempts of one run, each opened when it is needed."""

    def __init__(self, executors: Executors, record: RunRecord, instead: str = "") -> None:
        """Use `Executors.begin` or `as_before`."""
        self.main: Executor = executors.local
        """What its tasks are carried out by."""
        self._executors = executors
        self._record = record
        self._instead = instead
        self._open: dict[str, Executor] = {LOCAL: executors.local}
        self._opening = asyncio.Lock()

    @property
    def name(self) -> str:
        """What it is called by `--executor`."""
        return self.main.name

    async def of(self, name: str) -> Executor:
        """The one called `name`, empty for the engine itself; or the one that is used instead.

        Raises:
            CisError: see `Executors.open`.
        """
        name = parse_target(self._instead or name or LOCAL).name
        async with self._opening:
            if name not in self._open:
                self._open[name] = await self._executors.open(name, self._record)
            return self._open[name]

    async def close(self) -> None:
        """Let go of all of them."""
        for executor in self._open.values():
            await executor.close()


async def foresee(
    name: str, spec: DagSpec, skills: Mapping[str, SkillManifest], settings: DaskSettings, *, project: str = ""
) -> tuple[str, ...]:
    """Why a run of `spec` by the executor `name` would be refused now; connects to a scheduler, but starts none.

    Raises:
        Invalid: there is no such executor (CIS-DAG-160).
    """
    target = parse_target(name)
    record = RunRecord("", spec, project)
    if not target.host:
        executor = DaskExecutor(DASK, _nobody, run="", root=folder_of(record), shared=True, patience=0)
        problems = executor.problems(spec, skills) if target.name == DASK else []
        return tuple(str(problem) for problem in problems)
    executor = None
    try:
        executor = await begun(at_scheduler(target, settings, record))
        return tuple(str(problem) for problem in executor.problems(spec, skills))
    except CisError as error:
        return (str(error),)
    finally:
        if executor is not None:
            await executor.close()


async def begun(executor: DaskExecutor) -> DaskExecutor:
    """`executor`, connected.

    Raises:
        Unavailable: see `DaskExecutor.begin`.
    """
    try:
        await executor.begin()
    except BaseException:
        await executor.close()
        raise
    return executor


def at_scheduler(target: Target, settings: DaskSettings, record: RunRecord) -> DaskExecutor:
    """The executor of a run at a scheduler that is there already; not connected.

    Raises:
        Invalid: a certificate cannot be read (CIS-DAG-171).
        Refused: the scheduler would be spoken to in clear over a network (CIS-DAG-167).
    """
    security = _security(target, settings)
    address = f"{'tls' if security else 'tcp'}://{target.host}:{target.port}"
    return DaskExecutor(
        target.name,
        lambda within: Link.open(address, security, within),
        run=record.id,
        root=folder_of(record),
        shared=settings.shared,
        patience=settings.patience,
    )


def _security(target: Target, settings: DaskSettings) -> Security:
    files = {"tls_ca": settings.tls_ca, "tls_cert": settings.tls_cert, "tls_key": settings.tls_key}
    if not any(files.values()):
        if target.is_near or settings.insecure:
            return Security()
        raise Refused(
            "CIS-DAG-167",
            f"{target.name} is another machine: commands and output would go there in clear",
            hint="set dask.tls_ca, dask.tls_cert and dask.tls_key, or dask.insecure = true in a network you trust",
        )
    return Security(*(_readable(name, file) for name, file in files.items()))


def _readable(name: str, file: str) -> str:
    if not file:
        raise Invalid("CIS-DAG-171", f"dask.{name} is not set", hint="TLS needs tls_ca, tls_cert and tls_key")
    path = Path(file).expanduser()
    try:
        path.read_bytes()
    except OSError as error:
        raise Invalid("CIS-DAG-171", f"dask.{name}: {path}: {error.strerror}") from error
    return str(path)


async def _nobody(within: float) -> Link:
    raise AssertionError("nothing is started for a plan")
