"""Which agents there are: those of the program, and those of the person's `$CIS_HOME/agents/*.toml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cis_tui.agents.keys import OFFICIAL, origin_of
from cis_tui.core.config import AgentSettings
from cis_tui.core.document import load_toml
from cis_tui.core.errors import Invalid, NotFound
from cis_tui.core.paths import Home
from cis_tui.core.problems import Severity
from cis_tui.core.tables import Table
from cis_tui.core.text import clean_line, did_you_mean

MESSAGES, PROGRAM, OFFLINE = "messages", "program", "offline"
CLAUDE, LOCAL = "claude", "local"
DEFAULT_MODEL = "claude-sonnet-5-5"
OLLAMA = "http://localhost:11434"


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    """One agent that can be asked."""

    name: str
    kind: str
    """messages, program or offline."""
    description: str = ""
    base_url: str = ""
    model: str = ""
    """Empty: the first one that the service lists."""
    max_tokens: int | None = None
    effort: str = ""
    temperature: float | None = None
    command: tuple[str, ...] = ()
    """Of a program: itself and its arguments."""
    env: tuple[str, ...] = ()
    """Names of variables that a program gets from the engine's environment, beside the harmless ones."""
    install: str = ""
    """How a program comes onto the machine, in words."""
    problem: str = ""
    """What is wrong with its file; it cannot be asked then."""

    @property
    def official(self) -> bool:
        """Whether it is the service of the library's makers."""
        return self.base_url == OFFICIAL

    @property
    def where(self) -> str:
        """The service's address, or the program's command."""
        return self.base_url or " ".join(self.command)


def find_agents(
    home: Home, settings: AgentSettings, *, env: Mapping[str, str] = os.environ
) -> dict[str, AgentDefinition]:
    """Every agent by name; the person's own files win over those of the program. May block."""
    found = {each.name: each for each in _built_in(settings, env)}
    for folder in (Path(__file__).parent / "programs", home.root / "agents"):
        for path in sorted(folder.glob("*.toml")):
            definition = _read(path)
            found[definition.name] = definition
    return found


def named(agents: Mapping[str, AgentDefinition], name: str) -> AgentDefinition:
    """The agent `name`.

    Raises:
        NotFound: there is none (CIS-AGENT-001).
        Invalid: its file is broken (CIS-AGENT-002).
    """
    if name not in agents:
        hint = did_you_mean(name, agents) or "cis agent list shows all"
        raise NotFound("CIS-AGENT-001", f'there is no agent "{clean_line(name, limit=60)}"', hint=hint)
    definition = agents[name]
    if definition.problem:
        raise Invalid("CIS-AGENT-002", definition.problem, hint="docs/agents.md tells what the file may say")
    return definition


def _built_in(settings: AgentSettings, env: Mapping[str, str]) -> tuple[AgentDefinition, ...]:
    official = env.get("ANTHROPIC_BASE_URL") or OFFICIAL
    claude = AgentDefinition(
        CLAUDE, MESSAGES, "Claude, through the Messages API", settings.base_url or official, DEFAULT_MODEL
    )
    local = AgentDefinition(
        LOCAL, MESSAGES, "a model on this machine: Ollama, llama.cpp, LM Studio", settings.base_url or OLLAMA
    )
    offline = AgentDefinition(OFFLINE, OFFLINE, "no model: what memory knows", model="none")
    return (*(_checked(_with_settings(each, settings)) for each in (claude, local)), offline)


def _with_settings(definition: AgentDefinition, settings: AgentSettings) -> AgentDefinition:
    return replace(definition, model=settings.model or definition.model, effort=settings.effort)


def _checked(definition: AgentDefinition) -> AgentDefinition:
    try:
        origin = origin_of(definition.base_url)
    except Invalid as error:
        return replace(definition, problem=error.message)
    # The library adds the path itself; that of Ollama and others is the same.
    return replace(definition, base_url=origin if definition.base_url.rstrip("/") == origin else definition.base_url)


def _read(path: Path) -> AgentDefinition:
    """One definition file; what is wrong with it becomes its problem."""
    data, notes = load_toml(path)
    top = Table(data, (), notes)
    agent = top.table("agent")
    command = agent.texts("command")
    definition = AgentDefinition(
        name=clean_line(path.stem, limit=60),
        kind=agent.choice("kind", (MESSAGES, PROGRAM), PROGRAM if command else MESSAGES),
        description=agent.line("description", limit=200),
        base_url=agent.text("base_url"),
        model=agent.line("model", limit=200),
        max_tokens=agent.whole("max_tokens", 1, 1_000_000),
        effort=agent.choice("effort", ("low", "medium", "high", "max"), ""),
        temperature=agent.number("temperature", 0, 2),
        command=command,
        env=agent.texts("env"),
        install=agent.line("install", limit=300),
    )
    agent.finish()
    top.finish()
    if not command and not definition.base_url:
        notes.error(("agent",), 'an agent needs "base_url", or "command" for a program that speaks ACP')
    wrong = [problem for problem in notes.problems if problem.severity is Severity.ERROR]
    if wrong:
        return replace(definition, problem=str(wrong[0]))
    return _checked(definition) if definition.kind == MESSAGES else definition
