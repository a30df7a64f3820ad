"""What `cis doctor` looks at. A check changes nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from cis_tui.cli.context import Context
from cis_tui.core.errors import CisError
from cis_tui.core.paths import PROJECT_DIR, PROJECT_FILE, Home
from cis_tui.core.text import count


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report."""

    name: str
    state: str
    """ok, warn or fail."""
    message: str
    hint: str = ""
    """How to mend it."""


_UNLOCK = "set CIS_PASSPHRASE or CIS_PASSPHRASE_FILE"
_MEND = {
    "open": "cis doctor --repair closes it",
    "closed": "restore the keys folder, or the file, from a backup",
    "damaged": "cis doctor --repair salvages what can be read",
    "stale": "cis doctor --repair makes it anew from the logs",
    "gone": "restore it from a backup; else cis doctor --repair names what was in it, and misses it no more",
    "lost": "restore the file from a backup",
}
"""What mends which trouble of memory."""
_MODEL_SECONDS = 20.0
_NAMED = 20
"""Broken rows of the audit trail that are named."""
Checks: TypeAlias = Iterator[Check]


def examine(context: Context) -> list[Check]:
    """Every check; one that itself fails is a failed check and does not end the others."""
    found: list[Check] = []
    for name, check in _CHECKS.items():
        try:
            found += check(context)
        except CisError as error:
            found.append(Check(name, "fail", error.message, error.hint))
        except Exception as error:
            found.append(Check(name, "fail", f"{type(error).__name__}: {error}"))
    return found


def _home(context: Context) -> Checks:
    root = context.home.root
    if not root.exists():
        yield Check("home", "ok", f"{root} is not there yet; the first command that needs it makes it")
        return
    if root.stat().st_uid != os.geteuid():
        yield Check("home", "fail", f"{root} belongs to another user", "set CIS_HOME to a folder of your own")
        return
    open_paths = list(open_to_others(context.home))
    if open_paths:
        names = " ".join(str(path) for path in open_paths)
        yield Check("home", "fail", f"other users can get at {names}", f"chmod go-rwx {names}")
    else:
        yield Check("home", "ok", f"{root}, closed to others")


def open_to_others(home: Home) -> Iterator[Path]:
    """What of the home other users can get at, but for the inside of memory."""
    files = (
        home.config_file,
        home.trust_file,
        home.runs_db,
        home.matrix_db,
        home.engine_lock,
        home.engine_socket,
        home.log_file,
    )
    folders = (home.root, home.identity, home.keys, home.memory, home.peers_db.parent)
    inside = (
        path
        for folder in (home.identity, home.keys, home.peers_db.parent)
        if folder.is_dir()
        for path in folder.iterdir()
    )
    for path in (*folders, *files, *inside):
        if path.exists() and path.stat().st_mode & 0o077:
            yield path


def _config(context: Context) -> Checks:
    from cis_tui.core.config import load_config

    project = context.project
    file = project / PROJECT_DIR / PROJECT_FILE if project else None
    config = load_config(context.home.config_file, project_file=file)
    for warning in config.warnings:
        yield Check("config", "warn", warning, "cis config show lists the settings that exist")
    if not config.warnings:
        own = sum(value.source != "default" for value in config.values)
        yield Check("config", "ok", f"{own} settings of your own")


def _identity(context: Context) -> Checks:
    from cis_tui.core.identity import KEY_NAME, load_identity

    if (context.home.identity / KEY_NAME).exists():
        yield Check("identity", "ok", load_identity(context.home).did)
    else:
        yield Check("identity", "ok", "none yet; cis init makes one")


def _memory(context: Context) -> Checks:
    if not context.home.memory.is_dir():
        yield Check("memory", "ok", "nothing is remembered yet")
        return
    from cis_tui.cli.memory_keys import described
    from cis_tui.memory.check import check_memory
    from cis_tui.memory.data_key import borrowed
    from cis_tui.memory.service import MemoryService

    with borrowed(context.home) as key:
        problems = check_memory(context.home, key.get)
        state = key.state()
    for problem in problems:
        locked = "is locked" in problem.message
        mended = "open" if "by other users" in problem.message else problem.trouble
        hint = _UNLOCK if locked else _MEND[mended]
        yield Check("memory", "warn" if locked else "fail", problem.message, hint)
    if not problems:
        service = MemoryService(context.home)
        try:
            counts = service.counts()
        finally:
            service.close()
        yield Check("memory", "ok", ", ".join(f"{count} {domain}" for domain, count in counts.items()))
    if state.kept == "file":
        message = "the key of private memory lies in a file beside it: who has both can read it"
        yield Check("keys", "ok", message, "cis memory rekey --passphrase puts it under a passphrase")
    elif state.kept:
        yield Check("keys", "ok", f"private memory: {described(state)}")


