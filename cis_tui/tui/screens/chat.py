"""The chat screen: says that there is no agent to talk to yet, and what to do meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cis_tui.tui.paint import Tone
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.widgets.page import Page

if TYPE_CHECKING:
    from textual.app import ComposeResult


class ChatScreen(WorkspaceScreen):
    """No agent is part of this version."""

    NAME = "chat"
    PURPOSE = "Talks with agents. This version has none."

    def body(self) -> ComposeResult:
        """One page."""
        yield Page(
            [
                [("No agent is set up", Tone.STRONG)],
                [],
                [
                    (
                        "This version has no agent to talk to. A task of a DAG can run any command.",
                        Tone.DIM,
                    )
                ],
                [("2", Tone.STRONG), (" goes to the DAGs.", Tone.DIM)],
            ],
            id="page",
            classes="-full",
        )
