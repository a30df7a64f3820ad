"""Multiaddrs as text: where a peer is, and where this node is (libp2p addressing spec, TCP only)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cis_tui.core.errors import Invalid
from cis_tui.core.identity import did_of_peer

MAX_ADDR = 300
_NAME = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*\.?")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a node listens."""

    host: str
    """IP address, or name."""
    port: int
    did: str = ""
    """Whose address it is said to be; empty if it does not say."""
    kind: str = "ip4"

    def __str__(self) -> str:
        return f"/{self.kind}/{self.host}/tcp/{self.port}"


def parse_address(text: str) -> Address:
    """The address that a multiaddr such as `/ip4/192.0.2.7/tcp/7677/p2p/12D3…` names.

    Raises:
        Invalid: it is none that can be dialled (CIS-P2P-007).
    """
    problem = Invalid(
        "CIS-P2P-007",
        f"not an address of a peer: {text[:120]}",
        hint="it looks like /ip4/192.0.2.7/tcp/7677/p2p/12D3…; cis peer id on the other machine prints it",
    )
    parts = text.strip().split("/")
    if len(text) > MAX_ADDR or len(parts) not in (5, 7) or parts[0] or parts[3] != "tcp":
        raise problem
    kind, host, port = parts[1], parts[2], parts[4]
    if not (port.isascii() and port.isdigit() and 0 < int(port[:6]) < 65_536) or not _is_host(kind, host):
        raise problem
    if len(parts) == 5:
        return Address(host, int(port), kind=kind)
    if parts[5] not in ("p2p", "ipfs"):
        raise problem
    try:
        return Address(host, int(port), did_of_peer(parts[6]), kind)
    except Invalid as error:
        raise problem from error


def _is_host(kind: str, host: str) -> bool:
    if kind in ("ip4", "ip6"):
        try:
            return ipaddress.ip_address(host).version == int(kind[2])
        except ValueError:
            return False
    return kind in ("dns", "dns4", "dns6") and len(host) <= 253 and _NAME.fullmatch(host) is not None


def of_socket(host: str, port: int) -> str:
    """The multiaddr of one end of a TCP connection."""
    host = host.split("%")[0].removeprefix("::ffff:")
    return f"/ip{6 if ':' in host else 4}/{host}/tcp/{port}"


def own_addresses(port: int, *, ipv6: bool, hosts: Iterable[str] | None = None) -> tuple[str, ...]:
    """Every address of this machine at which `port` is reached, those that others can use first.

    `hosts` are the machine's IP addresses; looked up when not given.
    """
    found = [ipaddress.ip_address(host) for host in (interface_hosts() if hosts is None else hosts)]
    usable = [ip for ip in found if not ip.is_link_local and not ip.is_unspecified and (ip.version == 4 or ipv6)]
    usable.sort(key=lambda ip: (ip.is_loopback, ip.version, ip.packed))
    return tuple(dict.fromkeys(of_socket(str(ip), port) for ip in usable))


def interface_hosts() -> tuple[str, ...]:
    """The IP addresses of this machine's interfaces, sorted."""
    import ifaddr

    hosts: set[str] = set()
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            hosts.add(ip.ip if isinstance(ip.ip, str) else ip.ip[0])
    return tuple(sorted(hosts))
