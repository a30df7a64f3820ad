"""Logging in and out: by password, or by a token of another client where there is SSO or a code."""

from __future__ import annotations

import asyncio

from cis_tui.core.errors import CisError, Invalid, NotFound, Refused
from cis_tui.core.identity import Identity
from cis_tui.core.paths import Home
from cis_tui.matrix import ledger
from cis_tui.matrix.account import Account, drop_account, homeserver_url, read_account, server_of, write_account
from cis_tui.matrix.client import MatrixClient
from cis_tui.matrix.entering import withdraw
from cis_tui.matrix.failures import MISSING
from cis_tui.matrix.store import Store


async def log_in(
    home: Home,
    *,
    homeserver: str = "",
    user: str = "",
    password: str = "",
    token: str = "",
    keep_password: bool = False,
) -> tuple[Account, str]:
    """Log in, and keep the login; gives it, and where its secrets are kept, `keyring` or `file`.

    `homeserver` is an address, or a server's name, of which is asked where its clients go (`.well-known`); it may be
    left out if `user` has the server in it. The device of an earlier login of the same account is used again.

    Raises:
        Invalid: what was given does not name a homeserver and an account (CIS-MATRIX-010, 013).
        Refused: somebody else is logged in (CIS-MATRIX-014), or the homeserver says no (CIS-MATRIX-002, 004).
        CisError: the homeserver is away (CIS-MATRIX-001), or wants to be asked less often (CIS-MATRIX-003).
    """
    before = await asyncio.to_thread(_before, home)
    url = await find_homeserver(homeserver or server_of(user))
    client = MatrixClient(url, token=token)
    try:
        if token:
            found, device = await client.whoami()
            if user and user not in (found, found[1:].partition(":")[0]):
                raise Invalid("CIS-MATRIX-013", f"that is a token of {found}, not of {user[:100]}")
        elif user and password:
            device = (
                before.device if before is not None and user in (before.user, before.user[1:].partition(":")[0]) else ""
            )
            found, device, token, told = await client.login(user, password, device=device)
            url = homeserver_url(told) if told else url
        else:
            raise Invalid("CIS-MATRIX-013", "a login needs a user and a password, or a token")
    finally:
        await client.close()
    if before is not None and before.user != found:
        hint = "cis matrix logout first: this node speaks by one account"
        raise Refused("CIS-MATRIX-014", f"{before.user} is logged in", hint=hint)
    account = Account(url, found, device, token, password if keep_password else "")
    return account, await asyncio.to_thread(write_account, home, account)


def _before(home: Home) -> Account | None:
    try:
        return read_account(home, secrets=False)
    except CisError:  # a damaged one is replaced
        return None


async def find_homeserver(text: str) -> str:
    """Where a homeserver answers, by its address or its name.

    Raises:
        Invalid: it is neither (CIS-MATRIX-010).
        CisError: nobody answers there.
    """
    if not text:
        raise Invalid("CIS-MATRIX-013", "which homeserver?", hint="give --homeserver, or --user as @name:server")
    url = homeserver_url(text)
    if "://" in text:
        return url
    client = MatrixClient(url)
    try:
        told = await client.discover()
    finally:
        await client.close()
    return homeserver_url(told) if told else url


async def log_out(home: Home, identity: Identity) -> tuple[str, str]:
    """Take back that the node speaks by the account, end the login there, and forget it here.

    Gives the account, and why the homeserver could not be told, empty if it was.

    Raises:
        NotFound: nobody is logged in (CIS-MATRIX-034).
    """
    problem = ""
    try:
        account = await asyncio.to_thread(read_account, home)
    except CisError as error:
        account, problem = await asyncio.to_thread(read_account, home, secrets=False), error.message
    if account is None:
        raise NotFound("CIS-MATRIX-034", "nobody is logged in")
    if account.token:
        problem = await _tell(home, identity, account)
    await asyncio.to_thread(drop_account, home)
    return account.user, problem


async def _tell(home: Home, identity: Identity, account: Account) -> str:
    store, client = Store(home.matrix_db), MatrixClient(account.homeserver, token=account.token)
    try:
        room = await store.read(lambda database: ledger.fact(database, "room"))
        if room:
            await withdraw(client, identity, account, room)
        await client.logout()
    except CisError as error:
        return "" if error.code == MISSING else error.message
    finally:
        await client.close()
        await asyncio.to_thread(store.close)
    return ""
