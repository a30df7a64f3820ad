"""Public memory becomes one, whatever is lost, repeated or forged on the way; what is not shared stays where it is."""

from __future__ import annotations

import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from cis_tui.core.errors import CisError
from cis_tui.memory.records import Domain, IndexType, MemoryRecord, MemoryWrite
from cis_tui.memory.versions import version_name
from cis_tui.sync.canonical import canonical
from cis_tui.sync.entries import entry_of
from cis_tui.sync.messages import BATCH, LIMIT, request
from cis_tui.sync.sharing import Access, Limits
from tests.memory.support import WEEK, SetClock
from tests.sync.support import Replica, pull, push, settle, talk

PRIVATE = Domain.PRIVATE


class Three:
    """Ann, Ben and Cem."""

    def __init__(self, folder: Path) -> None:
        self.ann, self.ben, self.cem = self.all = [Replica(folder, name) for name in ("ann", "ben", "cem")]


@pytest.fixture
def three(tmp_path: Path) -> Generator[Three]:
    nodes = Three(tmp_path)
    yield nodes
    for node in nodes.all:
        node.close()


def ask(node: Replica, peer: Replica, body: bytes) -> Any:
    """What `node` answers to `peer`."""
    return json.loads(node.sync.answer(peer.did, body))


def pushed(node: Replica, peer: Replica, *entries: object, since: str = "", end: str = "m") -> Any:
    return ask(node, peer, request("push", entries=list(entries), since=since, next=end))


def made(peer: Replica, key: str = "note", value: str | bytes | None = "theirs", **fields: Any) -> dict[str, Any]:
    """An entry that `peer` has made and signed."""
    told: dict[str, Any] = {"vector": {peer.did: 1}, "hlc": int(peer.clock() * 1000) << 16, "seq": 1}
    told |= {"origin": peer.did, "epoch": "0badcafe", "index_type": IndexType.USER_PREFERENCE, "category": "general"}
    return entry_of(MemoryRecord(key, value, **(told | fields)), peer.identity)


def test_what_one_node_writes_the_others_have_once_they_asked(three: Three) -> None:
    three.ann.put("note", "one")
    three.ann.put("bytes", b"\xff\x00")
    three.ann.put("own", "planted", PRIVATE)
    three.ann.put("gone", "x")
    three.ann.memory.delete("gone")
    assert pull(three.ben, three.ann).received == 3
    assert pull(three.ben, three.ann).received == 0
    assert pull(three.cem, three.ben).received == 3, "whoever has it can give it"
    assert three.cem.dump() == three.ben.dump() == three.ben.dump()
    assert (three.cem.value("note"), three.cem.value("bytes"), three.cem.value("own")) == ("one", b"\xff\x00", None)
    item = three.cem.memory.current("note")
    assert item is not None and item.origin == three.ann.did


def test_news_are_pushed_and_acknowledged_when_they_are_durable(three: Three) -> None:
    three.ann.put("note", "one")
    waiting = three.ann.sync.waiting([three.ben.did, three.cem.did])
    (marker,) = waiting.markers
    assert (marker.key, marker.version, marker.timestamp) == ("note", 1, three.ann.clock())
    assert marker.sync_peers == (three.ben.did, three.cem.did)
    assert push(three.ann, three.ben).sent == 1
    assert three.ben.value("note") == "one"
    waiting = three.ann.sync.waiting([three.ben.did, three.cem.did])
    assert waiting.markers[0].sync_peers == (three.cem.did,)
    assert (waiting.total, waiting.by_peer) == (1, {three.ben.did: 0, three.cem.did: 1})
    assert ("SyncAcked", {"peer": three.ben.did, "key": "note", "count": 1}) in three.ann.events
    three.ann.put("note", "two")
    three.ann.put("more", "three")
    assert (push(three.ann, three.ben).sent, push(three.ann, three.ben).sent) == (2, 0)
    assert pull(three.ben, three.ann).received == 0
    pull(three.ann, three.ben)
    three.ann.put("more", "four")
    push(three.ann, three.ben)
    assert push(three.ben, three.ann).sent == 0, "nobody is told what they said themselves"
    assert three.ben.sync.waiting([three.ann.did]).total == 0
    assert three.ann.dump() == three.ben.dump()


