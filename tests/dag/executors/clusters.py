"""Real schedulers and workers on this machine, each a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

TLS = ("--tls-ca-file", "--tls-cert", "--tls-key")


@dataclass
class DaskCluster:
    """A scheduler and its workers."""

    folder: Path
    options: tuple[str, ...] = ()
    """Of all of them."""
    port: int = 0
    scheduler: subprocess.Popen[bytes] | None = None
    workers: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict[str, "subprocess.Popen[bytes]"])

    @property
    def executor(self) -> str:
        """As `--executor` has it."""
        return f"dask://127.0.0.1:{self.port}"

    def begin(self) -> None:
        """Start the scheduler, where it was before if it was there."""
        file = self.folder / "scheduler.json"
        file.unlink(missing_ok=True)
        where = ("--port", str(self.port), "--scheduler-file", str(file), "--no-dashboard")
        self.scheduler = self._start("dask_scheduler", "scheduler", where, {})
        address = ""
        deadline = time.monotonic() + 30
        while not address and time.monotonic() < deadline:
            try:
                address = json.loads(file.read_text())["address"]
            except (OSError, ValueError):
                time.sleep(0.02)
        self.port = int(address.rpartition(":")[2])

    def add(self, name: str, *options: str, env: Mapping[str, str] | None = None, threads: int = 2) -> None:
        """Start a worker; it is there a moment later."""
        scheme = "tls" if self.options else "tcp"
        where = (f"{scheme}://127.0.0.1:{self.port}", "--name", name, "--nthreads", str(threads), "--no-nanny")
        where += ("--no-dashboard", "--local-directory", str(self.folder / name), *options)
        self.workers[name] = self._start("dask_worker", name, where, env or {})

    def kill(self, name: str) -> None:
        """kill -9 of a worker."""
        self.workers[name].kill()
        self.workers.pop(name).wait()

    def kill_scheduler(self) -> None:
        """kill -9 of the scheduler; what workers it has end by themselves."""
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()

    def end(self) -> None:
        """End everything."""
        for process in filter(None, (*self.workers.values(), self.scheduler)):
            process.kill()
            process.wait()

    def _start(
        self, module: str, name: str, options: tuple[str, ...], env: Mapping[str, str]
    ) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1", *options, *self.options],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, **env},
            )


@contextmanager
def dask_cluster(folder: Path, *options: str) -> Generator[DaskCluster]:
    """A cluster whose scheduler is there, without workers yet."""
    cluster = DaskCluster(folder, options)
    try:
        cluster.begin()
        yield cluster
    finally:
        cluster.end()
