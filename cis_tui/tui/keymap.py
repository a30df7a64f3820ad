"""What is wrong with `[keys]`: actions that there are not, and keys that mean two things at once."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from importlib import import_module
from inspect import getmembers, isclass

from textual.binding import Binding

from cis_tui.core.text import clean_line, did_you_mean

Scope = tuple[str, tuple[Binding, ...]]
"""A class with keys of its own, and those."""


def scopes() -> Iterator[Scope]:
    """Each class of the workspace that has keys. Reads every screen's module."""
    from cis_tui.tui import app, screens, widgets

    modules = [app]
    for package in (screens, widgets):
        modules += [
            import_module(f"{package.__name__}.{found.name}") for found in pkgutil.iter_modules(package.__path__)
        ]
    for module in modules:
        for name, member in getmembers(module, isclass):
            if member.__module__ == module.__name__ and "BINDINGS" in member.__dict__:
                yield name, tuple(each for each in member.__dict__["BINDINGS"] if isinstance(each, Binding) and each.id)


def complaints(keys: Mapping[str, str], known: Iterator[Scope] | None = None) -> list[str]:
    """What is wrong with `keys`, action to keys between commas; each in one line."""
    all_scopes = list(known if known is not None else scopes())
    ids = {str(binding.id) for _, bindings in all_scopes for binding in bindings}
    found: list[str] = []
    for action in keys:
        if action not in ids:
            hint = did_you_mean(action, ids) or "docs/reference.md lists them"
            found.append(f'there is no action "{clean_line(action, limit=60)}"; {hint}')
    anywhere = next((bindings for name, bindings in all_scopes if name == "CisApp"), ())
    for name, bindings in all_scopes:
        others = () if name == "CisApp" else anywhere
        found += _clashes(keys, bindings, others)
    return list(dict.fromkeys(found))


def _clashes(keys: Mapping[str, str], bindings: tuple[Binding, ...], anywhere: tuple[Binding, ...]) -> Iterator[str]:
    """Keys that were given to one action and belong to another one that can be meant at the same time."""
    for index, one in enumerate(bindings):
        for other in (*bindings[index + 1 :], *anywhere):
            if one.id == other.id or not (one.id in keys or other.id in keys):
                continue
            for key in sorted(_keys_of(one, keys) & _keys_of(other, keys)):
                yield f'"{clean_line(key, limit=30)}" means both {one.id} and {other.id}'


def _keys_of(binding: Binding, keys: Mapping[str, str]) -> set[str]:
    text = keys.get(str(binding.id), binding.key)
    return {key.strip() for key in text.split(",")}