def test_an_acknowledgement_that_is_lost_costs_a_repetition_and_no_more(three: Three) -> None:
    three.ann.put("note", "one")

    def lose(body: bytes) -> bytes:
        three.ben.sync.answer(three.ann.did, body)
        raise TimeoutError

    for _ in range(3):
        with pytest.raises(TimeoutError):
            talk(three.ann.sync.push(three.ben.did), lose)
    assert three.ann.sync.waiting([three.ben.did]).total == 1
    assert len(three.ben.memory.history("note")) == 1
    push(three.ann, three.ben)
    assert three.ann.sync.waiting([three.ben.did]).total == 0 and three.ben.behind == []
    three.ann.put("note", "two")
    push(three.ann, three.ben)
    pull(three.ben, three.ann)
    assert three.ann.sync.waiting([three.ben.did]).total == 0
    assert three.ben.value("note") == "two"


def test_what_comes_twice_or_in_another_order_changes_nothing(three: Three) -> None:
    bodies: list[bytes] = []

    def keep(body: bytes) -> bytes:
        bodies.append(body)
        return three.ben.sync.answer(three.ann.did, body)

    for number in range(4):
        three.ann.put(f"key/{number % 2}", str(number))
        talk(three.ann.sync.push(three.ben.did), keep)
    assert pull(three.ben, three.ann).received == 0
    before = three.ben.dump()
    for body in [*bodies, *reversed(bodies)] * 3:
        three.ben.sync.answer(three.ann.did, body)
        three.cem.sync.answer(three.ann.did, body)
    assert three.ben.dump() == before
    three.cem.restart()
    for body in reversed(bodies):
        three.cem.sync.answer(three.ann.did, body)
    assert three.cem.dump() == before
    assert pull(three.cem, three.ann).received == 0


def test_a_batch_that_is_missing_is_noticed_and_asked_for(three: Three) -> None:
    for number in range(3):
        three.ann.put(f"key/{number}", str(number))
        if number != 1:
            push(three.ann, three.ben)
        else:
            conversation = three.ann.sync.push(three.ben.did)
            next(conversation)
            conversation.close()
    assert three.ben.dump() == three.ann.dump(), "what was not acknowledged is pushed again"
    entry = made(three.ann, "late", seq=9, epoch="00000009")
    assert pushed(three.ben, three.ann, entry, since="not heard", end="beyond")["mark"] != "beyond"
    assert three.ben.behind == [three.ann.did]
    assert three.ben.value("late") == "theirs", "what came is kept all the same"


def test_concurrent_writes_are_a_conflict_on_all_sides_and_its_end_spreads(three: Three) -> None:
    three.ann.put("note", "a")
    settle(three.all)
    three.ann.put("note", "mine")
    three.ben.put("note", "b1")
    three.ben.put("note", "b2")
    settle(three.all)
    assert three.ann.dump() == three.ben.dump() == three.cem.dump()
    for node in three.all:
        (conflict,) = node.memory.revisions.conflicts()
        assert (conflict.winner.value, [other.value for other in conflict.others]) == ("b2", ["mine"])
    (conflict,) = three.cem.memory.revisions.conflicts()
    (loser,) = conflict.others
    three.cem.memory.revisions.resolve("note", keep=version_name(loser.version, loser.origin))
    push(three.cem, three.ann)
    push(three.cem, three.ben)
    assert three.ann.dump() == three.ben.dump() == three.cem.dump()
    assert all(node.value("note") == "mine" and not node.memory.revisions.conflicts() for node in three.all)


def test_a_memory_that_was_wiped_comes_back_and_what_it_writes_is_heard(three: Three) -> None:
    for number in range(3):
        three.ann.put(f"key/{number}", "old")
    settle(three.all)
    three.ann.wipe()
    three.ann.put("key/9", "after")
    push(three.ann, three.ben)
    settle(three.all)
    assert three.ann.value("key/1") == three.ben.value("key/1") == "old"
    assert [node.value("key/9") for node in three.all] == ["after"] * 3
    assert three.ann.dump() == three.ben.dump() == three.cem.dump()


