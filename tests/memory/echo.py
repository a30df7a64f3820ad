"""A child for the tests of `Child`: it answers with what it is asked, in capitals."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from cis_tui.memory.child import serve


def answers() -> Callable[[bytes], bytes]:
    """What it does with a question."""
    print("a library that talks")
    if "broken" in sys.argv:
        raise FileNotFoundError("there is no model")

    def answer(question: bytes) -> bytes:
        print("and talks")
        if question == b"die":
            os._exit(1)
        if question == b"pid":
            return str(os.getpid()).encode()
        if question == b"settings":
            return ",".join(sorted(name for name in os.environ if name.startswith("CIS_"))).encode()
        return question.upper()

    return answer


if __name__ == "__main__":
    serve(answers)
