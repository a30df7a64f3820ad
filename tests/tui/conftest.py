"""What the tests of the workspace share: snapshots in `snapshots/`, a project, and a real engine for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_textual_snapshot
from textual.app import App
from textual.css.stylesheet import Stylesheet

from cis_tui.core.paths import Home
from cis_tui.project.trust import TrustStore
from tests.conftest import ROOT
from tests.tui.helpers import write_project
from tests.tui.pictures import picture

if TYPE_CHECKING:
    from syrupy.assertion import SnapshotAssertion
    from syrupy.location import PyTestLocation
    from textual.css.model import RuleSet


class RepoSnapshots(pytest_textual_snapshot.SVGImageExtension):
    """SVG files in `snapshots/<test module>/`."""

    @classmethod
    def dirname(cls, *, test_location: PyTestLocation) -> str:
        """The folder of a test's pictures."""
        return str(ROOT / "snapshots" / Path(test_location.filepath).stem)


Compare = Callable[[App[None]], None]


@pytest.fixture
def looks_right(snapshot: SnapshotAssertion) -> Compare:
    """Compares the screen with its picture of before; `--snapshot-update` takes a new one."""
    pictures = snapshot.use_extension(RepoSnapshots)

    def compare(app: App[None]) -> None:
        assert picture(app) == pictures

    return compare


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Styles are parsed once, not by every app anew: that is a sixth of what the tests here cost."""
    parse = Stylesheet._parse_rules  # pyright: ignore[reportPrivateUsage]
    kept: dict[object, list[RuleSet]] = {}

    def parse_once(sheet: Stylesheet, *css: Any, **more: Any) -> list[RuleSet]:
        key = (css, *sorted(more.items()), *sorted(sheet._variables.items()))  # pyright: ignore[reportPrivateUsage]
        if key not in kept:
            kept[key] = parse(sheet, *css, **more)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Stylesheet, "_parse_rules", parse_once)
        yield


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with a DAG of every kind of task; nothing of it is trusted."""
    return write_project(tmp_path / "demo")


@pytest.fixture
def trusted(project: Path, home: Home) -> Path:
    """The same project, trusted as it is."""
    trust = TrustStore(home)
    trust.grant(project, trust.report(project).digest)
    return project
