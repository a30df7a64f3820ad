"""`cis agent`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from cis_tui.cli.arguments import count, text_of
from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import note, show, show_json, table


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

    prompt = text_of(arguments.prompt, "the prompt")
    if not prompt.strip():
        raise usage("the prompt is empty", 'such as cis agent ask "what is in my notes?"')
    async with working(context) as api:
        answer = await ask_agent(api, context, prompt, agent=arguments.agent, conversation=arguments.conversation)
    if context.json:
        show_json(answer)
    elif answer.text and not answer.streamed:
        show(answer.shown)
    return 0


async def list_conversations(context: Context, arguments: Namespace) -> int:
    """`cis agent conversations`: those of the project, the newest first."""
    from cis_tui.cli.access import working
    from cis_tui.cli.outcome import moment

    project = "" if arguments.all else context.project_path
    async with working(context) as api:
        found = await api.agent_conversations(project, query=arguments.search, limit=arguments.limit)
    if context.json:
        show_json(found)
        return 0
    rows = [
        (each.id, moment(each.updated_at), each.agent or "default", str(each.messages), each.title) for each in found
    ]
    table(("ID", "LAST", "AGENT", "MESSAGES", "TITLE"), rows)
    return 0


async def show_conversation(context: Context, arguments: Namespace) -> int:
    """`cis agent show ID`: what was said, as Markdown; with --json everything that is kept."""
    from cis_tui.cli.access import working

    async with working(context) as api:
        if context.json:
            show_json(await api.agent_show(arguments.id))
        else:
            show((await api.agent_export(arguments.id)).rstrip("\n"))
    return 0


async def delete_conversation(context: Context, arguments: Namespace) -> int:
    """`cis agent delete ID`."""
    from cis_tui.cli.access import working

    async with working(context) as api:
        found = (await api.agent_show(arguments.id)).conversation
        await api.agent_delete(found.id)
    if context.json:
        show_json({"id": found.id, "deleted": True})
    else:
        note(f"deleted {found.id}{f': {found.title}' if found.title else ''}")
    return 0


def _conversations(parser: ArgumentParser) -> None:
    parser.add_argument("--search", metavar="TEXT", default="", help="only those in which this was said")
    parser.add_argument("--limit", metavar="N", type=count, default=50, help="how many at most (default: 50)")
    parser.add_argument("--all", action="store_true", help="of all projects")


def _id(parser: ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="the conversation, or the beginning of its id")


def _ask(parser: ArgumentParser) -> None:
    parser.add_argument("prompt", metavar="PROMPT", help="what to say; - reads it from stdin")
    parser.add_argument("--agent", metavar="NAME", default="", help="who is asked (default: agent.default)")
    parser.add_argument("--conversation", metavar="ID", default="", help="go on with this conversation")


COMMANDS = (
    Command("ask", "ask an agent and print its answer", ask, _ask),
    Command("list", "list agents and whether they can be asked", list_agents),
    Command("conversations", "list conversations, newest first", list_conversations, _conversations),
    Command("show", "print what was said in a conversation, as Markdown", show_conversation, _id),
    Command("delete", "delete a conversation with all that was said", delete_conversation, _id),
)
