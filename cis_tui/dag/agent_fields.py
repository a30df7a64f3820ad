"""The fields of a task that make it the work of an agent."""

from __future__ import annotations

from cis_tui.core.tables import Table
from cis_tui.dag.model import AgentUse

FIELDS = ("agent", "agent_runtime", "agent_config", "keep_agent", "reuse_agent")
EFFORTS = ("low", "medium", "high", "max")


def read_agent(table: Table) -> tuple[str, AgentUse | None, float | None]:
    """The prompt, who is asked, and the seconds that `agent_config` gives it; no agent for a task that asks none."""
    prompt = table.text("prompt").strip()
    config = table.table("agent_config")
    runs = [field for field in ("skill", "command", "dag") if field in table.data]
    use = AgentUse(
        name=table.line("agent") or table.line("agent_runtime") or config.line("provider_type"),
        model=config.line("model"),
        max_tokens=config.whole("max_tokens", 1, 1_000_000),
        temperature=config.number("temperature", 0, 2),
        effort=config.choice("effort", EFFORTS, ""),
        remember=config.line("remember"),
        keep=table.flag("keep_agent"),
        reuse=table.line("reuse_agent"),
    )
    timeout = config.number("timeout_secs", 0, 30 * 86_400, unit="seconds", above=True)
    config.finish()
    asked = [field for field in FIELDS if table.data.get(field) not in (None, False, {})]
    if not prompt:
        _without_prompt(table, asked, runs)
        return "", None, None
    for field in runs:
        message = f'"{field}" does not go with "prompt": an agent does this task'
        table.notes.error(table.at(field), message, "make two tasks of it, the one after the other")
    return prompt, use, timeout


def _without_prompt(table: Table, asked: list[str], runs: list[str]) -> None:
    instead = f"its {runs[0]} runs without an agent" if runs else "nobody is asked anything"
    for field in asked:
        if not runs and field in ("agent", "agent_runtime", "reuse_agent"):
            table.notes.error(table.at(field), 'a task for an agent has no "prompt"', 'prompt = "what it is to do"')
        else:
            table.notes.warn(table.at(field), f'"{field}" means nothing for a task without "prompt": {instead}')
