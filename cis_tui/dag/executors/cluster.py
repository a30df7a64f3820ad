"""A Dask cluster on this machine, for one run: a child process with its scheduler, and a process for each worker."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from contextlib import suppress
from pathlib import Path

from cis_tui.core.environment import inherited_env
from cis_tui.core.errors import Unavailable
from cis_tui.core.paths import private_dir
from cis_tui.core.text import clean_line
from cis_tui.dag.executors.link import Security, load
from cis_tui.skills.process import Command, Ended, Processes

_ADDRESS = 1000
"""Bytes within which its address is found."""
_START = 60.0
"""Seconds that it may take to start."""


class Cluster:
    """Nobody but this engine can speak to it: its certificate lives in the memory of its processes."""

    def __init__(self, processes: Processes, folder: Path, workers: int, *, threads: int) -> None:
        """`threads`: attempts that run at the same time; `folder` is for its files, and removed in the end."""
        self._processes = processes
        self._folder = folder
        self._workers = workers
        self._threads = -(-threads // workers)
        self._process: asyncio.Task[Ended] | None = None
        self._printed = bytearray()
        self._said = bytearray()
        """The end of what it printed on stderr."""
        self._address: asyncio.Future[str] | None = None
        self.security = Security()

    async def start(self) -> str:
        """Its address, once its workers are there. It ends when it is closed, or the engine does.

        Raises:
            Unavailable: `distributed` is missing (CIS-DAG-168); it does not start (CIS-DAG-170).
        """
        distributed = await load()
        made = await asyncio.to_thread(distributed.Security.temporary)
        self.security = Security(made.tls_ca_file, made.tls_client_cert, made.tls_client_key)
        await asyncio.to_thread(self._clear)
        asked = {
            "ca": self.security.ca,
            "cert": self.security.cert,
            "key": self.security.key,
            "workers": self._workers,
            "threads": self._threads,
            "folder": str(self._folder),
        }
        command = Command(
            (sys.executable, "-P", "-m", "cis_tui.dag.executors.cluster_process"),
            self._folder,
            {name: value for name, value in inherited_env().items() if not name.startswith("CIS_")},
            json.dumps(asked).encode(),
        )
        self._address = asyncio.get_running_loop().create_future()
        self._process = asyncio.ensure_future(self._processes.run(command, self._hear, self._log))
        try:
            async with asyncio.timeout(_START):
                await asyncio.wait({self._address, self._process}, return_when=asyncio.FIRST_COMPLETED)
        except BaseException as error:
            await self.close()
            if isinstance(error, TimeoutError):
                raise _unavailable(f"they took longer than {_START:g} s") from error
            raise
        if not self._address.done():
            await self.close()
            raise _unavailable(clean_line(self._said.decode("utf-8", "replace")[-300:]) or "their process ended")
        return self._address.result()

    def _clear(self) -> None:
        """Make its folder, and remove those of engines that were killed."""
        private_dir(self._folder.parent)
        for left in self._folder.parent.glob("workers-*"):
            shutil.rmtree(left, ignore_errors=True)
        private_dir(self._folder)

    async def close(self) -> None:
        """End all of its processes."""
        if self._process is not None:
            self._process.cancel()
            with suppress(BaseException):
                await asyncio.gather(self._process, return_exceptions=True)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _hear(self, data: bytes) -> None:
        self._printed += data[:_ADDRESS]
        first, found, _ = bytes(self._printed[:_ADDRESS]).partition(b"\n")
        if found and self._address is not None and not self._address.done():
            self._address.set_result(first.decode("utf-8", "replace"))

    def _log(self, data: bytes) -> None:
        self._said += data
        del self._said[:-4096]


def _unavailable(why: str) -> Unavailable:
    return Unavailable(
        "CIS-DAG-170",
        f"no workers can be started here: {why}",
        hint="--executor local needs none",
        retryable=False,
    )
