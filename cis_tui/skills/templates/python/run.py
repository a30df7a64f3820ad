#!/usr/bin/env python3
"""A skill for cis: one JSON document comes in on stdin, one goes out on stdout; stderr is its log."""

import json
import sys


def main() -> None:
    given = json.load(sys.stdin)  # {"args": […], "input": {…}, "project": "…", "run": "…"}
    print("looked at what it was given", file=sys.stderr)
    json.dump({"given": given}, sys.stdout)


main()
