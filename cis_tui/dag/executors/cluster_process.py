"""The process of a `Cluster`: reads what it is to be on stdin, prints its address, and lives until it is ended."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any, cast

from cis_tui.dag.executors.link import quieten


async def serve(asked: Mapping[str, Any]) -> None:
    """Start the scheduler and the workers, tell the address, and wait."""
    import dask
    import distributed

    quieten()
    # Its pages would tell everybody on this machine what runs.
    cast("Any", dask).config.set({"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []})
    package = cast("Any", distributed)
    security = package.Security(
        require_encryption=True,
        tls_ca_file=asked["ca"],
        **{f"tls_{role}_{part}": asked[part] for role in ("client", "scheduler", "worker") for part in ("cert", "key")},
    )
    cluster = package.LocalCluster(
        n_workers=0,
        threads_per_worker=asked["threads"],
        processes=True,
        host="127.0.0.1",
        protocol="tls://",
        security=security,
        dashboard_address="127.0.0.1:0",
        local_directory=asked["folder"],
        silence_logs=50,
        asynchronous=True,
    )
    async with cluster:
        spec = cluster.new_worker_spec()[0]
        cluster.worker_spec.update({f"here-{number}": spec for number in range(1, asked["workers"] + 1)})
        await cluster
        async with asyncio.timeout(50):
            while len(cluster.scheduler.workers) < asked["workers"]:  # noqa: ASYNC110 - nothing tells of them
                await asyncio.sleep(0.02)
        sys.stdout.write(f"{cluster.scheduler_address}\n")
        sys.stdout.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(json.load(sys.stdin)))