def test_a_memory_that_was_brought_back_from_a_backup_hides_nothing(three: Three, tmp_path: Path) -> None:
    import shutil

    three.ann.put("first", "1")
    settle(three.all)
    three.ann.memory.close()
    shutil.copytree(three.ann.home.memory, tmp_path / "backup")
    three.ann.open()
    three.ann.clock.now += 10
    three.ann.put("lost", "2")
    settle(three.all)
    three.ann.memory.close()
    shutil.rmtree(three.ann.home.memory)
    shutil.copytree(tmp_path / "backup", three.ann.home.memory)
    three.ann.open()
    three.ann.clock.now += 10
    three.ann.put("again", "3")
    settle(three.all)
    assert [node.value("again") for node in three.all] == ["3"] * 3
    for node in three.all:
        node.sync.hear_again()
    settle(three.all)
    assert three.ann.dump() == three.ben.dump() == three.cem.dump()


def test_only_what_is_shared_goes_either_way(three: Three) -> None:
    three.ann.policy.shares[three.ben.did] = ("project/x/",)
    for key in ("project/x/a", "project/y/b", "note"):
        three.ann.put(key, "a")
        three.ben.put(key.replace("a", "c"), "b")
    settle([three.ann, three.ben])
    assert sorted(item.key for item in three.ben.memory.list().items if item.origin == three.ann.did) == ["project/x/a"]
    assert sorted(item.key for item in three.ann.memory.list().items if item.origin == three.ben.did) == ["project/x/c"]
    assert {error.code for _, error in three.ann.refusals} == {"CIS-SYNC-012"}
    assert pull(three.ben, three.ann).received == 0
    three.ann.policy.shares[three.ben.did] = ("project/",)
    settle([three.ann, three.ben])
    assert three.ann.dump("project/") == three.ben.dump("project/")
    assert three.ben.value("note") == "b"
    dots = ask(three.ann, three.cem, request("changes", since=""))["dots"]
    assert len(ask(three.ann, three.cem, request("fetch", dots=dots))["entries"]) == 5
    given = ask(three.ann, three.ben, request("fetch", dots=dots))["entries"]
    assert {entry["key"].partition("/")[0] for entry in given} == {"project"}, "nor what is asked for by its dot"


def test_nothing_private_or_sensitive_leaves_by_any_request(three: Three) -> None:
    planted = "planted-4711"
    three.ann.put("own", planted, PRIVATE)
    three.ann.memory.set(MemoryWrite("team/password", planted, Domain.PUBLIC))
    three.ann.put("moved", "fine")
    three.ann.put("moved", planted, PRIVATE)
    three.ann.put("note", "public")
    crossed: list[bytes] = []

    def carry(body: bytes) -> bytes:
        answer = three.ann.sync.answer(three.ben.did, body)
        crossed.extend((body, answer))
        return answer

    talk(three.ben.sync.pull(three.ann.did), carry)
    talk(
        three.ann.sync.push(three.cem.did),
        lambda body: crossed.append(body) or three.cem.sync.answer(three.ann.did, body),
    )
    every = json.loads(crossed[1])["dots"]
    (actor,) = every
    times = every[actor][1::2]
    guesses = {actor: [number for seq in range(9) for hlc in times for number in (seq, hlc)]}
    carry(request("fetch", dots=guesses))
    for seq in range(9):
        carry(request("part", dot=[*actor.split("#"), seq, times[0]], **{"from": 0}))
    assert three.ben.value("note") == "public" and len(crossed) > 10
    assert not any(planted.encode() in each or b"own" in each or b"team/" in each for each in crossed)


