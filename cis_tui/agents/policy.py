"""Who decides about calls of tools: `policy.toml` in the home, by patterns, over the tools' own levels.

```toml
[tools]
"file_write:docs/*" = "mechanical"
"skill_*" = "confirmed"
"dag_run:deploy*" = "deny"
```
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from glob import escape
from pathlib import Path

from cis_tui.agents.model import ToolRule
from cis_tui.core.config import read_toml
from cis_tui.core.document import as_table
from cis_tui.core.errors import Invalid
from cis_tui.core.paths import Home, real, write_private
from cis_tui.core.text import clean_line, did_you_mean


class Level(StrEnum):
    """The levels of decisions that a call of a tool can have, and the one that forbids it."""

    MECHANICAL = "mechanical"
    RECOMMENDED = "recommended"
    CONFIRMED = "confirmed"
    DENY = "deny"


POLICY_FILE = "policy.toml"
_STRICT = (Level.DENY, Level.CONFIRMED, Level.RECOMMENDED, Level.MECHANICAL)


@dataclass(frozen=True, slots=True)
class Policy:
    """The person's rules."""

    rules: Mapping[str, Level]
    """Pattern to level."""

    def level(self, tool: str, about: str, default: Level) -> Level:
        """Who decides about a call: what denies wins, then the longest pattern that fits, of two the stricter one."""
        fitting = [(pattern, level) for pattern, level in self.rules.items() if covers(pattern, tool, about)]
        if any(level is Level.DENY for _, level in fitting):
            return Level.DENY
        if not fitting:
            return default
        longest = max(len(pattern) for pattern, _ in fitting)
        return strictest(level for pattern, level in fitting if len(pattern) == longest)

    def denies(self, tool: str, about: str) -> bool:
        """Whether a call is forbidden."""
        return self.level(tool, about, Level.MECHANICAL) is Level.DENY

    def asks(self, tool: str, about: str) -> bool:
        """Whether a call that is free by itself is not."""
        return self.level(tool, about, Level.MECHANICAL) is not Level.MECHANICAL


def strictest(levels: Iterable[Level]) -> Level:
    """The one of them that lets the least happen."""
    return min(levels, key=_STRICT.index)


def covers(pattern: str, tool: str, about: str) -> bool:
    """Whether a pattern, `TOOL` or `TOOL:ABOUT`, fits a call; a path with `..` is fitted by no pattern for paths."""
    name, colon, rest = pattern.partition(":")
    if not fnmatchcase(tool, name):
        return False
    return not colon or (".." not in about.split("/") and fnmatchcase(about, rest))


def patterns_for(tool: str, about: str) -> tuple[str, ...]:
    """Patterns that fit a call, the narrowest first: just this, and what lies beside a path; none for what has no name.

    What the call is about stands for itself: a file that is called `*` is one file.
    """
    if not about.strip() or clean_line(about) != about or ".." in about.split("/") or len(about) > 200:
        return ()
    exact = f"{escape(tool)}:{escape(about)}"
    folder = about.rpartition("/")[0]
    return (exact, f"{escape(tool)}:{escape(folder)}/*") if folder else (exact,)


def load_policy(home: Home) -> Policy:
    """The person's policy; empty without a file. May block.

    Raises:
        Invalid: the file is broken (CIS-CORE-043), or a rule is (CIS-AGENT-027): then nothing is allowed by it.
    """
    path = home.root / POLICY_FILE
    rules: dict[str, Level] = {}
    for pattern, said in as_table(read_toml(path).get("tools")).items():
        rules[pattern] = parse_level(said, f"{path}: {clean_line(pattern, limit=100)}")
    return Policy(rules)


def parse_level(said: object, where: str) -> Level:
    """The level that a text names.

    Raises:
        Invalid: there is no such level (CIS-AGENT-027).
    """
    if isinstance(said, str) and said in set(Level):
        return Level(said)
    hint = did_you_mean(said, Level) if isinstance(said, str) else ""
    raise Invalid("CIS-AGENT-027", f"{where} is {said!r:.60}, expected {' or '.join(Level)}", hint=hint)


def add_rule(home: Home, pattern: str, level: Level) -> None:
    """Write one rule into the policy, whose comments stay. May block.

    Raises:
        Invalid: the pattern names no tool (CIS-AGENT-027), or the file is broken.
    """
    import tomlkit

    if not pattern.strip() or len(pattern) > 500 or clean_line(pattern) != pattern or pattern.startswith((":", "*")):
        raise Invalid("CIS-AGENT-027", f"{pattern!r:.100} is no pattern for calls", hint='such as "file_write:docs/*"')
    load_policy(home)
    path = home.root / POLICY_FILE
    document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
    table = document.setdefault("tools", tomlkit.table())
    table[pattern] = level.value
    write_private(real(path), tomlkit.dumps(document).encode())


def told(policy: Policy, defaults: Mapping[str, Level], path: Path) -> tuple[ToolRule, ...]:
    """What holds for every tool, and the person's rules, for people."""
    own = [ToolRule(pattern, level.value, str(path)) for pattern, level in sorted(policy.rules.items())]
    return (
        *own,
        *(ToolRule(name, level.value) for name, level in sorted(defaults.items()) if name not in policy.rules),
    )
