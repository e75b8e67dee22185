"""How long one image takes where layers begin on what the layers before have made, against whole images.

Both are cycles from an image's first word to its last result, in an idle design of the dataflow style: as co-simulated,
and computed for the same design if its layers waited for whole images.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import asnet
from asnet.hls import HlsOptions
from asnet.hls.dataflow import Timing
from asnet.hls.dataflow.plan import Plan
from benchmarks.hls.proven import prove

NETWORKS = Path(__file__).resolve().parents[2] / "examples" / "networks"

DESIGNS: dict[str, dict[str, HlsOptions]] = {
    "digits_conv": {
        "one lane": HlsOptions(),
        "four lanes": HlsOptions(parallel={"*": 4}),
        "target 3,000": HlsOptions(target_cycles=3000),
    },
    "mnist_convolutional": {
        "one lane": HlsOptions(),
        "four lanes": HlsOptions(parallel={"*": 4}),
        "target 20,000": HlsOptions(target_cycles=20_000),
    },
}
"""Network → what is wanted of it."""


def whole_images(plan: Plan) -> Timing:
    """The timing of ``plan`` if every layer waited for whole images."""
    nodes = tuple(
        replace(
            node,
            timing=None if node.timing is None else replace(node.timing, gates=None),
            inlets=tuple(replace(inlet, words=None) for inlet in node.inlets),
        )
        for node in plan.nodes
    )
    return Timing(Plan(nodes, plan.streams))


def rows(only: str) -> Iterator[str]:
    """A line for each design."""
    for name, choices in DESIGNS.items():
        if only not in name:
            continue
        for what, options in choices.items():
            made = prove(asnet.load(NETWORKS / f"{name}.onnx"), options, images=2)
            flow = made.design.flow
            assert flow is not None and flow.timing is not None and made.report.latency == flow.timing.latency
            before, now = whole_images(flow.plan).latency, made.report.latency
            yield (
                f"{name:22}{what:16}{made.design.report.interval:>10,}{before:>14,}{now:>10,}{now / before - 1:>9.0%}"
                f"  {made.report.words:,}"
            )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="networks whose name contains this")
    arguments = parser.parse_args()
    print(f"{'network':22}{'lanes':16}{'interval':>10}{'whole images':>14}{'now':>10}{'change':>9}  words compared")
    for row in rows(arguments.only):
        print(row, flush=True)


if __name__ == "__main__":
    main()