@pytest.mark.parametrize("again", [False, True], ids=["live", "restarted"])
def test_what_was_public_once_is_given_to_nobody_who_knows_its_dot(three: Three, again: bool) -> None:
    three.ann.put("note", "planted")
    three.ann.put("gone", "planted")
    dots = ask(three.ann, three.ben, request("changes", since=""))["dots"]
    assert len(ask(three.ann, three.ben, request("fetch", dots=dots))["entries"]) == 2
    ((actor, numbers),) = dots.items()
    dot = [*actor.split("#"), *numbers[:2]]
    assert ask(three.ann, three.ben, request("part", dot=dot, **{"from": 0}))["data"]
    three.ann.put("note", "planted", PRIVATE)
    three.ann.memory.delete("gone")
    if again:
        three.ann.restart()
    assert ask(three.ann, three.cem, request("fetch", dots=dots)) == {"entries": [], "left": {}}
    assert ask(three.ann, three.cem, request("part", dot=dot, **{"from": 0})) == {"data": ""}
    pull(three.cem, three.ann)
    assert three.cem.value("note") is None


@pytest.mark.parametrize("position", ["9" * 19, "9" * 60, "0", "1e3", "-1", "xyz"])
def test_a_mark_that_was_made_up_counts_as_none(three: Three, position: str) -> None:
    three.ann.put("note", "one")
    told = ask(three.ann, three.ben, request("changes", since=""))
    name, scope, _, time = told["next"].split(".")
    assert ask(three.ann, three.ben, request("changes", since=f"{name}.{scope}.{position}.{time}")) == told


def test_a_value_that_is_too_large_for_a_message_goes_in_parts(three: Three) -> None:
    large = "ä" * 700_000
    three.ann.put("large", large)
    three.ann.put("bytes", bytes(range(256)) * 1024)
    sizes: list[int] = []

    def carry(body: bytes) -> bytes:
        answer = three.ann.sync.answer(three.ben.did, body)
        sizes.append(max(len(body), len(answer)))
        return answer

    assert talk(three.ben.sync.pull(three.ann.did), carry).received == 2
    assert three.ben.value("large") == large and three.ben.dump() == three.ann.dump()
    assert max(sizes) < LIMIT
    three.ann.put("large", large[:-1] + "x")
    assert push(three.ann, three.ben).behind, "what does not go along is asked for"
    assert three.ben.behind == [three.ann.did]
    pull(three.ben, three.ann)
    assert three.ben.dump() == three.ann.dump()


def test_a_thousand_entries_go_in_batches(three: Three) -> None:
    three.ann.memory.set_many(MemoryWrite(f"key/{n:04}", f"{n} " + "x" * 400, Domain.PUBLIC) for n in range(1000))
    sizes: list[int] = []

    def carry(body: bytes) -> bytes:
        answer = three.ann.sync.answer(three.ben.did, body)
        sizes.append(len(answer))
        return answer

    assert talk(three.ben.sync.pull(three.ann.did), carry).received == 1000
    assert max(sizes) < BATCH * 1.1 and len(sizes) < 12
    assert three.ben.memory.list(limit=1).total == 1000
    assert three.ann.sync.waiting([three.ben.did]).total == 0, "who asked has said that it is there"


FORGED: list[dict[str, Any]] = [
    {"sig": "00" * 64},
    {"key": "other"},
    {"vector": {"did:key:zX": 7}},
    {"hlc": 2**63 - 1},
    {"author": "did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp"},
    {"author": "did:key:nonsense"},
    {"value": "forged"},
    {"sha256": "ab" * 32},
    {"sha256": ""},
    {"size": 8 * 1024 * 1024 + 1},
    {"size": -1},
    {"seq": True},
    {"seq": "1"},
    {"hlc": -1},
    {"vector": {}},
    {"vector": {"did:key:z": "1"}},
    {"type": "Sensitive"},
    {"type": []},
    {"text": False},
    {"more": 1},
    {"sig": None},
    {"pinned": 1},
]


