"""Where everything lies: the home of one person, the project around a folder, the data shipped with the program."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from cis_tui.core.errors import Invalid, Refused, cannot_write

PROJECT_DIR = ".cis"
PROJECT_FILE = "project.toml"
SYSTEM_SKILLS = Path("/usr/local/lib/cis/skills")


@dataclass(frozen=True, slots=True)
class Home:
    """One CIS home: everything of one person on one machine (contract, "Homes and files")."""

    root: Path

    @property
    def config_file(self) -> Path:
        return self.root / "config.toml"

    @property
    def identity(self) -> Path:
        return self.root / "identity"

    @property
    def keys(self) -> Path:
        return self.root / "keys"

    @property
    def memory(self) -> Path:
        return self.root / "memory"

    @property
    def peers_db(self) -> Path:
        return self.root / "p2p" / "peers.db"

    @property
    def matrix_db(self) -> Path:
        return self.root / "matrix.db"

    @property
    def matrix_keys(self) -> Path:
        """Keys of rooms that are encrypted, themselves encrypted."""
        return self.keys / "matrix"

    @property
    def runs_db(self) -> Path:
        return self.root / "runs.db"

    @property
    def runs(self) -> Path:
        """Output of tasks, one folder a run."""
        return self.root / "runs"

    @property
    def calls(self) -> Path:
        """Output of skills that were called outside of any run."""
        return self.root / "calls"

    @property
    def skill_copies(self) -> Path:
        """What the live engine runs skills from."""
        return self.root / "cache" / "skills"

    @property
    def skills(self) -> Path:
        return self.root / "skills"

    @property
    def compiled(self) -> Path:
        """The compiled modules of WASM skills; all of it can be made again."""
        return self.root / "cache" / "wasm"

    @property
    def themes(self) -> Path:
        return self.root / "themes"

    @property
    def trust_file(self) -> Path:
        return self.root / "trust.toml"

    @property
    def engine_lock(self) -> Path:
        return self.root / "engine.lock"

    @property
    def engine_socket(self) -> Path:
        return self.root / "engine.sock"

    @property
    def log_file(self) -> Path:
        return self.root / "log" / "cis.log"

    def _is_foreign(self) -> bool:
        """Whether the folder is in use for something else; one look, for other processes may be filling it."""
        names = (
            {path.name for path in self.root.iterdir() if path.suffix != ".tmp"} if self.root.is_dir() else set[str]()
        )
        return bool(names) and not names & _HOME_PARTS

    def ensure(self) -> Home:
        """Make the home's folder, private to its owner (0700).

        Raises:
            Refused: the folder belongs to somebody else, is in use for something else, or cannot be made (CIS-CORE-010,
                011, 013).
            Unavailable: the disk is full (CIS-CORE-012).
        """
        if self._is_foreign():
            raise Refused(
                "CIS-CORE-011",
                f"{self.root} holds other files and is no CIS home",
                hint="set CIS_HOME, or --home, to a new folder; it is made for you",
            )
        try:
            private_dir(self.root)
        except OSError as error:
            raise cannot_write(self.root, error) from error
        if self.root.stat().st_uid != os.geteuid():
            raise Refused(
                "CIS-CORE-010",
                f"{self.root} belongs to another user",
                hint="set CIS_HOME, or --home, to a folder of your own",
            )
        return self


_HOME_PARTS = frozenset(
    {
        "agents",
        "config.toml",
        "engine.lock",
        "identity",
        "keys",
        "log",
        "matrix.db",
        "memory",
        "p2p",
        "policy.toml",
        "runs.db",
        "skills",
        "themes",
        "trust.lock",
        "trust.toml",
        "workspace.json",
    }
)


def private_dir(path: Path) -> Path:
    """Make `path` and what is missing above it, and let only its owner in (0700)."""
    for folder in reversed([folder for folder in (path, *path.parents) if not folder.is_dir()]):
        folder.mkdir(exist_ok=True, mode=0o700)
    if path.stat().st_mode & 0o077:
        path.chmod(0o700)
    return path


def real(path: Path) -> Path:
    """Where `path` leads, which need not exist; a link that leads to itself leads nowhere, which is no error."""
    return Path(os.path.realpath(path))


def find_home(flag: str | None = None) -> Home:
    """The home that `--home`, else `CIS_HOME`, else `~/.cis` names; nothing is made."""
    named = flag or os.environ.get("CIS_HOME")
    return Home(Path(named).expanduser().absolute() if named else Path.home() / ".cis")


def find_project(start: Path) -> Path | None:
    """The nearest folder at or above `start` that has `.cis/project.toml`, or None."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / PROJECT_DIR / PROJECT_FILE).is_file():
            return folder
    return None


def shipped(name: str) -> Path:
    """The folder `name` (`themes`, `.cis`) that comes with the program, from the wheel or from the source tree."""
    package = Path(__file__).resolve().parent.parent
    inside = package / "_shipped" / name.lstrip(".")
    return inside if inside.is_dir() else package.parent / name


def theme_files(home: Home) -> dict[str, Path]:
    """The file of every theme by its name, which is the file's name."""
    files = {path.stem: path for path in sorted(shipped("themes").glob("*.toml"))}
    return files | {path.stem: path for path in sorted(home.themes.glob("*.toml"))}


def theme_file(themes: Mapping[str, Path], name: str) -> Path:
    """The file of the theme `name`, of `themes`.

    Raises:
        Invalid: there is none of that name (CIS-CORE-061).
    """
    if name not in themes:
        from cis_tui.core.text import clean_line, did_you_mean

        shown = clean_line(name, limit=80)
        near = did_you_mean(shown, themes)
        there_are = f"there are {', '.join(sorted(themes))}"
        hint = f"{near} {there_are}" if near else there_are
        raise Invalid("CIS-CORE-061", f'there is no theme "{shown}"', hint=hint)
    return themes[name]


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by `data`, atomically and durably, readable by its owner only (0600).

    Raises:
        Unavailable: the disk is full (CIS-CORE-012).
        Refused: it cannot be written (CIS-CORE-013).
    """
    try:
        private_dir(path.parent)
        with replacing(path) as file:
            file.write(data)
    except OSError as error:
        raise cannot_write(path, error) from error


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A new file (0600) that takes the place of `path`, complete and durable, when the block ends well.

    Where the file system can, it has no name until then: whatever happens, nothing is left of it.

    Raises:
        OSError: it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(path.parent, os.O_WRONLY | os.O_TMPFILE, 0o600)
        named = False
    except OSError:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        named = True
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            if not named:
                temporary.unlink(missing_ok=True)
                _name(file.fileno(), temporary)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_dir(path.parent)


def _name(descriptor: int, path: Path) -> None:
    """Give the open file that has no name yet the name `path`."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # With a folder given, Python follows the link in /proc to the file itself.
        os.link(f"/proc/self/fd/{descriptor}", path.name, dst_dir_fd=folder)
    finally:
        os.close(folder)


def sync_dir(path: Path) -> None:
    """Make a rename or a new name in the folder `path` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
