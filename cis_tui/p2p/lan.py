"""Finding nodes on the same network, and being found: DNS-SD over mDNS (RFC 6762 and 6763), by zeroconf."""

from __future__ import annotations

import asyncio
import importlib
import ipaddress
import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

from cis_tui.core.errors import Invalid
from cis_tui.core.identity import public_of
from cis_tui.core.text import clean_line
from cis_tui.p2p.addresses import Address, interface_hosts
from cis_tui.p2p.quiet import hush

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange, Zeroconf
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

_log = logging.getLogger(__name__)

SERVICE = "_cis._tcp.local."
MAX_NAMES = 256
"""Announcements that are remembered, and asked about at the same time: of more, the newest."""
MAX_HOSTS = 6
"""Addresses of one announcement."""
_LOOK = 3.0
"""Seconds between two looks at the interfaces of this machine."""
_LOOKS_UNTIL_AGAIN = 20
_AT_ONCE = 32
"""Announcements that are asked about at the same time because they did not say all: honest ones do."""
_REQUEST = 3000
"""Milliseconds in which an announcement must tell its addresses."""

Found = Callable[[str, Sequence[Address]], None]
"""Called with the DID that an announcement claims, and where it says that node is; nowhere: it says goodbye."""


def announced(properties: Iterable[tuple[object, object]], hosts: Iterable[str], port: int | None) -> Sequence[Address]:
    """Where an announcement says that a node is, with the DID that it claims.

    Loopback addresses count only if there are no others.

    Raises:
        Invalid: it does not say whose it is (CIS-P2P-008).
    """
    claimed = next((value for key, value in properties if key == b"did"), None)
    did = claimed.decode("ascii", "replace") if isinstance(claimed, bytes) else ""
    try:
        public_of(did)
    except Invalid as error:
        raise Invalid("CIS-P2P-008", "an announcement that names no DID") from error
    ips = [ipaddress.ip_address(host.split("%")[0]) for host in hosts]
    usable = [ip for ip in ips if not (ip.is_unspecified or ip.is_multicast or (ip.version == 6 and ip.is_link_local))]
    outside = [ip for ip in usable if not ip.is_loopback]
    if port is None or not 0 < port < 65_536:
        return ()
    return tuple(Address(str(ip), port, did, f"ip{ip.version}") for ip in (outside or usable)[:MAX_HOSTS])


class Lan:
    """Announces this node on the network, and tells who else is announced there: claimed, not proven."""

    def __init__(
        self,
        did: str,
        port: Callable[[], int],
        *,
        found: Found,
        refuse: Callable[[str, str, str], None],
        changed: Callable[[], None],
    ) -> None:
        self._did = did
        self._port = port
        self._found = found
        self._refuse = refuse
        self._changed = changed
        self._names: dict[str, Sequence[Address]] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)
        self._own = f"cis-{did[-12:]}.{SERVICE}"
        self.state = "starting"
        """starting, active, or failed."""
        self.problem = ""

    async def run(self) -> None:
        """Announce and listen until cancelled; begin again when the machine's interfaces change."""
        hush("zeroconf")
        await asyncio.to_thread(importlib.import_module, "zeroconf.asyncio")
        hosts = interface_hosts()
        while True:
            closing = None
            try:
                closing = await self._open(hosts)
            except Exception as error:  # zeroconf raises what the system does, and more
                self.state, self.problem = "failed", clean_line(str(error) or type(error).__name__, limit=200)
                _log.info("no mDNS: %s", self.problem)
            try:
                hosts = await self._until_changed(hosts)
            finally:
                if closing is not None:
                    await self._close(closing)
            self._changed()

    async def _until_changed(self, hosts: tuple[str, ...]) -> tuple[str, ...]:
        looks = 0
        while True:
            await asyncio.sleep(_LOOK)
            looks += 1
            now = interface_hosts()
            if now != hosts or (self.state == "failed" and looks >= _LOOKS_UNTIL_AGAIN):
                return now

    async def _open(self, hosts: tuple[str, ...]) -> AsyncZeroconf:
        from zeroconf import InterfaceChoice
        from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

        self.state = "starting"
        if all(":" in host for host in hosts):
            raise OSError("this machine has no network")
        opened = AsyncZeroconf(interfaces=InterfaceChoice.All)
        try:
            # Listening first: who is there answers while this node makes sure that its name is free.
            AsyncServiceBrowser(opened.zeroconf, SERVICE, handlers=[self._heard])
            await (await cast("Any", opened).async_register_service(self._info(hosts), allow_name_change=True))
        except BaseException:
            await self._close(opened)
            raise
        self.state, self.problem = "active", ""
        return opened

    def _info(self, hosts: tuple[str, ...]) -> AsyncServiceInfo:
        from zeroconf.asyncio import AsyncServiceInfo

        ips = [ipaddress.ip_address(host) for host in hosts]
        usable = [ip for ip in ips if not ip.is_link_local]
        outside = [ip for ip in usable if not ip.is_loopback]
        return AsyncServiceInfo(
            SERVICE,
            self._own,
            addresses=[ip.packed for ip in outside or usable],
            port=self._port(),
            properties={"v": "1", "did": self._did},
            server=f"cis-{self._did[-12:]}.local.",
        )

    async def _close(self, opened: AsyncZeroconf) -> None:
        for task in tuple(self._asking.values()):
            task.cancel()
        with suppress(Exception):
            await opened.async_unregister_all_services()
        with suppress(Exception):
            await opened.async_close()

    def _heard(self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        """Somebody is announced, or says goodbye. Called in the loop."""
        if state_change.name == "Removed":
            if gone := self._names.pop(name, ()):
                self._tell(gone[0].did)
        elif self._said(zeroconf, name):
            return
        elif name not in self._asking and len(self._asking) < MAX_NAMES:
            task = asyncio.ensure_future(self._ask(zeroconf, name))
            self._asking[name] = task
            task.add_done_callback(lambda _: self._asking.pop(name, None))

    def _tell(self, did: str) -> None:
        """Tell where the node is, by all announcements that claim its DID: a false one takes no place of a true one."""
        said = (addresses for addresses in self._names.values() if addresses[0].did == did)
        self._found(did, tuple(dict.fromkeys(address for addresses in said for address in addresses)))

    def _said(self, zeroconf: Zeroconf, name: str) -> bool:
        """Take an announcement that came with its addresses; whether it did."""
        from zeroconf.asyncio import AsyncServiceInfo

        info: Any = AsyncServiceInfo(SERVICE, name)
        if not info.load_from_cache(zeroconf):
            return False
        self._take(name, info)
        return True

    async def _ask(self, zeroconf: Zeroconf, name: str) -> None:
        """Ask for the addresses of an announcement."""
        from zeroconf.asyncio import AsyncServiceInfo

        async with self._places:
            info: Any = AsyncServiceInfo(SERVICE, name)
            if await info.async_request(zeroconf, _REQUEST):
                self._take(name, info)

    def _take(self, name: str, info: Any) -> None:
        """Remember where an announcement says that somebody is, and tell it."""
        hosts: list[str] = info.parsed_scoped_addresses()
        try:
            addresses = announced(info.properties.items(), hosts, info.port)
        except (Invalid, ValueError) as error:
            self._refuse("", clean_line(str(error)), hosts[0] if hosts else "")
            return
        if not addresses:
            return
        did = addresses[0].did
        if did != self._did:
            self._names.pop(name, None)
            self._names[name] = addresses
            while len(self._names) > MAX_NAMES:
                # Nobody is told: where that one was said to be, it may still be.
                del self._names[next(iter(self._names))]
            self._tell(did)
        else:
            self._found(did, addresses)