def test_a_forged_entry_is_refused_and_shown_and_the_rest_is_taken(three: Three) -> None:
    three.ann.put("note", "mine")
    for number, change in enumerate(FORGED, 2):
        bad = made(three.ben, vector={three.ben.did: 5}) | change
        answer = pushed(
            three.ann, three.ben, bad, made(three.ben, "good", str(number), seq=number, vector={three.ben.did: number})
        )
        assert answer["mark"] == "m", change
        assert (three.ann.value("note"), three.ann.value("good")) == ("mine", str(number)), change
        peer, error = three.ann.refusals.pop()
        assert (peer, error.context["count"], three.ann.refusals) == (three.ben.did, 1, []), change
        assert error.code in ("CIS-SYNC-010", "CIS-SYNC-011"), change
    assert [item.key for item in three.ann.memory.list().items] == ["good", "note"]


def test_what_its_author_has_signed_and_no_node_can_have_made_is_refused(three: Three) -> None:
    ben = three.ben.did
    impossible: list[dict[str, Any]] = [
        {"vector": {ben: 2**63 - 1}},
        {"vector": {ben: 2**40 + 1}},
        {"vector": {ben: 10**6 + 1}},
        {"vector": {ben: 1, three.ann.did: 10**6 + 2}},
        {"vector": {ben: 0}},
        {"vector": {ben: -1}},
        {"vector": {three.ann.did: 7}},
        {"vector": {ben: 1, **{f"did:key:z{n}": 1 for n in range(64)}}},
        {"key": "user/api-key"},
        {"value": "ghp_" + "a1B2c3D4e5" * 4},
        {"key": "a\x1b[2J"},
        {"key": ""},
        {"index_type": IndexType.FREQUENTLY_QUERIED},
        {"category": "\x1b[2J"},
        {"epoch": "nothexal"},
        {"undoes": -1},
    ]
    three.ann.put("note", "mine")
    before = three.ann.dump()
    for fields in impossible:
        pushed(three.ann, three.ben, made(three.ben, **fields))
        assert len(three.ann.refusals) == 1, fields
        assert three.ann.refusals.pop()[1].code in (
            "CIS-SYNC-010",
            "CIS-MEM-085",
            "CIS-MEM-087",
            "CIS-MEM-001",
            "CIS-MEM-003",
        )
        assert three.ann.dump() == before, fields


def test_far_off_clocks_converge_and_drag_nobody_along(tmp_path: Path) -> None:
    clocks = [SetClock(), SetClock(SetClock()() - 3600), SetClock(4_100_000_000.0)]
    nodes = [Replica(tmp_path, name, clock=clock) for name, clock in zip("abc", clocks, strict=True)]
    try:
        for node in nodes:
            node.put("note", node.did)
            node.put(f"by/{node.did}", "x")
        settle(nodes)
        assert nodes[0].dump() == nodes[1].dump() == nodes[2].dump()
        nodes[0].memory.revisions.resolve("note")
        settle(nodes)
        item = nodes[0].put("note", "honest")
        assert abs(item.created_at - clocks[0]()) < 300
        settle(nodes)
        assert [node.value("note") for node in nodes] == ["honest"] * 3
        assert nodes[0].put("later", "x").created_at - clocks[0]() < 300
        assert len(list((nodes[0].home.memory / "public").glob("memory-*.db"))) == 1
    finally:
        for node in nodes:
            node.close()


def test_what_a_denied_author_made_is_refused_whoever_brings_it_and_taken_when_that_ends(three: Three) -> None:
    three.cem.put("note", "cem's")
    three.ann.put("x", "a catalogue to remember it in")
    pull(three.ben, three.cem)
    three.ann.policy.denials.add(three.cem.did)
    done = pull(three.ann, three.ben)
    assert (done.received, done.refused, three.ann.value("note")) == (0, 1, None)
    assert [error.code for _, error in three.ann.refusals] == ["CIS-SYNC-013"]
    assert pull(three.ann, three.ben).refused == 0, "it is accounted for"
    three.ann.policy.denials.clear()
    three.ann.sync.hear_again()
    assert pull(three.ann, three.ben).received == 1


