"""The short way to the commands that scripts call in loops: no argparse, asyncio, pydantic, rich or textual.

Whatever is not plain here - help, an unknown option, a wrong number of words - is left to the full parser, which knows
the same commands and says what is wrong.
"""

from __future__ import annotations

_COMMON = {"--home", "--project"}
_VALUES = {
    "get": {"--default"},
    "set": {"--domain", "--category"},
    "list": {"--domain", "--limit"},
    "history": set[str](),
}
_WORDS = {"get": (1, 1), "set": (1, 2), "list": (0, 1), "history": (1, 1)}
"""How many words a command takes, at least and at most."""
_DIGITS = 18
"""`arguments.MAX_DIGITS`, without loading what that module loads."""


def run(argv: list[str]) -> int | None:
    """The exit code, or None when the full parser is to look at `argv`."""
    if argv == ["--version"]:
        from cis_tui import __version__

        print(f"cis {__version__}")
        return 0
    parsed = parse(argv) if "memory" in argv[:6] else None
    if parsed is None:
        return None
    command, words, options = parsed
    from cis_tui.cli import memory
    from cis_tui.cli.context import Context
    from cis_tui.cli.output import utf8_streams

    utf8_streams()
    context = Context(json="--json" in options, home=options.get("--home"), project=options.get("--project"))
    domain = options.get("--domain")
    if command == "get":
        return memory.get(context, words[0], default=options.get("--default"))
    if command == "history":
        return memory.history(context, words[0])
    if command == "list":
        limit = int(options.get("--limit", memory.LIST_LIMIT))
        return memory.list_(context, words[0] if words else "", domain=domain, limit=limit)
    category, pin = options.get("--category", ""), "--pin" in options
    return memory.set_(context, *words, domain=domain, category=category, pin=pin)


def parse(argv: list[str]) -> tuple[str, list[str], dict[str, str]] | None:
    """The command, its words and its options; None when it is not plain."""
    words: list[str] = []
    options: dict[str, str] = {}
    rest = iter(argv)
    for word in rest:
        command = words[1] if len(words) > 1 else ""
        name, equals, value = word.partition("=")
        if not word.startswith("-") or word == "-":
            words.append(word)
        elif word == "--json" or (word == "--pin" and command == "set"):
            options[word] = ""
        elif name in _COMMON or name in _VALUES.get(command, ()):
            options[name] = value if equals else next(rest, "-")
        else:
            return None
    return _checked(words, options)


def _checked(words: list[str], options: dict[str, str]) -> tuple[str, list[str], dict[str, str]] | None:
    if len(words) < 2 or words[0] != "memory" or words[1] not in _WORDS:
        return None
    least, most = _WORDS[words[1]]
    plain = (
        least <= len(words) - 2 <= most
        and not any(value.startswith("-") for value in options.values())
        and all(options.get(name, name) for name in _COMMON)
        and options.get("--domain", "public") in ("private", "public")
        and options.get("--limit", "1").lstrip("0").isdecimal()
        and len(options.get("--limit", "")) <= _DIGITS
    )
    return (words[1], words[2:], options) if plain else None
