"""What is said of attributes, in the string that stands below each in its module."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path


@cache
def setting_words() -> Mapping[str, str]:
    """What each setting is for, by its name, such as `ui.theme`."""
    from dataclasses import fields

    from cis_tui.core import config

    docs = attribute_docs(Path(config.__file__))
    kinds = {section.name: str(section.type) for section in fields(config.Settings)}
    return {
        f"{section}.{field}": " ".join(words.split())
        for section, kind in kinds.items()
        for (owner, field), words in docs.items()
        if owner == kind
    }


def attribute_docs(path: Path) -> dict[tuple[str, str], str]:
    """What stands below each attribute of each class of a module, by the names of both."""
    docs: dict[tuple[str, str], str] = {}
    for node in ast.parse(path.read_text("utf-8")).body:
        if not isinstance(node, ast.ClassDef):
            continue
        for item, after in zip(node.body, node.body[1:], strict=False):
            target = _target(item)
            if isinstance(target, ast.Name) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                docs[node.name, target.id] = str(after.value.value)
    return docs


def _target(item: ast.stmt) -> ast.expr | None:
    if isinstance(item, ast.AnnAssign):
        return item.target
    return item.targets[0] if isinstance(item, ast.Assign) else None
