"""`cis peer`."""

from __future__ import annotations

from argparse import Namespace

from cis_tui.cli.command import Command
from cis_tui.cli.context import Context
from cis_tui.cli.output import show, show_json


def id_(context: Context, arguments: Namespace) -> int:
    """`cis peer id`: who this node is; the identity is made at first use."""
    from cis_tui.core.identity import load_identity, peer_id_of

    identity = load_identity(context.home.ensure())
    peer = peer_id_of(identity.public)
    if context.json:
        show_json({"did": identity.did, "peer_id": peer, "addrs": []})
    else:
        show(f"did      {identity.did}")
        show(f"peer id  {peer}")
    return 0


COMMANDS = (Command("id", "print this node's identity", id_),)
