"""Cycles a second of co-simulation, one thread: one-lane designs of the shipped networks, in both styles.

Seconds are the processor's, so that others at work on the machine do not count.
"""

from __future__ import annotations

import argparse
import resource
from pathlib import Path

import numpy as np

import asnet
from asnet import hls
from asnet.cache import default_cache
from asnet.hls.options import HlsOptions, Style
from asnet.hls.simulate import Simulation
from asnet.lower import lower
from benchmarks.hls.networks import random_feed

NETWORKS = Path(__file__).resolve().parents[2] / "examples" / "networks"


def _seconds() -> float:
    """Processor time of the simulations that have run."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cycles", type=int, default=4_000_000, help="to simulate of each design, at least")
    arguments = parser.parse_args()
    print(f"{'network':22}{'style':12}{'images':>7}{'cycles':>12}{'seconds':>9}{'M cycles/s':>12}")
    for name in ("digits_dense", "digits_conv", "mnist_classification"):
        network = asnet.load(NETWORKS / f"{name}.onnx")
        for style in Style:
            design = hls.synthesise(lower(network), name=name, options=HlsOptions(style=style))
            simulation = Simulation(design, default_cache())
            images = -(-arguments.cycles // (design.report.interval or design.cycles or 1))
            (words,) = random_feed(network, images).values()
            given = np.ascontiguousarray(words).reshape(images, -1).view(np.uint32).astype(simulation.word)
            best = float("inf")
            for _ in range(3):
                began = _seconds()
                result = simulation.run(given, observe=False)
                best = min(best, _seconds() - began)
            assert result.flow is not None
            cycles = result.flow.ended[-1]
            print(f"{name:22}{style:12}{images:7}{cycles:12,}{best:9.2f}{cycles / best / 1e6:12.2f}", flush=True)


if __name__ == "__main__":
    main()
