#!/usr/bin/env python3
"""NAME: a skill for cis. What it is called with is in `call`; what `handle` returns is the answer."""

import cis_skill


def handle(call: cis_skill.Call) -> object:
    """Greet somebody."""
    who = call.input.get("who", "you")
    cis_skill.log("greeting", who)  # stderr: shown while it runs
    return {"greeting": f"hello, {who}"}


if __name__ == "__main__":
    cis_skill.run(handle)