def _search(context: Context) -> Checks:
    from cis_tui.memory.embedder import Embedder
    from cis_tui.memory.service import MemoryService

    embedder, service = Embedder(), MemoryService(context.home)
    try:
        problems = service.searcher.problems() if context.home.memory.is_dir() else []
        by_meaning = embedder.ready(_MODEL_SECONDS)
    finally:
        service.close()
        embedder.close()
    for problem in problems:
        yield Check("search", "warn", problem, "cis memory reindex")
    if not by_meaning:
        reason = embedder.failure or "the model does not load in time"
        yield Check("search", "warn", f"by words only: {reason}", "install cis again, with all that it depends on")
    elif not problems:
        yield Check("search", "ok", "by words and by meaning")


def _journal(context: Context) -> Checks:
    path = context.home.runs_db
    if not path.exists():
        yield Check("runs", "ok", "no run yet")
        return
    from cis_tui.dag import store

    try:
        with store.reading(path) as connection:
            verdict = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            runs = connection.execute("SELECT count(*) FROM runs").fetchone()[0]
    except store.Error as error:
        verdict, runs = str(error), 0
    if verdict == "ok":
        yield Check("runs", "ok", f"{runs} in the journal")
    else:
        yield Check("runs", "fail", f"{path} is damaged: {verdict}", "restore it from a backup, or move it away")


def _trail(context: Context) -> Checks:
    """The audit trail of decisions."""
    path = context.home.runs_db
    if not path.exists():
        return
    from itertools import islice

    from cis_tui.core.identity import load_identity
    from cis_tui.dag import store, trail_store

    with store.reading(path) as connection:
        rows = (
            connection.execute("SELECT count(*) FROM trail").fetchone()[0] if trail_store.has_trail(connection) else 0
        )
        found = list(islice(trail_store.breaks(connection, load_identity(context.home).did), _NAMED))
    for broken in found:
        hint = "somebody changed what was decided, or the disk did: compare it with a backup of runs.db"
        yield Check("decisions", "fail", f"the audit trail is broken: {broken}", hint)
    if not found:
        yield Check("decisions", "ok", f"the audit trail holds, {rows} rows")


def _engine(context: Context) -> Checks:
    from cis_tui.api.blocking import Line
    from cis_tui.core.lock import engine_live

    socket = context.home.engine_socket
    if not engine_live(context.home):
        left = ", and left its socket; the next one replaces it" if socket.exists() else ""
        yield Check("engine", "ok", f"not running{left}")
        return
    try:
        Line(str(socket)).close()
    except OSError as error:
        yield Check("engine", "fail", f"live, and does not answer: {error}", "cis engine stop ends it")
    else:
        yield Check("engine", "ok", "live, and answers")


def _project(context: Context) -> Checks:
    from cis_tui.project.session import ProjectSession
    from cis_tui.project.trust import TrustStore

    if context.project is None:
        yield Check("project", "ok", "none around this folder; cis init makes one")
        return
    session = ProjectSession(context.home, TrustStore(context.home), context.project)
    info = session.info()
    for problem in info.problems:
        yield Check("project", "fail" if problem.severity == "error" else "warn", str(problem))
    if info.pending:
        yield Check(
            "project", "warn", f"{count(info.pending, 'file')} may not run yet", f"look at them: cis trust {info.root}"
        )
    elif not info.problems:
        yield Check("project", "ok", f"{info.name}, trusted ({info.trust})")
    invalid = [dag.file for dag in session.dags() if not dag.runnable]
    for file in invalid:
        yield Check("dags", "warn", f"{file} has errors", f"cis dag validate {file}")
    if not invalid:
        yield Check("dags", "ok", f"{len(session.dags())} DAGs")


def _skills(context: Context) -> Checks:
    from cis_tui.skills.registry import find_skills

    found = find_skills(context.home, context.project)
    for skill in found.values():
        if skill.manifest is None:
            reason = str(skill.problems[0]) if skill.problems else "it cannot be read"
            yield Check("skills", "warn", reason, f"cis skill show {skill.name}")
    if "shell" not in found:
        yield Check("skills", "fail", "the shell skill is missing", "install cis again")
    else:
        yield Check("skills", "ok", f"{len(found)} can be called from here")


def _peers(context: Context) -> Checks:
    from cis_tui.p2p.model import Trust
    from cis_tui.p2p.peers_db import PeersDb

    book = PeersDb(context.home)
    try:
        known = [peer.status for peer in book.peers().values()]
    finally:
        book.close()
    problem = str(_asked(context, "peer_status").get("problem", ""))
    if problem:
        yield Check(
            "peers", "warn", f"the node could not start: {problem}", "cis engine stop; the next engine tries again"
        )
    elif not known:
        yield Check("peers", "ok", "none are known; cis peer pair makes two nodes peers")
    else:
        told = f"{known.count(Trust.ALLOWED)} may speak, {known.count(Trust.PENDING)} wait for your word"
        yield Check("peers", "ok", told)


