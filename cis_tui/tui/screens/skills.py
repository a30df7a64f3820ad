"""The skills screen: what was found where, and what each may do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from cis_tui.skills.model import SkillInfo, SkillRun
from cis_tui.tui.calling import call_skill
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.skill_detail import CALLS, skill_lines
from cis_tui.tui.starting import ask_trust
from cis_tui.tui.store import Changes, LinkState
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.rows import RowList
from cis_tui.tui.widgets.taught import keys_of, taught

if TYPE_CHECKING:
    from textual.app import ComposeResult

    from cis_tui.tui.screens.call import CallDialog

ORIGIN, VERSION, NOTE = 8, 9, 13
NARROW = 48
"""Cells of a list in which a name counts for more than a version."""
WIDE, NAME = 80, 24
"""Cells of a list that tells what each skill does, and of a name in it."""


class SkillList(RowList):
    """One row a skill."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "choose", "call it", id="list.choose")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._skills: Sequence[SkillInfo] = ()
        self._known = False

    @property
    def chosen(self) -> SkillInfo | None:
        """The skill under the cursor."""
        return self._skills[self.cursor] if self.cursor < len(self._skills) else None

    def show(self, skills: Sequence[SkillInfo], *, known: bool) -> None:
        """Show these; `known`: whether it is known already which there are."""
        self._skills, self._known = skills, known
        self.show_rows(len(skills))

    def empty(self) -> list[Line]:
        """See `RowList`."""
        if not self._known:
            return taught(keys_of(self), "what is here is known once the engine has started")
        steps = (("skills.filter", "looks for another name"), ("cis skill new NAME", "writes a skill that runs"))
        return taught(keys_of(self), "No skill has this name.", *steps)

    def row(self, index: int, width: int) -> Line:
        """Name, version, where it comes from, and whether it may run."""
        skill = self._skills[index]
        if any(problem.severity == "error" for problem in skill.problems):
            # What was whole before is called as it was.
            note, tone = ("! older", Tone.ASK) if skill.type else ("✗ broken", Tone.BAD)
        elif skill.trusted:
            note, tone = "✓ ready", Tone.GOOD
        else:
            note, tone = "? not trusted", Tone.ASK
        version = VERSION if width >= NARROW else 0
        room = max(6, width - version - ORIGIN - NOTE)
        name = NAME if width >= WIDE else room
        return [
            (fit(shown(skill.name), name - 1) + " ", Tone.PLAIN),
            (fit(fit(shown(skill.description), room - name - 1), room - name), Tone.DIM),
            (fit(shown(skill.version), version), Tone.DIM),
            (fit(skill.origin.value, ORIGIN), Tone.DIM),
            (fit(note, NOTE), tone),
        ]


class SkillsScreen(WorkspaceScreen):
    """The skills that tasks may call."""

    NAME = "skills"
    PURPOSE = "Skills from the project, your home, the system and the program; the first of a name counts."
    CSS_PATH = "skills.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c,y", "copy", "copy the name", show=False, id="skills.copy"),
        Binding("E", "edit", "edit the manifest", show=False, id="skills.edit"),
        Binding("t", "trust", "trust", id="skills.trust"),
        Binding("slash", "filter", "filter", priority=True, id="skills.filter"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.list = SkillList(id="skill-list")
        self.page = Page(id="skill")
        self.filter = Filter("part of a name")
        self._runs: dict[str, tuple[SkillRun, ...]] = {}
        self._call: CallDialog | None = None

    def body(self) -> ComposeResult:
        """The list, and beside it the chosen skill."""
        with Horizontal(id="skills"):
            yield self.list
            yield self.page
        yield self.filter

    def on_mount(self) -> None:
        """The list has the first keys."""
        self.list.focus()

    def refresh_all(self) -> None:
        """See `WorkspaceScreen`."""
        needle = self.filter.value.lower()
        store = self.desk.store
        skills = [skill for skill in store.skills if needle in skill.name.lower()]
        self.list.show(skills, known=store.link is not LinkState.STARTING)
        self._show_skill()

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything or changes.definitions:
            self._runs.clear()
            self.refresh_all()
        elif self.list.chosen is not None and self.list.chosen.name in changes.called:
            self._runs.pop(self.list.chosen.name, None)
            self._show_skill()
        if self._call is not None and self._call.id_of_call in changes.calls:
            self._call.read_on()

    @on(RowList.Moved, "#skill-list")
    def _show_skill(self) -> None:
        skill = self.list.chosen
        if skill is None:
            self.page.show(())
            return
        runs = self._runs.get(skill.name)
        trust = keys_of(self)("skills.trust")
        self.page.show(skill_lines(skill, self.desk.store.project_root, runs or (), self.desk.clock(), trust=trust))
        if runs is None and self.desk.store.link is LinkState.READY:
            self.desk.ask(
                lambda engine: engine.skill_runs(self.desk.store.project_root, skill=skill.name, limit=CALLS),
                lambda found: self.take_runs(skill.name, found),
                group="skill-runs",
                quiet=True,
            )

    def take_runs(self, name: str, runs: tuple[SkillRun, ...]) -> None:
        """Show how the calls of a skill went."""
        self._runs[name] = runs
        if self.list.chosen is not None and self.list.chosen.name == name:
            self._show_skill()

    @on(RowList.Chosen, "#skill-list")
    def _chosen(self) -> None:
        skill = self.list.chosen
        if skill is not None:
            call_skill(self.desk, skill, self._open)

    def _open(self, call: CallDialog, again: Callable[[], object]) -> None:
        self._call = call
        self.desk.dialog(call, lambda refused: again() if refused else None)

    def action_copy(self) -> None:
        """Give the name of the chosen skill to the clipboard."""
        if self.list.chosen is not None:
            self.desk.copy(self.list.chosen.name, "the name of the skill")

    def action_edit(self) -> None:
        """Open the manifest of the chosen skill in the person's editor."""
        if self.list.chosen is not None:
            from cis_tui.tui.file_acts import edit_skill

            edit_skill(self.desk, self.list.chosen.file)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is only something to trust in a project that has changed."""
        if action in ("copy", "edit"):
            return self.list.chosen is not None
        if action != "trust":
            return super().check_action(action, parameters)
        project = self.desk.store.project
        return project is not None and project.pending > 0

    def action_trust(self) -> None:
        """Show what trusting the project as it is now would let run."""
        ask_trust(self.desk)

    def action_filter(self) -> None:
        """Narrow the list by name."""
        self.filter.open()

    def want(self, name: str) -> None:
        """Show a skill."""
        self.filter.look_for(name)

    @on(Filter.Narrowed)
    def _narrowed(self) -> None:
        self.refresh_all()

    @on(Filter.Closed)
    def _filter_closed(self) -> None:
        self.list.focus()
