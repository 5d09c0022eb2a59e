"""`python -m seqkit.cli`: the installed command."""

import sys

from seqkit.cli.console import main

if __name__ == "__main__":
    sys.exit(main())
