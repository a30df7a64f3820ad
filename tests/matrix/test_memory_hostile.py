"""What others can bring about in a room is bounded, and what they say is believed only as far as it is signed."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.errors import CisError
from cis_tui.matrix.digest import Pace
from cis_tui.matrix.memory_news import Relay
from cis_tui.matrix.ranges import MAX_NUMBER, common, joined, missing, of_numbers, without
from cis_tui.matrix.sayings import DIGEST, MEMORY, REQUEST, TYPES, read_digest, read_memory, read_request
from cis_tui.memory.records import Domain
from cis_tui.sync.sharing import Access
from tests.matrix.room_support import Event, Guest, Room, Steady, settle
from tests.sync.support import pull

LOG = "0123456789abcdef01"
SETS = st.sets(st.integers(1, 30)).map(of_numbers)
GARBAGE: list[Any] = [
    *(None, True, 0, -1, 7, 2**53, 2**70, 0.5, "", "x", "\x1b[31m", "did:key:z6Mk", LOG, "y" * 400),
    *([], {}, [[]], [[1, 2]], [[2, 1]], [[True, 2]], [[0, 1]], [[1, 2]] * 400, ["x"] * 200, [{}], [[LOG, 1]]),
    *({"did:key:z6Mk": [LOG, 1]}, {"did:key:z6Mk": [LOG, -1]}, {"x": "mxc://y/z"}, {"x": 5}, {"\x9b": [LOG, 1]}),
]


class Meeting:
    """Ann, Ben and Cem in a room; Dan is not there."""

    def __init__(self, folder: Path) -> None:
        self.room = Room()
        self.steady = Steady()

        def guest(name: str) -> Guest:
            pace = Pace(settle=1.0, digest=10.0, ask=(1.0, 2.0), longest=600.0, again=60.0, burst=20, hourly=10)
            return Guest(
                folder, name, self.room, steady=self.steady, pace=pace, relay=Relay((1.0, 8.0), (300.0, 900.0))
            )

        self.ann, self.ben, self.cem, self.dan = self.all = [guest(name) for name in ("ann", "ben", "cem", "dan")]
        self.inside = self.all[:3]
        for each in self.inside:
            each.members = {guest.did for guest in self.inside}

    def say(self, who: Guest, kind: str, **data: object) -> None:
        """Something that no honest node would say, signed all the same."""
        self.room.events.append(Event(who.did, kind, json.dumps(data)))

    def asks(self, who: Guest, whom: Guest, *ranges: tuple[int, int], log: str = "") -> None:
        self.say(who, REQUEST, did=whom.did, log=log, ranges=[list(each) for each in ranges])


@pytest.fixture
def meeting(tmp_path: Path) -> Generator[Meeting]:
    made = Meeting(tmp_path)
    yield made
    for guest in made.all:
        guest.close()


@given(one=SETS, other=SETS, last=st.integers(0, 35))
def test_ranges_are_sets(one: Any, other: Any, last: int) -> None:
    def numbers(ranges: Any) -> set[int]:
        return {number for first, end in ranges for number in range(first, end + 1)}

    assert numbers(joined(one, other)) == numbers(one) | numbers(other)
    assert numbers(without(one, other)) == numbers(one) - numbers(other)
    assert numbers(common(one, other)) == numbers(one) & numbers(other)
    assert numbers(missing(one, last)) == set(range(1, last + 1)) - numbers(one)


@pytest.mark.parametrize(
    ("read", "fields"),
    [
        (read_memory, "entries fills last log media seq"),
        (read_digest, "heard last log"),
        (read_request, "did log ranges"),
    ],
)
@settings(max_examples=20, deadline=None)
@given(chance=st.randoms(use_true_random=False))
def test_garbage_is_refused_in_words(read: Callable[[Any], object], fields: str, chance: Random) -> None:
    for _ in range(50):
        data = {name: chance.choice(GARBAGE) for name in fields.split() if chance.random() < 0.95}
        try:
            read(data)
        except CisError as error:
            assert error.code in ("CIS-MATRIX-070", "CIS-MATRIX-071")


def test_whoever_asks_and_however_often_what_is_said_again_is_bounded(meeting: Meeting) -> None:
    ann, ben = meeting.ann, meeting.ben
    for number in range(60):
        ann.replica.put(f"key/{number}", "v")
        ann.say_all()
    said = len(meeting.room.events)
    for second in range(0, 3600, 4):
        meeting.steady.now += 4
        meeting.asks(ben, ann, (1, MAX_NUMBER))
        meeting.asks(ben, ann, (1 + second % 60, 60))
        ann.hear_all()
        ann.say_all()
    own = sum(event.did == ann.did for event in meeting.room.events) - said
    assert 1 <= own <= 20 + 10 + 1 + 3600 / 10, "a budget for answers, and digests"
    answers = [event for event in meeting.room.events[said:] if event.did == ann.did and event.kind == MEMORY]
    assert len(answers) <= 20 + 10 + 1


def test_who_is_not_admitted_is_neither_answered_nor_heard(meeting: Meeting) -> None:
    ann, ben = meeting.ann, meeting.ben
    ann.replica.policy.accesses[ben.did] = Access.NONE
    ann.replica.put("note", "ann's")
    ben.replica.put("note", "ben's")
    settle(meeting.inside)
    meeting.asks(ben, ann, (1, MAX_NUMBER))
    ann.hear_all()
    assert ann.replica.value("note") == "ann's" and not ann.memory.status().members[1:]
    assert {error.code for error in ann.rejected} == {"CIS-SYNC-033"}
    assert ann.memory.status().answered == 0


def test_a_peer_admitted_later_gives_and_gets_everything(meeting: Meeting) -> None:
    ann, ben = meeting.ann, meeting.ben
    for one, other in ((ann, ben), (ben, ann)):
        one.members = {other.did}
        one.replica.policy.accesses[other.did] = Access.NONE
        for number in range(150):
            one.replica.put(f"{one.did[-4:]}/{number}", "v")
    settle([ann, ben])
    assert ann.replica.dump() != ben.replica.dump()
    for one, other in ((ann, ben), (ben, ann)):
        one.replica.policy.accesses[other.did] = Access.FULL
        one.memory.look()
        for _ in range(20):
            meeting.steady.now += 30
            for each in (ann, ben):
                each.say_all()
                each.hear_all()
    settle([ann, ben])
    assert ann.replica.dump() == ben.replica.dump() and len(ann.replica.dump()) == 300
    assert [each.holes for each in ann.memory.status().members] == [0]


def test_a_number_from_nowhere_costs_one_request_after_ever_longer_waits(meeting: Meeting) -> None:
    ann = meeting.ann
    for last in (10**9, MAX_NUMBER):
        meeting.say(meeting.ben, DIGEST, heard={}, last=last, log=LOG)
    ann.hear_all()
    for _ in range(3600):
        meeting.steady.now += 1
        ann.say_all()
    requests = [event for event in meeting.room.events if event.kind == REQUEST]
    assert 3 <= len(requests) <= 15


def test_what_the_author_has_not_signed_counts_as_unsaid(meeting: Meeting) -> None:
    """Ben says that he passes on what Dan has made, but what he says is another thing: Ann passes it on herself."""
    ann, ben, cem, dan = meeting.all
    dan.replica.put("note", "dan's")
    pull(ann.replica, dan.replica)
    pull(ben.replica, dan.replica)
    meeting.steady.now += 1_000
    ben.say_all()
    assert all(event.kind == DIGEST for event in meeting.room.events), "it waits whether somebody else says it"
    meeting.steady.now += 10
    ben.say()
    event = meeting.room.events.pop()
    meeting.room.events.append(
        Event(ben.did, MEMORY, event.text.replace(event.text[event.text.index('"sig": "') + 8 :][:8], "00000000"))
    )
    for each in (ann, cem):
        each.hear_all()
    assert [error.code for error in cem.rejected] == ["CIS-SYNC-011"]
    ann.next()
    meeting.steady.now += 10
    settle(meeting.inside)
    assert cem.replica.value("note") == "dan's"


def test_what_one_passes_on_the_others_do_not(meeting: Meeting) -> None:
    ann, ben, cem, dan = meeting.all
    for number in range(10):
        dan.replica.put(f"note/{number}", "dan's")
    for each in (ann, ben):
        pull(each.replica, dan.replica)
    for _ in range(100):
        meeting.steady.now += 0.1
        for each in meeting.inside:
            each.hear_all()
            each.say()
    assert [event.did for event in meeting.room.events if event.kind == MEMORY] in ([ann.did], [ben.did])
    settle(meeting.inside)
    assert cem.replica.dump() == dan.replica.dump()


def test_nothing_private_and_nothing_secret_is_said(meeting: Meeting) -> None:
    ann = meeting.ann
    ann.replica.put("plan", "planted-private", Domain.PRIVATE)
    ann.replica.put("api_token", "ghp_planted0123456789abcdefghijklmnopqrst", Domain.PUBLIC)
    ann.replica.put("note", "x" * 100_000)
    ann.replica.put("note", "planted-moved", Domain.PRIVATE)
    settle(meeting.inside)
    said = "".join(event.text for event in meeting.room.events) + repr(meeting.room.media)
    assert "planted" not in said


def test_a_large_value_that_cannot_be_had_is_asked_for_again(meeting: Meeting) -> None:
    ann, ben, _, _ = meeting.all
    ann.replica.put("large", b"\xff" * 300_000)
    ann.say_all()
    kept = dict(meeting.room.media)
    meeting.room.media.update(dict.fromkeys(kept, b"another"))
    ben.hear_all()
    assert ben.replica.value("large") is None and ben.memory.status().members[0].holes == 1
    meeting.room.media.update(kept)
    settle([ann, ben])
    assert ben.replica.value("large") == b"\xff" * 300_000 and ben.memory.status().members[0].holes == 0


def test_what_is_not_shared_with_the_room_stays(meeting: Meeting, tmp_path: Path) -> None:
    eve = Guest(tmp_path, "eve", meeting.room, steady=meeting.steady, share=("team/",))
    eve.replica.put("team/note", "shared")
    eve.replica.put("note", "planted")
    eve.say_all()
    meeting.ann.hear_all()
    assert [row[0] for row in meeting.ann.replica.dump()] == ["team/note"]
    assert "planted" not in "".join(event.text for event in meeting.room.events)
    eve.close()


def test_every_kind_goes_in_an_event_of_its_own_type() -> None:
    assert TYPES == {"memory": "m.room.message", "digest": "io.cis.sync.digest", "request": "io.cis.sync.request"}


def test_what_a_server_finds_too_large_is_said_in_smaller_parts(meeting: Meeting) -> None:
    """The first is refused, the second is lost: what is said again goes in parts too."""
    ann, ben = meeting.ann, meeting.ben
    for number in range(60):
        ann.replica.put(f"key/{number}", "x" * 500)
    large = ann.say()
    assert large is not None and len(str(large.data)) > 35_000
    meeting.room.redacted.add(0)
    ann.replica.put("last", "x" * 30_000)
    assert ann.next() is not None
    ann.memory.speaking.refused(too_large=True)
    settle([ann, ben])
    assert ann.replica.dump() == ben.replica.dump() and len(ben.replica.dump()) == 61
    again = [json.loads(event.text) for event in meeting.room.events if '"seq": 0' in event.text]
    assert not again[0]["fills"] and again[1]["fills"] == [[1, 2]], "two parts, and what was never said"


def test_who_makes_others_wait_or_ask_is_not_heeded_for_long(meeting: Meeting) -> None:
    """Ben says that he is far, again and again, and Cem that he has asked Ben already."""
    ann, ben, cem, _ = meeting.all
    for second in range(0, 3600, 12):
        meeting.say(ben, DIGEST, heard={}, last=10**6 + second, log=LOG)
        meeting.asks(cem, ben, (1, 10**6), log=LOG)
        meeting.steady.now += 12
        ann.hear_all()
        ann.say_all()
    requests = [event for event in meeting.room.events if event.kind == REQUEST and event.did == ann.did]
    assert 3 <= len(requests) <= 3600 / 20
