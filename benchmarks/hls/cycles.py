"""Cycles of designs against the goals: LeFlow's unit kernels, dense and convolutional networks, co-simulated.

Every design is linted, and every word that it leaves in its memories is what the compiled IR leaves there. Published
figures of Bambu and LegUp are for clocks of about 100 MHz, of other devices.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import asnet
from asnet.hls import HlsOptions
from asnet.hls.options import Style
from benchmarks.hls.networks import KERNELS, dense_network, load_model
from benchmarks.hls.proven import Proven, prove
from benchmarks.svhn import write_network

NETWORKS = Path(__file__).resolve().parents[2] / "examples" / "networks"


@dataclass(frozen=True)
class Goal:
    """A design: what is measured of it, the most that it may be (or, of ``busy``, the least), what others publish."""

    name: str
    network: Callable[[], asnet.Network]
    goal: float
    published: str = "–"
    options: HlsOptions = field(default_factory=HlsOptions)
    what: str = "cycles"
    images: int = 4


def _kernel(name: str, published: str, goal: int, **unroll: int) -> Goal:
    options = HlsOptions(style=Style.SEQUENTIAL, unroll=unroll)
    return Goal(name, lambda: load_model(KERNELS[name]()), goal, published, options)


def _dense() -> asnet.Network:
    return load_model(dense_network())


def _shipped(name: str) -> Callable[[], asnet.Network]:
    return lambda: asnet.load(NETWORKS / f"{name}.onnx")


def _svhn() -> asnet.Network:
    with tempfile.TemporaryDirectory() as folder:
        return asnet.load(write_network(Path(folder) / "svhn.onnx"))


def _dataflow(**parallel: int) -> HlsOptions:
    return HlsOptions(style=Style.DATAFLOW, parallel={layer.replace("ALL", "*"): n for layer, n in parallel.items()})


_ONE = HlsOptions(style=Style.SEQUENTIAL, fuse=1)
_TEN = HlsOptions(style=Style.DATAFLOW, interleave={"dense1": 10})

GOALS = (
    _kernel("vecmul_8", "Bambu 20", 20),
    _kernel("vecmul_64", "Bambu 104", 76),
    _kernel("dense_8", "Bambu 176", 29),
    _kernel("dense_64", "Bambu 1,352", 85),
    _kernel("maxpool_8", "Bambu 26", 24, maxpool=4),
    _kernel("maxpool_32", "Bambu 1,117", 264, maxpool=4),
    _kernel("conv_64x64_2", "–", 7800, conv=9),
    Goal("dense 64-16-10, one unit each", _dense, 1200, "LegUp style 19,051", _ONE, "interval", 16),
    Goal("dense 64-16-10, two lanes", _dense, 640, "–", _dataflow(dense1=2), "interval", 16),
    Goal("classificationMNIST", _shipped("mnist_classification"), 8200, "LegUp style 95,306", _dataflow(), "interval"),
    Goal("  MNIST, ten modules", _shipped("mnist_classification"), 950, "–", _TEN, "interval", 40),
    Goal("convolutionalMNIST", _shipped("mnist_convolutional"), 0.9, "–", _dataflow(), "busy", 2),
    Goal("  MNIST, four lanes", _shipped("mnist_convolutional"), 0.9, "–", _dataflow(ALL=4), "busy", 2),
    Goal("SVHN shape", _svhn, 0.9, "–", _dataflow(), "busy", 2),
    Goal("  SVHN, four lanes", _svhn, 0.9, "–", _dataflow(ALL=4), "busy", 2),
)


def _measured(goal: Goal, made: Proven) -> float | None:
    """What the goal is about, of a design that was proven."""
    if goal.what == "cycles":
        return made.report.cycles_max
    if goal.what == "interval":
        return made.report.interval
    slowest = max(made.design.layers, key=lambda layer: layer.cycles or 0)
    return slowest.busy


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="designs whose name contains this")
    arguments = parser.parse_args()
    print(f"{'design':30}{'what':10}{'measured':>10}{'goal':>10}  {'elsewhere':20}{'HLS':>7}  words compared")
    for goal in GOALS:
        if arguments.only not in goal.name:
            continue
        made = prove(goal.network(), goal.options, images=goal.images)
        measured = _measured(goal, made)
        form = ".1%" if goal.what == "busy" else ","
        shown = "–" if measured is None else format(measured, form)
        limit = f"{'≥' if goal.what == 'busy' else '≤'} {goal.goal:{form}}"
        tail = f"{made.seconds:6.2f} s  {made.report.words:,}"
        print(f"{goal.name:30}{goal.what:10}{shown:>10}{limit:>10}  {goal.published:20}{tail}", flush=True)


if __name__ == "__main__":
    main()
