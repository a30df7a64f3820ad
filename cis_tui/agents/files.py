"""Files of a project for an agent: nothing outside of it, no links out, bounded, and undone file by file."""

from __future__ import annotations

import difflib
import hashlib
import os
import re
import stat
import unicodedata
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cis_tui.agents.conversations import FileWrite
from cis_tui.agents.model import FileUndo
from cis_tui.core.errors import Invalid, NotFound, Refused
from cis_tui.core.paths import real
from cis_tui.core.text import clean_line

MAX_FILE = 1_000_000
"""Bytes of a file that is read or written."""
MAX_LINES = 2000
MAX_FOUND = 200
"""Lines that a search gives, and files that a listing names."""
MAX_WALKED = 20_000
"""Files that a search looks at."""
_SKIPPED = frozenset({".git", ".hg", ".venv", "node_modules", "__pycache__", ".mypy_cache", ".ruff_cache", ".tox"})
_CODE = re.compile(
    r"(^|/)(\.(cis|git|hg|github|gitlab|circleci|husky|vscode|idea|zed|devcontainer|claude|codex|cursor|gemini|agents)"
    r"|\.(envrc|gitmodules|gitattributes|mcp\.json|gitlab-ci\.ya?ml|pre-commit-config\.yaml|(bash|zsh)(rc|env|_profile)|profile)"
    r"|(agents|claude|gemini)\.md)"
    r"(/|$)"
)
"""What other programs run, or take their orders from, without being asked to: a write there is looked at each time."""
_SECRET = re.compile(
    r"(^|/)(\.env($|[./])|\.envrc$|\.netrc$|\.npmrc$|\.pypirc$|\.pgpass$|\.htpasswd$|\.git-credentials$|id_[a-z0-9_]+$"
    r"|[^/]*\.(pem|key|p12|pfx|kdbx|jks|keystore|tfstate)$|(secrets?|credentials?)(\.[a-z]+)?$"
    r"|\.aws/|\.ssh/|\.gnupg/|\.kube/|\.docker/config\.json$)"
)
_IGNORED = re.compile("[\u00ad\u034f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufe00-\ufe0f]")
"""Letters that some file systems do not see in a name."""


_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Content:
    """A text file."""

    text: str
    mode: int
    raw: bytes


