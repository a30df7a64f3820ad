"""The peers screen: who one is on the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cis_tui.tui.detail import labelled
from cis_tui.tui.paint import Line, Tone, shown
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.words import place

if TYPE_CHECKING:
    from textual.app import ComposeResult


class PeersScreen(WorkspaceScreen):
    """Own identity. This version finds no peers."""

    NAME = "peers"
    PURPOSE = "Who you are to other nodes. This version does not look for peers."

    def body(self) -> ComposeResult:
        """One page."""
        yield Page(id="page", classes="-full")

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        status = self.desk.store.status
        lines: list[Line] = [[("This node", Tone.STRONG)], []]
        if status is None:
            lines.append([("its identity is known once the engine has started", Tone.DIM)])
        else:
            lines += [labelled("DID", shown(status.did)), labelled("home", shown(place(status.home)))]
        lines += [
            [],
            [("Peers", Tone.STRONG)],
            [],
            [("This version does not look for peers yet: nothing leaves this machine.", Tone.DIM)],
        ]
        self.query_one("#page", Page).show(lines)
