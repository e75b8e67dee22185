"""``python -m asnet``: the command line."""

import sys

from asnet.cli import main

if __name__ == "__main__":
    sys.exit(main())
