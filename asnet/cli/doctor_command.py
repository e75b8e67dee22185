"""``asnet doctor``: every external tool, its version and path, what it enables and how to get it."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass

import llvmlite.binding as llvm

from asnet.cache import default_cache
from asnet.cli.talk import Talk, print_json, print_table
from asnet.errors import AsnetError
from asnet.host import float_environment, processors
from asnet.tools import cxx, nextpnr, verilator, yosys
from asnet.types import FloatMode
from asnet.version import __version__

__all__ = ["configure", "run"]


@dataclass(frozen=True)
class _Finding:
    """One tool: ``version`` and ``path`` are empty if it is missing; ``get`` is the line that installs it."""

    tool: str
    needed: bool
    version: str
    path: str
    enables: str
    get: str

    @property
    def ok(self) -> bool:
        return bool(self.version)

    @property
    def state(self) -> str:
        return "ok" if self.ok else ("MISSING" if self.needed else "absent")


def configure(parser: argparse.ArgumentParser) -> None:
    """``asnet doctor`` takes no arguments of its own."""
    parser.epilog = "exit status 3 if a tool that `asnet explore` needs is missing"


def _probe(tool: str, find: Callable[[], tuple[str, str]], enables: str, get: str, *, needed: bool) -> _Finding:
    try:
        version, path = find()
    except AsnetError as error:
        return _Finding(tool, needed, "", str(error), enables, get)
    return _Finding(tool, needed, version, path, enables, get)


def _verilator() -> tuple[str, str]:
    found = verilator.find()
    return found.version_text, f"{found.binary} ({found.origin})"


def _cxx() -> tuple[str, str]:
    found = cxx.find()
    return found.version, " ".join(found.command)


def _yosys() -> tuple[str, str]:
    found = yosys.find()
    return found.version, found.origin if found.origin.startswith("PyPI") else found.command[0]


def _nextpnr() -> tuple[str, str]:
    found = nextpnr.find()
    return found.version, found.origin if found.origin.startswith("PyPI") else found.command[0]


def _llvm() -> tuple[str, str]:
    version = ".".join(map(str, llvm.llvm_version_info))
    return f"{importlib.metadata.version('llvmlite')} (LLVM {version})", llvm.get_host_cpu_name()


def _float() -> tuple[str, str]:
    with float_environment(FloatMode.FTZ):
        return "ftz, ieee", platform.machine()


def run(args: argparse.Namespace, talk: Talk) -> int:
    """Probe each tool; 3 if one that exploration needs is missing."""
    findings = [
        _probe("llvmlite", _llvm, "everything: IR, optimiser, JIT", "pip install asnet", needed=True),
        _probe("float modes", _float, "exact arithmetic on the host", "an x86-64 machine", needed=True),
        _probe("verilator", _verilator, "explore, synth: golden models, co-simulation", verilator.INSTALL, needed=True),
        _probe("C++ compiler", _cxx, "explore, synth: compiling those models", cxx.INSTALL, needed=True),
        _probe("yosys", _yosys, "units' area, synth --estimate", yosys.INSTALL, needed=False),
        _probe("nextpnr-ecp5", _nextpnr, "synth --estimate: Fmax", nextpnr.INSTALL, needed=False),
    ]
    cache = default_cache().root
    if args.json:
        tools = [{**asdict(f), "ok": f.ok} for f in findings]
        print_json({"asnet": __version__, "cache": str(cache), "processors": processors(), "tools": tools})
    else:
        rows = [
            [
                f.tool,
                "ok" if f.ok else ("MISSING" if f.needed else "absent"),
                f.version,
                f.path if f.ok else f.get,
                f.enables,
            ]
            for f in findings
        ]
        print_table("", ["tool", "", "version", "where / how to get it", "enables"], rows, left=5)
        print(f"asnet {__version__}, Python {platform.python_version()}, {processors()} processors, cache {cache}")
    return 0 if all(f.ok for f in findings if f.needed) else 3
