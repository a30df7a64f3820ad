"""`cis matrix`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING

from cis_tui.cli.arguments import count
from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json

if TYPE_CHECKING:
    from cis_tui.matrix.model import MatrixSent

_LONGEST = 8_192
"""Bytes of a password or token."""


async def login(context: Context, arguments: Namespace) -> int:
    """`cis matrix login`."""
    from cis_tui.core.config import load_config
    from cis_tui.matrix.signing_in import log_in

    settings = load_config(context.home.config_file).settings.matrix
    homeserver, user = arguments.homeserver or settings.homeserver, arguments.user or settings.user
    password, token = _secrets(arguments, user)
    account, kept = await log_in(
        context.home.ensure(),
        homeserver=homeserver,
        user=user,
        password=password,
        token=token,
        keep_password=not arguments.forget_password,
    )
    await _reload(context)
    if context.json:
        told = {"homeserver": account.homeserver, "user": account.user, "device": account.device, "kept": kept}
        show_json({**told, "password_kept": bool(account.password)})
        return 0
    show(f"logged in as {account.user} at {account.homeserver}, device {account.device}")
    where = "the keyring" if kept == "keyring" else "keys/matrix.json in the home, for your eyes only"
    note(f"the {'token and the password are' if account.password else 'token is'} kept in {where}")
    return 0


def _secrets(arguments: Namespace, user: str) -> tuple[str, str]:
    """Password and token, one of them empty, from where the person says that it is."""
    from cis_tui.cli.failure import usage

    ways = [arguments.password_stdin, arguments.token_stdin, bool(arguments.password_file)]
    if sum(ways) > 1:
        raise usage("give one of --password-stdin, --password-file and --token-stdin", "cis matrix login -h tells more")
    if arguments.token_stdin:
        return "", _line_of_stdin("token")
    if arguments.password_stdin:
        return _line_of_stdin("password"), ""
    if arguments.password_file:
        return _line_of_file(arguments.password_file), ""
    return _typed(user), ""


def _line_of_stdin(what: str) -> str:
    import sys

    from cis_tui.cli.failure import usage

    return _checked(sys.stdin.buffer.readline(_LONGEST)) or _none(
        usage(f"there is no {what} on stdin", "it is read from the first line")
    )


def _line_of_file(name: str) -> str:
    from cis_tui.core.errors import Invalid

    try:
        with open(name, "rb") as file:
            line = file.readline(_LONGEST)
    except OSError as error:
        raise Invalid("CIS-MATRIX-018", f"{name} cannot be read: {error.strerror}") from error
    return _checked(line) or _none(Invalid("CIS-MATRIX-018", f"{name} has no password in its first line"))


def _typed(user: str) -> str:
    from getpass import getpass

    from cis_tui.cli.failure import usage
    from cis_tui.cli.passphrase import on_terminal

    hint = "give --password-stdin, --password-file FILE or --token-stdin"
    if not on_terminal():
        raise usage("there is no terminal to ask for the password on", hint)
    try:
        typed = getpass(f"password of {user}: " if user else "password: ")
    except EOFError:
        typed = ""
    return typed or _none(usage("no password was typed", hint))


def _checked(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


def _none(error: Exception) -> str:
    raise error


async def _reload(context: Context) -> None:
    """Let a live engine take note of the login."""
    from cis_tui.api.launch import connect

    engine = await connect(context.home)
    if engine is not None:
        try:
            await engine.matrix_reload()
        finally:
            await engine.close()


async def logout(context: Context, arguments: Namespace) -> int:
    """`cis matrix logout`."""
    from cis_tui.core.identity import load_identity
    from cis_tui.matrix.signing_in import log_out

    user, problem = await log_out(context.home, load_identity(context.home.ensure()))
    await _reload(context)
    if context.json:
        show_json({"user": user, "problem": problem})
    else:
        show(f"{user} is logged out here")
        if problem:
            note(f"its homeserver could not be told: {problem}")
    return 0


async def status(context: Context, arguments: Namespace) -> int:
    """`cis matrix status`."""
    from cis_tui.cli.matrix import show_matrix
    from cis_tui.cli.offline_matrix import matrix_files

    async with matrix_files(context) as api:
        found = await api.matrix_status()
    show_json(found) if context.json else show_matrix(found)
    return 0


async def rooms(context: Context, arguments: Namespace) -> int:
    """`cis matrix rooms`."""
    from cis_tui.cli.matrix import show_rooms
    from cis_tui.cli.offline_matrix import matrix_files

    async with matrix_files(context) as api:
        found = await api.matrix_rooms()
    if context.json:
        show_json(found)
    elif found:
        show_rooms(found)
    else:
        note("no room was joined yet; an engine that is live joins the one in which nodes meet")
    return 0


async def members(context: Context, arguments: Namespace) -> int:
    """`cis matrix members`."""
    from cis_tui.cli.matrix import show_members
    from cis_tui.cli.offline_matrix import matrix_files

    async with matrix_files(context) as api:
        found = await api.matrix_members(arguments.room)
    show_json(found) if context.json else show_members(found)
    return 0


async def rejections(context: Context, arguments: Namespace) -> int:
    """`cis matrix rejections`."""
    from cis_tui.cli.matrix import show_rejections
    from cis_tui.cli.offline_matrix import matrix_files

    async with matrix_files(context) as api:
        found = await api.matrix_rejections(arguments.limit)
    if context.json:
        show_json(found)
    elif found:
        show_rejections(found)
    else:
        note("nothing was set aside")
    return 0


async def messages(context: Context, arguments: Namespace) -> int:
    """`cis matrix messages`."""
    from cis_tui.cli.matrix import show_messages
    from cis_tui.cli.offline_matrix import matrix_files

    async with matrix_files(context) as api:
        page = await api.matrix_messages(arguments.room, before=arguments.before, limit=arguments.limit)
    if context.json:
        show_json(page)
        return 0
    show_messages(page.messages)
    if page.problem:
        note(f"there may be more: {page.problem}")
    return 0


async def send(context: Context, arguments: Namespace) -> int:
    """`cis matrix send`: 0 once it is kept, though the homeserver may be away."""
    from cis_tui.cli.access import working
    from cis_tui.core.errors import Refused
    from cis_tui.matrix.model import SendState

    text = _text(arguments.text)
    async with working(context) as api:
        sent: MatrixSent = await api.matrix_send(text, room=arguments.room)
    if sent.state is SendState.FAILED:
        raise Refused("CIS-MATRIX-038", f"the homeserver does not take it: {sent.error}")
    if context.json:
        show_json(sent)
    elif sent.state is SendState.SENT:
        show(sent.event)
    else:
        note("the homeserver is away; it is sent when an engine is live and the homeserver is back")
    return 0


def _text(words: list[str]) -> str:
    import sys

    from cis_tui.cli.failure import usage

    text = sys.stdin.read(65_536) if words == ["-"] else " ".join(words)
    return text.strip("\n") or _none(usage("there is nothing to send", "cis matrix send TEXT…, or - for stdin"))


def _login(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--homeserver", metavar="URL", default="", help="its address, or the server's name (matrix.homeserver)"
    )
    parser.add_argument("--user", metavar="USER", default="", help="such as @ann:example.org, or ann (matrix.user)")
    parser.add_argument("--password-stdin", action="store_true", help="the password is the first line of stdin")
    parser.add_argument("--password-file", metavar="FILE", default="", help="it is the first line of a file")
    parser.add_argument("--token-stdin", action="store_true", help="an access token is, as another client shows it")
    parser.add_argument(
        "--forget-password",
        action="store_true",
        help="keep the token alone: a login that the homeserver ends is then made anew by you",
    )


def _room(parser: ArgumentParser) -> None:
    parser.add_argument("room", metavar="ROOM", nargs="?", default="", help="alias, name or id; else where nodes meet")


def _send(parser: ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", nargs="+", help="what to say; - reads stdin")
    parser.add_argument("--room", metavar="ROOM", default="", help="alias, name or id; else where nodes meet")


def _messages(parser: ArgumentParser) -> None:
    _room(parser)
    parser.add_argument("--limit", metavar="N", type=count, default=20, help="the last N messages (20)")
    parser.add_argument("--before", metavar="PLACE", default="", help="those before a page: what --json calls before")


def _limit(parser: ArgumentParser) -> None:
    parser.add_argument("--limit", metavar="N", type=count, default=50, help="at most so many, newest first (50)")


COMMANDS = (
    Command("login", "log in to a homeserver, by a password or a token", login, _login),
    Command("logout", "end the login, there and here", logout),
    Command("status", "homeserver, room, what waits, what was set aside", status),
    Command("rooms", "list the rooms that were joined", rooms),
    Command("members", "list who is in a room, with their nodes", members, _room),
    Command("rejections", "list events that were set aside, with the reasons", rejections, _limit),
    Command("messages", "show what was said last in a room", messages, _messages),
    Command("send", "say something in a room", send, _send),
)
