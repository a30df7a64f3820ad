"""The memory commands: what they do and print. Shared by the full parser and by the fast path (see `cli.fast`)."""

from __future__ import annotations

import os
import sys

from cis_tui.cli.output import note, show, show_json, table

TYPE_CHECKING = False  # the typing module would cost more than a third of the time of `memory get`
if TYPE_CHECKING:
    from cis_tui.cli.context import Context
    from cis_tui.cli.store import Item

LIST_LIMIT = 1000
"""Items that `cis memory list` shows unless told otherwise."""
_HIDDEN = "••••••"
_SHOWN = 80
"""Characters of a value in a listing."""


def get(context: Context, key: str, *, default: str | None = None) -> int:
    """`cis memory get`: the value and nothing else; bytes as they are, text with a newline."""
    if not context.json:
        value = _quick_value(context, key)
        if value is not None:
            _show_value(value)
            return 0
    from cis_tui.cli.store import open_store, plain_value

    with open_store(context) as store:
        item = store.get(key)
    if item is None and default is None:
        raise missing(key, hint=_why_gone(context))
    if context.json:
        show_json(item or {"key": key, "value": default})
    else:
        _show_value(plain_value(item) if item else default or "")
    return 0


def _quick_value(context: Context, key: str) -> str | bytes | None:
    """The value, when no engine is live and the files are in order; else None."""
    if context.door is not None or os.path.exists(context.socket_path):
        return None
    from cis_tui.memory.peek import peek

    return peek(os.path.dirname(context.socket_path), key)


def set_(
    context: Context,
    key: str,
    value: str | None = None,
    *,
    domain: str | None = None,
    category: str = "",
    pin: bool = False,
    kind: str | None = None,
    yes: bool = False,
) -> int:
    """`cis memory set`: the value given, or what stdin holds for `-` and when nothing is given."""
    from cis_tui.cli.store import open_store
    from cis_tui.memory.records import Domain, IndexType, MemoryWrite

    content = _from_stdin() if value == "-" or value is None else _text_or_bytes(os.fsencode(value))
    if value is None and not content:
        from cis_tui.core.errors import UsageError

        raise UsageError(
            "CIS-CLI-004", f'no value is given for "{key}"', hint="give a VALUE, or - and a value on stdin"
        )
    said = IndexType(kind) if kind else None
    write = MemoryWrite(key, content, Domain(domain) if domain else None, category, pin or None, said, yes)
    with open_store(context) as store:
        item = store.set(write)
    if context.json:
        show_json(item)
    else:
        show(f"Memory saved to {item['domain']} domain")
    if item["index_type"] == "Sensitive" and item["domain"] == "public":
        note(f"warning: {item['reason']}, and public memory is in clear on this disk; --domain private encrypts it")
    return 0


def delete(context: Context, key: str) -> int:
    """`cis memory delete`."""
    from cis_tui.cli.store import open_store

    with open_store(context) as store:
        if not store.delete(key):
            raise missing(key)
    show_json({"key": key, "deleted": True}) if context.json else show("Memory deleted; its history keeps the value")
    return 0


def list_(context: Context, prefix: str = "", *, domain: str | None = None, limit: int = LIST_LIMIT) -> int:
    """`cis memory list`."""
    from cis_tui.cli.store import open_store

    with open_store(context) as store:
        items, total, locked = store.list(prefix, domain, limit)
    if locked:
        note("private memory is locked: only public entries are listed")
    if context.json:
        # What is Sensitive leaves only when it is asked for by name: `cis memory get`.
        show_json([{**item, "value": None} if item["index_type"] == "Sensitive" else item for item in items])
        return 0
    if items:
        pins = {True: "pinned", False: ""}
        rows = [
            (i["key"], i["domain"], i["index_type"], i["week"], pins[i["pinned"] is True], preview(i)) for i in items
        ]
        table(("KEY", "DOMAIN", "TYPE", "WEEK", "", "VALUE"), rows)
    else:
        note("nothing is remembered" + (f" under {prefix}" if prefix else ""))
    if total > len(items):
        note(f"{total - len(items)} more; --limit {total} shows all")
    return 0


def history(context: Context, key: str) -> int:
    """`cis memory history`: newest first."""
    from cis_tui.cli.store import named, open_store

    with open_store(context) as store:
        items = store.history(key)
    if not items:
        raise missing(key)
    if context.json:
        show_json([named(item) for item in items])
        return 0
    head = ("VERSION", "WRITTEN", "WEEK", "DOMAIN", "ORIGIN", "", "VALUE")
    columns = ("name", "created_at", "week", "domain")
    table(head, [(*map(named(i).get, columns), _origin(i), _marks(i), preview(i)) for i in items])
    return 0


def _why_gone(context: Context) -> str:
    """What to do about an entry that is not there: it may have gone with a log that somebody removed."""
    if context.door is not None:
        return ""
    from cis_tui.core.errors import CisError
    from cis_tui.memory.check import is_log_gone
    from cis_tui.memory.data_key import borrowed

    try:
        with borrowed(context.home) as data_key:
            gone = is_log_gone(context.home, data_key.get)
    except CisError:
        gone = False
    return "a log of memory is gone: cis doctor says which" if gone else ""


def missing(key: str, hint: str = "") -> Exception:
    """The error for a key that holds nothing."""
    from cis_tui.core.errors import NotFound
    from cis_tui.core.text import clean_line

    hint = hint or "cis memory list shows all keys"
    return NotFound("CIS-MEM-001", f'there is no memory "{clean_line(key)}"', hint=hint)


def _show_value(value: str | bytes) -> None:
    """Write a value, not cleaned: what was stored is what a program gets."""
    data = value if isinstance(value, bytes) else value.encode("utf-8", "surrogateescape") + b"\n"
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def _from_stdin() -> str | bytes:
    """All of stdin; of text, without the newline that ends the last line, so that what `get` prints can be set."""
    from cis_tui.memory.records import MAX_VALUE

    if sys.stdin.isatty():
        note("reading the value from the terminal; Ctrl-D ends it")
    content = _text_or_bytes(sys.stdin.buffer.read(MAX_VALUE + 2))
    return content.removesuffix("\n") if isinstance(content, str) else content


def _text_or_bytes(data: bytes) -> str | bytes:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data


def preview(item: Item) -> str:
    """The beginning of a value, on one line; of a sensitive one nothing."""
    from cis_tui.cli.store import plain_value
    from cis_tui.core.text import clean_line

    if item["index_type"] == "Sensitive":
        return _HIDDEN
    value = plain_value(item)
    return clean_line(value[: _SHOWN * 2], limit=_SHOWN) if isinstance(value, str) else f"{len(value)} bytes"


def _origin(item: Item) -> str:
    origin = str(item["origin"])
    return origin if len(origin) <= 20 else f"…{origin[-8:]}"


def _marks(item: Item) -> str:
    marks = [name for name in ("deleted", "concurrent", "pinned") if item.get(name)]
    if item.get("undoes"):
        marks.append("undo")
    return ",".join(marks)
