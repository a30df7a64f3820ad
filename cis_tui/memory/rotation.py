"""A new data key for private memory. Killed at any moment, it has either not happened or is finished at the next use.

1. Every file is written anew, under the new key, beside the old one, and checked. A kill leaves files without meaning.
2. The key file is replaced: from here on the new key counts. A kill leaves `rotation` in the key file.
3. The new files take the places of the old ones, which needs no room and no key: `settle`.
4. The key file is written without `rotation`, and a keyring forgets the old key.

Whoever does 1 and 2 is alone with private memory (`key_lock.alone`). `settle` is done by anyone who uses it, before
anything else; several at once do no harm.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cis_tui.core.errors import CisError, Invalid, Refused
from cis_tui.core.paths import Home, private_dir, sync_dir
from cis_tui.memory.database import locked, reencrypt, remove
from cis_tui.memory.keyring_access import Keyring
from cis_tui.memory.keys import Kept, read_kept, write_kept

ARCHIVE = ".db.gz"
"""How the name of an archive ends, after its week."""
NEW = ".rekey-"
"""What the name of a file begins with that waits to take the place of another."""
Step = Callable[[int, int, str], None]
"""Told before each step: how many are done, how many there are, and what comes now."""


def rotate(home: Home, old: str, kept: Kept, new: Kept, new_key: str, keyring: Keyring | None, step: Step) -> int:
    """Put the key `new_key`, kept as `new` says, in the place of `old`; gives the number of files.

    The caller is alone with private memory, and no rotation is under way.

    Raises:
        CisError: a file is damaged (CIS-MEM-074), was (CIS-MEM-078), or cannot be written. Nothing was changed.
    """
    _check_set_aside(home)
    clear_leftovers(home)
    files = list(private_files(home))
    try:
        for number, path in enumerate(files):
            step(number, len(files), f"encrypting {path.name}")
            _prepare(path, old, new_key)
        for folder in {path.parent for path in files}:
            sync_dir(folder)
        retired = str(kept.get("account", ""))
        step(len(files), len(files), "changing the key")
        write_kept(home, {**new, "rotation": {"retired": retired}})
    except BaseException:
        if not _is_in_force(home, new):
            clear_leftovers(home)
            if keyring is not None and "account" in new:
                keyring.drop(str(new["account"]))
        raise
    settle(home, keyring, step)
    return len(files)


def settle(home: Home, keyring: Keyring | None, step: Step | None = None) -> None:
    """Finish a rotation whose key counts already, or clear away what one left that never came so far."""
    kept = read_kept(home)
    if kept is None or "rotation" not in kept:
        clear_leftovers(home)
        return
    left = list(_leftovers(home))
    for number, path in enumerate(left):
        if step is not None:
            step(number, len(left), f"moving {path.name.removeprefix(NEW)}")
        with suppress(FileNotFoundError):  # another process is settling too
            path.replace(path.with_name(path.name.removeprefix(NEW)))
    for folder in _folders(home):
        sync_dir(folder)
    if step is not None:
        step(len(left), len(left), "finishing")
    write_kept(home, {name: value for name, value in kept.items() if name != "rotation"})
    rotation = kept["rotation"]
    if keyring is not None and isinstance(rotation, dict) and rotation.get("retired"):  # pyright: ignore[reportUnknownMemberType]
        keyring.drop(str(rotation["retired"]))  # pyright: ignore[reportUnknownArgumentType]


@contextmanager
def undisturbed(home: Home) -> Generator[None]:
    """Keep the weekly archive, which asks for the key and then works on for long, from private memory meanwhile."""
    folder = home.memory / "archives" / "private"
    if not home.memory.is_dir():
        yield
        return
    private_dir(folder)
    with locked(folder):
        yield


def unsettled(home: Home, kept: Kept) -> bool:
    """Whether `settle` has something to do."""
    return "rotation" in kept or any(True for _ in _leftovers(home))


def clear_leftovers(home: Home) -> None:
    """Remove new files that never came to count."""
    for path in _leftovers(home):
        remove(path)


def private_files(home: Home) -> Iterator[Path]:
    """Every file that the data key opens."""
    for folder in _folders(home):
        for pattern in ("*.db", f"*{ARCHIVE}"):
            yield from sorted(path for path in folder.glob(pattern) if not path.name.startswith("."))


def _check_set_aside(home: Home) -> None:
    """See that no damaged file was set aside that only the present key can read, as far as it can be read at all.

    Raises:
        Refused: there is one (CIS-MEM-078).
    """
    folder = home.memory / "damaged" / "private"
    if any(path.is_file() for path in folder.rglob("*")):
        raise Refused(
            "CIS-MEM-078",
            f"{folder} holds damaged files that only the present key can open",
            hint=f"remove them, or move them away with a copy of {home.keys}",
        )


def _prepare(path: Path, old: str, new: str) -> None:
    target = path.with_name(NEW + path.name)
    try:
        if path.name.endswith(ARCHIVE):
            from cis_tui.memory.seal import rewrap

            rewrap(path, target, path.name.removesuffix(ARCHIVE), old, new)
        else:
            reencrypt(path, target, old, new)
    except Invalid as error:
        raise Invalid(
            "CIS-MEM-074",
            f"{error.message}; the key was not changed",
            hint="cis doctor tells what is wrong with it",
        ) from error


def _is_in_force(home: Home, new: Kept) -> bool:
    """Whether the key file, which may have been replaced before the failure, says what `new` says."""
    try:
        kept = read_kept(home)
    except CisError:
        return True
    return kept is not None and kept.get("check") == new.get("check")


def _folders(home: Home) -> list[Path]:
    return [folder for folder in (home.memory / "private", home.memory / "archives" / "private") if folder.is_dir()]


def _leftovers(home: Home) -> Iterator[Path]:
    for folder in _folders(home):
        for name in os.listdir(folder):
            if name.startswith(NEW):
                yield folder / name
