"""A real homeserver for tests: Synapse, from packages, in an environment of its own, on this machine only."""

from __future__ import annotations

import base64
import fcntl
import hashlib
import hmac
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import cast

ROOT = Path(__file__).resolve().parents[2]
PYTHON = Path(os.environ.get("CIS_SYNAPSE_PYTHON") or ROOT / ".synapse" / "bin" / "python")
"""Read when this is imported: tests see no variable of ours."""
_FREE = {"per_second": 10_000, "burst_count": 10_000}
_PATIENCE = 60.0
_ROOM = 512 * 1024 * 1024
"""Bytes in memory that all servers of a test run find room in."""
_TRIES = 3
Json = dict[str, object]


@dataclass(frozen=True)
class Person:
    """An account on a homeserver."""

    name: str
    password: str
    id: str
    """Such as `@ann1:localhost:8448`."""


class Synapse:
    """One homeserver with its files in `root`. Only one that this process has started can be ended by it."""

    def __init__(
        self, root: Path, *, tls: tuple[Path, Path, Path] | None = None, settings: Mapping[str, object] | None = None
    ) -> None:
        """`tls`: certificates of an authority, this server's own, and its key, for a server that federates."""
        self.root = root
        self.root.mkdir(parents=True, exist_ok=True)
        self.database = root / "homeserver.db"
        self._tls = tls
        self._settings = dict(settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._people = 0
        if (root / "about.json").exists():
            self._recall()
        else:
            self._choose()

    def _choose(self) -> None:
        self.port, self._between = free_port(), free_port()
        self.secret = secrets.token_hex(16)
        seed = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
        (self.root / "signing.key").write_text(f"ed25519 a_test {seed}\n")
        about = {"port": self.port, "between": self._between, "secret": self.secret, "federates": self._tls is not None}
        (self.root / "about.json").write_text(json.dumps(about))
        self.name = f"localhost:{self._between if self._tls else self.port}"

    def _recall(self) -> None:
        about = json.loads((self.root / "about.json").read_text())
        self.port, self._between, self.secret = about["port"], about["between"], about["secret"]
        self.name = f"localhost:{self._between if about['federates'] else self.port}"

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    @cached_property
    def _worker(self) -> str:
        return os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw") + secrets.token_hex(2)

    def person(self, name: str = "ann") -> Person:
        """A new account, with a name that nobody else has."""
        self._people += 1
        name = f"{name}{self._worker}{self._people}"
        password = secrets.token_hex(8)
        return Person(name, password, self.register(name, password))

    def register(self, name: str, password: str, *, admin: bool = False) -> str:
        """Make an account; gives its id."""
        nonce = str(self.ask("GET", "/_synapse/admin/v1/register")["nonce"])
        parts = (nonce, name, password, "admin" if admin else "notadmin")
        mac = hmac.new(self.secret.encode(), "\0".join(parts).encode(), hashlib.sha1).hexdigest()
        wanted = {"nonce": nonce, "username": name, "password": password, "admin": admin, "mac": mac}
        return str(self.ask("POST", "/_synapse/admin/v1/register", wanted)["user_id"])

    def ask(self, method: str, path: str, body: object = None, *, token: str = "") -> Json:
        """What it answers; of an error too, which has `errcode`."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        try:
            with _opener().open(request, timeout=30) as answer:
                return cast("Json", json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return cast("Json", json.loads(error.read() or b"{}"))

    def token(self, person: Person, *, device: str = "") -> str:
        """Log somebody in, as another client would."""
        wanted: Json = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": person.name},
            "password": person.password,
        }
        if device:
            wanted["device_id"] = device
        return str(self.ask("POST", "/_matrix/client/v3/login", wanted)["access_token"])

    def start(self) -> None:
        """Bring it up, from the database that is there if one is; returns when it answers."""
        _check_installed()
        (self.root / "homeserver.yaml").write_text(json.dumps(self._config(), indent=1))  # JSON is YAML
        (self.root / "log.json").write_text(json.dumps(_LOG))
        env = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
        with open(self.root / "output.log", "ab") as output:
            self._process = subprocess.Popen(
                [PYTHON, "-m", "synapse.app.homeserver", "-c", "homeserver.yaml"],
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=env,
            )
        deadline = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"Synapse did not start:\n{(self.root / 'output.log').read_text()[-3000:]}")
            time.sleep(0.05)

    def _answers(self) -> bool:
        try:
            with _opener().open(self.url + "/health", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    def stop(self) -> None:
        """End it, as its administrator would."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Let it neither answer nor hang up."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        self._process = None

    def _config(self) -> Json:
        listeners = [_listener(self.port, "client")]
        if self._tls:
            listeners.append(_listener(self._between, "federation", tls=True))
        config: Json = {
            "server_name": self.name,
            "public_baseurl": f"{self.url}/",
            "pid_file": str(self.root / "homeserver.pid"),
            "report_stats": False,
            "listeners": listeners,
            "database": {"name": "sqlite3", "args": {"database": str(self.database)}},
            "media_store_path": str(self.root / "media"),
            "signing_key_path": str(self.root / "signing.key"),
            "macaroon_secret_key": self.secret,
            "form_secret": self.secret,
            "registration_shared_secret": self.secret,
            "enable_registration": False,
            "bcrypt_rounds": 4,
            "trusted_key_servers": [],
            "suppress_key_server_warning": True,
            "url_preview_enabled": False,
            "presence": {"enabled": False},
            "background_updates": {"sleep_enabled": False},
            "log_config": str(self.root / "log.json"),
            "max_upload_size": "20M",
            **_LIMITS,
        }
        return config | (_federation(*self._tls) if self._tls else {}) | self._settings


_LIMITS: Mapping[str, object] = {
    "rc_message": _FREE,
    "rc_registration": _FREE,
    "rc_room_creation": _FREE,
    "rc_login": {"address": _FREE, "account": _FREE, "failed_attempts": _FREE},
    "rc_joins": {"local": _FREE, "remote": _FREE},
    "rc_joins_per_room": _FREE,
    "rc_invites": {"per_room": _FREE, "per_user": _FREE, "per_issuer": _FREE},
    "rc_key_requests": _FREE,
    "rc_media_create": _FREE,
}
"""Far above what tests do; a test of limits gives its own."""


_LOG = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"output": {"class": "logging.StreamHandler"}},
    "root": {"level": "WARNING", "handlers": ["output"]},
}


