"""The room's messages are the same for every order of its events, and nothing that an event holds does harm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.core.clock import Instant
from cis_tui.matrix.events import RoomEvent, parse_json, read_event
from cis_tui.matrix.messages import Quote, Reaction, RoomMessage, What
from cis_tui.matrix.model import SendState
from cis_tui.matrix.operations import Operation
from cis_tui.matrix.rows import MAX_TEXT, Row, row_of
from cis_tui.matrix.timeline import Waiting, fold

NOW = Instant(1_795_478_400)
ANN, BOB = "@ann:one.example", "@bob:two.example"
HOSTILE = "\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07\u202egnp\u2066\x9b31m\x07"


def event(number: int, sender: str, type: str, content: dict[str, Any], **more: Any) -> RoomEvent:
    return RoomEvent(f"$e{number}", "!room", type, sender, content, int((NOW - 1000 + number) * 1000), **more)


def said(number: int, text: str, sender: str = ANN, **more: Any) -> RoomEvent:
    content: dict[str, Any] = {"msgtype": "m.text", "body": text, **more}
    return event(number, sender, "m.room.message", content)


def answer(number: int, to: int, text: str, sender: str = BOB) -> RoomEvent:
    return said(number, text, sender, **{"m.relates_to": {"m.in_reply_to": {"event_id": f"$e{to}"}}})


def edit(number: int, of: int, text: str, sender: str = ANN) -> RoomEvent:
    relation = {"rel_type": "m.replace", "event_id": f"$e{of}"}
    return said(number, f"* {text}", sender, **{"m.new_content": {"body": text}, "m.relates_to": relation})


def reacted(number: int, to: int, key: str = "👍", sender: str = BOB) -> RoomEvent:
    relation = {"rel_type": "m.annotation", "event_id": f"$e{to}", "key": key}
    return event(number, sender, "m.reaction", {"m.relates_to": relation})


def removed(number: int, target: int, sender: str = ANN) -> RoomEvent:
    return event(number, sender, "m.room.redaction", {}, redacts=f"$e{target}")


def rows(*events: RoomEvent) -> list[Row]:
    found = [row_of(each, None, now=NOW) for each in events]
    return [row for row in found if row is not None]


def told(*events: RoomEvent, me: str = ANN) -> list[RoomMessage]:
    return list(fold(rows(*events), me=me))


def test_what_becomes_of_a_message() -> None:
    first, second, third = told(
        said(1, "helo"), edit(2, 1, "hello"), answer(3, 1, "> <@ann:one.example> helo\n\nhi"), reacted(4, 1),
        reacted(5, 1, sender=ANN), reacted(6, 1, "🎉"), said(7, "secret"), removed(8, 7),
    )  # fmt: skip
    assert (first.text, first.edited, first.mine) == ("hello", True, True)
    assert first.reactions == (Reaction("👍", (ANN, BOB), 2, "$e5"), Reaction("🎉", (BOB,), 1))
    assert (second.text, second.answers) == ("hi", Quote("$e1", ANN, "hello"))
    assert (third.what, third.text) == (What.GONE, "")


def test_nobody_edits_what_another_said() -> None:
    (message,) = told(said(1, "mine"), edit(2, 1, "forged", sender=BOB), edit(3, 9, "of nothing"))
    assert (message.text, message.edited) == ("mine", False)
    (back,) = told(said(1, "mine"), edit(2, 1, "better"), removed(3, 2))
    assert (back.text, back.edited) == ("mine", False), "an edit that was taken back"


def test_a_reaction_that_was_taken_back_is_not_counted() -> None:
    (message,) = told(said(1, "mine"), reacted(2, 1), removed(3, 2, BOB))
    assert message.reactions == ()


def op(number: int, kind: str, data: dict[str, Any], type: str, **content: Any) -> Row | None:
    brought = event(number, BOB, type, {"io.cis.op": {}, **content})
    operation = Operation("0" * 32, "did:key:z6Mk", BOB, "DEV", "!room", kind, NOW, data, brought.id)
    return row_of(brought, operation, now=NOW)


def test_memory_and_the_rest_that_nodes_say() -> None:
    entries = [{"key": f"k/{number % 3}"} for number in range(5)]
    nodes = [
        op(1, "memory", {"seq": 1, "entries": entries}, "m.room.message", body="5 entries"),
        op(2, "vote", {}, "io.cis.vote"),
        op(3, "sync.digest", {}, "io.cis.sync.digest"),
        op(4, "proposal", {}, "m.room.message", body="Shall we?"),
    ]
    came = [event(number, BOB, "m.room.member", {"membership": "join"}, state_key=BOB) for number in (5, 6)]
    found = fold([*(row for row in nodes if row), *rows(*came)], me=ANN)
    assert [(each.what, each.text, each.number) for each in found] == [
        (What.MEMORY, "", 3),
        (What.OPERATION, "vote", 0),
        (What.NOTICE, "Shall we?", 0),
        (What.MEMBER, f"{BOB} came in", 0),
    ]


def test_what_nobody_signed_is_not_shown_as_said_by_a_node() -> None:
    assert rows(said(1, "5 entries", BOB, **{"io.cis.op": {"kind": "room-memory"}})) == []


def test_a_message_of_tomorrow_is_of_now_and_mentions_are_seen() -> None:
    late = replace(said(1, "hi", BOB, **{"m.mentions": {"user_ids": [ANN, 7]}}), at=2**50)
    (message,) = told(late)
    assert message.at == NOW
    assert message.mentions_me


@pytest.mark.parametrize("state", [SendState.QUEUED, SendState.FAILED])
def test_what_waits_is_last_and_goes_once_it_has_come(state: SendState) -> None:
    (row,) = rows(said(5, "on its way"))
    waiting = Waiting("txn1", replace(row, id="txn1"), state, problem="M_TOO_LARGE\x1b[2J")
    first, last = fold(rows(said(6, "before", BOB)), me=ANN, waiting=[waiting])
    assert (first.id, last.id, last.state, last.problem) == ("$e6", "txn1", state, "M_TOO_LARGE")
    for echo in (replace(said(7, "on its way"), transaction="txn1"), said(8, "on its way")):
        (only,) = fold(rows(echo), me=ANN, waiting=[replace(waiting, event="$e8")])
        assert only.state is SendState.SENT


def test_an_edit_on_its_way_shows_and_one_that_failed_says_so() -> None:
    (row,) = rows(edit(2, 1, "hello"))
    (message,) = fold(rows(said(1, "helo")), me=ANN, waiting=[Waiting("txn", row, SendState.QUEUED)])
    assert message.text == "hello"
    first, failed = fold(rows(said(1, "helo")), me=ANN, waiting=[Waiting("txn", row, SendState.FAILED, problem="no")])
    assert (first.text, failed.text, failed.problem) == ("helo", "edit: hello", "no")


numbers = st.integers(1, 8)
senders = st.sampled_from([ANN, BOB])
stories = st.one_of(
    st.builds(said, numbers, st.text(min_size=1, max_size=4), senders),
    st.builds(answer, numbers, numbers, st.text(min_size=1, max_size=4), senders),
    st.builds(edit, numbers, numbers, st.text(min_size=1, max_size=4), senders),
    st.builds(reacted, numbers, numbers, st.sampled_from("ab"), senders),
    st.builds(removed, numbers, numbers, senders),
    st.builds(event, numbers, senders, st.just("m.room.message"), st.just({})),
    st.builds(event, numbers, senders, st.just("m.room.member"), st.just({"membership": "join"}), state_key=senders),
)


@settings(max_examples=150, deadline=None)
@given(events=st.lists(stories, max_size=20), data=st.data())
def test_any_order_and_any_number_of_times_is_the_same(events: list[RoomEvent], data: st.DataObject) -> None:
    kept = rows(*events)
    again = data.draw(st.permutations(kept + data.draw(st.lists(st.sampled_from(kept)) if kept else st.just([]))))
    assert fold(kept, me=ANN) == fold(again, me=ANN)


FIELDS = (
    "body msgtype m.relates_to rel_type event_id key m.new_content m.mentions user_ids io.cis.op kind data entries"
    " membership redacts m.in_reply_to"
)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(HOSTILE),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(FIELDS.split()),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
types = st.sampled_from(
    ["m.room.message", "m.reaction", "m.room.redaction", "m.room.encrypted", "m.room.member", "io.cis.vote", HOSTILE]
)


@settings(max_examples=200, deadline=None)
@given(type=types, content=json)
def test_nothing_that_an_event_holds_does_harm(type: str, content: Any) -> None:
    if not isinstance(content, dict):
        content = {"body": content, "msgtype": content, "m.relates_to": content, "membership": content}
    raw: dict[str, Any] = {
        "event_id": "$e1",
        "sender": HOSTILE,
        "type": type,
        "content": content,
        "origin_server_ts": 5,
    }
    for message in told(read_event(raw | {"state_key": HOSTILE}, "!room"), me=BOB):
        assert "\x1b" not in message.text
        assert "\u202e" not in message.text
        assert len(message.text) <= MAX_TEXT


def test_what_is_kept_is_small() -> None:
    (row,) = rows(
        said(1, "x" * 60_000, ANN, **{"m.mentions": {"user_ids": [f"@{number}:x" for number in range(9000)]}})
    )
    assert len(row.text) == MAX_TEXT
    assert len(row.mentions) == 50
    assert not rows(event(2, ANN, "m.reaction", {"m.relates_to": {"rel_type": "m.annotation", "key": "x"}}))


def test_half_a_character_is_none_that_could_stop_the_reading() -> None:
    told = parse_json(rb'{"id": "$a\ud83d", "text": "\ud83d\ude00 \uDCE9", "raw": "' + b'\xed\xa0\xbd\xff"}')
    assert told["id"] == "$a?"
    assert told["text"] == "😀 ?"
    assert str(told).encode(), "it can be kept"
