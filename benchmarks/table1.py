"""The paper's Table I: area and Fmax of a network with exact arithmetic, and with truncated multiplier and divider.

classificationMNIST (or other networks; `svhn` is drawn) is synthesised exact and with p_mul = 20, p_div = 22, in both
float modes, with and without DSP blocks, co-simulated, and placed and routed for the ECP5. The exact multipliers and
dividers are cut for the clock by themselves, or (`--stages equal`) have as many pipeline stages as approximate ones, as
with tools that give an operation a fixed latency. A row is printed when it is known; an interrupted command goes on
with what it has not placed. Needs the extra `synth`.

The paper reports for its FPGA (Cyclone V, LegUp) −24.66 % logic elements and +35.62 % Fmax.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from itertools import product
from pathlib import Path

import numpy as np

import asnet
from asnet.hls import Estimate, HlsOptions, Style
from asnet.hls.operators import operator
from asnet.types import EXACT
from benchmarks.svhn import write_network

ROOT = Path(__file__).resolve().parents[1]
NETWORKS = ROOT / "examples" / "networks"
SQUARES = (64, 784)
"""Words of images that the shipped digits are enlarged to."""


class Stages(StrEnum):
    """What the pipelines of the exact design's multipliers and dividers are."""

    OWN = "own"
    """Cut for the clock, as those of the approximate one are."""

    EQUAL = "equal"
    """With as many stages as those of the approximate one."""


@dataclass(frozen=True)
class Row:
    """One design, and what it became."""

    mode: str
    dsps_allowed: bool
    p_mul: int
    p_div: int
    stages: dict[str, int]
    cycles: int
    estimate: Estimate


def dataset(network: asnet.Network, images: int) -> asnet.Dataset:
    """Digits of the shipped test set in the network's input size: enlarged by repetition and framed with zeros."""
    small = asnet.Dataset.load(NETWORKS / "digits_test.npz").take(images)
    size = network.inputs[0].size
    if small.x.size == images * size:
        return small
    side = int(size**0.5)
    scale = side // 8
    pixels = small.x.reshape(images, 8, 8).repeat(scale, axis=1).repeat(scale, axis=2)
    frame = (side - 8 * scale) // 2
    framed = np.pad(pixels, ((0, 0), (frame, side - 8 * scale - frame), (frame, side - 8 * scale - frame)))
    return asnet.Dataset.from_arrays(framed.reshape(images, size), small.y, name="enlarged digits")


def load(name: str) -> asnet.Network:
    """A network: the file of that name, a shipped one, or `svhn`."""
    if name == "svhn":
        with tempfile.TemporaryDirectory() as folder:
            return asnet.load(write_network(Path(folder) / "svhn.onnx"))
    return asnet.load(Path(name) if name.endswith(".onnx") else NETWORKS / f"{name}.onnx")


def images_of(network: asnet.Network, images: int) -> asnet.Dataset:
    """Digits for networks that take them, else random images."""
    if network.inputs[0].size in SQUARES:
        return dataset(network, images)
    drawn = np.random.default_rng(1).random((images, network.inputs[0].size), np.float32)
    return asnet.Dataset.from_arrays(drawn, np.zeros(images, np.int64), name="random images")