def _listener(port: int, what: str, *, tls: bool = False) -> Json:
    resources = [{"names": [what], "compress": False}]
    return {"port": port, "bind_addresses": ["127.0.0.1"], "type": "http", "tls": tls, "resources": resources}


def _federation(authority: Path, certificate: Path, key: Path) -> Json:
    """Real certificates that are really verified, and waits that suit a test."""
    return {
        "tls_certificate_path": str(certificate),
        "tls_private_key_path": str(key),
        "federation_custom_ca_list": [str(authority)],
        "ip_range_blacklist": [],
        "federation_ip_range_blacklist": [],
        "allow_public_rooms_over_federation": True,
        "federation": {
            "client_timeout": "10s",
            "max_short_retries": 2,
            "max_long_retries": 2,
            "max_short_retry_delay": 500,
            "max_long_retry_delay": "2s",
            "destination_min_retry_interval": "1s",
            "destination_retry_multiplier": 2,
            "destination_max_retry_interval": "5s",
        },
        "rc_federation": {
            "window_size": 1000,
            "sleep_limit": 10_000,
            "sleep_delay": 1,
            "reject_limit": 100_000,
            "concurrent": 100,
        },
    }


def free_port() -> int:
    """A port that nobody listens on now, and none that the system hands out: until a server listens, seconds pass."""
    while True:
        port = 10_000 + secrets.randbelow(22_000)
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))


