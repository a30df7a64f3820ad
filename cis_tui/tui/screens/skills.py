"""The skills screen: what was found where, and what each may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from cis_tui.skills.model import SkillInfo
from cis_tui.tui.desk import Desk
from cis_tui.tui.paint import Line, Tone, fit, shown
from cis_tui.tui.screens.base import WorkspaceScreen
from cis_tui.tui.skill_detail import skill_lines
from cis_tui.tui.starting import ask_trust
from cis_tui.tui.store import Changes
from cis_tui.tui.widgets.filter import Filter
from cis_tui.tui.widgets.page import Page
from cis_tui.tui.widgets.rows import RowList

if TYPE_CHECKING:
    from textual.app import ComposeResult

ORIGIN, VERSION, NOTE = 10, 9, 13


class SkillList(RowList):
    """One row a skill."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._skills: Sequence[SkillInfo] = ()

    @property
    def chosen(self) -> SkillInfo | None:
        """The skill under the cursor."""
        return self._skills[self.cursor] if self.cursor < len(self._skills) else None

    def show(self, skills: Sequence[SkillInfo]) -> None:
        """Show these."""
        self._skills = skills
        self.show_rows(len(skills))

    def empty(self) -> str:
        """See `RowList`."""
        return "no skill found"

    def row(self, index: int, width: int) -> Line:
        """Name, version, where it comes from, and whether it may run."""
        skill = self._skills[index]
        if any(problem.severity == "error" for problem in skill.problems):
            note, tone = "✗ broken", Tone.BAD
        elif skill.trusted:
            note, tone = "✓ ready", Tone.GOOD
        else:
            note, tone = "? not trusted", Tone.ASK
        name = max(6, width - VERSION - ORIGIN - NOTE)
        return [
            (fit(shown(skill.name), name - 1) + " ", Tone.PLAIN),
            (fit(shown(skill.version), VERSION), Tone.DIM),
            (fit(skill.origin.value, ORIGIN), Tone.DIM),
            (fit(note, NOTE), tone),
        ]


class SkillsScreen(WorkspaceScreen):
    """The skills that tasks may call."""

    NAME = "skills"
    PURPOSE = "Skills from the project, your home, the system and the program; the first of a name counts."
    CSS_PATH = "skills.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "trust", "trust", id="skills.trust"),
        Binding("slash", "filter", "filter", priority=True, id="skills.filter"),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self.list = SkillList(id="skill-list")
        self.page = Page(id="skill")
        self.filter = Filter("part of a name")

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
        self.list.show([skill for skill in self.desk.store.skills if needle in skill.name.lower()])
        self._show_skill()

    def update(self, changes: Changes) -> None:
        """See `WorkspaceScreen`."""
        if changes.everything or changes.definitions:
            self.refresh_all()

    @on(RowList.Moved, "#skill-list")
    def _show_skill(self) -> None:
        skill = self.list.chosen
        self.page.show(skill_lines(skill, self.desk.store.project_root) if skill else ())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """There is only something to trust in a project that has changed."""
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

    @on(Filter.Narrowed)
    def _narrowed(self) -> None:
        self.refresh_all()

    @on(Filter.Closed)
    def _filter_closed(self) -> None:
        self.list.focus()
