"""What the palette offers beside what has a name: keys that do something here, decisions, runs, settings."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, cast

from textual.command import Hit, Hits, Provider
from textual.content import Content

from cis_tui.core.config import setting_types
from cis_tui.tui import run_acts
from cis_tui.tui.commands import Command
from cis_tui.tui.paint import shown
from cis_tui.tui.said_also import also
from cis_tui.tui.widgets.bars import key_name
from cis_tui.tui.widgets.prompt import DecisionPrompt

if TYPE_CHECKING:
    from cis_tui.tui.app import CisApp
    from cis_tui.tui.screens.dags import DagsScreen

Words = tuple[str, Command]
"""What is looked in beside the name, and the command."""
_ACTS = {
    "rollback": ("Roll back", "shows what it would take back, then asks", "undo the run, revert"),
    "cancel": ("Cancel", "asks first", "stop kill abort"),
    "pause": ("Pause", "nothing more of it starts", "stop hold"),
    "resume": ("Resume", "it goes on", "continue"),
}
_SETTINGS = {"ui.keys": "change bind keys shortcuts vi emacs arrows", "ui.theme": "colours dark light"}
_ANSWER = "answer decision yes no vote confirm"
NOBODY_ASKS = "nothing waits for an answer now"
_SEARCHES = {"memory": "Search memory", "dags": "Search runs and DAGs", "peers": "Search peers"}


class DoingCommands(Provider):
    """Found by what is typed only: they are many."""

    async def search(self, query: str) -> Hits:
        """Those whose name fits, or other words for it."""
        matcher = self.matcher(query)
        for words, (name, does, call) in self._commands():
            score = max(matcher.match(name), matcher.match(words) * 0.9 if words else 0)
            if score > 0:
                yield Hit(score, Content(name), call, name, does)

    def _commands(self) -> Iterator[Words]:
        app = cast("CisApp", self.app)
        for decision in app.store.pending:
            name = f"Approve or reject {shown(decision.task or decision.prompt, limit=60)}"
            does = "goes to the question; y approves, n rejects"
            yield _ANSWER, (name, does, partial(app.action_decide, decision.id))
        if not app.store.pending:
            yield _ANSWER, ("Approve or reject", NOBODY_ASKS, partial(app.say, NOBODY_ASKS))
        if not app.store.read_only:
            yield from _run_commands(app)
        for screen, name in _SEARCHES.items():
            yield "find look for", (name, "key / there", partial(_search, app, screen))
        for setting in setting_types():
            yield (
                _SETTINGS.get(setting, ""),
                (f"Setting {setting}", "show and change it", partial(app.action_settings, setting)),
            )
        yield from self._keys(app)

    def _keys(self, app: CisApp) -> Iterator[Words]:
        """Each key of here that does more than move; a question is answered by its own keys alone."""
        told: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            known = not binding.id or binding.action in told or isinstance(active.node, DecisionPrompt)
            if known or not active.enabled or not (binding.show or also(binding.id)):
                continue
            told.add(binding.action)
            name = binding.description[:1].upper() + binding.description[1:]
            call = partial(app.run_action, binding.action, active.node)
            yield f"{name} {also(binding.id)}", (name, f"here, key {key_name(binding)}", call)


def _run_commands(app: CisApp) -> Iterator[Words]:
    for run in app.store.runs:
        for act, (name, does, words) in _ACTS.items():
            if run_acts.can(act, run):
                yield words, (f"{name} run {shown(run.dag)} {run.id[:6]}", does, partial(_act, app, act, run.id))


async def _act(app: CisApp, act: str, run: str) -> None:
    """Show the run, then do it there, where its questions are asked."""
    await app.switch_mode("dags")
    screen = cast("DagsScreen", app.screen)
    screen.show_run(run)
    await screen.run_action(act)


async def _search(app: CisApp, name: str) -> None:
    await app.switch_mode(name)
    await app.screen.run_action("filter")
