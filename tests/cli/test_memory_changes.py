"""`cis memory pin`, `classify`, `undo`, `conflicts` and `resolve`, with and without a live engine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from cis_tui.core.paths import Home
from cis_tui.memory.records import IndexType, MemoryRecord
from cis_tui.memory.service import MemoryService
from tests.cli.support import cis

if TYPE_CHECKING:
    from _pytest.fixtures import FixtureRequest


@pytest.fixture(params=["files", "engine"], autouse=True)
def reached(request: FixtureRequest) -> Iterator[None]:
    """Every test is made with the files of the home and with a live engine."""
    if request.param == "engine":
        assert cis("engine", "start").code == 0
    yield
    if request.param == "engine":
        assert cis("engine", "stop").code == 0


def test_a_pin_is_shown_and_taken_off() -> None:
    cis("memory", "set", "k", "v")
    assert cis("memory", "pin", "k").out == "k is pinned\n"
    assert "pinned" in cis("memory", "list").out
    assert "pinned" in cis("memory", "history", "k").out
    assert cis("memory", "pin", "k", "--off", "--json").json["pinned"] is False
    assert cis("memory", "pin", "nothing").code == 3


def test_classify_says_why_and_is_overruled() -> None:
    cis("memory", "set", "api/token", "none-yet")
    assert cis("memory", "classify", "api/token").out == 'Sensitive: the key says "token"\n'
    refused = cis("memory", "classify", "api/token", "Temporary")
    assert (refused.code, "say --yes" in refused.err) == (4, True)
    assert cis("memory", "classify", "api/token", "Temporary", "--yes").out == "Temporary: you said so\n"
    assert cis("memory", "classify", "api/token", "Nonsense").code == 2
    assert cis("memory", "classify", "nothing").code == 3
    assert cis("memory", "set", "api/token", "x", "--type", "ProjectConfig", "--yes").code == 0
    assert cis("memory", "classify", "api/token", "--json").json["classed"] is True


def test_set_with_a_type_does_not_declassify_by_accident() -> None:
    assert cis("memory", "set", "api/token", "x", "--type", "Temporary").code == 4
    assert cis("memory", "set", "api/token", "x", "--type", "Temporary", "--yes").code == 0


def test_what_becomes_sensitive_was_seen_by_others() -> None:
    cis("memory", "set", "k", "v", "--domain", "public")
    told = cis("memory", "classify", "k", "Sensitive")
    assert "may have reached your peers" in told.err
    assert cis("memory", "get", "k", "--json").json["domain"] == "private"
    assert "public again" in cis("memory", "undo").err


def test_undo_says_what_it_did() -> None:
    cis("memory", "set", "project/motto", "one")
    cis("memory", "set", "project/motto", "two")
    cis("memory", "set", "user/password", "hunter2")
    cis("memory", "delete", "user/password")
    assert cis("memory", "undo").out == "user/password is again ••••••\n"
    assert cis("memory", "get", "user/password").out == "hunter2\n"
    assert cis("memory", "undo").out == "user/password is gone again\n"
    assert cis("memory", "undo", "--last", "5").out == 'project/motto is again "one"\nproject/motto is gone again\n'
    nothing = cis("memory", "undo")
    assert (nothing.code, nothing.out) == (3, "")
    assert "nothing to undo" in nothing.err


def test_undo_as_json_tells_no_secret() -> None:
    cis("memory", "set", "user/password", "hunter2")
    cis("memory", "delete", "user/password")
    (item,) = cis("memory", "undo", "--json").json
    assert (item["key"], item["value"]) == ("user/password", None)


def test_without_conflicts_there_is_nothing_to_resolve() -> None:
    cis("memory", "set", "k", "v")
    assert cis("memory", "conflicts", "--json").json == []
    assert cis("memory", "conflicts").err == "there are no conflicts\n"
    assert cis("memory", "resolve", "k").code == 3


def test_a_conflict_is_listed_with_names_and_settled_by_one(home: Home) -> None:
    other = "did:key:z6MkOtherNode"
    cis("memory", "set", "team/motto", "mine", "--domain", "public")
    service = MemoryService(home)
    service.merge([MemoryRecord("team/motto", "theirs", "team", IndexType.TEMPORARY, {other: 2}, other, 1 << 50)])
    service.close()
    (conflict,) = cis("memory", "conflicts", "--json").json
    assert conflict.keys() >= {"key", "winner", "others"}
    (mine,) = conflict["others"]
    assert (conflict["winner"]["value"], conflict["winner"]["name"], mine["value"]) == ("theirs", "2-erNode", "mine")
    listed = cis("memory", "conflicts").out
    assert "current" in listed and mine["name"] in listed
    assert "concurrent" in cis("memory", "history", "team/motto").out
    assert cis("memory", "resolve", "team/motto", "--keep", "7-nobody").code == 3
    assert cis("memory", "resolve", "team/motto", "--keep", mine["name"]).out == 'team/motto is again "mine"\n'
    assert cis("memory", "get", "team/motto").out == "mine\n"
    assert cis("memory", "conflicts", "--json").json == []


def test_the_kind_that_an_entry_has_earned_is_told_when_asked_for() -> None:
    cis("memory", "set", "k", "v")
    for _ in range(10):
        cis("memory", "get", "k")
    assert cis("memory", "classify", "k").out.startswith("FrequentlyQueried: it was used 10 times")


def test_the_kind_that_is_earned_cannot_be_given() -> None:
    cis("memory", "set", "k", "v")
    assert cis("memory", "classify", "k", "FrequentlyQueried").code == 2
    assert cis("memory", "set", "k", "v", "--type", "FrequentlyQueried").code == 2
    given = {"key": "k", "value": "v", "index_type": "FrequentlyQueried", "classed": True}
    told = cis("memory", "import", "-", input=json.dumps(given))
    assert (told.code, "stdin:1: FrequentlyQueried is earned by use, and not given" in told.err) == (5, True)
    assert cis("memory", "import", "-", input=json.dumps({**given, "classed": False})).code == 0, "as an export says it"
    assert cis("memory", "get", "k", "--json").json["classed"] is False
