"""Questions and answers in a room: asked once, answered once, whatever is lost, late, copied or said again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError, Refused, Unavailable
from cis_tui.core.identity import Identity
from cis_tui.dag.peers.line import Topic
from cis_tui.matrix import media
from cis_tui.matrix.answering import Way
from cis_tui.matrix.operations import OP, seal_operation
from tests.matrix.hall import ROOM, Guest, Hall, later

ANN, BOB, EVE = (Identity(bytes([number]) * 32) for number in (1, 2, 3))
PROTOCOL = "/cis/test/1.0.0"
Heard = list[tuple[str, str, bytes]]


def speak(guest: Guest, answer: Callable[[bytes], Awaitable[bytes]] | None = None) -> Heard:
    """Let a guest answer; gives what it is asked."""
    heard: Heard = []

    async def handle(did: str, kind: str, body: bytes, age: float) -> bytes:
        heard.append((did, kind, body))
        return await answer(body) if answer else b"re: " + body

    kinds, needs = {"look": "test.look", "run": "test.run"}, {"test.look": "vote", "test.run": "task"}
    guest.line.speak(Way(PROTOCOL, kinds, "test.answer", needs, handle))
    return heard


@asynccontextmanager
async def two(folder: Path) -> AsyncGenerator[tuple[Guest, Guest, Heard, Hall]]:
    hall = Hall()
    ann, bob = Guest(hall, ANN, folder / "ann"), Guest(hall, BOB, folder / "bob")
    speak(ann)
    heard = speak(bob)
    await ann.enter()
    await bob.enter()
    try:
        yield ann, bob, heard, hall
    finally:
        for guest in tuple(hall.guests):
            await guest.leave()


async def ask(guest: Guest, did: str, body: bytes, *, what: str = "look", timeout: float = 5, **more: object) -> bytes:
    """The answer, while everybody hears and says what there is."""
    topic = Topic(what=what, **more)  # pyright: ignore[reportArgumentType]
    request = asyncio.ensure_future(guest.line.request(did, PROTOCOL, body, timeout=timeout, topic=topic))
    while not request.done():
        await guest.hall.settle()
        await asyncio.sleep(0.002)
    return await request


async def answered(guest: Guest, number: int) -> None:
    """Wait until so many answers were given by a guest."""
    async with asyncio.timeout(20):
        while guest.hall.kinds().count("test.answer") < number:
            await guest.hall.settle()
            await asyncio.sleep(0.002)


async def test_a_question_has_its_answer_and_both_are_signed_operations(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, heard, hall):
        assert ann.line.reaches(BOB.did)
        ann.news.clear()
        assert await ask(ann, BOB.did, b"hello") == b"re: hello"
        assert ann.news == [], "who waited for it has it"
        assert heard == [(ANN.did, "test.look", b"hello")]
        question, answer = hall.events
        assert (question.type, answer.type) == ("io.cis.test.look", "io.cis.test.answer")
        assert answer.content["m.relates_to"] == {"rel_type": "m.reference", "event_id": question.id}
        assert await bob.rejected() == []


async def test_the_same_question_is_on_its_way_once(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, heard, hall):
        bob.away = True
        for number in range(3):
            with pytest.raises(Unavailable, match="no answer has come"):
                await ask(ann, BOB.did, f"{number}".encode(), timeout=0.05, key="same")
        assert hall.kinds() == ["test.look"]
        bob.away = False
        await answered(bob, 1)
        assert ann.news[-1] == BOB.did, "whoever wants to know is told"
        assert await ask(ann, BOB.did, b"4", key="same") == b"re: 0"
        assert await ask(ann, BOB.did, b"5", key="same") == b"re: 5", "an answer is used once"
        assert len(heard) == 2


async def test_an_answer_finds_the_next_engine(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, heard, hall):
        bob.away = True
        with pytest.raises(Unavailable):
            await ask(ann, BOB.did, b"a", timeout=0.05, key="k")
        await ann.leave()
        bob.away = False
        await answered(bob, 1)
        again = Guest(hall, ANN, tmp_path / "ann")
        speak(again)
        await again.enter()
        assert await ask(again, BOB.did, b"a", key="k") == b"re: a"
        assert len(heard) == 1


async def test_who_is_killed_while_it_answers_answers_again_and_the_room_has_it_once(tmp_path: Path) -> None:
    hall = Hall()
    ann, bob = Guest(hall, ANN, tmp_path / "ann"), Guest(hall, BOB, tmp_path / "bob")
    begun = asyncio.Event()

    async def never(body: bytes) -> bytes:
        begun.set()
        await asyncio.Event().wait()
        return b""

    speak(ann)
    speak(bob, never)
    await ann.enter()
    await bob.enter()
    request = asyncio.ensure_future(ask(ann, BOB.did, b"work"))
    await begun.wait()
    await bob.leave()
    next_one = Guest(hall, BOB, tmp_path / "bob")
    heard = speak(next_one)
    await next_one.enter()
    assert await request == b"re: work"
    assert heard == [(ANN.did, "test.look", b"work")], "it was written down before it was begun"
    # It was said, and the file is as before.
    again = "UPDATE asked_here SET answered = NULL, data = ?"
    await next_one.service.store.write(lambda transaction: transaction.execute(again, ('{"text":"work"}',)))
    next_one.line._answering.wake()  # pyright: ignore[reportPrivateUsage] # as at a start
    while len(heard) < 2:  # noqa: ASYNC110 - threads of the file
        await asyncio.sleep(0.002)
    await hall.settle()
    assert hall.kinds().count("test.answer") == 1
    await ann.leave()
    await next_one.leave()


async def test_what_is_large_goes_as_a_file_that_has_to_be_the_one_that_was_signed(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _, hall):
        large = b"x" * 50_000
        assert await ask(ann, BOB.did, large) == b"re: " + large
        assert len(hall.files) == 2
        assert all(len(str(event.content)) < 2_000 for event in hall.events)
        with pytest.raises(CisError, match="too many for one file"):
            await ask(ann, BOB.did, b"x" * 1_000_001)
        upload = hall.upload

        async def swapped(data: bytes) -> str:
            address = await upload(data)
            hall.files[address] = data[::-1]
            return address

        hall.upload = swapped  # pyright: ignore[reportAttributeAccessIssue]
        with pytest.raises(Refused, match="another file than the one that was signed"):
            await ask(ann, BOB.did, b"ab" * 30_000)
        assert await bob.rejected() == []


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"mxc": 1},
        {"mxc": "mxc://a/b", "sha256": "00", "size": 1},
        {"mxc": "mxc://a/b", "sha256": "0" * 64, "size": 10**9},
    ],
)
async def test_what_names_no_file_is_not_looked_for(said: dict[str, object]) -> None:
    with pytest.raises(CisError) as caught:
        await media.get(Hall(), said)
    assert caught.value.code == "CIS-MATRIX-087"


async def test_what_comes_too_late_is_told_so_and_never_done(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, heard, _):
        bob.away = True
        with pytest.raises(Unavailable):
            await ask(ann, BOB.did, b"a", what="run", timeout=0.05, key="k", lasts=70)
        bob.away, bob.clock = False, later(71)
        ann.clock = later(71)
        await answered(bob, 1)
        assert heard == []
        assert await bob.rejected() == ["CIS-MATRIX-081"]
        assert ann.news[-1] == BOB.did
        assert await ask(ann, BOB.did, b"again", what="run", key="k") == b"re: again", "it is asked anew"
        ann.clock = later(700)
        with pytest.raises(Refused, match="the clocks of both nodes differ"):
            await ask(ann, BOB.did, b"a", what="run", key="x")
        ann.clock = later(-700)
        with pytest.raises(Refused, match="the clocks of both nodes differ"):
            await ask(ann, BOB.did, b"a", what="run", key="x")
        assert len(heard) == 1


async def test_copies_and_strangers_are_set_aside(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, heard, hall):
        assert await ask(ann, BOB.did, b"once", what="run") == b"re: once"
        first = hall.events[0]
        hall.say(ann.user, first.type, first.content, "again")
        hall.say("@eve:example.org", first.type, first.content, "copied")
        await hall.settle()
        assert await bob.rejected() == ["CIS-MATRIX-024", "CIS-MATRIX-031"], "another account, a replay"
        assert [body for _, _, body in heard] == [b"once"]


async def test_a_stranger_is_not_answered_and_a_shape_that_is_none_is_set_aside(tmp_path: Path) -> None:
    async with two(tmp_path) as (_, bob, heard, hall):
        numbers = iter(range(100))

        async def say(kind: str, **data: object) -> str:
            """How bob takes what eve says."""
            number = next(numbers)
            about = {
                "account": "@eve:example.org",
                "device": "D",
                "room": ROOM,
                "at": bob.clock(),
                "id": f"{number:032x}",
            }
            sealed = seal_operation(EVE, kind, data, **about)  # pyright: ignore[reportArgumentType]
            hall.say("@eve:example.org", f"io.cis.{kind}", {OP: sealed}, str(number))
            await hall.settle()
            return next(iter(await bob.rejected()), "")

        asks = {"to": BOB.did, "until": 2**50, "text": "now"}
        bob.trusts[EVE.did] = ""
        for kind in ("test.run", "test.look"):
            assert await say(kind, **asks) == "CIS-MATRIX-041"
        bob.trusts[EVE.did] = "allowed"
        for bad in ({"to": BOB.did}, {**asks, "until": "x"}, {**asks, "text": 1}, {**asks, "until": True}):
            assert await say("test.look", **bad) == "CIS-MATRIX-022"
        assert await say("test.answer", to=BOB.did, ask="1" * 32, text="x") == "CIS-MATRIX-084"
        assert len(await bob.rejected()) == 7
        assert heard == []


async def test_who_is_allowed_may_vote_and_not_have_tasks_run(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, heard, _):
        bob.trusts[ANN.did] = "allowed"
        assert await ask(ann, BOB.did, b"vote") == b"re: vote"
        with pytest.raises(Unavailable):
            await ask(ann, BOB.did, b"task", what="run", timeout=0.1)
        assert await bob.rejected() == ["CIS-MATRIX-041"]
        assert len(heard) == 1


async def test_an_answer_of_another_node_is_none(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, bob, _, hall):
        eve = Guest(hall, EVE, tmp_path / "eve")
        speak(eve)
        await eve.enter()
        bob.away = True
        with pytest.raises(Unavailable):
            await ask(ann, BOB.did, b"a", timeout=0.05, key="k")
        (question,) = await ann.service.store.read(
            lambda database: database.execute("SELECT id FROM questions").fetchall()
        )
        forged = {"to": ANN.did, "ask": question[0], "text": "forged"}
        await eve.service.queue("io.cis.test.answer", "test.answer", forged)
        await hall.settle()
        assert await ann.rejected() == ["CIS-MATRIX-084"]
        bob.away = False
        assert await ask(ann, BOB.did, b"a", key="k") == b"re: a"


async def test_a_handler_that_fails_is_told_of_and_nothing_hangs(tmp_path: Path) -> None:
    hall = Hall()
    ann, bob = Guest(hall, ANN, tmp_path / "ann"), Guest(hall, BOB, tmp_path / "bob")

    async def fail(body: bytes) -> bytes:
        if body == b"bad":
            raise ValueError(body)
        return body

    speak(ann)
    speak(bob, fail)
    await ann.enter()
    await bob.enter()
    with pytest.raises(CisError) as caught:
        await ask(ann, BOB.did, b"bad")
    assert caught.value.code == "CIS-MATRIX-089"
    assert await ask(ann, BOB.did, b"good") == b"good"
    await ann.leave()
    await bob.leave()


async def test_people_are_told_once_of_what_is_asked_of_several(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, _, _, hall):
        for key in ("one", "two"):
            await ask(ann, BOB.did, b"x", key=key, subject="r/d1", told="Vote asked: ship / push")
        notices = [event for event in hall.events if event.type == "m.room.message"]
        assert [each.content["body"] for each in notices] == ["Vote asked: ship / push"]
        assert notices[0].content["msgtype"] == "m.notice"


async def test_nobody_is_reached_while_the_homeserver_is_away_or_who_is_not_in_the_room(tmp_path: Path) -> None:
    async with two(tmp_path) as (ann, _, _, hall):
        assert not ann.line.reaches(EVE.did)
        assert ann.line.away(EVE.did).code == "CIS-MATRIX-090"
        ann.service.is_online = False
        assert not ann.line.reaches(BOB.did)
        assert ann.line.away(BOB.did).code == "CIS-MATRIX-080"
        with pytest.raises(Unavailable) as caught:
            await ask(ann, BOB.did, b"x")
        assert caught.value.code == "CIS-MATRIX-080"
        assert hall.events == []
