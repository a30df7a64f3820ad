"""The errors of the program by code, as its source makes them: exit codes and messages."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cis_tui.core.errors import CisError, Exit
from tests.conftest import ROOT

CODE = re.compile(r"CIS-[A-Z0-9]+-\d{3}")
_KINDS = {CisError.__name__: CisError.exit} | {kind.__name__: kind.exit for kind in CisError.__subclasses__()}
_TOLD = re.compile(rf"(?P<message>.*) \((?P<code>{CODE.pattern})\)")
_LOOKED_AT = (
    ast.Assign,
    ast.Call,
    ast.ClassDef,
    ast.Constant,
    ast.FunctionDef,
    ast.ImportFrom,
    ast.JoinedStr,
    ast.Tuple,
)

_NEAR = 12
"""Lines within which a message was put together that is in a variable."""


class Made(NamedTuple):
    """One place where an error gets its code."""

    code: str
    exit: Exit | None
    message: str
    """`…` stands for what is not known before it happens."""


class Module:
    """What of a module says which errors it makes."""

    def __init__(self, path: Path, text: str) -> None:
        self.name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        self.nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, _LOOKED_AT)]
        self.codes: dict[str, str] = {}
        """By the name under which this module knows them."""
        self.texts: dict[tuple[str, int], ast.expr] = {}
        """What variables are given, by name and line."""
        self.kinds: dict[str, str] = {}
        """Classes, and functions with one error as their result, by name: what they are, or make."""
        for node in self.nodes:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))) if CODE.fullmatch(
                    text
                ):
                    self.codes[name] = text
                case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str()) | ast.JoinedStr()):
                    self.texts[name, node.lineno] = node.value
                case ast.ClassDef(name=name, bases=[ast.Name(id=base), *_]):
                    self.kinds[name] = base
                case ast.FunctionDef(name=name, returns=ast.Name(id=kind)):
                    self.kinds[name] = kind
                case _:
                    pass


@cache
def errors() -> Mapping[str, set[Made]]:
    """Everything that has a code, by code."""
    texts = {path: path.read_text("utf-8") for path in sorted((ROOT / "cis_tui").rglob("*.py"))}
    names = {name for text in texts.values() for name in re.findall(r'^(\w+) = "CIS-', text, re.MULTILINE)}
    telling = re.compile(rf"CIS-|\b(?:{'|'.join(names)})\b|class \w+\((?:{'|'.join(_KINDS)})\)")
    modules = [Module(path, text) for path, text in texts.items() if telling.search(text)]
    named = {(module.name, name): code for module in modules for name, code in module.codes.items()}
    classes: dict[str, str] = {}
    for module in modules:
        classes |= {name: kind for name, kind in module.kinds.items() if name[0].isupper()}
        for node in module.nodes:
            if isinstance(node, ast.ImportFrom):
                known = {alias.name: named.get((node.module or "", alias.name)) for alias in node.names}
                module.codes |= {name: code for name, code in known.items() if code}
    found: defaultdict[str, set[Made]] = defaultdict(set)
    for module in modules:
        for made in _made(module, classes):
            found[made.code].add(made)
    return found


def _made(module: Module, classes: Mapping[str, str]) -> Iterator[Made]:
    kinds = {**module.kinds, **classes}
    for node in module.nodes:
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords):
                named = {keyword.arg: keyword.value for keyword in keywords}
                exit = _said(named.get("exit")) or _exit(name, kinds)
                args = [named["code"], *args] if "code" in named else args
                for code in _codes(args[0], module) if args else ():
                    yield Made(code, exit, _message(args[1], module) if exit and len(args) > 1 else "…")
            case ast.Tuple(elts=[first, second, *rest]):
                for code in _codes(first, module):
                    yield Made(
                        code, next(filter(None, map(_said, rest)), _usual(module, kinds)), _message(second, module)
                    )
            case ast.JoinedStr():  # what a task is said to have failed with
                told = _TOLD.fullmatch(_message(node, module))
                if told is not None:
                    yield Made(told["code"], None, told["message"])
            case ast.Constant():  # also as a default, or where it is given to who makes an error of it
                yield from (Made(code, None, "…") for code in _codes(node, module))
            case _:
                pass


def _usual(module: Module, kinds: Mapping[str, str]) -> Exit | None:
    """The exit code of the errors that are made of what a table of the module says."""
    for node in module.nodes:
        match node:
            case ast.Call(func=ast.Name(id=name), args=[ast.Name(id="code"), *_]) if exit := _exit(name, kinds):
                return exit
            case _:
                pass
    return None


def _codes(node: ast.expr, module: Module) -> tuple[str, ...]:
    match node:
        case ast.Constant(value=str(text)) if CODE.fullmatch(text):
            return (text,)
        case ast.Name(id=name) if name in module.codes:
            return (module.codes[name],)
        case ast.IfExp(body=body, orelse=other):
            return _codes(body, module) + _codes(other, module)
        case _:
            return ()


def _exit(name: str, kinds: Mapping[str, str]) -> Exit | None:
    """The exit code of the error that a class is, or that a function makes."""
    for _ in range(4):
        if name in _KINDS:
            return _KINDS[name]
        name = kinds.get(name, "")
    return None


def _said(node: ast.expr | None) -> Exit | None:
    match node:
        case ast.Attribute(value=ast.Name(id="Exit"), attr=name):
            return Exit[name]
        case _:
            return None


def _message(node: ast.expr, module: Module) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return re.sub(r"\{\w+\}", "…", text)
        case ast.JoinedStr(values=parts):
            return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
        case ast.IfExp(body=body):
            return _message(body, module)
        case ast.Name(id=name):
            lines = [line for known, line in module.texts if known == name and 0 <= node.lineno - line < _NEAR]
            return _message(module.texts[name, max(lines)], module) if lines else "…"
        case _:
            return "…"
