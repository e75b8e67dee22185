"""Exact operators against the host's FPU, as many comparisons as are asked for: ``python -m tests.verilog.operators``.

Every shipped exact float operator: the combinational form against the FPU (MXCSR with and without DAZ and FTZ) on all
pairs of corner operands, random bit patterns and pairs whose results are special; then pipelined forms, operands in
every cycle and a random clock enable, against the combinational one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from asnet.resources import verilog_dir
from tests.verilog.conftest import Instance, compile_bench, make_runtime

TWO = ("fadd", "fsub", "fmul", "fdiv", "fcmp")
ONE = ("sitofp", "uitofp", "fptosi", "fptoui")
RESULT = {"fcmp": 3}
FEW = 8
"""Numbers of stages of an operator that are compared, evenly chosen among all."""


@dataclass(frozen=True)
class Comparison:
    """One program: what it compares (``host`` or ``pipe``), the operator, its instances."""

    mode: str
    op: str
    what: str
    instances: tuple[Instance, ...]


def comparisons() -> Iterator[Comparison]:
    """All programs, the combinational forms first."""
    for op in (*TWO, *ONE):
        two = op in TWO
        modes = [{"FTZ": 1}, {"FTZ": 0}] if two else [{}]
        units = [Instance(op, mode, ftz=mode.get("FTZ") != 0, two=two) for mode in modes]
        yield Comparison("host", op, "ftz, ieee" if two else "", tuple(units))
    for op in (*TWO, *ONE):
        most = json.loads((verilog_dir() / f"{op}.json").read_text())["stages"]["max"]
        counts = sorted({max(1, round(most * (i + 1) / FEW)) for i in range(FEW)})
        for mode in [{"FTZ": 1}, {"FTZ": 0}] if op in TWO else [{}]:
            for dsp in [{}, {"DSP": 0}] if op == "fmul" else [{}]:
                values = {**mode, **dsp}
                units = [Instance(op, {**values, "STAGES": n}, latency=n, two=op in TWO) for n in (0, *counts)]
                what = ", ".join([*(f"{k}={v}" for k, v in values.items()), f"stages {', '.join(map(str, counts))}"])
                yield Comparison("pipe", op, what, tuple(units))


def run(count: int, seed: int) -> int:
    """Make at least ``count`` comparisons; 1 if a result differs, else 0."""
    wanted = list(comparisons())
    share = {"host": 0.8, "pipe": 0.2}
    made = 0
    print(f"{'operator':10}{'what':58}{'comparisons':>14}{'seconds':>9}")
    with tempfile.TemporaryDirectory() as work:
        library = Path(work) / "runtime"
        library.mkdir()
        runtime = make_runtime(library)
        for number, one in enumerate(wanted):
            folder = Path(work) / str(number)
            folder.mkdir()
            fast = one.mode == "host"
            bench = compile_bench(folder, runtime, one.instances, result=RESULT.get(one.op, 32), fast=fast)
            alike = sum(other.mode == one.mode for other in wanted)
            each = -(-int(count * share[one.mode]) // (alike * len(one.instances)))
            start = time.perf_counter()
            try:
                done = bench(one.mode, one.op, each, seed + number)
            except AssertionError as error:
                print(error, file=sys.stderr)
                return 1
            made += done
            what = f"{'host FPU' if fast else 'pipelines'}: {one.what}".removesuffix(": ")
            print(f"{one.op:10}{what:58}{done:14,}{time.perf_counter() - start:9.1f}", flush=True)
    print(f"{made:,} comparisons, no difference")
    return 0 if made >= count else 1


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``python -m tests.verilog.operators``."""
    parser = argparse.ArgumentParser(prog="python -m tests.verilog.operators", description=__doc__)
    parser.add_argument("--count", type=int, default=100_000_000, help="comparisons in all (default 100,000,000)")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    return run(options.count, options.seed)


if __name__ == "__main__":
    sys.exit(main())