class ProjectFiles:
    """The files below one folder. Everything here may block."""

    def __init__(self, root: Path, *, closed: Path | None = None) -> None:
        """`closed`: a folder of which nothing is read or written, even where it lies in the project."""
        self.root = real(root)
        self._closed = real(closed) if closed else None

    def place(self, path: str) -> Path:
        """Where a path of the project lies.

        Raises:
            Refused: it is outside of the project (CIS-AGENT-030).
        """
        if len(path) > 4096 or clean_line(path, limit=4096) != path:
            raise Invalid("CIS-AGENT-031", "that is no path of a file")
        wanted = Path(os.path.normpath(self.root / path))
        place = real(wanted.parent) / wanted.name
        if place != self.root and not place.is_relative_to(self.root):
            raise Refused("CIS-AGENT-030", f"{clean_line(path)} lies outside of the project")
        if place.is_symlink():
            place = real(place)
            if not place.is_relative_to(self.root):
                raise Refused("CIS-AGENT-030", f"{clean_line(path)} is a link that leads out of the project")
        if self._closed is not None and place.is_relative_to(self._closed):
            raise Refused("CIS-AGENT-081", f"{clean_line(path)} is the person's own: agents have no business there")
        return place

    def name(self, path: str) -> str:
        """A path as it is called in the project, the same however it was written; as given where it has none."""
        try:
            return self.place(path).relative_to(self.root).as_posix()
        except (Refused, Invalid, OSError, ValueError):
            return path

    def read(self, path: str) -> Content:
        """A text file.

        Raises:
            NotFound: there is none (CIS-AGENT-032).
            Invalid: it is no regular file, no text, or too large (CIS-AGENT-031).
        """
        place, shown = self.place(path), clean_line(path)
        try:
            with self._folder(place) as folder:
                descriptor = os.open(place.name if place != self.root else ".", _READ, dir_fd=folder)
        except FileNotFoundError:
            raise NotFound("CIS-AGENT-032", f"there is no file {shown}", hint="file_list shows what there is") from None
        except OSError as error:
            raise Refused("CIS-AGENT-030", f"{shown} cannot be read: {error.strerror}") from error
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise Invalid("CIS-AGENT-031", f"{shown} is no regular file")
            raw = file.read(MAX_FILE + 1)
        if len(raw) > MAX_FILE:
            raise Invalid(
                "CIS-AGENT-031", f"{shown} is larger than {MAX_FILE} bytes", hint="file_grep finds parts of it"
            )
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise Invalid("CIS-AGENT-031", f"{shown} is not text")
        return Content(text, stat.S_IMODE(status.st_mode), raw)

    def before(self, path: str) -> Content | None:
        """What is there before a write; None for nothing."""
        try:
            return self.read(path)
        except NotFound:
            return None

    def edited(self, path: str, old: str, new: str, *, every: bool) -> tuple[Content, str]:
        """A file, and what it is with `old` replaced.

        Raises:
            Invalid: `old` is not there, or several times and not `every` is meant (CIS-AGENT-033).
        """
        content = self.read(path)
        count = content.text.count(old) if old else 0
        if count == 0:
            raise Invalid("CIS-AGENT-033", f"the text is not in {clean_line(path)}", hint="read the file again")
        if count > 1 and not every:
            hint = "give more of what stands around it, or set all"
            raise Invalid("CIS-AGENT-033", f"the text is {count} times in {clean_line(path)}", hint=hint)
        return content, content.text.replace(old, new)

    def diff(self, path: str, before: Content | None, text: str) -> str:
        """What a write changes."""
        name = clean_line(self.name(path))
        if before is None:
            return "\n".join([f"new file {name}", *(f"+{line}" for line in _lines(text))])
        old, new = _lines(before.text), _lines(text)
        if old == new:
            return f"{name}: {'the ends of its lines change' if before.text != text else 'nothing changes'}"
        if len(old) + len(new) > 20_000:
            return f"{name}: {len(old)} lines become {len(new)}; too long to be compared"
        return "\n".join(difflib.unified_diff(old, new, name, name, lineterm=""))

    def write(self, path: str, data: bytes, mode: int) -> None:
        """Replace a file, whole or not at all.

        Raises:
            Refused: it cannot be written (CIS-AGENT-030).
        """
        place = self.place(path)
        temporary = f".{place.name[:100]}.{os.getpid()}.cis-tmp"
        try:
            with self._folder(place, make=True) as folder:
                try:
                    with os.fdopen(os.open(temporary, _MAKE, mode, dir_fd=folder), "wb") as file:
                        file.write(data)
                        os.fchmod(file.fileno(), mode)
                        file.flush()
                        os.fsync(file.fileno())
                    os.replace(temporary, place.name, src_dir_fd=folder, dst_dir_fd=folder)
                except OSError:
                    with suppress(OSError):
                        os.unlink(temporary, dir_fd=folder)
                    raise
        except OSError as error:
            raise Refused("CIS-AGENT-030", f"{clean_line(path)} cannot be written: {error.strerror}") from error

    @contextmanager
    def _folder(self, place: Path, *, make: bool = False) -> Generator[int]:
        """The folder of a place, opened step by step: none of them may have become a link since it was looked up."""
        steps = place.relative_to(self.root).parts[:-1]
        here = os.open(self.root, _FOLDER & ~os.O_NOFOLLOW)
        try:
            for step in steps:
                if make:
                    with suppress(FileExistsError):
                        os.mkdir(step, dir_fd=here)
                above, here = here, os.open(step, _FOLDER, dir_fd=here)
                os.close(above)
            yield here
        finally:
            os.close(here)

    def list(self, path: str) -> list[str]:
        """The files and folders in a folder; folders end with `/`."""
        place = self.place(path or ".")
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            raise NotFound("CIS-AGENT-032", f"{clean_line(path)} is no folder that can be read") from error
        return [entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "") for entry in entries[: 5 * MAX_FOUND]]

    def grep(self, pattern: str, path: str, glob: str, skip: Callable[[str], bool] = lambda _: False) -> Iterator[str]:
        """Lines in which a text is found: `path:line: text`; not of files whose names `skip` is true of."""
        for file in self._walk(self.place(path or "."), glob):
            if skip(file.relative_to(self.root).as_posix()):
                continue
            try:
                content = self.read(str(file.relative_to(self.root)))
            except (Refused, Invalid, NotFound):
                continue
            name = file.relative_to(self.root).as_posix()
            for number, line in enumerate(content.text.splitlines(), 1):
                if pattern in line:
                    yield f"{name}:{number}: {line[:300]}"

    def _walk(self, start: Path, glob: str) -> Iterator[Path]:
        if start.is_file():
            yield start
            return
        looked = 0
        for folder, folders, files in os.walk(start):
            folders[:] = sorted(name for name in folders if name not in _SKIPPED)
            for name in sorted(files):
                looked += 1
                if looked > MAX_WALKED:
                    return
                path = Path(folder, name)
                inside = path.relative_to(self.root)
                fits = not glob or PurePosixPath(inside).match(glob)
                if fits and not path.is_symlink() and not secretive(inside.as_posix()):
                    yield path

    def undo(self, write: FileWrite) -> FileUndo:
        """Put back what was there before an agent's write, if nobody has changed the file since."""
        shown = clean_line(write.path)
        try:
            now = self.before(write.path)
            if now is None or hashlib.sha256(now.raw).hexdigest() != write.after:
                return FileUndo(shown, False, "it was changed or removed since")
            if write.before is None:
                self.place(write.path).unlink()
            else:
                self.write(write.path, write.before, write.mode)
        except (Refused, Invalid, OSError) as error:
            return FileUndo(shown, False, str(error))
        return FileUndo(shown, True)


def _lines(text: str) -> list[str]:
    """Its lines by their ends alone: what only some programs take for an end stays to be seen."""
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def secretive(name: str) -> bool:
    """Whether a file by its name holds secrets, and is shown to no agent without a person's yes."""
    return bool(_SECRET.search(_plain(name)))


def runs_by_itself(name: str) -> str:
    """Why a write there is always asked about; empty when it is not."""
    found = _CODE.search(_plain(name))
    return f"{found[2]} holds what runs, or what agents are told" if found else ""


def _plain(name: str) -> str:
    """A path as the most forgiving file system reads it: case, forms of letters and unseen ones do not matter."""
    return _IGNORED.sub("", unicodedata.normalize("NFKC", name)).casefold()
