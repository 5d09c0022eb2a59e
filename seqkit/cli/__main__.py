"""`python -m seqkit.cli`: the installed command."""

import sys

from seqkit.cli.console import main

sys.exit(main())
