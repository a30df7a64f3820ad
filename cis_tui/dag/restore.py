"""Puts files back as they were before a run: compares what lies there now with what was, and with what the run made.

Nothing says "done": a kill at any step leaves a state from which the same comparison goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath
from typing import NamedTuple

from cis_tui.core.errors import CisError
from cis_tui.core.text import clean_line
from cis_tui.dag.checkpoint import Checkpoints, Image, fingerprint
from cis_tui.dag.tree import Entry, Kind
from cis_tui.dag.undo import KeptFile
from cis_tui.dag.views import UndoStatus

_SHOWN = 5
"""Paths that are named when several stand in the way."""


class Act(Enum):
    """What is to be done at one path."""

    NOTHING = "nothing"
    REMOVE = "remove"
    PUT = "put"
    CONFLICT = "conflict"


class Images(NamedTuple):
    """A kept path with its images at hand."""

    kept: KeptFile
    before: Image
    made: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """One file, folder or link."""

    path: str
    owner: str
    """The kept path to which it belongs."""
    before: Entry | None
    """As it was before the run."""
    ours: frozenset[Entry | None]
    """As the run left it, at one time or another."""
    open: bool
    """What lies there may be the work of an attempt whose end nobody saw."""
    now: Entry | None

    @property
    def act(self) -> Act:
        """What brings it back, without touching what is somebody else's."""
        if self.now == self.before:
            return Act.NOTHING
        if self.now not in self.ours and not self.open:
            return Act.CONFLICT
        return Act.REMOVE if self.before is None else Act.PUT


def targets(images: Sequence[Images], now: Mapping[str, Entry]) -> list[Target]:
    """Everything that lies, lay or was made at the kept paths or below them, by path; `images` in the order of time.

    Where several kept paths cover one file, the first image is how it was, and every one that was made is ours.
    """
    by_path = {each.kept.path: each for each in images}
    order = {path: index for index, path in enumerate(by_path)}
    before = {path: _by_path(each.before) for path, each in by_path.items()}
    made = {path: [_by_path(image) for image in each.made] for path, each in by_path.items()}
    everything = set(now)
    for path in by_path:
        everything.add(path)
        everything.update(before[path], *made[path])
    found: list[Target] = []
    for path in sorted(everything):
        covering = sorted((above for above in _above(path) if above in by_path), key=order.__getitem__)
        if covering:
            found.append(
                Target(
                    path,
                    owner=covering[0],
                    before=before[covering[0]].get(path),
                    ours=frozenset(image.get(path) for above in covering for image in made[above]),
                    open=any(by_path[above].kept.open for above in covering),
                    now=now.get(path),
                )
            )
    return found


def _by_path(image: Image) -> dict[str, Entry]:
    return {entry.path: entry for entry in image.entries}


def _above(path: str) -> Iterable[str]:
    yield path
    yield from (str(parent) for parent in PurePosixPath(path).parents)


@dataclass(slots=True)
class _Result:
    done: bool = False
    conflicts: list[str] = field(default_factory=list[str])
    failures: list[str] = field(default_factory=list[str])
    aside: str = ""


def restore(kept: Sequence[KeptFile], checkpoints: Checkpoints) -> dict[str, tuple[UndoStatus, str]]:
    """Put back what lay at the kept paths, given in the order in which they were kept; durable when this returns.

    Returns:
        For each path how that went, and what stood in the way.
    """
    return _Restoring(kept, checkpoints).run()