def test_whoever_is_not_admitted_is_told_nothing(three: Three) -> None:
    three.ann.put("note", "mine")
    three.ann.policy.accesses[three.ben.did] = Access.NONE
    for body in (request("changes", since=""), request("push", entries=[made(three.ben)], since="", next="m")):
        assert ask(three.ann, three.ben, body)["error"]["code"] == "CIS-SYNC-033"
    with pytest.raises(CisError):
        pull(three.ben, three.ann)
    assert three.ann.value("note") == "mine"


def test_what_strangers_bring_is_held_aside_and_taken_when_they_are_allowed(tmp_path: Path) -> None:
    limits = Limits(held_entries=5)
    ann, ben = Replica(tmp_path, "ann", limits=limits), Replica(tmp_path, "ben")
    try:
        ann.put("secretly", "not for strangers")
        ann.policy.accesses[ben.did] = Access.HELD
        for number in range(9):
            ben.put(f"from-ben/{number}", "x")
        assert push(ben, ann).behind
        assert (pull(ben, ann).received, ben.value("secretly")) == (0, None)
        assert (ann.value("from-ben/1"), len(ann.sync.held(ben.did))) == (None, 5)
        ann.policy.accesses[ben.did] = Access.FULL
        assert ann.sync.admitted(ben.did).added == 5
        assert ann.sync.held(ben.did) == ()
        settle([ann, ben])
        assert ann.dump() == ben.dump() and ben.value("secretly") is not None
    finally:
        ann.close()
        ben.close()


def test_who_brings_too_much_is_heard_again_tomorrow(tmp_path: Path) -> None:
    ann, ben = Replica(tmp_path, "ann", limits=Limits(entries=3)), Replica(tmp_path, "ben")
    try:
        for number in range(3):
            ben.put(f"key/{number}", "x")
        assert pull(ann, ben).received == 3
        ben.put("key/3", "x")
        with pytest.raises(CisError) as caught:
            pull(ann, ben)
        assert (caught.value.code, caught.value.retryable) == ("CIS-SYNC-020", True)
        ann.clock.now += 86_401
        assert pull(ann, ben).received == 1
    finally:
        ann.close()
        ben.close()


GARBAGE = [
    b"",
    b"\xff\xfe",
    b"null",
    b"{}",
    b"[" * 10_000,
    b'{"do":"changes","since":NaN,"v":1}',
    b'{"do":"changes","do":"changes","since":"","v":1}',
    b'{"do":"changes","since":"","v":2}',
    b'{"do":"changes","since":7,"v":1}',
    b'{"do":"changes","since":"\\u0000","v":1}',
    b'{"do":"changes","v":1}',
    b'{"do":"wipe","v":1}',
    b'{"do":[],"v":1}',
    b'{"dots":{"x":[1]},"do":"fetch","v":1}',
    canonical({"do": "fetch", "v": 1, "dots": {"did:key:z#00000000": [1]}}),
    canonical({"do": "fetch", "v": 1, "dots": {"did:key:z#00000000": [1, -1]}}),
    canonical({"do": "fetch", "v": 1, "dots": []}),
    canonical({"do": "fetch", "v": 1, "dots": {"did:key:z#00000000": list(range(20_000))}}),
    canonical({"do": "part", "v": 1, "dot": ["x"], "from": 0}),
    canonical({"do": "part", "v": 1, "dot": ["x", "y", 1, 1], "from": -1}),
    canonical({"do": "push", "v": 1, "entries": {}, "since": "", "next": ""}),
    canonical({"do": "push", "v": 1, "entries": [0] * 9_000, "since": "", "next": ""}),
    b" " * (LIMIT + 1),
]


def test_garbage_is_answered_with_a_refusal_and_changes_nothing(three: Three) -> None:
    three.ann.put("note", "mine")
    for number, body in enumerate(GARBAGE, 1):
        assert ask(three.ann, three.ben, body)["error"]["code"].startswith("CIS-SYNC-0"), body[:80]
        assert len(three.ann.refusals) == number
    assert three.ann.value("note") == "mine"
    assert pull(three.cem, three.ann).received == 1


