"""Pairing by a code, and everything that somebody who does not know it may try."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import pytest

from cis_tui.core.clock import utc_now
from cis_tui.core.errors import CisError, Invalid, NotFound, Refused, Unavailable
from cis_tui.core.identity import Identity, peer_id_of
from cis_tui.p2p.cards import Card, Message, read_card, read_message
from cis_tui.p2p.joining import Joining
from cis_tui.p2p.model import Pairing, PairingState
from cis_tui.p2p.opening import Opening
from cis_tui.p2p.pake import Code, Exchange, new_code, read_code

A, B, C = (Identity(letter * 32) for letter in (b"a", b"b", b"c"))


@dataclass
class Side:
    """One node that can show a code: who it admitted, who guessed, how each pairing ended."""

    did: str
    admitted: list[tuple[str, Card]] = field(default_factory=list[tuple[str, Card]])
    wrong: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    ended: list[Pairing] = field(default_factory=list[Pairing])
    problem: CisError | None = None

    def opening(self, open_for: float = 300.0) -> Opening:
        async def admit(did: str, card: Card) -> str:
            if self.problem is not None:
                raise self.problem
            self.admitted.append((did, card))
            return card.name

        return Opening(
            self.did,
            admit,
            on_wrong=lambda did, left: self.wrong.append((did, left)),
            on_end=self.ended.append,
            clock=utc_now,
            open_for=open_for,
        )


@pytest.fixture
def side() -> Side:
    return Side(A.did)


Answer = Callable[[str, bytes], Awaitable[bytes]]


def joining(who: str, nodes: dict[str, Answer]) -> Joining:
    """`who` types a code where `nodes` are around; the network proves to each of them who asks."""

    async def ask(did: str, addrs: Sequence[str], body: bytes) -> bytes:
        return await nodes[did](who, body)

    return Joining(who, ask, lambda: [(did, ()) for did in nodes])


def wrong(code: str) -> str:
    """The same code but for its last digit."""
    return code[:-1] + str((int(code[-1]) + 1) % 10)


def at(identity: Identity) -> str:
    return f"/ip4/192.0.2.1/tcp/1/p2p/{peer_id_of(identity.public)}"


async def guess(opening: Opening, who: str, code: str) -> str:
    """What somebody gets who types `code`: empty if it was right, else the code of the error."""
    try:
        await joining(who, {A.did: opening.answer}).join(code, Card(), at=at(A))
    except CisError as error:
        return error.code
    return ""


async def test_both_sides_learn_who_the_other_is_and_what_it_says(side: Side) -> None:
    opening = side.opening()
    pairing = opening.begin(Card("desk", own=True))
    assert opening.open
    found = await joining(B.did, {A.did: opening.answer}).join(pairing.code, Card("laptop", own=True))
    assert found == (A.did, Card("desk", own=True))
    assert side.admitted == [(B.did, Card("laptop", own=True))]
    ended = await opening.wait(pairing.id)
    assert (ended.state, ended.did, ended.name) == (PairingState.PAIRED, B.did, "laptop")
    assert side.ended == [ended]
    assert not opening.open


async def test_a_code_is_good_once(side: Side) -> None:
    opening = side.opening()
    code = opening.begin(Card()).code
    assert await guess(opening, B.did, code) == ""
    assert await guess(opening, C.did, code) == "CIS-P2P-054"
    assert await guess(opening, B.did, code) == "CIS-P2P-054"
    assert [did for did, _ in side.admitted] == [B.did]


async def test_three_wrong_codes_end_it_and_each_is_seen(side: Side) -> None:
    opening = side.opening()
    pairing = opening.begin(Card())
    for _ in range(3):
        assert await guess(opening, C.did, wrong(pairing.code)) == "CIS-P2P-051"
    assert side.wrong == [(C.did, 2), (C.did, 1), (C.did, 0)]
    assert await guess(opening, B.did, pairing.code) == "CIS-P2P-054", "also for whoever knows it"
    ended = await opening.wait(pairing.id)
    assert (ended.state, ended.did, ended.tries) == (PairingState.SPENT, C.did, 0)
    assert not side.admitted


async def test_two_wrong_ones_leave_one_for_the_right(side: Side) -> None:
    opening = side.opening()
    code = opening.begin(Card()).code
    await guess(opening, C.did, wrong(code))
    await guess(opening, B.did, wrong(code))
    assert await guess(opening, B.did, code) == ""


async def test_another_plate_costs_no_try(side: Side) -> None:
    opening = side.opening()
    code = opening.begin(Card()).code
    other = f"{(int(code[:2]) + 1) % 100:02d}{code[2:]}"
    for _ in range(5):
        assert await guess(opening, C.did, other) == "CIS-P2P-054"
    assert not side.wrong
    assert opening.open


async def test_a_code_ends_with_its_time(side: Side) -> None:
    opening = side.opening(open_for=0.05)
    pairing = opening.begin(Card())
    assert (await asyncio.wait_for(opening.wait(pairing.id), 5)).state is PairingState.EXPIRED
    assert not opening.open
    assert await guess(opening, B.did, pairing.code) == "CIS-P2P-054"


async def test_a_code_that_is_taken_back_or_replaced_is_no_good(side: Side) -> None:
    opening = side.opening()
    first = opening.begin(Card())
    waiting = asyncio.create_task(opening.wait(first.id))
    await asyncio.sleep(0)
    second = opening.begin(Card())
    assert (await waiting).state is PairingState.CANCELLED
    with pytest.raises(NotFound):
        opening.cancel(first.id)
    assert opening.cancel(second.id).state is PairingState.CANCELLED
    for code in (first.code, second.code):
        assert await guess(opening, B.did, code) == "CIS-P2P-054"


async def test_of_two_at_once_one_is_paired(side: Side) -> None:
    opening = side.opening()
    code = opening.begin(Card()).code
    got = await asyncio.gather(guess(opening, B.did, code), guess(opening, C.did, code))
    assert sorted(got) == ["", "CIS-P2P-054"]
    assert len(side.admitted) == 1


async def test_who_sits_between_two_that_know_the_code_gets_nothing(side: Side) -> None:
    """C answers B with what A says, and asks A with what B says: all of it, unchanged."""
    opening = side.opening()
    code = opening.begin(Card()).code

    async def relay(did: str, body: bytes) -> bytes:
        return await opening.answer(C.did, body)

    with pytest.raises(Refused) as refused:
        await joining(B.did, {C.did: relay}).join(code, Card(), at=at(C))
    assert refused.value.code == "CIS-P2P-051"
    assert not side.admitted


async def test_a_recorded_exchange_is_worth_nothing_to_anybody(side: Side) -> None:
    opening = side.opening()
    spoken: list[bytes] = []

    async def overheard(did: str, body: bytes) -> bytes:
        spoken.append(body)
        return await opening.answer(did, body)

    code = opening.begin(Card()).code
    await joining(B.did, {A.did: overheard}).join(code, Card())
    begin, prove = spoken
    for who in (C.did, B.did):
        opening.begin(Card())
        for body in (begin, prove):
            answer = read_message(await opening.answer(who, body))
            assert answer is not None
            assert answer.step != "proven"
    assert len(side.admitted) == 1


async def test_a_proof_cannot_be_said_twice_but_a_lost_answer_comes_again(side: Side) -> None:
    opening = side.opening()
    code = opening.begin(Card("desk")).code
    lost: list[bytes] = []

    async def losing(did: str, body: bytes) -> bytes:
        answer = await opening.answer(did, body)
        message = read_message(body)
        if message is not None and message.step == "prove" and not lost:
            lost.append(answer)
            raise Unavailable("CIS-P2P-003", "the line broke")
        return answer

    assert (await joining(B.did, {A.did: losing}).join(code, Card())) == (A.did, Card("desk"))
    assert len(side.admitted) == 1


async def test_a_wrong_guess_cannot_be_tried_twice_in_one_exchange(side: Side) -> None:
    opening = side.opening()
    pairing = opening.begin(Card())
    code = read_code(wrong(pairing.code))
    assert code is not None
    mine = Exchange(code, opener=A.did, joiner=C.did, opens=False)
    begun = read_message(await opening.answer(C.did, Message("begin", code.plate, mine.message).bytes()))
    assert begun is not None
    mine.take(begun.data)
    proofs = [Message("prove", data=mine.seal(bytes([n]))).bytes() for n in range(5)]
    answers = [read_message(await opening.answer(C.did, proof)) for proof in proofs]
    assert [answer.error for answer in answers if answer] == ["wrong"] + ["closed"] * 4
    assert side.wrong == [(C.did, 2)]


async def test_many_that_begin_at_once_cost_little_and_keep_nobody_out(side: Side) -> None:
    opening = side.opening()
    code = opening.begin(Card()).code
    parsed = read_code(code)
    assert parsed is not None
    begin = Message("begin", parsed.plate, Exchange(parsed, opener=A.did, joiner=C.did, opens=False).message).bytes()
    strangers = [Identity(bytes([1, n]) * 16).did for n in range(60)]
    answers = [read_message(await opening.answer(did, begin)) for did in strangers]
    assert sum(answer is not None and answer.step == "begun" for answer in answers) < 20
    assert any(answer is not None and answer.error == "busy" for answer in answers)
    async with asyncio.timeout(10):
        while (got := await guess(opening, B.did, code)) == "CIS-P2P-056":  # noqa: ASYNC110 - tries again, as a person
            await asyncio.sleep(0.1)
    assert got == ""


async def test_a_node_that_claims_to_show_the_code_learns_one_guess_at_most(side: Side) -> None:
    """Five of them answer whatever plate they are asked for."""
    liars = [Identity(bytes([2, n]) * 16).did for n in range(5)]
    asked: list[tuple[str, str]] = []

    def liar(name: str) -> Answer:
        exchanges: dict[str, Exchange] = {}

        async def answer(did: str, body: bytes) -> bytes:
            message = read_message(body)
            assert message is not None
            asked.append((name, message.step))
            if message.step == "begin":
                exchange = exchanges[did] = Exchange(Code(message.plate, "000000"), opener=name, joiner=did, opens=True)
                exchange.take(message.data)
                return Message("begun", data=exchange.message).bytes()
            return Message("proven", data=exchanges[did].seal(Card().bytes())).bytes()

        return answer

    with pytest.raises(Refused) as refused:
        await joining(B.did, {name: liar(name) for name in liars}).join("42-719-305", Card())
    assert refused.value.code == "CIS-P2P-051"
    proven = [name for name, step in asked if step == "prove"]
    assert len(proven) == len(set(proven)) == 3, "what tells of a guess is given to three at most, and once to each"


async def test_the_right_one_is_found_among_many(side: Side) -> None:
    opening = side.opening()
    code = opening.begin(Card("desk")).code
    others = [Side(Identity(bytes([3, n]) * 16).did).opening() for n in range(3)]
    others[0].begin(Card())

    async def dead(did: str, body: bytes) -> bytes:
        raise Unavailable("CIS-P2P-001", "cannot be reached")

    nodes: dict[str, Answer] = {f"{n}": other.answer for n, other in enumerate(others)}
    found = await joining(B.did, {"dead": dead, **nodes, A.did: opening.answer}).join(code, Card())
    assert found == (A.did, Card("desk"))


async def test_nobody_who_shows_it_is_said_after_a_while() -> None:
    with pytest.raises(Unavailable) as nobody:
        await joining(B.did, {}).join("42-719-305", Card(), patience=0)
    assert nobody.value.code == "CIS-P2P-055"
    assert "--at" in nobody.value.hint


async def test_what_cannot_be_written_down_pairs_nobody_and_the_code_stays(side: Side) -> None:
    opening = side.opening()
    code = opening.begin(Card()).code
    side.problem = Unavailable("CIS-P2P-044", "the disk is full")
    assert await guess(opening, B.did, code) == "CIS-P2P-056"
    side.problem = None
    assert await guess(opening, B.did, code) == ""


GARBAGE = [
    b"",
    b"\xff\xfe",
    b"null",
    b"[" * 3000,
    b"{}",
    b'{"step": 1}',
    b'{"step": "begin", "plate": ["42"]}',
    b'{"step": "begin", "data": "not base64!"}',
    b'{"step": "proven"}',
    b'{"step": "prove", "data": "AAAA"}',
    b'{"step": "begin", "pad": "' + b"x" * 5000 + b'"}',
]


@pytest.mark.parametrize("body", GARBAGE, ids=range(len(GARBAGE)))
async def test_garbage_is_answered_and_costs_nothing(side: Side, body: bytes) -> None:
    opening = side.opening()
    code = opening.begin(Card()).code
    answer = read_message(await opening.answer(C.did, body))
    assert answer is not None
    assert answer.step == "error"
    assert await guess(opening, B.did, code) == ""


@pytest.mark.parametrize(
    "point", [b"", b"A", b"B" + bytes(32), b"A" + bytes(32), b"A\x01" + bytes(31), b"A" * 33 + b"x"]
)
async def test_points_that_are_none_are_refused(side: Side, point: bytes) -> None:
    opening = side.opening()
    parsed = read_code(opening.begin(Card()).code)
    assert parsed is not None
    answer = read_message(await opening.answer(C.did, Message("begin", parsed.plate, point).bytes()))
    assert answer is not None
    assert answer.error == "garbage"
    with pytest.raises(Refused):
        Exchange(parsed, opener=A.did, joiner=B.did, opens=False).take(point)


@pytest.mark.parametrize(
    "body", [*GARBAGE, b'{"step": "error", "error": "what"}', b'{"step": "begun", "data": "AAAA"}']
)
async def test_an_opener_that_answers_garbage_is_refused(body: bytes) -> None:
    async def answer(did: str, asked: bytes) -> bytes:
        return body

    with pytest.raises(Refused):
        await joining(B.did, {A.did: answer}).join("42-719-305", Card(), at=at(A))


def test_a_code_is_read_as_people_type_it() -> None:
    for text in ("42-719-305", "42719305", " 42 719 305 ", "4271 9305"):
        assert str(read_code(text)) == "42-719-305"
    for text in ("", "4271930", "427193055", "42-719-30a", "٤٢٧١٩٣٠٥", "4" * 1000):
        assert read_code(text) is None
    assert len({str(new_code()) for _ in range(50)}) > 45


async def test_no_code_and_no_address_are_said_before_anybody_is_asked() -> None:
    nobody = joining(B.did, {})
    for code, addr in (
        ("1234", ""),
        ("42-719-305", "localhost"),
        ("42-719-305", "/ip4/192.0.2.1/tcp/1"),
        ("42-719-305", at(B)),
    ):
        with pytest.raises(Invalid):
            await nobody.join(code, Card(), at=addr)


def test_a_hostile_card_says_little() -> None:
    assert read_card(b'{"name": "\\u001b[2Jdesk\\u202e", "own": "yes"}') == Card("desk", own=False)
    assert read_card(b'{"name": 7, "own": true}') == Card("", own=True)
    assert read_card(b"[]") == Card()
    assert len(read_card(b'{"name": "' + b"x" * 3000 + b'"}').name) <= 40
