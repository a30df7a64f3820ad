"""Two workspaces, an engine each: what is typed in one is seen in the other, by way of a real homeserver."""

from __future__ import annotations

import asyncio
import os
from functools import partial
from pathlib import Path

from cis_tui.core.paths import Home, write_private
from cis_tui.matrix.account import Account, write_account
from tests.matrix.synapse import Person, Synapse
from tests.tui.helpers import attached, text_of, until

patiently = partial(until, seconds=60)


async def logged_in(server: Synapse, folder: Path, room: str, name: str) -> tuple[Home, Person]:
    """A home whose engine goes to the room."""
    person = await asyncio.to_thread(server.person, name)
    home = Home(folder / name).ensure()
    # A digest of memory would now and then be the last in the room, where the keys of the test mean a message.
    write_private(home.config_file, f'[matrix]\nroom = "{room}"\nshare = []\n'.encode())
    token = await asyncio.to_thread(server.token, person, device="D")
    write_account(home, Account(server.url, person.id, "D", token))
    return home, person


async def test_what_is_typed_in_one_workspace_is_seen_in_the_other(synapse: Synapse, tmp_path: Path) -> None:
    room = f"#seen-{os.urandom(4).hex()}"
    ann, ann_is = await logged_in(synapse, tmp_path, room, "ann")
    bob, bob_is = await logged_in(synapse, tmp_path, room, "bob")
    async with (
        attached(ann, None, size=(100, 30), peers_after=0.0) as (left, here),
        attached(bob, None, size=(100, 30), peers_after=0.0) as (right, there),
    ):
        await here.press("3", "m")
        await there.press("3", "m")
        await patiently(here, lambda: "● online" in text_of(left) and "2 members" in text_of(left))
        await patiently(there, lambda: "● online" in text_of(right) and "2 members" in text_of(right))

        await here.press(*"Shall we ship?", "enter")
        await patiently(there, lambda: "Shall we ship?" in text_of(right))
        assert f"? {ann_is.id}" in text_of(right), "a node that was not let in yet"
        await there.press("escape", "end", "r", *"not yet", "enter")
        await patiently(here, lambda: "not yet" in text_of(left))
        assert f"▏ {ann_is.id}: Shall we ship?" in text_of(left)
        assert f"{bob_is.id}" in text_of(left)

        await there.press("escape", "end", "e", *["backspace"] * 7, *"now", "enter")
        await patiently(here, lambda: "now (edited)" in text_of(left) and "not yet" not in text_of(left))
        await here.press("escape", "end", "x", "enter")
        await patiently(there, lambda: "👍 1" in text_of(right))
        await there.press("escape", "end", "D")
        await patiently(there, lambda: "Remove this message?" in text_of(right))
        await there.press("y")
        await patiently(here, lambda: "removed" in text_of(left) and "now" not in text_of(left))
        assert "▣ you" in text_of(left) and "▣ you" in text_of(right)
