"""ResNet-20 in int8 with a multiplier of its own for every layer, as hardware: emitted, linted, an image simulated.

The network is quantised from the file in $ASNET_DATA. Each convolution has ``--lanes`` multipliers that truncate 0 to 3
bits, in turn. Every word of every memory is compared with the test bed's golden models.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import asnet
from asnet.hls import HlsOptions
from asnet.hls.options import Style
from benchmarks.tasks import TASKS

UNITS = tuple(asnet.ApproximateUnit.shipped("mul8s_trunc").instance(t=t) for t in range(4))


def main() -> None:
    """Print what it took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lanes", type=int, default=3, help="of each convolution")
    parser.add_argument("--images", type=int, default=1, help="images to co-simulate")
    parser.add_argument("--out", type=Path, help="where the design goes")
    arguments = parser.parse_args()
    try:
        task = TASKS["ResNet-20"]()
    except FileNotFoundError as error:
        sys.exit(f"{error.filename} is not there (set ASNET_DATA to its folder)")
    options = asnet.Quantization(format="qoperator")
    network = asnet.load(asnet.quantize(task.network, task.calibration, options).data)
    data = asnet.Dataset.from_arrays(task.x, task.y, name="CIFAR-10")
    problem = asnet.Problem.of(network, data, UNITS, granularity="layer")
    slots = [slot for slot in problem.slots if slot.op == "mul"]
    configuration = dict.fromkeys((slot.name for slot in problem.slots), "exact")
    configuration |= {slot.name: UNITS[number % len(UNITS)].name for number, slot in enumerate(slots)}
    began = last = time.perf_counter()

    def say(line: str) -> None:
        nonlocal last
        now = time.perf_counter()
        print(f"{now - last:7.1f} s  {line}", flush=True)
        last = now

    chosen = HlsOptions(style=Style.DATAFLOW, parallel={"*": arguments.lanes}, fuse=4)
    made = asnet.synth(problem, configuration, images=arguments.images, options=chosen, out=arguments.out, say=say)
    say("co-simulated")
    report = made.cosim
    multipliers = sum(unit.instances for unit in made.design.report.units if unit.op == "mul")
    print(f"{len(slots)} layers with units of their own, {multipliers} multipliers in all")
    print(f"cycles of an image {report.latency:,}, between images {made.design.report.interval:,}")
    print(f"{report.words:,} words compared, 0 differing bits; {time.perf_counter() - began:.0f} s in all")


if __name__ == "__main__":
    main()
