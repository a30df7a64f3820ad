"""What the palette offers: the screens, whatever there is by its name, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from cis_tui.core.errors import CisError
from cis_tui.p2p.model import NodeState, Trust
from cis_tui.tui.desk import ROOM, SCREENS, TITLES
from cis_tui.tui.file_acts import new_dag
from cis_tui.tui.paint import shown

if TYPE_CHECKING:
    from cis_tui.agents.model import Conversation
    from cis_tui.tui.app import CisApp

KEYS = 1000
"""Keys that are read at once; of more, those that begin as what is typed."""
OF_EACH = 20

Command = tuple[str, str, Callable[[], object]]
"""Name, what it does, and the doing."""


class WorkspaceCommands(Provider):
    """Every command of the workspace that is not about a chosen row. Names are shown as text, never as markup."""

    async def discover(self) -> Hits:
        """All of them."""
        for name, does, call in self._commands():
            yield DiscoveryHit(Content(name), call, name, does)

    async def search(self, query: str) -> Hits:
        """Those whose name fits; one that begins as is typed comes before its like."""
        matcher = self.matcher(query)
        for name, does, call in self._commands():
            score = matcher.match(name) * (1.1 if name.lower().startswith(query.lower()) else 1)
            if score > 0:
                yield Hit(score, Content(name), call, name, does)

    def _commands(self) -> Iterator[Command]:
        app = cast("CisApp", self.app)
        for number, name in enumerate(SCREENS, 1):
            yield f"Go to {TITLES[name]}", f"key {number}", partial(app.action_show, name)
        if app.store.matrix is not None:
            yield "Go to the room", "key m on the peers screen", partial(app.action_show, ROOM)
        for dag in app.store.dags:
            if dag.runnable:
                yield f"Run {shown(dag.name)}", "start this DAG", partial(app.run_dag, dag)
        for run in app.store.runs:
            yield f"Show run {shown(run.dag)} {run.id[:6]}", run.status.value, partial(app.show_run, run.id)
        for skill in app.store.skills:
            yield f"Skill {shown(skill.name)}", "show it", partial(app.show_skill, skill.name)
        if app.store.project_root and not app.store.read_only:
            yield "New DAG", "writes one to begin from, and opens your editor", partial(new_dag, app, app.show_dag)
        yield from _peer_commands(app)
        yield "Settings", "what is in force, where it comes from, and a way to change it", app.action_settings
        yield "Next decision", "key d", app.action_decide
        yield "Rules", "what is approved all alike, and how to end that", app.action_rules
        for name in app.theme_files:
            yield f"Theme {shown(name)}", "colours, for this session", partial(app.use_theme, name)
        yield "Keys of this screen", "key ?", app.action_help
        yield "Quit", "key q", app.action_quit


class KeptCommands(Provider):
    """What only the engine knows: entries by their keys, and conversations by their titles.

    It is read when the palette opens. The palette shows what fits only when all have answered, so nobody may be slow.
    """

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._keys: tuple[str, ...] = ()
        self._are_more = False
        self._conversations: tuple[Conversation, ...] = ()

    async def startup(self) -> None:
        """Read them."""
        app = cast("CisApp", self.app)
        with suppress(CisError, OSError):
            page = await app.link.api.memory_list(limit=KEYS, cut=1)
            self._keys = tuple(item.key for item in page.items)
            self._are_more = page.total > len(page.items)
            self._conversations = await app.link.api.agent_conversations(app.store.project_root)

    async def search(self, query: str) -> Hits:
        """Those that fit."""
        app, matcher = cast("CisApp", self.app), self.matcher(query)
        for key in (*self._keys, *await self._beginning_with(query.strip())):
            score = matcher.match(key)
            if score > 0:
                yield Hit(score, Content(f"Entry {shown(key)}"), partial(app.show_entry, key), key, "show it")
        for each in self._conversations:
            title = shown(each.title) or each.id[:8]
            score = matcher.match(title)
            if score > 0:
                call = partial(app.show_conversation, each.id)
                yield Hit(score, Content(f"Conversation {title}"), call, title, "open it")

    async def _beginning_with(self, text: str) -> list[str]:
        """Keys beyond those that were read."""
        if not (self._are_more and text):
            return []
        with suppress(CisError, OSError):
            page = await cast("CisApp", self.app).link.api.memory_list(text, limit=OF_EACH, cut=1)
            return [item.key for item in page.items if item.key not in self._keys]
        return []


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
