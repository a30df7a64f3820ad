"""Other words for what keys do: those that somebody would type who does not know ours."""

from __future__ import annotations

from collections.abc import Mapping

_ALSO: Mapping[str, str] = {
    "decide": "approve reject answer a question allow confirm yes no vote",
    "palette": "find search any command menu",
    "help": "keys shortcuts",
    "quit": "exit leave close",
    "suspend": "background shell",
    "jump": "focus go to",
    "redraw": "refresh repaint",
    "decision.approve": "yes allow confirm accept",
    "decision.reject": "no deny refuse decline",
    "decision.hold": "pause wait countdown",
    "decision.edit": "change modify",
    "decision.alike": "yes to all",
    "decision.inspect": "show details look",
    "dags.run": "start launch execute",
    "dags.rerun": "retry repeat run again",
    "dags.cancel": "stop kill abort end",
    "dags.resume": "continue go on",
    "dags.rollback": "undo the run, revert, take back",
    "dags.inspect": "show details log output",
    "dags.edit": "change open file",
    "dags.view": "graph boxes table timeline gantt",
    "timeline.closer": "zoom in enlarge magnify",
    "timeline.less-close": "zoom out shrink",
    "timeline.whole": "zoom fit reset all",
    "timeline.earlier": "pan scroll left",
    "timeline.later": "pan scroll right",
    "dags.failed": "error find",
    "memory.new": "add create set remember",
    "memory.edit": "change modify",
    "memory.delete": "remove forget erase",
    "memory.undo": "revert take back restore",
    "memory.reveal": "show secret unmask",
    "memory.move": "share publish",
    "memory.export": "save write file",
    "memory.tree": "folders",
    "peers.pair": "connect add machine invite",
    "peers.forget": "remove delete",
    "peers.deny": "block ban remove",
    "peers.allow": "approve admit trust accept",
    "peers.undo": "revert take back restore",
    "room.remove": "delete redact",
    "chat.stop": "cancel interrupt",
    "chat.read": "scroll answer approve",
    "chat.fork": "branch",
    "skills.edit": "change open file manifest",
    "dags.trust": "allow approve",
    "skills.trust": "allow approve",
    "activity.pause": "freeze stop",
}


def also(id: str | None) -> str:
    """Other words for the action `id`; empty where ours will do."""
    name = id or ""
    if name.endswith((".filter", ".search")):
        return "search find look for"
    if "copy" in name:
        return "clipboard yank"
    return _ALSO.get(name, "")