def test_a_peer_that_answers_with_nonsense_is_named_and_nothing_is_taken(three: Three) -> None:
    answers = [
        *GARBAGE[:6],
        canonical({"dots": {}, "more": 1, "next": "", "start": ""}),
        canonical({"dots": {"did:key:z#00000000": [1, 1]}, "more": False, "next": "x" * 300, "start": ""}),
        canonical({"error": {"message": "\x1b[2J", "code": 7}}),
        canonical({"error": []}),
    ]
    for answer in answers:
        with pytest.raises(CisError) as caught:
            talk(three.ann.sync.pull(three.ben.did), lambda body, answer=answer: answer)
        assert caught.value.code.startswith("CIS-SYNC-0") and "\x1b" not in caught.value.message
    three.ben.put("note", "honest")
    assert pull(three.ann, three.ben).received == 1


def test_a_peer_that_gives_nothing_of_what_it_names_is_no_endless_task(three: Three) -> None:
    dots: Any = {f"{three.ben.did}#0badcafe": [1, 1]}
    changes = {"dots": dots, "more": True, "next": "m", "start": ""}
    answers: dict[str, dict[str, Any]] = {"changes": changes, "fetch": {"entries": [], "left": dots}}

    def carry(body: bytes) -> bytes:
        return canonical(answers[json.loads(body)["do"]])

    with pytest.raises(CisError) as caught:
        talk(three.ann.sync.pull(three.ben.did), carry)
    assert caught.value.code == "CIS-SYNC-031"
    answers["fetch"]["left"] = {}
    three.ann.put("x", "a catalogue to remember it in")
    assert talk(three.ann.sync.pull(three.ben.did), carry).received == 0


def test_two_that_have_the_same_are_not_both_asked_for_it(three: Three) -> None:
    for number in range(9):
        three.ann.put(f"key/{number}", "x")
    pull(three.ben, three.ann)
    first = three.cem.sync.pull(three.ann.did)
    fetch = first.send(three.ann.sync.answer(three.cem.did, next(first)))
    second = pull(three.cem, three.ben)
    assert (second.received, second.again) == (0, True)
    with pytest.raises(StopIteration) as end:
        next(three.cem.sync.pull(three.ben.did))
    assert end.value.value.again, "and ben need not say again what he has"
    last = first.send(three.ann.sync.answer(three.cem.did, fetch))
    with pytest.raises(StopIteration):
        first.send(three.ann.sync.answer(three.cem.did, last))
    assert three.cem.dump() == three.ann.dump()
    assert (pull(three.cem, three.ben).received, pull(three.cem, three.ben).again) == (0, False)


def test_who_has_heard_all_is_told_nothing(three: Three) -> None:
    three.ann.put("first", "x")
    push(three.ann, three.ben)
    three.ben.put("own", "0")
    push(three.ben, three.ann)
    three.ann.put("note", "one")
    assert push(three.ann, three.ben).sent == 1
    with pytest.raises(StopIteration) as end:
        next(three.ben.sync.push(three.ann.did, patient=True))
    assert end.value.value.later, "but it is, some time, how far it has heard"
    three.ben.put("own", "1")
    pushed = push(three.ben, three.ann)
    assert (pushed.sent, pushed.behind, three.ann.behind) == (1, False, []), "what was not told is no gap"
    three.ann.put("note", "two")
    push(three.ann, three.ben)
    mark = three.ben.memory.exchange.standing(three.ann.did).told
    assert (push(three.ben, three.ann).sent, three.ann.behind) == (0, [])
    assert three.ben.memory.exchange.standing(three.ann.did).told != mark


