"""What the palette offers: the screens, the DAGs that can run, peers and what is done with them, themes, leaving."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from cis_tui.p2p.model import NodeState, Trust
from cis_tui.tui.desk import SCREENS, TITLES
from cis_tui.tui.paint import shown

if TYPE_CHECKING:
    from cis_tui.tui.app import CisApp

Command = tuple[str, str, Callable[[], object]]
"""Name, what it does, and the doing."""


class WorkspaceCommands(Provider):
    """Every command of the workspace that is not about a chosen row. Names are shown as text, never as markup."""

    async def discover(self) -> Hits:
        """All of them."""
        for name, does, call in self._commands():
            yield DiscoveryHit(Content(name), call, name, does)

    async def search(self, query: str) -> Hits:
        """Those whose name fits."""
        matcher = self.matcher(query)
        for name, does, call in self._commands():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, Content(name), call, name, does)

    def _commands(self) -> Iterator[Command]:
        app = cast("CisApp", self.app)
        for number, name in enumerate(SCREENS, 1):
            yield f"Go to {TITLES[name]}", f"key {number}", partial(app.action_show, name)
        for dag in app.store.dags:
            if dag.runnable:
                yield f"Run {shown(dag.name)}", "start this DAG", partial(app.run_dag, dag)
        yield from _peer_commands(app)
        yield "Next decision", "key d", app.action_decide
        yield "Rules", "what is approved all alike, and how to end that", app.action_rules
        for name in app.theme_files:
            yield f"Theme {shown(name)}", "colours, for this session", partial(app.use_theme, name)
        yield "Keys of this screen", "key ?", app.action_help
        yield "Quit", "key q", app.action_quit


def _peer_commands(app: CisApp) -> Iterator[Command]:
    """Pairing and the sync, and each peer; one that waits for a word can be given it."""
    status = app.store.peer_status
    if status is None:
        return
    from cis_tui.tui.peer_acts import PeerActs, called

    acts = PeerActs(app)
    if status.state is NodeState.LIVE:
        yield "Pair with another machine", "by a code that is typed on one of both", partial(acts.pair, app.show_peer)
        yield "Sync now", "with all peers that are connected", acts.sync
    yield "Add a peer by its address", "a multiaddr", partial(acts.add, app.show_peer)
    yield "Copy the DID of this node", "for the other machine", partial(acts.copy_did, status)
    yield "Copy an address of this node", "for the other machine", partial(acts.copy_address, status)
    for peer in app.store.peers:
        yield f"Peer {called(peer)}", "show it", partial(app.show_peer, peer.did)
        if peer.status is not Trust.ALLOWED:
            yield f"Allow {called(peer)}", "let it speak", partial(acts.allow, peer)
        if peer.status is not Trust.DENIED:
            yield f"Deny {called(peer)}", "refuse it from now on", partial(acts.deny, peer)
