"""The ways through the workspace: to its screens, to the decisions that wait, to whatever has a name."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

from cis_tui.dag.views import Subject
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.starting import start_dag
from cis_tui.tui.themed import ThemedApp

if TYPE_CHECKING:
    from textual.screen import Screen

    from cis_tui.dag.views import DagInfo, Decision, RunView
    from cis_tui.tui.screens.chat import ChatScreen
    from cis_tui.tui.screens.dags import DagsScreen
    from cis_tui.tui.screens.dialog import Dialog
    from cis_tui.tui.screens.memory import MemoryScreen
    from cis_tui.tui.screens.peers import PeersScreen
    from cis_tui.tui.screens.skills import SkillsScreen

SCREEN = "screen"
"""Under which the screen is remembered on which a person left."""


class GoingApp(ThemedApp):
    """An app with the screens of the workspace."""

    def _make_screen(self, name: str) -> Screen[object]:
        """A screen's module is read when the screen is first looked at."""
        module = import_module(f"cis_tui.tui.screens.{name}")
        screen = cast("Screen[object]", getattr(module, f"{name.capitalize()}Screen")(self))
        # The sheet in force will style it; Textual would read all of the sheet anew for each screen.
        screen._css_update_count = self._css_update_count  # pyright: ignore[reportPrivateUsage]
        return screen

    @property
    def _front(self) -> WorkspaceScreen:
        """The screen of the current mode, also while a dialog is over it."""
        return cast("WorkspaceScreen", self.screen_stack[0])

    @property
    def _dialogs(self) -> list[Dialog[object]]:
        """What is open over the screen in front."""
        return [cast("Dialog[object]", screen) for screen in self.screen_stack[1:] if hasattr(screen, "show_changes")]

    def action_command_palette(self) -> None:
        """See `App`."""
        from cis_tui.tui.palette import Palette

        if not isinstance(self.screen, Palette):
            self.push_screen(Palette(id="--command-palette"))

    def action_show(self, name: str) -> None:
        """Go to one of the six screens, or to the room."""
        if len(self.screen_stack) == 1:
            self.switch_mode(name)
            self.remember(SCREEN, name)

    async def action_decide(self, id: str = "") -> None:
        """Go to the decision `id`, or to the most urgent one; again: to the next one."""
        pending = self.store.pending
        if not pending:
            return
        ids = [decision.id for decision in pending]
        if id in ids:
            index = ids.index(id)
        else:
            asked = self._front.asked
            index = (ids.index(asked) + 1) % len(ids) if asked in ids else 0
        decision = pending[index]
        if not decision.run and decision.subject is not Subject.TOOL:
            self._decide_call(decision)
            return
        await self.switch_mode("dags" if decision.run else "chat")
        self._front.jump(decision)

    def _decide_call(self, decision: Decision) -> None:
        from cis_tui.tui.screens.decide import DecideDialog

        self.dialog(DecideDialog(self, decision))

    def run_dag(self, dag: DagInfo) -> None:
        """Run a definition and show it, from wherever one is."""
        start_dag(self, dag, self._started)

    def show_peer(self, did: str) -> None:
        """Go to a peer, which may only just have become known."""
        self.switch_mode("peers")
        cast("PeersScreen", self._front).want(did)

    def show_entry(self, key: str) -> None:
        """Go to an entry of memory."""
        self.switch_mode("memory")
        cast("MemoryScreen", self._front).want(key)

    def show_skill(self, name: str) -> None:
        """Go to a skill."""
        self.switch_mode("skills")
        cast("SkillsScreen", self._front).want(name)

    def show_conversation(self, id: str) -> None:
        """Go to a conversation."""
        self.switch_mode("chat")
        cast("ChatScreen", self._front).open(id)

    def show_run(self, id: str) -> None:
        """Go to a run."""
        self.switch_mode("dags")
        cast("DagsScreen", self._front).show_run(id)

    def show_dag(self, file: str) -> None:
        """Go to a definition, which may only just have been written."""
        self.switch_mode("dags")
        cast("DagsScreen", self._front).show_dag(file)

    def _started(self, run: RunView) -> None:
        self.store.load_run(run)
        self.show_run(run.id)
