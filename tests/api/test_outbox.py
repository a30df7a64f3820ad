"""What a slow reader loses, and what never."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from cis_tui.api.outbox import Outbox

ACTIONS = st.lists(st.tuples(st.sampled_from(["put", "chatter", "take"]), st.integers(1, 30)), max_size=60)


def test_lines_come_out_in_order_and_in_portions() -> None:
    outbox = Outbox()
    for number in range(4):
        outbox.put(b"%d\n" % number)
    assert outbox.take(3) == b"0\n1\n"
    assert outbox.take() == b"2\n3\n"
    assert outbox.take() == b""


def test_the_oldest_chatter_makes_room() -> None:
    outbox = Outbox(lossy_lines=2)
    for line in (b"a", b"B", b"c", b"d"):
        outbox.put(line, lossy=line.islower())
    assert outbox.take() == b"Bcd"
    assert outbox.dropped == 1


def test_too_much_that_matters_is_an_overflow() -> None:
    outbox = Outbox(max_lines=3)
    outbox.put(b"chatter", lossy=True)
    for _ in range(3):
        outbox.put(b"X")
    assert outbox.full
    assert outbox.dropped == 1
    for _ in range(3):
        outbox.put(b"X")
    assert not outbox.overflown
    outbox.put(b"X")
    assert outbox.overflown


def test_bytes_are_bounded_too() -> None:
    outbox = Outbox(max_bytes=10)
    outbox.put(b"x" * 8, lossy=True)
    outbox.put(b"y" * 8)
    assert (outbox.take(), outbox.dropped) == (b"y" * 8, 1)
    outbox.put(b"z" * 21)
    assert outbox.overflown


@given(ACTIONS)
@settings(deadline=None, max_examples=80)
def test_nothing_that_matters_is_lost_or_reordered(actions: list[tuple[str, int]]) -> None:
    outbox = Outbox(lossy_lines=3, max_lines=20, max_bytes=300)
    sent: list[bytes] = []
    chatter = 0
    came = b""
    for number, (action, size) in enumerate(actions):
        line = b"%04d%s\n" % (number, b"x" * size)
        if action == "take":
            came += outbox.take(size)
        elif action == "put":
            sent.append(line)
            outbox.put(line)
        else:
            chatter += 1
            outbox.put(b"~" + line, lossy=True)
    came += outbox.take(10_000)
    lines = came.splitlines(keepends=True)
    assert [line for line in lines if not line.startswith(b"~")] == sent
    assert sum(line.startswith(b"~") for line in lines) + outbox.dropped == chatter
    assert sorted(lines, key=lambda line: line.lstrip(b"~")) == lines
    assert len(outbox) == 0
