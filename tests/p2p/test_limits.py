"""What is counted, and how: without a clock."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cis_tui.core.errors import Invalid
from cis_tui.core.identity import did_of, did_of_peer, peer_id_of
from cis_tui.p2p.addresses import of_socket, own_addresses, parse_address
from cis_tui.p2p.framing import MAX_MESSAGE, TooLarge, framed, read_message
from cis_tui.p2p.limits import Allowance, Allowances, Quiet

KEY = bytes(range(32))


def test_an_allowance_is_spent_at_once_and_comes_back_with_time() -> None:
    allowance = Allowance(2.0, 3.0, 0.0)
    assert [allowance.take(0.0) for _ in range(4)] == [True, True, True, False]
    assert allowance.take(0.5)
    assert not allowance.take(0.5)
    assert [allowance.take(100.0) for _ in range(4)] == [True, True, True, False], "no more than so many are saved up"


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300))
def test_no_order_of_times_gives_more_than_is_allowed(times: list[float]) -> None:
    allowance = Allowance(1.0, 5.0, 0.0)
    taken = sum(allowance.take(now) for now in sorted(times))
    assert taken <= 5 + max(times)


def test_everyone_has_their_own_allowance_and_only_the_last_ones_are_remembered() -> None:
    allowances = Allowances(0.0, 1.0, keep=2)
    assert allowances.take("a", 0.0)
    assert not allowances.take("a", 0.0)
    assert allowances.take("b", 0.0)
    assert allowances.take("c", 0.0)
    assert allowances.take("a", 0.0), "forgotten for two others"


def test_a_thing_is_said_at_once_and_not_all_the_time() -> None:
    quiet = Quiet(every=10.0, rate=1.0)
    assert quiet.may_say(0.0, "a", "refused")
    assert not quiet.may_say(9.0, "a", "refused")
    assert quiet.may_say(9.0, "b", "refused")
    assert quiet.may_say(10.0, "a", "refused")
    assert sum(quiet.may_say(20.0, str(number)) for number in range(100)) <= 5


class Bytes:
    """A stream that holds what it was made with."""

    def __init__(self, data: bytes) -> None:
        self.data, self.limit = data, 16

    async def read(self, n: int | None = None) -> bytes:
        assert n is not None
        assert n <= self.limit
        part, self.data = self.data[:n], self.data[n:]
        if len(part) < n:
            raise EOFError
        return part

    async def write(self, data: bytes) -> None:
        raise NotImplementedError


@given(st.binary(max_size=400) | st.just(bytes(70_000)) | st.just(bytes(MAX_MESSAGE)))
async def test_a_message_comes_out_as_it_went_in(message: bytes) -> None:
    assert await read_message(Bytes(framed(message))) == message


@pytest.mark.parametrize("length", [b"\xff\xff\xff\xff\x07", b"\xff" * 12, framed(bytes(MAX_MESSAGE + 1))[:4]])
async def test_nothing_of_too_long_a_message_is_read(length: bytes) -> None:
    with pytest.raises(TooLarge):
        await read_message(Bytes(length + bytes(100)))


@given(st.binary(max_size=20))
async def test_any_bytes_are_a_message_or_an_error(data: bytes) -> None:
    with suppress(TooLarge, EOFError):
        assert framed(await read_message(Bytes(data)))


def test_a_did_and_a_peer_id_name_the_same_key() -> None:
    assert did_of_peer(peer_id_of(KEY)) == did_of(KEY)
    for wrong in ("", "1", "12D3KooW", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N", peer_id_of(KEY)[:-1] + "0"):
        with pytest.raises(Invalid, match="not the peer id"):
            did_of_peer(wrong)


def test_an_address_is_read_as_it_is_written() -> None:
    address = parse_address(f"/ip4/192.0.2.7/tcp/7677/p2p/{peer_id_of(KEY)}")
    assert (address.host, address.port, address.did) == ("192.0.2.7", 7677, did_of(KEY))
    assert str(address) == "/ip4/192.0.2.7/tcp/7677"
    assert str(parse_address("/dns4/node.example.org/tcp/1")) == "/dns4/node.example.org/tcp/1"
    assert parse_address("/ip6/fd00::2/tcp/65535").did == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.0.2.7:7677",
        "/ip4/192.0.2.7",
        "/ip4/192.0.2.777/tcp/1",
        "/ip4/fd00::2/tcp/1",
        "/ip4/192.0.2.7/udp/7677",
        "/ip4/192.0.2.7/tcp/0",
        "/ip4/192.0.2.7/tcp/65536",
        "/ip4/192.0.2.7/tcp/７７",
        "/ip4/192.0.2.7/tcp/7677/p2p/nobody",
        "/ip4/192.0.2.7/tcp/7677/ws",
        "/dns4/-x/tcp/1",
        "/dns4/a b/tcp/1",
        "/dns4/" + "a." * 200 + "b/tcp/1",
        "/unix/tmp/x/tcp/1",
    ],
)
def test_what_cannot_be_dialled_is_no_address(text: str) -> None:
    with pytest.raises(Invalid, match="not an address of a peer"):
        parse_address(text)


def test_own_addresses_are_those_that_others_can_use_first() -> None:
    hosts = ["127.0.0.1", "::1", "fe80::1", "192.0.2.2", "fd00::2", "0.0.0.0"]
    assert own_addresses(7677, ipv6=True, hosts=hosts) == (
        "/ip4/192.0.2.2/tcp/7677",
        "/ip6/fd00::2/tcp/7677",
        "/ip4/127.0.0.1/tcp/7677",
        "/ip6/::1/tcp/7677",
    )
    assert own_addresses(1, ipv6=False, hosts=hosts) == ("/ip4/192.0.2.2/tcp/1", "/ip4/127.0.0.1/tcp/1")
    assert of_socket("::ffff:192.0.2.2", 5) == "/ip4/192.0.2.2/tcp/5"
