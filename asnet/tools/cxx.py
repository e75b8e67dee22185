"""Finding and running a C++20 compiler: ``$CXX``, g++, clang++, c++, or the PyPI package ``ziglang``."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from asnet.errors import ToolMissingError
from asnet.tools.process import PROBE_SECONDS, run_tool, try_tool

__all__ = ["INSTALL", "Cxx", "find"]

INSTALL = "apt-get install g++ or pip install 'asnet[cxx]'"


@dataclass(frozen=True)
class Cxx:
    """A usable C++ compiler: the words that start it, and its version line."""

    command: tuple[str, ...]
    version: str
    is_gnu: bool

    def compile(self, args: Sequence[str | Path], cwd: Path) -> None:
        """Run the compiler in ``cwd``. Symbols stay private to the shared object that holds them.

        Raises:
            ToolError: it fails; the message holds its last lines.
        """
        private = ["-fno-gnu-unique"] if self.is_gnu else []
        run_tool([*self.command, *private, *args], cwd=cwd, name="the C++ compiler")


@cache
def find() -> Cxx:
    """The C++ compiler to use.

    Raises:
        ToolMissingError: none was found, or ``$CXX`` does not run.
    """
    wanted = os.environ.get("CXX")
    candidates: list[tuple[str, ...]] = []
    if wanted:
        candidates.append(tuple(shlex.split(wanted)))
    else:
        candidates += [(path,) for name in ("g++", "clang++", "c++") if (path := shutil.which(name))]
        if importlib.util.find_spec("ziglang") is not None:
            candidates.append((sys.executable, "-m", "ziglang", "c++"))
    for command in candidates:
        if shutil.which(command[0]) is None:
            continue
        done = try_tool([*command, "--version"], limit=PROBE_SECONDS)
        if done.returncode == 0 and done.stdout.strip():
            is_gnu = "Free Software Foundation" in done.stdout
            return Cxx(command, done.stdout.splitlines()[0].strip(), is_gnu)
    what = f"CXX={wanted!r} does not run" if wanted else "no C++ compiler was found (g++, clang++, c++, ziglang)"
    raise ToolMissingError(f"{what}; install one: {INSTALL}")
