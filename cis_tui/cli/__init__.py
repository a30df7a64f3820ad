"""The `cis` command."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line; give the exit code (contract, "The command")."""
    words = sys.argv[1:] if argv is None else argv
    if None in (sys.stdin, sys.stdout, sys.stderr):
        from cis_tui.cli.output import open_streams

        open_streams()
    try:
        from cis_tui.cli import fast

        code = fast.run(words)
        if code is None:
            from cis_tui.cli import app

            code = app.run(words)
        sys.stdout.flush()
    except BrokenPipeError:
        code = 0
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        from cis_tui.cli.failure import report

        code = report(error, words)
    _let_go_of_stdout()
    return code


def _let_go_of_stdout() -> None:
    """Write what is left; if that cannot be, let nothing be written at exit, where nobody can catch the error."""
    try:
        sys.stdout.flush()
    except OSError:
        import os

        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
