"""The data key of private memory: made once, kept in three ways, never guessed."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

import pytest

from cis_tui.core.errors import CisError, Invalid, Refused, Unavailable
from cis_tui.core.paths import Home
from cis_tui.memory.database import raw_key
from cis_tui.memory.keyring_access import COMMAND, Keyring
from cis_tui.memory.keys import load_key
from tests.memory.support import memory, put, value_of

_FAKE_KEYRING = """
import pathlib, sys
folder, verb, account = sys.argv[1:]
path = pathlib.Path(folder, account)
if verb == "put":
    path.write_text(sys.stdin.readline().strip())
elif verb == "drop":
    path.unlink()
elif path.exists():
    print(path.read_text())
"""


def fake_keyring(store: Path) -> Keyring:
    """A keyring that is a folder."""
    store.mkdir()
    return Keyring((sys.executable, "-c", _FAKE_KEYRING, str(store)))


def key_file(home: Home) -> Path:
    return home.keys / "data.json"


def test_a_keyring_is_asked_without_code_of_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "keyring.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    Keyring(COMMAND).get("cis-test")
    assert not (tmp_path / "ran").exists()


def test_the_key_is_made_once_and_only_its_owner_can_read_it(home: Home) -> None:
    keys: set[str] = set()
    threads = [threading.Thread(target=lambda: keys.add(load_key(home, env={}))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 1
    assert len(bytes.fromhex(keys.pop())) == 32
    assert key_file(home).stat().st_mode & 0o777 == 0o600
    assert home.keys.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in home.keys.iterdir()] == ["data.json"]


def test_a_passphrase_given_at_the_beginning_wraps_the_key(home: Home, tmp_path: Path) -> None:
    key = load_key(home, env={"CIS_PASSPHRASE": "correct horse"})
    assert key not in key_file(home).read_text()
    before = key_file(home).read_bytes()
    file = tmp_path / "passphrase"
    file.write_text("correct horse\n")
    assert load_key(home, env={"CIS_PASSPHRASE_FILE": str(file)}) == key
    with pytest.raises(Unavailable) as wrong:
        load_key(home, env={"CIS_PASSPHRASE": "wrong"})
    with pytest.raises(Unavailable) as locked:
        load_key(home, env={})
    with pytest.raises(Unavailable) as unread:
        load_key(home, env={"CIS_PASSPHRASE_FILE": str(tmp_path / "none")})
    assert unread.value.message == f"CIS_PASSPHRASE_FILE: cannot read {tmp_path / 'none'}: No such file or directory"
    assert "CIS_PASSPHRASE_FILE" in unread.value.hint
    assert (wrong.value.code, locked.value.code) == ("CIS-MEM-021", "CIS-MEM-020")
    assert not wrong.value.retryable
    assert key_file(home).read_bytes() == before


def test_a_keyring_keeps_the_key_out_of_the_file(home: Home, tmp_path: Path) -> None:
    store = tmp_path / "store"
    keyring = fake_keyring(store)
    key = load_key(home, env={}, keyring=keyring)
    assert key not in key_file(home).read_text()
    assert load_key(home, env={}, keyring=keyring) == key
    (account,) = store.iterdir()
    account.write_text("0" * 64)
    with pytest.raises(Invalid, match="not the one it was made for"):
        load_key(home, env={}, keyring=keyring)
    account.unlink()
    with pytest.raises(Unavailable, match="keyring"):
        load_key(home, env={}, keyring=keyring)


@pytest.mark.parametrize("command", [("/does/not/exist",), (sys.executable, "-c", "raise SystemExit(1)")])
def test_without_a_keyring_that_works_the_key_is_in_the_file(home: Home, command: tuple[str, ...]) -> None:
    key = load_key(home, env={}, keyring=Keyring(command))
    assert json.loads(key_file(home).read_text())["key"] == key


def test_the_keyring_of_a_session_without_one_answers_no(home: Home) -> None:
    key = load_key(home, env={"DBUS_SESSION_BUS_ADDRESS": "unix:path=/does/not/exist"})
    assert json.loads(key_file(home).read_text())["key"] == key


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b'{"kept":"file"}',
        b'{"kept":"file","key":"00"}',
        b'{"kept":"keyring"}',
        b'{"kept":"passphrase","salt":"00","t":1,"m":99999999999,"p":1,"wrapped":""}',
        b'{"kept":"passphrase","salt":"00","t":1,"m":64,"p":"x","wrapped":""}',
    ],
)
def test_a_damaged_key_file_is_an_error_that_changes_nothing(home: Home, content: bytes) -> None:
    home.keys.mkdir()
    key_file(home).write_bytes(content)
    key_file(home).chmod(0o600)
    with pytest.raises(CisError) as caught:
        load_key(home, env={"CIS_PASSPHRASE": "x"})
    assert caught.value.code == "CIS-MEM-022"
    assert key_file(home).read_bytes() == content


def test_a_key_file_that_others_can_read_is_refused(home: Home) -> None:
    load_key(home, env={})
    key_file(home).chmod(0o644)
    with pytest.raises(Refused, match="chmod 600"):
        try:
            load_key(home, env={})
        except Refused as error:
            raise Refused(error.code, error.hint) from error


def test_a_lost_key_is_not_replaced_while_there_is_something_to_read_with_it(home: Home) -> None:
    with memory(home) as service:
        put(service, "note", "x")
    content = key_file(home).read_bytes()
    key_file(home).unlink()
    with memory(home) as service, pytest.raises(Unavailable, match="is missing"):
        put(service, "note", "y")
    assert not key_file(home).exists()
    key_file(home).write_bytes(content)
    key_file(home).chmod(0o600)
    with memory(home) as service:
        assert value_of(service, "note") == "x"


@pytest.mark.parametrize("key", ["", "0" * 62, "0" * 65, "x" * 64, "passphrase", "A" * 64])
def test_only_a_raw_key_reaches_the_cipher(key: str) -> None:
    with pytest.raises(Invalid):
        raw_key(key)
