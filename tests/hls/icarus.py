"""Test benches in Verilog around library modules, run by Icarus Verilog."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from asnet.resources import render


def run_bench(folder: Path, bench: str, modules: Sequence[str], **parameters: int) -> list[str]:
    """The lines that ``bench``, a module of that name, prints; ``modules``: of the library, without a warning.

    ``parameters``: of the bench. Skips where there is no Icarus Verilog.
    """
    if shutil.which("iverilog") is None:
        pytest.skip("the test bench is Verilog, run by Icarus Verilog (iverilog)")
    for name in modules:
        (folder / f"{name}.v").write_text(render(f"rtl/{name}.v.j2", version="test"))
    (folder / "bench.v").write_text(bench)
    values = [f"-Pbench.{name}={value}" for name, value in parameters.items()]
    command = ["iverilog", "-g2005", "-Wall", *values, "-o", "bench", "bench.v", *(f"{name}.v" for name in modules)]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    assert "asnet_" not in built.stderr
    run = subprocess.run(["vvp", "bench"], cwd=folder, capture_output=True, text=True, check=True)
    return run.stdout.splitlines()
