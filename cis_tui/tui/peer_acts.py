"""What a person does with peers: each act asks what must be asked first, does it, and says what it did."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from cis_tui.p2p.model import PeerInfo, PeerStatus, SyncReport
from cis_tui.tui.desk import Desk
from cis_tui.tui.peer_words import shares
from cis_tui.tui.words import count
from cis_tui.tui.writers import node_name

if TYPE_CHECKING:
    from cis_tui.memory.records import MemoryConflict

ALL, NONE = "*", "-"
"""What stands for all of public memory, and for nothing of it, where prefixes are typed."""


class PeerActs:
    """The acts of the peers screen; what then holds comes back as an event."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    # Trust

    def pair(self, done: Callable[[str], object]) -> None:
        """Show a code, or type that of the other side; `done` is told the DID of who was paired with."""
        from cis_tui.tui.screens.pair import PairDialog

        def closed(peer: PeerInfo | None) -> None:
            if peer is not None:
                self._desk.say(f"paired with {called(peer)}", hint=f"it is given {shares(peer.share)}")
                done(peer.did)

        self._desk.dialog(PairDialog(self._desk), closed)

    def allow(self, peer: PeerInfo) -> None:
        """Admit a peer."""

        def allowed(now: PeerInfo) -> None:
            self._desk.say(f"allowed {called(now)}", hint=f"it is given {shares(now.share)}; D denies it")

        self._desk.ask(lambda engine: engine.peer_allow(peer.did), allowed)

    def deny(self, peer: PeerInfo) -> None:
        """Refuse a peer from now on, after a yes."""
        from cis_tui.tui.screens.confirm import ConfirmDialog

        text = (
            f"{called(peer)}\n\nIts connections end now, and it is given nothing any more. "
            "What it was given already it keeps. a allows it again."
        )

        def answered(yes: bool | None) -> None:
            if yes:
                self._desk.ask(
                    lambda engine: engine.peer_deny(peer.did), lambda now: self._desk.say(f"denied {called(now)}")
                )

        self._desk.dialog(ConfirmDialog("Deny this peer?", text), answered)

    def forget(self, peer: PeerInfo) -> None:
        """Let a peer be a stranger again, after a yes."""
        from cis_tui.tui.screens.confirm import ConfirmDialog

        lost = "Its name and what you said of it are gone for good. Should it come again, it is pending."
        text = f"{called(peer)}\n\n{lost}"

        def answered(yes: bool | None) -> None:
            if yes:
                said = f"forgot {called(peer)}"
                self._desk.ask(lambda engine: engine.peer_forget(peer.did), lambda _: self._desk.say(said))

        self._desk.dialog(ConfirmDialog("Forget this peer?", text), answered)

    def add(self, done: Callable[[str], object]) -> None:
        """Remember an address of a peer; `done` is told its DID."""
        from cis_tui.tui.screens.form import Field, FormDialog

        note = "such as /ip4/192.0.2.7/tcp/7677/p2p/12D3…; cis peer id prints it there"

        def added(peer: PeerInfo) -> None:
            self._desk.say(f"added {called(peer)}", hint="" if peer.admitted else "a allows it")
            done(peer.did)

        def send(given: dict[str, str], form: FormDialog) -> None:
            self._desk.ask(
                lambda engine: engine.peer_add(given["address"].strip()),
                lambda peer: (form.taken(), added(peer)),
                failed=form.refused,
            )

        fields = [Field("address", note=note, required=True)]
        self._desk.dialog(FormDialog("Add a peer by its address", fields, send=send))

    # What is said of a peer

    def rename(self, peer: PeerInfo) -> None:
        """Call it something else."""
        from cis_tui.tui.screens.form import Field, FormDialog

        def send(given: dict[str, str], form: FormDialog) -> None:
            self._desk.ask(
                lambda engine: engine.peer_rename(peer.did, given["name"].strip()),
                lambda now: (form.taken(), self._desk.say(f"is called {called(now)}")),
                failed=form.refused,
            )

        fields = [Field("name", peer.name, "for you alone")]
        self._desk.dialog(FormDialog("What is it called here?", fields, send=send))

    def share(self, peer: PeerInfo) -> None:
        """Say what of public memory it is given."""
        from cis_tui.tui.screens.form import Field, FormDialog

        note = f"beginnings of keys, by commas; {ALL} all, {NONE} nothing, empty: as [p2p] share"
        before = share_text(peer.share) if peer.own_share else ""

        def said(now: PeerInfo) -> None:
            self._desk.say(f"{called(now)} is given {shares(now.share)}", hint="what it has already, it keeps")

        def send(given: dict[str, str], form: FormDialog) -> None:
            self._desk.ask(
                lambda engine: engine.peer_share(peer.did, read_share(given["shared"])),
                lambda now: (form.taken(), said(now)),
                failed=form.refused,
            )

        self._desk.dialog(FormDialog(f"What is {called(peer)} given?", [Field("shared", before, note)], send=send))

    # The sync

    def sync(self) -> None:
        """Sync with everybody who is connected, now."""
        self._desk.say("syncing…")
        self._desk.ask(lambda engine: engine.peer_sync(), self._synced, group="peer-sync")

    def _synced(self, reports: Sequence[SyncReport]) -> None:
        failed = [report for report in reports if not report.done]
        done = len(reports) - len(failed)
        if not reports:
            self._desk.say("there is nobody to sync with", hint="p pairs another machine")
        elif failed:
            named = node_name(failed[0].did, {failed[0].did: failed[0].name})
            self._desk.say(f"synced with {done} of {len(reports)}", hint=f"{named}: {failed[0].problem}", bad=True)
        else:
            self._desk.say(f"synced with {count(done, 'peer')}")

    def settle(self, conflicts: Sequence[MemoryConflict]) -> None:
        """Settle a conflict; of several, the one that is chosen."""
        from cis_tui.tui.memory_acts import settle
        from cis_tui.tui.peer_sync import origins
        from cis_tui.tui.screens.choice import ChoiceDialog
        from cis_tui.tui.writers import written

        store = self._desk.store
        if len(conflicts) == 1:
            settle(self._desk, conflicts[0])
            return
        options = [(conflict.key, written(origins(conflict), store.me, store.names)) for conflict in conflicts]
        self._desk.dialog(
            ChoiceDialog("Which conflict?", options),
            lambda index: settle(self._desk, conflicts[index]) if index is not None else None,
        )

    # This node

    def copy_did(self, status: PeerStatus) -> None:
        """Give the node's own DID to the clipboard."""
        self._copy(status.identity.did, "the DID of this node")

    def copy_peer(self, peer: PeerInfo) -> None:
        """Give the DID of a peer to the clipboard."""
        self._copy(peer.did, f"the DID of {called(peer)}")

    def copy_address(self, status: PeerStatus) -> None:
        """Give an address of this node to the clipboard; of several, the one that is chosen."""
        from cis_tui.tui.screens.choice import ChoiceDialog

        addrs = status.identity.addrs
        if not addrs:
            self._desk.say("this node has no address", hint="it is not listening", bad=True)
        elif len(addrs) == 1:
            self._copy(addrs[0], "the address of this node")
        else:
            self._desk.dialog(
                ChoiceDialog("Which address?", [(addr.partition("/p2p/")[0], "") for addr in addrs]),
                lambda index: self._copy(addrs[index], "that address of this node") if index is not None else None,
            )

    def _copy(self, text: str, what: str) -> None:
        self._desk.copy(text, what)


def called(peer: PeerInfo) -> str:
    """A peer by its name and its short DID."""
    return node_name(peer.did, {peer.did: peer.name})


def share_text(prefixes: Sequence[str]) -> str:
    """Prefixes as they are typed."""
    if not prefixes:
        return NONE
    return ALL if "" in prefixes else ", ".join(prefixes)


def read_share(text: str) -> tuple[str, ...] | None:
    """What was typed as prefixes; None: those of the settings."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        return None
    if ALL in words:
        return ("",)
    return tuple(word.removesuffix("*") for word in words if word != NONE)