def test_much_that_others_made_is_passed_on_when_it_is_there(three: Three) -> None:
    push(three.ben, three.cem)
    for number in range(80):
        three.ann.put(f"key/{number:02}", "x")
    fetching = three.ben.sync.pull(three.ann.did)
    fetch = fetching.send(three.ann.sync.answer(three.ben.did, next(fetching)))
    asked = json.loads(fetch)["dots"]
    (numbers,) = asked.values()
    half = request("fetch", dots=dict.fromkeys(asked, numbers[:100]))
    given = json.loads(three.ann.sync.answer(three.ben.did, half))
    given["left"] = dict.fromkeys(asked, numbers[100:])
    rest = fetching.send(canonical(given))
    with pytest.raises(StopIteration) as end:
        next(three.ben.sync.push(three.cem.did, patient=True))
    assert end.value.value.later, "most likely cem fetches the same from ann"
    assert json.loads(next(three.ben.sync.push(three.cem.did)))["entries"] == [], "but not for ever"
    three.ben.put("own", "x")
    assert next(three.ben.sync.push(three.cem.did, patient=True)), "what ben made does not wait"
    with pytest.raises(StopIteration):
        fetching.send(three.ann.sync.answer(three.ben.did, fetching.send(three.ann.sync.answer(three.ben.did, rest))))
    assert talk(
        three.ben.sync.push(three.cem.did, patient=True), lambda body: three.cem.sync.answer(three.ben.did, body)
    ).behind
    assert three.cem.behind == [three.ben.did]
    settle(three.all)
    assert three.cem.dump() == three.ann.dump()


def test_what_was_asked_for_is_acknowledged_with_what_it_was(three: Three) -> None:
    for number in range(3):
        three.ann.put(f"key/{number}", "x")
    assert pull(three.ben, three.ann).received == 3
    assert ("SyncAcked", {"peer": three.ben.did, "key": "key/2", "count": 3}) in three.ann.events
    before = len(three.ann.events)
    assert pull(three.ben, three.ann).received == 0
    three.ben.put("own", "x")
    push(three.ben, three.ann)
    pull(three.ben, three.ann)
    told = [data for kind, data in three.ann.events[before:] if kind == "SyncAcked"]
    assert told == [], "what ben has made himself needs no acknowledgement of his"
    mark = three.ann.memory.exchange.standing(three.ben.did).told
    for nonsense in ("x", "....", f"{mark}9", mark.rpartition(".")[0] + "x.1"):
        three.ann.memory.exchange.note(three.ben.did, told=nonsense)
        assert "error" not in ask(three.ann, three.ben, request("changes", since=mark))


def test_who_brings_many_forgeries_is_not_looked_at_for_a_while(tmp_path: Path) -> None:
    ann, ben = Replica(tmp_path, "ann", limits=Limits(forgeries=10)), Replica(tmp_path, "ben")
    try:
        forged = [made(ben, f"key/{number}") | {"hlc": number} for number in range(11)]
        pushed(ann, ben, *forged)
        assert pushed(ann, ben, made(ben))["error"]["code"] == "CIS-SYNC-034"
        assert ann.value("note") is None
        ben.put("mine", "x")
        with pytest.raises(CisError, match="forged"):
            pull(ann, ben)
        ann.clock.now += 1
        pushed(ann, ben, made(ben))
        assert ann.value("note") == "theirs", "one more each second"
    finally:
        ann.close()
        ben.close()


def test_who_names_ever_more_and_gives_nothing_is_asked_no_more(three: Three) -> None:
    three.ann.put("x", "a catalogue to remember it in")
    asked: list[str] = []

    def carry(body: bytes) -> bytes:
        asked.append(json.loads(body)["do"])
        if asked[-1] == "fetch":
            return canonical({"entries": [], "left": {}})
        dots = {f"{three.ben.did}#0badcafe": [len(asked), 1]}
        return canonical({"dots": dots, "more": True, "next": f"m{len(asked)}", "start": ""})

    with pytest.raises(CisError) as caught:
        talk(three.ann.sync.pull(three.ben.did), carry)
    assert caught.value.code == "CIS-SYNC-035" and len(asked) == 2 * 64


def test_what_lies_in_an_archive_and_is_current_reaches_a_fresh_peer(three: Three) -> None:
    three.ann.put("tmp/noise", "n")
    three.ann.put("project/lasts", "1")
    three.ann.put("project/lasts", "2")
    three.ann.clock.now += 6 * WEEK
    assert three.ann.memory.archive()
    assert pull(three.ben, three.ann).received == 2
    assert three.ben.dump() == three.ann.dump()
