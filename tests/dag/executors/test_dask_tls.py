"""Schedulers that speak only to those who have a certificate."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from cis_tui.core.config import DaskSettings
from cis_tui.core.errors import CisError
from cis_tui.dag.views import RunStatus
from tests.dag.executors.certificates import Authority, make_authority
from tests.dag.executors.clusters import DaskCluster, dask_cluster
from tests.dag.lab import open_lab, shell


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("tls") / "own")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Generator[DaskCluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask"), *authority.options) as made:
        made.add("one")
        yield made


def settings(authority: Authority) -> DaskSettings:
    return DaskSettings(tls_ca=str(authority.ca), tls_cert=str(authority.cert), tls_key=str(authority.key), patience=2)


async def test_who_has_a_certificate_is_let_in(tmp_path: Path, cluster: DaskCluster, authority: Authority) -> None:
    async with open_lab(tmp_path, dask=settings(authority)) as lab, asyncio.timeout(20):
        while True:
            try:
                view = await lab.run(shell("a", "echo hello"), executor=cluster.executor)
                break
            except CisError as error:
                assert error.code == "CIS-DAG-166"
        assert (view.status, view.tasks[0].output, view.tasks[0].worker) == (RunStatus.COMPLETED, "hello\n", "one")


@pytest.mark.parametrize("how", ["in clear", "with that of another authority"])
async def test_anybody_else_is_not(tmp_path: Path, cluster: DaskCluster, how: str) -> None:
    dask = DaskSettings(patience=2) if how == "in clear" else settings(make_authority(tmp_path / "other"))
    async with open_lab(tmp_path, dask=dask) as lab:
        with pytest.raises(CisError) as caught:
            await lab.start(shell("a", "true"), executor=cluster.executor)
        assert caught.value.code == "CIS-DAG-165"
        assert lab.runs.history.list() == ()


async def test_certificates_that_are_not_there_are_named(
    tmp_path: Path, cluster: DaskCluster, authority: Authority
) -> None:
    whole = settings(authority)
    for dask, said in (
        (replace(whole, tls_key=""), "dask.tls_key is not set"),
        (replace(whole, tls_ca="/nowhere/ca.pem"), "dask.tls_ca: /nowhere/ca.pem: No such file"),
    ):
        async with open_lab(tmp_path, dask=dask) as lab:
            with pytest.raises(CisError) as caught:
                await lab.start(shell("a", "true"), executor=cluster.executor)
            assert caught.value.code == "CIS-DAG-171"
            assert said in caught.value.message
