"""Networks whose weights do not fit on the chip: block RAMs and cycles with weights inside and outside of it.

An image is co-simulated with the weights outside, behind a memory that answers a burst after 20 cycles, and every word
of every memory compared. Cycles of the designs with weights inside are those that their reports promise.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import onnx

from asnet import hls
from asnet.hls.area import estimate_area
from asnet.hls.chip import DEVICES
from asnet.hls.options import HlsOptions, Style, Weights
from asnet.lower import lower
from asnet.passes import approximate
from benchmarks.hls.networks import conv_network, dense_network, load_model
from benchmarks.hls.proven import prove

CHIP = "ecp5-85k"
DENSE, CONV = dense_network((784, 2048, 1024, 10)), conv_network((64, 128, 256), 8)


@dataclass(frozen=True)
class Case:
    """A network, and how it becomes hardware."""

    name: str
    model: onnx.ModelProto
    style: Style
    lanes: int
    bus: int


CASES = (
    Case("dense 784-2048-1024-10", DENSE, Style.SEQUENTIAL, 1, 64),
    Case("dense 784-2048-1024-10", DENSE, Style.SEQUENTIAL, 4, 128),
    Case("dense 784-2048-1024-10", DENSE, Style.DATAFLOW, 1, 64),
    Case("dense 784-2048-1024-10", DENSE, Style.DATAFLOW, 4, 256),
    Case("conv 64-128-256, 8x8", CONV, Style.SEQUENTIAL, 4, 64),
    Case("conv 64-128-256, 8x8", CONV, Style.DATAFLOW, 4, 64),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", type=int, nargs="*", help="numbers of rows, from 0 on (default: all)")
    chosen = parser.parse_args(arguments).only
    print(
        f"{'':45}weights   block RAMs (of {DEVICES[CHIP].brams:.0f})     cycles of an image                      beats"
    )
    print(
        f"{'network':24}{'style':12}lanes  bus  {'MB':>5}{'inside':>10}{'outside':>9}"
        f"{'inside':>12}{'outside':>12}{'more':>7}{'a cycle':>9}  words compared"
    )
    for number in range(len(CASES)) if chosen is None else chosen:
        _row(CASES[number])


def _row(case: Case) -> None:
    network = load_model(case.model)
    options = HlsOptions(style=case.style, parallel={"*": case.lanes})
    inside = hls.synthesise(approximate(lower(network)), options=options)
    outside = HlsOptions(style=case.style, parallel={"*": case.lanes}, weights=Weights.EXTERNAL, bus=case.bus)
    found = prove(network, outside, images=1)
    blocks = [estimate_area(design, measure=False).total.brams for design in (inside, found.design)]
    assert found.design.weights is not None and inside.cycles is not None
    cycles = found.report.latency
    print(
        f"{case.name:24}{case.style:12}{case.lanes:5}{case.bus:5}{found.design.weights.nbytes / 1e6:7.1f}"
        f"{blocks[0]:10,.0f}{blocks[1]:9,.0f}{inside.cycles:12,}{cycles:12,}{cycles / inside.cycles - 1:+7.1%}"
        f"{found.design.weights.beats / cycles:9.3f}  {found.report.words:,}",
        flush=True,
    )


if __name__ == "__main__":
    main()
