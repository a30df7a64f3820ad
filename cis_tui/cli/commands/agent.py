"""`cis agent`."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json, table


async def list_agents(context: Context, arguments: Namespace) -> int:
    """`cis agent list`."""
    from cis_tui.cli.access import working

    async with working(context) as api:
        agents = await api.agent_list(context.project_path)
    if context.json:
        show_json(agents)
        return 0
    rows = [
        (
            f"{agent.name} *" if agent.default else agent.name,
            agent.kind,
            agent.model,
            agent.where,
            "ready" if agent.ready else agent.problem,
        )
        for agent in agents
    ]
    table(("NAME", "KIND", "MODEL", "WHERE", "STATE"), rows)
    return 0


async def ask(context: Context, arguments: Namespace) -> int:
    """`cis agent ask PROMPT`: prints the answer; off a terminal only when it is finished."""
    from cis_tui.cli.access import working
    from cis_tui.cli.asking import ask_agent
    from cis_tui.cli.failure import usage

    prompt = sys.stdin.read() if arguments.prompt == "-" else arguments.prompt
    if not prompt.strip():
        raise usage("the prompt is empty", 'such as cis agent ask "what is in my notes?"')
    async with working(context) as api:
        answer = await ask_agent(api, context, prompt, agent=arguments.agent, conversation=arguments.conversation)
    if context.json:
        show_json(answer)
    elif answer.text and not answer.streamed:
        show(answer.shown)
    return 0


def _ask(parser: ArgumentParser) -> None:
    parser.add_argument("prompt", metavar="PROMPT", help="what to say; - reads it from stdin")
    parser.add_argument("--agent", metavar="NAME", default="", help="who is asked (default: agent.default)")
    parser.add_argument("--conversation", metavar="ID", default="", help="go on with this conversation")


COMMANDS = (
    Command("ask", "ask an agent and print its answer", ask, _ask),
    Command("list", "list agents and whether they can be asked", list_agents),
)
