"""Whole designs as gates: yosys' netlist of a design runs the images that the design itself does, to the same bits.

``python -m tests.hls.gate_level`` does so for the shipped example networks, exact and with truncating units, in both
styles. The netlist is the one for an ECP5 (:mod:`tests.verilog.ecp5`): every register is a flip-flop, every operator
LUTs, carry chains and DSP blocks. Memories stay memories, or the netlist is the one that an estimate places: they are
block RAMs and distributed RAM, and registers have moved into block RAMs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np

import asnet
from asnet import hls
from asnet.hls.options import HlsOptions, Style
from asnet.hls.simulate import lay_out
from asnet.types import EXACT
from tests.verilog.ecp5 import gates_of, placed_gates_of

NETWORKS = Path(__file__).resolve().parents[2] / "examples" / "networks"


def as_gates(design: hls.RtlDesign, *, placed: bool = False) -> hls.RtlDesign:
    """``design`` as one module of gates, flip-flops and memories; ``placed``: of block RAMs, as estimates place it.

    Raises:
        ToolMissingError: there is no yosys.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lay_out(design, folder)
        lines = [f"read_verilog -defer -sv -DASNET_TAPS -I{design.include_folder} {path}" for path in design.sources]
        make = placed_gates_of if placed else gates_of
        text = make(lines, design.top, folder, dsps=True, module=design.top)
    return replace(design, files={f"rtl/{design.top}.v": text})


def compare_gates(
    network: asnet.Network, data: asnet.Dataset, options: HlsOptions, p_mul: int | None, *, placed: bool = False
) -> hls.CosimReport:
    """Co-simulate the gates of ``network``'s hardware: exact, or with multipliers that truncate ``p_mul`` bits;
    ``placed``: as an estimate places them.

    Raises:
        MismatchError: a bit differs.
    """
    units = [] if p_mul is None else [asnet.ApproximateUnit.shipped("fmul_trunc").instance(p=p_mul)]
    problem = asnet.Problem.of(network, data.fit(network), units)
    names = {unit.op: unit.name for unit in units}
    configuration = {slot.name: names.get(slot.op, EXACT) for slot in problem.slots}
    bed = problem.bed(units)
    chosen = {slot: units[0] if name != EXACT else None for slot, name in configuration.items()}
    design = hls.synthesise(bed.module, chosen, name=network.name, options=options)
    outputs = bed.outputs(configuration, golden=True)
    expected = {name: values for name, values in outputs.items() if name in design.rams}
    inputs = {name: np.ascontiguousarray(array) for name, array in problem.data.feed(slice(None)).items()}
    report = hls.cosimulate(as_gates(design, placed=placed), inputs, expected)
    report.raise_if_different()
    return report


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each design."""
    parser = argparse.ArgumentParser(prog="python -m tests.hls.gate_level", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=3)
    parser.add_argument("--networks", nargs="+", default=["digits_dense", "digits_conv"])
    parser.add_argument("--styles", nargs="+", type=Style, choices=list(Style), default=list(Style))
    chosen = parser.parse_args(arguments)
    images = asnet.Dataset.load(NETWORKS / "digits_test.npz").take(chosen.images)
    for name in chosen.networks:
        network = asnet.load(NETWORKS / f"{name}.onnx")
        for style in chosen.styles:
            for p_mul, placed in product((None, 20), (False, True)):
                report = compare_gates(network, images, HlsOptions(style=style), p_mul, placed=placed)
                unit = "exact" if p_mul is None else f"fmul_trunc(p={p_mul})"
                kind = "block RAMs" if placed else "memories"
                print(f"{name:14}{style:12}{unit:20}{kind:12}{report.words:8} words, 0 differing bits", flush=True)


if __name__ == "__main__":
    main()
