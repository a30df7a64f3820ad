"""`cis memory`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cis_tui.cli import memory
from cis_tui.cli.arguments import count
from cis_tui.cli.command import Command, Outcome
from cis_tui.cli.context import Context
from cis_tui.memory.records import Domain, IndexType

_GIVEN = tuple(kind.value for kind in IndexType if kind is not IndexType.FREQUENTLY_QUERIED)
"""The types that an entry is given; the other one it earns."""


def _key(parser: ArgumentParser) -> None:
    parser.add_argument("key", metavar="KEY")


def _domain(parser: ArgumentParser, help: str) -> None:
    parser.add_argument("--domain", choices=("private", "public"), help=help)


def _set(parser: ArgumentParser) -> None:
    _key(parser)
    parser.add_argument("value", metavar="VALUE", nargs="?", help="the value; - or none: what stdin holds")
    _domain(parser, "private: encrypted, stays here; public: shared with your own peers")
    parser.add_argument("--category", metavar="C", default="", help="a word of your own for the kind of thing it is")
    parser.add_argument("--pin", action="store_true", help="keep it when its week is archived")
    parser.add_argument("--type", choices=_GIVEN, help="what kind of thing it is, whatever it looks like")
    parser.add_argument("--yes", action="store_true", help="it is of that kind even if it looks Sensitive")


def _get(parser: ArgumentParser) -> None:
    _key(parser)
    parser.add_argument("--default", metavar="V", help="print this if there is no such key")


def _list(parser: ArgumentParser) -> None:
    parser.add_argument("prefix", metavar="PREFIX", nargs="?", default="", help="only keys that begin so")
    _domain(parser, "only this domain")
    parser.add_argument("--limit", metavar="N", type=count, default=memory.LIST_LIMIT, help="at most so many (1000)")


def _pin(parser: ArgumentParser) -> None:
    _key(parser)
    parser.add_argument("--off", action="store_true", help="no longer")


def _classify(parser: ArgumentParser) -> None:
    _key(parser)
    parser.add_argument("type", metavar="TYPE", nargs="?", choices=_GIVEN, help=f"one of {' '.join(_GIVEN)}")
    parser.add_argument("--yes", action="store_true", help="also if it is Sensitive now")


def _undo(parser: ArgumentParser) -> None:
    parser.add_argument("--last", metavar="N", type=count, default=1, help="so many changes, the newest first (1)")


def _resolve(parser: ArgumentParser) -> None:
    _key(parser)
    parser.add_argument("--keep", metavar="VERSION", default="", help="as conflicts and history call it (the current)")


def _pin_memory(context: Context, a: Namespace) -> int:
    from cis_tui.cli.changes import pin

    return pin(context, a.key, pinned=not a.off)


def _classify_memory(context: Context, a: Namespace) -> int:
    from cis_tui.cli.changes import classify

    return classify(context, a.key, a.type, yes=a.yes)


def _undo_memory(context: Context, a: Namespace) -> int:
    from cis_tui.cli.changes import undo

    return undo(context, last=a.last)


def _conflicts_memory(context: Context, a: Namespace) -> int:
    from cis_tui.cli.changes import conflicts

    return conflicts(context)


def _resolve_memory(context: Context, a: Namespace) -> int:
    from cis_tui.cli.changes import resolve

    return resolve(context, a.key, keep=a.keep)


def _export(parser: ArgumentParser) -> None:
    parser.add_argument("prefix", metavar="PREFIX", nargs="?", default="", help="only keys that begin so")
    parser.add_argument("-o", "--output", metavar="FILE", help="into this file, readable by you only (default: stdout)")
    parser.add_argument("--include-private", action="store_true", help="private entries too, in clear")
    parser.add_argument(
        "--include-sensitive",
        action="store_true",
        help="Sensitive entries too; without it one leaves only if PREFIX is its whole key",
    )


def _import(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", help='lines of {"key", "value", "domain"?, …}; - reads stdin')
    parser.add_argument("--skip-invalid", action="store_true", help="leave out lines that cannot be kept")
    parser.add_argument("--yes", action="store_true", help="what is Sensitive becomes what a line says that it is")


def _export_memory(context: Context, a: Namespace) -> int:
    from cis_tui.cli.transfer import export

    return export(context, a.prefix, output=a.output, private=a.include_private, sensitive=a.include_sensitive)


def _import_memory(context: Context, a: Namespace) -> int:
    from cis_tui.cli.transfer import import_

    return import_(context, a.file, skip_invalid=a.skip_invalid, yes=a.yes)


def _stats(context: Context, a: Namespace) -> int:
    from cis_tui.cli.memory_stats import stats

    return stats(context)


def _archive(parser: ArgumentParser) -> None:
    parser.add_argument("--week", metavar="YYYY-Wnn", default="", help="this week, though it may not be due yet")


def _archive_weeks(context: Context, a: Namespace) -> int:
    from cis_tui.cli.archive import archive

    return archive(context, a.week)


def _search(parser: ArgumentParser) -> None:
    parser.add_argument("query", metavar="QUERY", help="words, or what it is about")
    parser.add_argument("--limit", metavar="N", type=count, default=10, help="at most so many (10)")
    _domain(parser, "only this domain")
    parser.add_argument("--prefix", metavar="PREFIX", default="", help="only keys that begin so")
    parser.add_argument("--category", metavar="C", default="", help="only of this category")
    parser.add_argument("--type", metavar="TYPE", choices=_GIVEN, help=f"only of this type: {', '.join(_GIVEN)}")


def _search_memory(context: Context, a: Namespace) -> int:
    from cis_tui.cli.finding import search
    from cis_tui.memory.queries import Query

    domain = Domain(a.domain) if a.domain else None
    type = IndexType(a.type) if a.type else None
    return search(context, Query(a.query, a.limit, domain, a.prefix, a.category, type))


def _reindex_memory(context: Context, _: Namespace) -> int:
    from cis_tui.cli.finding import reindex

    return reindex(context)


def _rekey(parser: ArgumentParser) -> None:
    ways = parser.add_mutually_exclusive_group()
    ways.set_defaults(kept="")
    for way, help in (
        ("passphrase", "keep the new key by a passphrase: CIS_NEW_PASSPHRASE, or typed twice"),
        ("keyring", "keep it in the keyring of this account"),
        ("file", "keep it in a file that only this account can read"),
    ):
        ways.add_argument(f"--{way}", action="store_const", const=way, dest="kept", help=help)


def _lock(context: Context, arguments: Namespace) -> Outcome:
    from cis_tui.cli.memory_keys import lock

    return lock(context, arguments)


def _unlock(context: Context, arguments: Namespace) -> Outcome:
    from cis_tui.cli.memory_keys import unlock

    return unlock(context, arguments)


def _change_key(context: Context, arguments: Namespace) -> Outcome:
    from cis_tui.cli.memory_keys import rekey

    return rekey(context, arguments)


COMMANDS = (
    Command(
        "set",
        "remember a value",
        lambda context, a: memory.set_(
            context, a.key, a.value, domain=a.domain, category=a.category, pin=a.pin, kind=a.type, yes=a.yes
        ),
        _set,
        for_skills=True,
    ),
    Command(
        "get",
        "print a value and nothing else",
        lambda context, a: memory.get(context, a.key, default=a.default),
        _get,
        for_skills=True,
    ),
    Command("delete", "forget a value; its history keeps it", lambda context, a: memory.delete(context, a.key), _key),
    Command(
        "list",
        "list what is remembered, by key",
        lambda context, a: memory.list_(context, a.prefix, domain=a.domain, limit=a.limit),
        _list,
        for_skills=True,
    ),
    Command("history", "every version of a value", lambda context, a: memory.history(context, a.key), _key),
    Command("stats", "what memory holds and how its layers do", _stats),
    Command("pin", "keep an entry when its week is archived", _pin_memory, _pin),
    Command("classify", "say what kind of thing an entry is, or ask", _classify_memory, _classify),
    Command("undo", "take back the last change of this node", _undo_memory, _undo),
    Command("conflicts", "keys that were changed in two places at once", _conflicts_memory),
    Command("resolve", "settle a conflict", _resolve_memory, _resolve),
    Command("search", "find by words and by meaning, best first", _search_memory, _search),
    Command("reindex", "check and rebuild what search uses", _reindex_memory),
    Command("export", "print entries as JSON lines, public ones unless told otherwise", _export_memory, _export),
    Command("import", "keep what JSON lines say, as new versions of this node", _import_memory, _import),
    Command("archive", "move old weeks into the archive, and drop what is too old", _archive_weeks, _archive),
    Command("lock", "let the engine forget the key of private memory", _lock),
    Command("unlock", "let the engine have it again, by its passphrase", _unlock),
    Command("rekey", "give private memory a new key, kept as before or as you say", _change_key, _rekey),
)
