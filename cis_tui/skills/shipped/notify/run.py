#!/usr/bin/env python3
"""A skill has no terminal: what its answer says under `notify` is shown by the faces of CIS, with a bell."""

from __future__ import annotations

import cis_skill


def notify(call: cis_skill.Call) -> object:
    """Pass the message on."""
    message = str(call.input["message"]).strip()
    return {"notify": message} if message else cis_skill.fail("there is nothing to tell", 2)


if __name__ == "__main__":
    cis_skill.run(notify)