def data_folder() -> Path:
    """A new folder for servers, in memory where there is room: what is slow in Synapse is to sync its database."""
    memory = Path("/dev/shm")
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    return Path(tempfile.mkdtemp(prefix="cis-synapse-", dir=memory if has_room else None))


def make_server(root: Path, **options: object) -> Synapse:
    """A server that was not started yet, with the tables of a new one: making them takes it three seconds."""
    server = Synapse(root, **options)  # pyright: ignore[reportArgumentType] # handed through
    shutil.copy(_template(), server.database)
    return server


def _template() -> Path:
    """The database of a server that nobody has used, beside the programs that made it."""
    _check_installed()
    folder = PYTHON.parent.parent
    path = folder / "template-1.db"
    with _alone(folder / "template.lock"):
        if not path.exists():
            made = Synapse(data_folder())
            try:
                made.start()
                _settle(made)
                made.stop()
                shutil.copy(made.database, path.with_suffix(".tmp"))
                path.with_suffix(".tmp").replace(path)
            finally:
                shutil.rmtree(made.root)
    return path


def _check_installed() -> None:
    if not PYTHON.exists():
        raise FileNotFoundError(f"{PYTHON}: no homeserver to test with; `just synapse` installs it")


def _settle(server: Synapse) -> None:
    """Let a new server do what it does in the background to a new database: each copy would do it again."""
    deadline = time.monotonic() + _PATIENCE
    with closing(sqlite3.connect(f"file:{server.database}?mode=ro", uri=True)) as database:
        while database.execute("SELECT count(*) FROM background_updates").fetchone()[0]:
            if time.monotonic() > deadline:
                return
            time.sleep(0.1)


@contextmanager
def _alone(path: Path) -> Generator[None]:
    with open(path, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


# Servers that all workers of a test run share


@contextmanager
def shared(folder: Path, what: str) -> Generator[list[Synapse]]:
    """The servers of a test run, `one` or `federation`, which end when the last of its processes has let go of them.

    A process that keeps them watches a lock that everybody shares; so even a worker that was killed lets go.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / f"{what}.use", "a") as use:
        fcntl.flock(use, fcntl.LOCK_SH)
        told = folder / f"{what}.json"
        with _alone(folder / f"{what}.start"):
            if not told.exists():
                _start_keeper(folder, what, told)
        yield [Synapse(Path(root)) for root in json.loads(told.read_text())]


def _start_keeper(folder: Path, what: str, told: Path) -> None:
    with open(folder / f"{what}.log", "ab") as output:
        keeper = subprocess.Popen(
            [sys.executable, "-m", __name__, str(folder), what],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env={**os.environ, "CIS_SYNAPSE_PYTHON": str(PYTHON)},
        )
    while not told.exists():
        if keeper.poll() is not None:
            raise RuntimeError((folder / f"{what}.log").read_text()[-3000:])
        time.sleep(0.05)
    keeper.returncode = 0  # it outlives this process, and nobody is to warn of that


def _keep(folder: Path, what: str) -> None:
    from tests.matrix.certificates import make_certificates

    data, servers = data_folder(), list[Synapse]()
    try:
        if what == "one":
            servers.append(make_server(data / "one"))
        else:
            tls = make_certificates(data)
            servers += [make_server(data / name, tls=tls) for name in ("left", "right")]
        for server in servers:
            server.start()
        told = folder / f"{what}.json"
        told.with_suffix(".tmp").write_text(json.dumps([str(server.root) for server in servers]))
        told.with_suffix(".tmp").replace(told)
        with open(folder / f"{what}.use", "a") as use:
            fcntl.flock(use, fcntl.LOCK_EX)
            told.unlink()
    finally:
        for server in servers:
            server.stop()
        shutil.rmtree(data, ignore_errors=True)


if __name__ == "__main__":
    _keep(Path(sys.argv[1]), sys.argv[2])
