"""``asnet`` and ``python -m asnet``: the command line."""

import sys

__all__ = ["start"]


def start() -> int:
    """Run the command line; the exit status. Importing takes a moment, in which Ctrl-C is no traceback either."""
    try:
        from asnet.cli import main

        return main()
    except KeyboardInterrupt:
        print("asnet: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(start())