class _Restoring:
    def __init__(self, kept: Sequence[KeptFile], checkpoints: Checkpoints) -> None:
        self._kept = kept
        self._checkpoints = checkpoints
        self._tree = checkpoints.tree
        self._results = {each.path: _Result() for each in kept}

    def run(self) -> dict[str, tuple[UndoStatus, str]]:
        images = self._images()
        found = targets(images, self._now(images))
        broken = {path for path, result in self._results.items() if result.failures}
        found = [target for target in found if target.owner not in broken]
        for target in found:
            if target.act is Act.CONFLICT:
                self._results[target.owner].conflicts.append(target.path)
        changing = [target for target in found if target.act in (Act.REMOVE, Act.PUT)]
        self._set_aside({target.owner for target in changing if target.open and target.now not in target.ours})
        changing = [target for target in changing if not self._results[target.owner].failures]
        for target in reversed(changing):
            if target.now is not None and (target.before is None or target.before.kind is not target.now.kind):
                self._try(target, lambda entry=target.now: self._tree.remove(entry))
        putting = [(target, target.before) for target in changing if target.before is not None]
        for target, before in putting:
            self._try(target, lambda before=before: self._put(before))
        for target, before in reversed(putting):
            if before.kind is Kind.FOLDER:
                self._try(target, lambda before=before: self._tree.chmod(before))
        self._remove_empty(images)
        for path in {target.path.rpartition("/")[0]: target.path for target in changing}.values():
            self._tree.sync(path)
        return {path: _told(result) for path, result in self._results.items()}

    def _images(self) -> list[Images]:
        found: list[Images] = []
        for kept in self._kept:
            try:
                made = tuple(self._checkpoints.image(name) for name in dict.fromkeys(kept.made))
                found.append(Images(kept, self._checkpoints.image(kept.before), made))
            except CisError as error:
                self._results[kept.path].failures.append(error.message)
        return found

    def _now(self, images: Sequence[Images]) -> dict[str, Entry]:
        now: dict[str, Entry] = {}
        for each in images:
            path = each.kept.path
            try:
                self._tree.sweep(path)
                now.update((entry.path, entry) for entry in self._tree.entries(path, fingerprint))
            except OSError as error:
                self._results[path].failures.append(_why(path, error))
        return now

    def _set_aside(self, owners: Iterable[str]) -> None:
        """Keep what an attempt left whose end nobody saw: it may be somebody else's."""
        for owner in owners:
            result = self._results[owner]
            try:
                result.aside = str(self._checkpoints.content(self._checkpoints.keep(owner)))
            except CisError as error:
                result.failures.append(error.message)

    def _put(self, entry: Entry) -> None:
        content = self._checkpoints.content(entry.content) if entry.kind is Kind.FILE else None
        if content is not None and not self._checkpoints.intact(entry.content):
            raise OSError(0, "what was kept of it is gone or damaged", entry.path)
        self._tree.put(entry, content)

    def _try(self, target: Target, act: Callable[[], None]) -> None:
        result = self._results[target.owner]
        try:
            act()
            result.done = True
        except OSError as error:
            folder = target.now is not None and target.now.kind is Kind.FOLDER
            if folder and result.conflicts and target.before is None:
                return  # it holds what somebody else put there
            result.failures.append(_why(target.path, error))

    def _remove_empty(self, images: Sequence[Images]) -> None:
        """Remove the folders above kept paths that were not there before, unless something is in them."""
        missing = {path for each in images for path in each.before.missing}
        for path in sorted(missing, reverse=True):
            if not any(above in self._results for above in _above(path)):
                try:
                    self._tree.remove(Entry(path, Kind.FOLDER))
                except OSError:
                    continue
                self._tree.sync(path)


def _told(result: _Result) -> tuple[UndoStatus, str]:
    if result.failures:
        return UndoStatus.FAILED, _some(result.failures)
    if result.conflicts:
        return UndoStatus.CONFLICT, f"changed since by somebody else, and kept: {_some(result.conflicts)}"
    aside = f"what an unfinished attempt left there is listed in {result.aside}" if result.aside else ""
    return UndoStatus.RESTORED, aside


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return clean_line("; ".join(texts[:_SHOWN]) + more, limit=1000)


def _why(path: str, error: OSError) -> str:
    return f"{path}: {error.strerror or error}"
