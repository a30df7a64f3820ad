"""The history of a room, read part by part from its file, is the same as all of it at once."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.matrix import history, outbox, store
from cis_tui.matrix.events import RoomEvent
from cis_tui.matrix.messages import RoomMessage
from cis_tui.matrix.model import SendState
from cis_tui.matrix.rows import Row
from cis_tui.matrix.store import Database, Transaction
from cis_tui.matrix.timeline import fold
from tests.matrix.test_timeline import ANN, NOW, answer, edit, numbers, reacted, removed, rows, said, senders

ROOM = "!room"
texts = st.text("abc", min_size=1, max_size=3)
stories = st.one_of(
    st.builds(said, numbers, texts, senders),
    st.builds(answer, numbers, numbers, texts, senders),
    st.builds(edit, numbers, numbers, texts, senders),
    st.builds(reacted, numbers, numbers, st.sampled_from("ab"), senders),
    st.builds(removed, numbers, numbers, senders),
)


def opened() -> Database:
    """An empty file, in memory."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(store._SCHEMA + history.TABLES)  # pyright: ignore[reportPrivateUsage]
    return database


def keep(database: Database, kept: list[Row]) -> None:
    for row in kept:
        history.keep(Transaction(database, NOW), ROOM, row)


def parts(database: Database, limit: int) -> Iterator[list[RoomMessage]]:
    """The parts, the newest first."""
    before, complete = "", True
    while complete:
        part = history.part(database, ROOM, before, limit)
        yield list(fold(part.rows, me=ANN, answered=part.answered))
        before, complete = part.before, part.complete


@settings(max_examples=80, deadline=None)
@given(events=st.lists(stories, max_size=25), limit=st.integers(1, 5))
def test_part_by_part_is_as_all_at_once(events: list[RoomEvent], limit: int) -> None:
    kept = list({row.id: row for row in reversed(rows(*events))}.values())
    with closing(opened()) as database:
        keep(database, kept)
        keep(database, kept)
        found = [message for part in reversed(list(parts(database, limit))) for message in part]
    assert found == list(fold(kept, me=ANN))


def test_where_one_has_read_is_the_last_message_up_to_there() -> None:
    with closing(opened()) as database:
        keep(database, rows(said(1, "a"), reacted(2, 1), said(3, "b")))
        assert history.read_up_to(database, ROOM, "$e2") == "$e1"
        assert history.read_up_to(database, ROOM, "$e9") == ""


@pytest.mark.parametrize("kept", [0, 1, 2, 9])
def test_only_so_many_messages_are_kept(kept: int) -> None:
    with closing(opened()) as database:
        keep(database, rows(said(1, "a"), reacted(2, 1), said(3, "b"), said(4, "c")))
        history.prune(Transaction(database, NOW), ROOM, keep=kept)
        (left,) = list(parts(database, 10))
        assert [each.text for each in left] == ["a", "b", "c"][max(0, 3 - kept) :]


def test_what_waits_is_told_until_it_has_come() -> None:
    with closing(opened()) as database:
        transaction = Transaction(database, NOW)
        outbox.put(transaction, "t1", ROOM, "m.room.message", {"msgtype": "m.text", "body": "hi"})
        outbox.put(transaction, "t2", ROOM, "io.cis.vote", {"io.cis.op": {}})
        outbox.put(transaction, "t3", "!other", "m.room.message", {"msgtype": "m.text", "body": "no"})
        (waiting,) = history.waiting(database, ROOM, ANN)
        assert (waiting.id, waiting.row.text, waiting.row.sender, waiting.state) == ("t1", "hi", ANN, SendState.QUEUED)
        outbox.sent(transaction, "t1", "$e1")
        (waiting,) = history.waiting(database, ROOM, ANN)
        assert waiting.event == "$e1"
        keep(database, rows(said(1, "hi")))
        assert history.waiting(database, ROOM, ANN) == []


def test_many_reactions_do_not_hide_what_was_said() -> None:
    with closing(opened()) as database:
        (row,) = rows(reacted(2, 1))
        keep(database, [*rows(said(1, "a")), *(replace(row, id=f"$r{number}") for number in range(9000))])
        (left,) = list(parts(database, 10))
        assert [(each.key, each.count) for each in left[0].reactions] == [("👍", 1)]
