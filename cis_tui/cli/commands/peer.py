"""`cis peer`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from contextlib import suppress
from typing import TYPE_CHECKING

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json, show_json_line

if TYPE_CHECKING:
    from cis_tui.p2p.model import Pairing, PeerInfo
    from cis_tui.protocol import EngineApi


async def id_(context: Context, arguments: Namespace) -> int:
    """`cis peer id`: who this node is; the identity is made at first use."""
    from cis_tui.cli.offline_peers import peer_book
    from cis_tui.p2p.names import fingerprint

    async with peer_book(context) as api:
        found = await api.peer_identity()
    if context.json:
        show_json(found)
        return 0
    show(f"did          {found.did}")
    show(f"peer id      {found.peer_id}")
    show(f"fingerprint  {fingerprint(found.did)}")
    for addr in found.addrs:
        show(f"address      {addr}")
    if not found.addrs:
        note("it has addresses while an engine is live: cis engine start")
    return 0


async def list_peers(context: Context, arguments: Namespace) -> int:
    """`cis peer list`."""
    from cis_tui.cli.offline_peers import peer_book
    from cis_tui.cli.peers import show_peers
    from cis_tui.p2p.model import Trust

    async with peer_book(context) as api:
        peers = await api.peer_list()
    if context.json:
        show_json(peers)
        return 0
    if not peers:
        note("no peers are known; cis peer pair makes two nodes peers")
        return 0
    show_peers(peers)
    if any(peer.status is Trust.PENDING for peer in peers):
        note("cis peer allow DID lets a pending one speak; cis peer show DID has its fingerprint")
    return 0


async def show_(context: Context, arguments: Namespace) -> int:
    """`cis peer show PEER`."""
    from cis_tui.cli.offline_peers import peer_book
    from cis_tui.cli.peers import show_peer

    async with peer_book(context) as api:
        peer = await api.peer_show(arguments.peer)
    show_json(peer) if context.json else show_peer(peer)
    return 0


async def add(context: Context, arguments: Namespace) -> int:
    """`cis peer add MULTIADDR`."""
    from cis_tui.cli.offline_peers import peer_book

    async with peer_book(context) as api:
        peer = await api.peer_add(arguments.addr)
        if arguments.allow:
            peer = await api.peer_allow(peer.did)
    if not (context.json or peer.admitted):
        note(f"it may not speak yet: cis peer allow {peer.did}")
    return _tell(context, peer, "known")


async def allow(context: Context, arguments: Namespace) -> int:
    """`cis peer allow PEER`."""
    from cis_tui.cli.offline_peers import peer_book

    async with peer_book(context) as api:
        peer = await api.peer_allow(arguments.peer, name=arguments.name, own=arguments.own)
    return _tell(context, peer, "allowed")


async def deny(context: Context, arguments: Namespace) -> int:
    """`cis peer deny PEER`."""
    from cis_tui.cli.offline_peers import peer_book

    async with peer_book(context) as api:
        peer = await api.peer_deny(arguments.peer)
    return _tell(context, peer, "denied")


async def forget(context: Context, arguments: Namespace) -> int:
    """`cis peer forget PEER`."""
    from cis_tui.cli.offline_peers import peer_book

    async with peer_book(context) as api:
        peer = await api.peer_show(arguments.peer)
        await api.peer_forget(peer.did)
    return _tell(context, peer, "forgotten")


async def rename(context: Context, arguments: Namespace) -> int:
    """`cis peer rename PEER NAME`."""
    from cis_tui.cli.offline_peers import peer_book

    async with peer_book(context) as api:
        peer = await api.peer_rename(arguments.peer, arguments.name)
    return _tell(context, peer, "renamed")


async def share(context: Context, arguments: Namespace) -> int:
    """`cis peer share PEER [PREFIX…]`: says what it is given, after it was changed if it is to be."""
    from cis_tui.cli.failure import usage
    from cis_tui.cli.offline_peers import peer_book
    from cis_tui.cli.peers import shared
    from cis_tui.core.text import clean_line

    ways = [arguments.all, arguments.nothing, arguments.default, bool(arguments.prefixes)]
    if sum(ways) > 1:
        raise usage("give prefixes, or one of --all, --nothing and --default", "cis peer share -h tells more")
    rule = ("",) if arguments.all else None if arguments.default else tuple(arguments.prefixes)
    async with peer_book(context) as api:
        peer = await (api.peer_share(arguments.peer, rule) if any(ways) else api.peer_show(arguments.peer))
    if context.json:
        show_json(peer)
    else:
        show(f"{clean_line(peer.name or peer.did)} is given {shared(peer)}")
    return 0


async def status(context: Context, arguments: Namespace) -> int:
    """`cis peer status`."""
    from cis_tui.cli.offline_peers import peer_book
    from cis_tui.cli.peers import show_status

    async with peer_book(context) as api:
        found = await api.peer_status()
    show_json(found) if context.json else show_status(found)
    return 0


async def sync(context: Context, arguments: Namespace) -> int:
    """`cis peer sync [PEER]`: 0 only if all that were asked have, and are given, everything."""
    from cis_tui.cli.access import live
    from cis_tui.cli.peers import show_reports
    from cis_tui.core.errors import Exit

    async with live(context, hint="cis engine start starts one, and that syncs by itself") as api:
        reports = await api.peer_sync(arguments.peer)
    if context.json:
        show_json(reports)
    elif not reports:
        note("no peer is allowed; cis peer pair makes two nodes peers")
    else:
        show_reports(reports)
    return Exit.DONE if all(report.done for report in reports) else Exit.UNAVAILABLE


async def pair(context: Context, arguments: Namespace) -> int:
    """`cis peer pair [CODE]`."""
    from cis_tui.cli.access import working
    from cis_tui.cli.failure import usage
    from cis_tui.p2p.joining import check

    if arguments.at and not arguments.code:
        raise usage("--at goes with a code", "cis peer pair alone shows one, for the other side to type")
    if arguments.code:
        check(arguments.code, arguments.at)  # before an engine is started for it
    async with working(context) as api:
        if not arguments.code:
            return await _open(context, api, arguments)
        if not (arguments.at or context.json):
            note("looking for who shows that code …")
        peer = await api.peer_pair_join(arguments.code, at=arguments.at, own=not arguments.not_own, name=arguments.name)
    return _tell(context, peer, "paired")


async def _open(context: Context, api: EngineApi, arguments: Namespace) -> int:
    """Show a code until somebody has typed it."""
    import asyncio

    from cis_tui.cli.peers import time_left
    from cis_tui.core.clock import utc_now
    from cis_tui.core.errors import CisError

    pairing = await api.peer_pair_open(own=not arguments.not_own, name=arguments.name)
    try:
        if context.json:
            show_json_line(pairing)
        else:
            show(pairing.code, now=True)
            note(f"type it on the other machine: cis peer pair {pairing.code}")
            for addr in (await api.peer_identity()).addrs[:1]:
                note(f"if it does not find this one: cis peer pair {pairing.code} --at {addr}")
            note(f"open for {time_left(pairing.expires_at - utc_now())}; Ctrl-C takes it back")
        ended = await api.peer_pair_wait(pairing.id)
    except asyncio.CancelledError:
        with suppress(CisError):  # it has ended meanwhile, or the engine has, and the code with it
            await api.peer_pair_cancel(pairing.id)
        raise
    if context.json and ended.did:
        show_json_line(ended)
    _raise_unless_paired(ended)
    return 0 if context.json else _tell(context, await api.peer_show(ended.did), "paired")


def _raise_unless_paired(ended: Pairing) -> None:
    """Say why nobody was paired."""
    from cis_tui.core.errors import Refused, TimedOut
    from cis_tui.p2p.model import PairingState

    hint = "cis peer pair shows a new code"
    if ended.state is PairingState.EXPIRED:
        raise TimedOut("CIS-P2P-058", "nobody typed the code in time", hint=hint)
    if ended.state is PairingState.SPENT:
        raise Refused("CIS-P2P-059", f"the code was typed wrongly too often, last by {ended.did}", hint=hint)
    if ended.state is PairingState.CANCELLED:
        raise Refused("CIS-P2P-052", "the code was taken back, or another one was opened", hint=hint)


def _tell(context: Context, peer: PeerInfo, what: str) -> int:
    if context.json:
        show_json(peer)
        return 0
    from cis_tui.core.text import clean_line

    own = ", one of your own nodes" if peer.own else ""
    show(f"{what}: {clean_line(peer.name) or '(no name)'}{own}")
    show(f"  {peer.did}")
    show(f"  fingerprint {peer.fingerprint}")
    return 0


def _peer(parser: ArgumentParser) -> None:
    parser.add_argument("peer", metavar="PEER", help="its DID, the beginning of it, its peer id or its name")


def _sync(parser: ArgumentParser) -> None:
    parser.add_argument("peer", metavar="PEER", nargs="?", default="", help="with this one only")


def _add(parser: ArgumentParser) -> None:
    parser.add_argument("addr", metavar="MULTIADDR", help="as cis peer id prints it there")
    parser.add_argument("--allow", action="store_true", help="and let it speak")


def _allow(parser: ArgumentParser) -> None:
    _peer(parser)
    parser.add_argument("--name", metavar="NAME", default="", help="what to call it")
    own = parser.add_mutually_exclusive_group()
    own.add_argument("--own", action="store_true", default=None, help="it is one of your own nodes")
    own.add_argument("--not-own", dest="own", action="store_false", help="it is somebody else's")


def _rename(parser: ArgumentParser) -> None:
    _peer(parser)
    parser.add_argument("name", metavar="NAME", help="what to call it; empty: nothing")


def _share(parser: ArgumentParser) -> None:
    _peer(parser)
    parser.add_argument("prefixes", metavar="PREFIX", nargs="*", help="give it the public keys that begin so, alone")
    parser.add_argument("--all", action="store_true", help="give it all public keys")
    parser.add_argument("--nothing", action="store_true", help="give it none")
    parser.add_argument("--default", action="store_true", help="give it what p2p.share says")


def _pair(parser: ArgumentParser) -> None:
    parser.add_argument("code", metavar="CODE", nargs="?", default="", help="that the other side shows; else shows one")
    parser.add_argument("--at", metavar="MULTIADDR", default="", help="where the other side is, if it is not found")
    parser.add_argument("--name", metavar="NAME", default="", help="what to call the other side")
    parser.add_argument("--not-own", action="store_true", help="the other side is somebody else's node")


COMMANDS = (
    Command("id", "print this node's identity and addresses", id_),
    Command("list", "list the peers that are known", list_peers),
    Command("show", "show all about a peer, with its fingerprint", show_, _peer),
    Command("add", "remember the address of a peer", add, _add),
    Command("pair", "show a code, or type the one that another node shows", pair, _pair),
    Command("allow", "let a peer speak, also one that was not seen yet", allow, _allow),
    Command("deny", "refuse a peer, and end its connections", deny, _peer),
    Command("forget", "make a peer a stranger again", forget, _peer),
    Command("rename", "call a peer something", rename, _rename),
    Command("share", "say what of public memory a peer is given", share, _share),
    Command("sync", "sync with a peer, or with all, now and not when it is due", sync, _sync),
    Command("status", "the node, its mode, what it refused", status),
)
