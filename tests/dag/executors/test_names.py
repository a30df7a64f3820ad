"""What `--executor` may say."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.errors import Invalid
from cis_tui.dag.executors.names import parse_target


@pytest.mark.parametrize(
    ("text", "name", "near"),
    [
        ("dask://127.0.0.1:9000", "dask://127.0.0.1:9000", True),
        ("dask://localhost", "dask://localhost:8786", True),
        ("dask://[::1]:1", "dask://[::1]:1", True),
        ("dask://gpu-box.example:8786/", "dask://gpu-box.example:8786", False),
        ("dask://10.0.0.7", "dask://10.0.0.7:8786", False),
        ("dask://localhost.example", "dask://localhost.example:8786", False),
    ],
)
def test_an_address(text: str, name: str, near: bool) -> None:
    target = parse_target(text)
    assert (target.name, target.is_near) == (name, near)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ray://x",
        "dask:",
        "dask://",
        "dask://a:0",
        "dask://a:99999",
        "dask://u:p@a",
        "dask://a/b",
        "tcp://a",
        "Dask",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_target(text)
    assert caught.value.code == "CIS-DAG-160"
    assert caught.value.hint


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_whatever_comes_it_is_a_name_or_an_error(text: str) -> None:
    try:
        target = parse_target(text)
    except Invalid:
        return
    assert parse_target(target.name) == target
