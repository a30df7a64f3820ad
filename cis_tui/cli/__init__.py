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
        _drop_stdout()
        code = 0
    except KeyboardInterrupt:
        code = 130
    except Exception as error:
        from cis_tui.cli.failure import report

        code = report(error, words)
    return code


def _drop_stdout() -> None:
    """The reader is gone: let nothing be written at exit, where it would be an error nobody can catch."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
