"""`python -m cis_tui.cli`: the `cis` command without its script."""

import sys

from cis_tui.cli import main

sys.exit(main())