def _matrix(context: Context) -> Checks:
    from cis_tui.matrix.account import read_account

    account = read_account(context.home)
    if account is None:
        yield Check("matrix", "ok", "nobody is logged in; cis matrix login meets nodes and people in a room")
        return
    told = _asked(context, "matrix_status")
    state, problem = str(told.get("state", "off")), str(told.get("problem", ""))
    if state in ("retrying", "auth-failed"):
        hint = (
            "cis matrix login logs in anew"
            if state == "auth-failed"
            else "cis matrix status tells when it is asked again"
        )
        yield Check("matrix", "warn", f"{account.user}: {problem}", hint)
    else:
        yield Check("matrix", "ok", f"{account.user} at {account.homeserver}, {state}")


def _asked(context: Context, what: str) -> dict[str, object]:
    """What a live engine answers; nothing if there is none."""
    from cis_tui.api.blocking import Line

    try:
        line = Line(str(context.home.engine_socket))
    except OSError:
        return {}
    try:
        return cast("dict[str, object]", line.call(what, {}))
    finally:
        line.close()


def _executors(context: Context) -> Checks:
    from importlib.util import find_spec

    from cis_tui.core.config import load_config

    settings = load_config(context.home.config_file).settings.dask
    files = {name: getattr(settings, name) for name in ("tls_ca", "tls_cert", "tls_key")}
    missing = [name for name, file in files.items() if not file or not os.access(os.path.expanduser(file), os.R_OK)]
    if find_spec("distributed") is None:
        yield Check("executors", "warn", "local only: distributed is missing", "install cis again, with all of it")
    elif any(files.values()) and missing:
        message = f"dask.{missing[0]} is not set, or no file that can be read: no cluster can be used"
        yield Check("executors", "warn", message, f"cis config set dask.{missing[0]} FILE")
    elif settings.insecure and not any(files.values()):
        message = "dask.insecure: commands and output go to other machines in clear, to whoever answers there"
        yield Check("executors", "warn", message, "set dask.tls_ca, dask.tls_cert and dask.tls_key")
    else:
        yield Check("executors", "ok", "local, dask" + (", dask:// with TLS" if any(files.values()) else ", dask://"))


def _sandbox(context: Context) -> Checks:
    from cis_tui.skills import kernel
    from cis_tui.skills.model import Permissions

    here = kernel.this_kernel()
    gaps = kernel.not_enforced(Permissions(), here)
    for gap in gaps:
        hint = "each call of a native skill is confirmed by a person; Linux 6.12 enforces all of it"
        yield Check("sandbox", "warn", f"not enforced here: {gap}", hint)
    if not gaps:
        yield Check("sandbox", "ok", f"native skills are held to their permissions by {kernel.in_words(here)}")


def _terminal(context: Context) -> Checks:
    if not sys.stdout.isatty():
        yield Check("terminal", "ok", "output goes to a file or pipe")
        return
    size = os.get_terminal_size(sys.stdout.fileno())
    term = os.environ.get("TERM", "")
    utf8 = "utf" in " ".join(os.environ.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG")).lower()
    if term in ("", "dumb"):
        yield Check("terminal", "warn", f'TERM is "{term}"', "the workspace needs a terminal such as xterm-256color")
    elif size.columns < 80 or size.lines < 24:
        yield Check("terminal", "warn", f"{size.columns}x{size.lines}", "the workspace is made for 80x24 and more")
    elif not utf8:
        yield Check("terminal", "warn", "the locale is not UTF-8", "set LANG, such as to C.UTF-8")
    else:
        yield Check("terminal", "ok", f"{term}, {size.columns}x{size.lines}")


def _local_model(context: Context) -> Checks:
    from importlib.metadata import version

    from cis_tui.agents.definitions import SMALL_MODEL, small_model

    file = small_model()
    if file is None:
        yield Check("local model", "ok", "not installed; docs/agents.md tells how to have one that needs no key")
    else:
        megabytes = file.stat().st_size / 1e6
        yield Check("local model", "ok", f"{SMALL_MODEL} ({megabytes:.0f} MB), run by xllamacpp {version('xllamacpp')}")


_CHECKS: dict[str, Callable[[Context], Checks]] = {
    "home": _home,
    "config": _config,
    "identity": _identity,
    "memory": _memory,
    "search": _search,
    "runs": _journal,
    "decisions": _trail,
    "engine": _engine,
    "peers": _peers,
    "matrix": _matrix,
    "project": _project,
    "skills": _skills,
    "local model": _local_model,
    "executors": _executors,
    "sandbox": _sandbox,
    "terminal": _terminal,
}