def rows(
    network: asnet.Network,
    mode: asnet.FloatMode,
    hardware: HlsOptions,
    stages: Stages,
    ignored: Mapping[str, int],
    images: int,
    seeds: int,
) -> Iterator[Row]:
    """The exact design and the approximate one, which ignores so many bits of the operands of each op."""
    instances = {op: asnet.ApproximateUnit.shipped(f"{op}_trunc").instance(p=p) for op, p in ignored.items()}
    problem = asnet.Problem.of(network, images_of(network, images), instances.values(), mode=mode)
    ops = {slot.op for slot in problem.slots} & instances.keys()
    approximate = {op: operator(instances[op], mode, hardware.clock, dsps=hardware.dsps).stages for op in sorted(ops)}
    for chosen in ({}, instances):
        options = replace(hardware, stages=approximate if stages is Stages.EQUAL and not chosen else {})
        configuration = {slot.name: chosen[slot.op].name if slot.op in chosen else EXACT for slot in problem.slots}
        made = asnet.synth(problem, configuration, images=images, estimates=True, seeds=seeds, options=options)
        assert made.estimate is not None
        p_mul, p_div = (ignored[op] if chosen else 0 for op in ("fmul", "fdiv"))
        found = {unit.instance.op: unit.stages for unit in made.design.operators if unit.instance.op in ops}
        yield Row(str(mode), hardware.dsps, p_mul, p_div, found, made.cosim.cycles_max, made.estimate)


def change(before: float, after: float) -> str:
    """The relative change in per cent."""
    return f"{(after - before) / before:+.2%}"


def print_row(row: Row, before: Row | None) -> None:
    """A line of the table; ``before``: the exact design that it is compared with."""
    e = row.estimate
    text = (
        f"{row.mode:<5} {'yes' if row.dsps_allowed else 'no':<5} {row.p_mul:>5} {row.p_div:>6} "
        f"{'/'.join(str(row.stages.get(op, '-')) for op in ('fmul', 'fdiv')):>7} {row.cycles:>8} "
        f"{e.luts:>7} {e.ffs:>6} {e.dsps:>5} {e.brams:>5} {e.fmax_mhz:>12.2f}"
    )
    if before is not None:
        old = before.estimate
        text += f"   {change(old.luts, e.luts):>11}  {change(old.fmax_mhz, e.fmax_mhz):>11}"
    print(text, flush=True)
    print(f"  clocks {e.fmax_by_seed}, slowest from {e.critical[0]} to {e.critical[1]}", file=sys.stderr, flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--network", nargs="+", default=["mnist_classification"], help="shipped ones, files, or svhn")
    parser.add_argument("--style", type=Style, choices=list(Style), default=HlsOptions().style)
    parser.add_argument("--dsps", nargs="+", choices=("yes", "no"), default=["yes", "no"], help="multipliers in DSPs")
    parser.add_argument(
        "--modes", type=asnet.FloatMode, nargs="+", choices=list(asnet.FloatMode), default=list(asnet.FloatMode)
    )
    parser.add_argument(
        "--stages",
        type=Stages,
        choices=list(Stages),
        default=Stages.OWN,
        help="of the exact design: cut for the clock, or equal to the approximate one's",
    )
    parser.add_argument("--images", type=int, default=2, help="images to co-simulate")
    parser.add_argument("--seeds", type=int, default=3, help="placer seeds; Fmax is their median")
    parser.add_argument("--clock", type=float, default=130.0, help="MHz that pipelines are cut for")
    parser.add_argument("--p-mul", type=int, default=20)
    parser.add_argument("--p-div", type=int, default=22)
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    ignored = {"fmul": args.p_mul, "fdiv": args.p_div}
    table: list[dict[str, object]] = []
    for name in args.network:
        network = load(name)
        print(
            f"{name}, {args.style}, cut for {args.clock:g} MHz, {args.stages} stages, ECP5-85k, "
            f"Fmax: median of {args.seeds} seeds"
        )
        print(
            "mode  DSPs  p_mul  p_div  stages   cycles    LUT4     FF   DSP  BRAM   Fmax [MHz]   LUT4 change  "
            "Fmax change"
        )
        for allowed, mode in product(args.dsps, args.modes):
            hardware = HlsOptions(style=args.style, clock=args.clock, dsps=allowed == "yes")
            before: Row | None = None
            for row in rows(network, mode, hardware, args.stages, ignored, args.images, args.seeds):
                print_row(row, before)
                before = row
                table.append({"network": name, **row.__dict__, "estimate": asdict(row.estimate)})
    if args.json:
        args.json.write_text(json.dumps(table, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
