"""The command line: ``asnet <command>``, one file a command.

stdout is the result (``--json`` for programs), stderr the talk. Exit status: 0 done, 1 the answer is no, 2 the input is
wrong, 3 a tool is missing or failed, 130 interrupted.
"""

from asnet.cli.main import main

__all__ = ["main"]
