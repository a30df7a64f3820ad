"""Which projects' code may run (contract, Trust): remembered by content, granted for exactly what was shown."""

from __future__ import annotations

import fcntl
import os
import tomllib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cis_tui.core.document import as_table
from cis_tui.core.errors import Invalid, Refused
from cis_tui.core.paths import Home, find_project, private_dir, real, write_private
from cis_tui.core.text import clean_line
from cis_tui.project.code import (
    FOLDERS,
    SETTINGS,
    CodeFile,
    code_below,
    code_digest,
    first_link,
    project_code,
    project_settings,
    text_of,
)
from cis_tui.project.model import Change, TrustItem, TrustReport, TrustState
from cis_tui.project.showing import show_change
from cis_tui.skills.manifest import MANIFEST

MAX_COPIES = 4_000_000
"""Bytes of text kept of one project, to show differences later."""


@dataclass(frozen=True, slots=True)
class _Grant:
    """What is remembered of one project."""

    author: bool = False
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """Path in the project to digest."""


class TrustStore:
    """Trust in projects, kept in a home. Any number of processes may use one home.

    What a person trusted is in trust.toml by digest; copies of small texts lie beside it, in `trust/`, to show what
    changed. Every method raises `Invalid` when trust.toml is damaged (CIS-PROJ-020).
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._copies = home.root / "trust"
        self._read: tuple[tuple[int, int, int], dict[str, _Grant]] | None = None

    def state(self, root: Path) -> TrustState:
        """How far the code of the project `root` may run."""
        grant = self._grants().get(_key(root))
        if grant is None:
            return TrustState.UNTRUSTED
        return TrustState.AUTHOR if grant.author else TrustState.CONTENT

    def report(self, root: Path) -> TrustReport:
        """What a person is to see before trusting `root`: every file that is not trusted as it is now."""
        grant = self._grants().get(_key(root), _Grant())
        code = project_code(root)
        pending = () if grant.author else tuple(self._changes(grant, code))
        return TrustReport(_key(root), self.state(root), pending, code_digest(code))

    def _changes(self, grant: _Grant, code: Mapping[str, CodeFile]) -> Iterator[TrustItem]:
        for path, file in code.items():
            trusted = grant.files.get(path)
            if trusted is None or trusted != file.digest:
                change = Change.NEW if trusted is None else Change.CHANGED
                yield TrustItem(clean_line(path), change, show_change(file, self._copy(trusted)))
        for path in sorted(grant.files.keys() - code.keys()):
            yield TrustItem(clean_line(path), Change.REMOVED, "")

    def grant(self, root: Path, digest: str, *, author: bool = False) -> None:
        """Trust exactly what the report with `digest` showed; with `author`, later changes too.

        Raises:
            Refused: something changed since it was shown (CIS-PROJ-021).
        """
        code = project_code(root)
        if code_digest(code) != digest:
            raise Refused(
                "CIS-PROJ-021",
                f"files of {root} changed since they were shown",
                hint=f"look again: cis trust {root}",
                context={"project": _key(root)},
            )
        self._change(root, lambda _: _Grant(author, _digests(code)), code)

    def trust_written(self, root: Path, files: Iterable[Path]) -> None:
        """Trust files that this program has just written itself, beside what is trusted already."""
        base = os.path.abspath(root)
        names = {text_of(Path(os.path.relpath(os.path.abspath(file), base))) for file in files}
        code = {path: file for path, file in project_code(root).items() if path in names}
        self._change(root, lambda known: _Grant(known.author, {**known.files, **_digests(code)}), code)

    def revoke(self, root: Path) -> None:
        """Trust nothing of `root` any more."""
        self._change(root, lambda _: None, {})

    def covers(self, root: Path, file: Path, *, digest: str | None = None) -> bool:
        """Whether `file`, asked for in the project `root`, may run as it is now; of a manifest, its whole folder.

        `digest`, of a file that is no manifest: what it was when it was read, see `HashedFile`.

        A file outside of every project may. One in a project, but not among its code, may if the project is trusted.
        """
        owner = find_project(Path(os.path.abspath(file)).parent) or root
        path = _inside(owner, file)
        if path is None:
            return True
        grant = self._grants().get(_key(owner))
        if grant is None:
            return False
        if Path(path).name == MANIFEST:
            path = os.path.dirname(path)
        elif not path.startswith(tuple(f"{folder}/" for folder in FOLDERS)):
            return True
        if digest is not None and Path(path).name != MANIFEST:
            linked = first_link(Path(os.path.abspath(owner)), path)
            given = {text_of(Path(path)): digest}
            return bool(digest) and not linked and (grant.author or _granted(grant, path) == given)
        code = code_below(owner, path)
        return _whole(code) and (grant.author or _granted(grant, path) == _digests(code))

    def covers_copy(self, root: Path, folder: Path, files: Mapping[str, str]) -> bool:
        """Whether a copy of `folder` may run in the project `root`; `files`: path in it and digest of each file.

        See `covers`; a folder that is a link, or is reached by one, is never trusted.
        """
        owner = find_project(Path(os.path.abspath(folder))) or root
        path = _inside(owner, folder)
        if path is None:
            return True
        path = "" if path == "." else path
        grant = self._grants().get(_key(owner))
        if grant is None or not files or first_link(Path(os.path.abspath(owner)), path):
            return False
        digests = {text_of(Path(path, name)): digest for name, digest in files.items()}
        return grant.author or _granted(grant, path) == digests

    def covers_settings(self, root: Path) -> bool:
        """Whether the project.toml of `root` says nothing that matters, or what was trusted."""
        settings = project_settings(root)
        if settings is None:
            return True
        grant = self._grants().get(_key(root))
        trusted = grant is not None and (grant.author or grant.files.get(SETTINGS) == settings.digest)
        return bool(settings.digest) and trusted

    def _grants(self) -> dict[str, _Grant]:
        try:
            status = self._home.trust_file.stat()
        except FileNotFoundError:
            return {}
        stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
        known = self._read
        if known is None or known[0] != stamp:
            known = self._read = (stamp, _load(self._home.trust_file))
        return known[1]

    def _change(self, root: Path, change: Callable[[_Grant], _Grant | None], code: Mapping[str, CodeFile]) -> None:
        """Replace what is known of `root`, seeing what other processes wrote until now."""
        with self._locked():
            self._read = None
            grants = dict(self._grants())
            grant = change(grants.pop(_key(root), _Grant()))
            if grant is not None:
                grants[_key(root)] = grant
                self._keep_copies(code.values())
            write_private(self._home.trust_file, _dump(grants))
            self._drop_copies(grants)

    @contextmanager
    def _locked(self) -> Generator[None]:
        private_dir(self._home.root)
        descriptor = os.open(self._home.root / "trust.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _copy(self, digest: str | None) -> bytes | None:
        try:
            return (self._copies / digest).read_bytes() if digest else None
        except OSError:
            return None

    def _keep_copies(self, files: Iterable[CodeFile]) -> None:
        """Keep texts to compare with later; losing one loses no more than a diff."""
        left = MAX_COPIES
        for file in files:
            if file.digest and file.content is not None and left >= len(file.content):
                left -= len(file.content)
                if not (self._copies / file.digest).exists():
                    write_private(self._copies / file.digest, file.content)

    def _drop_copies(self, grants: Mapping[str, _Grant]) -> None:
        used = {digest for grant in grants.values() for digest in grant.files.values()}
        if self._copies.is_dir():
            for copy in self._copies.iterdir():
                if copy.name not in used:
                    copy.unlink(missing_ok=True)


def _key(root: Path) -> str:
    return text_of(real(Path(os.path.abspath(root))))


def _inside(root: Path, file: Path) -> str | None:
    """`file` relative to `root`, by its own name, not by where a link leads; None if it lies elsewhere."""
    named = Path(os.path.abspath(file))
    for base in (Path(os.path.abspath(root)), real(Path(os.path.abspath(root)))):
        if named.is_relative_to(base):
            return str(named.relative_to(base))
    return None


def _digests(code: Mapping[str, CodeFile]) -> dict[str, str]:
    return {path: file.digest for path, file in code.items() if file.digest}


def _granted(grant: _Grant, path: str) -> dict[str, str]:
    """What is remembered of the file or folder `path` in the project."""
    name = text_of(Path(path))
    below = f"{name}/" if path else ""
    return {key: value for key, value in grant.files.items() if key == name or key.startswith(below)}


def _whole(code: Mapping[str, CodeFile]) -> bool:
    return bool(code) and all(file.digest for file in code.values())


def _load(path: Path) -> dict[str, _Grant]:
    try:
        projects = as_table(tomllib.loads(path.read_text("utf-8")).get("projects"))
    except (OSError, ValueError) as error:
        raise Invalid(
            "CIS-PROJ-020",
            f"{path} cannot be read: {error}",
            hint="delete it: every project will ask for trust again",
        ) from error
    grants: dict[str, _Grant] = {}
    for root, content in projects.items():
        table = as_table(content)
        files = {name: str(digest) for name, digest in as_table(table.get("files")).items()}
        grants[root] = _Grant(table.get("author") is True, files)
    return grants


def _dump(grants: Mapping[str, _Grant]) -> bytes:
    import tomlkit  # not needed to look something up

    projects = {root: {"author": grant.author, "files": dict(grant.files)} for root, grant in sorted(grants.items())}
    return tomlkit.dumps({"projects": projects}).encode()
