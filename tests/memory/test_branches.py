"""The tree that keys make, and listings that show only the beginning of values."""

from __future__ import annotations

from collections import Counter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cis_tui.core.paths import Home
from cis_tui.memory import branches, catalogue
from cis_tui.memory.branches import after_prefix, read_tree
from cis_tui.memory.database import Database
from cis_tui.memory.records import Domain, MemoryWrite
from cis_tui.memory.service import MemoryService
from tests.memory.support import PRIVATE, PUBLIC, memory, put

KEYS = "SELECT key FROM heads WHERE deleted = 0 AND key >= ?1 AND key < ?2 ORDER BY key"
parts = st.lists(st.text("ab/é\U0010ffff", max_size=3), min_size=1, max_size=4)


def below(service: MemoryService, prefix: str = "", domain: Domain | None = None) -> dict[str, int]:
    return {branch.prefix: branch.entries for branch in service.tree(prefix, domain=domain).branches}


def test_a_level_tells_how_keys_go_on_and_how_many_do(home: Home) -> None:
    with memory(home) as service:
        for key in ("project/demo/wheel", "project/demo/test", "project/x", "plain"):
            put(service, key, "v", PUBLIC)
        for key in ("user/name", "project/demo/own", "project/demo/wheel/deep"):
            put(service, key, "v", PRIVATE)
        put(service, "gone/for/good", "v")
        service.delete("gone/for/good")
        assert below(service) == {"project/": 5, "user/": 1}
        assert below(service, "project/") == {"project/demo/": 4}
        assert below(service, "project/demo/") == {"project/demo/wheel/": 1}
        assert below(service, domain=PUBLIC) == {"project/": 3}
        assert below(service, "project/", PRIVATE) == {"project/demo/": 2}
        assert service.tree().entries == 7
        assert service.tree("nothing/").branches == ()


def test_a_key_that_moved_is_counted_once(home: Home) -> None:
    with memory(home) as service:
        put(service, "a/b", "v", PUBLIC)
        put(service, "a/b", "v", PRIVATE)
        put(service, "a/c", "v", PRIVATE)
        put(service, "a/c", "v", PUBLIC)
        assert below(service) == {"a/": 2}
        assert (below(service, domain=PUBLIC), below(service, domain=PRIVATE)) == ({"a/": 1}, {"a/": 1})
        assert [item.domain for item in service.list("a/").items] == [PRIVATE, PUBLIC]


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(parts.map("/".join).filter(bool), max_size=20), st.text("ab/", max_size=3))
def test_the_tree_counts_as_one_would_by_hand(keys: set[str], prefix: str) -> None:
    database = Database.nothing()
    try:
        catalogue.prepare(database)
        database.many("INSERT INTO heads VALUES (?, '', 1, 1, 1, '', '{}', 0, '', '', 0, 0)", ((key,) for key in keys))
        tree = read_tree(database, KEYS, prefix)
    finally:
        database.close()
    inside = [key for key in keys if key.startswith(prefix)]
    expected = Counter(key[: key.index("/", len(prefix)) + 1] for key in inside if "/" in key[len(prefix) :])
    assert [(branch.prefix, branch.entries) for branch in tree.branches] == sorted(expected.items())
    assert (tree.entries, tree.complete) == (len(inside), True)


def test_of_a_broad_level_the_first_thousand_are_told() -> None:
    database = Database.nothing()
    try:
        catalogue.prepare(database)
        keys = ((f"{number:05d}/x",) for number in range(branches.MOST + 5))
        database.many("INSERT INTO heads VALUES (?, '', 1, 1, 1, '', '{}', 0, '', '', 0, 0)", keys)
        tree = read_tree(database, KEYS, "")
    finally:
        database.close()
    assert (len(tree.branches), tree.entries, tree.complete) == (branches.MOST, branches.MOST + 5, False)
    assert after_prefix("") == b""


def test_a_listing_can_show_how_values_begin_and_no_secret(home: Home) -> None:
    with memory(home) as service:
        service.set_many([MemoryWrite("a", "x" * 1000), MemoryWrite("b", b"\xff" * 1000), MemoryWrite("c/token", "s3")])
        assert [item.value for item in service.list(cut=4).items] == ["xxxx", b"\xff" * 4, ""]
        assert [len(item.value) for item in service.list().items] == [1000, 1000, 2]


def test_every_page_of_a_listing_goes_on_where_the_last_one_ended(home: Home) -> None:
    with memory(home) as service:
        domains = (PUBLIC, PRIVATE)
        service.set_many(MemoryWrite(f"k/{number:03d}", "v", domains[number % 2]) for number in range(250))
        for domain in (None, *domains):
            whole = [item.key for item in service.list("k/", domain=domain).items]
            paged = [
                item.key
                for offset in range(0, 250, 40)
                for item in service.list("k/", domain=domain, limit=40, offset=offset).items
            ]
            assert paged == whole == sorted(whole)
