"""Cycles of small designs against the goals: LeFlow's unit kernels and a dense network, co-simulated bit for bit.

Published figures of Bambu and LegUp are for clocks of about 100 MHz, of other devices.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

from asnet.hls import HlsOptions
from benchmarks.hls.networks import KERNELS, load_model
from benchmarks.hls.proven import prove


@dataclass(frozen=True)
class Goal:
    """A kernel, the cycles that Bambu needs (None: not published) and those that it may take here."""

    kernel: str
    published: int | None
    most: int
    options: HlsOptions = field(default_factory=HlsOptions)


GOALS = (
    Goal("vecmul_8", 20, 20),
    Goal("vecmul_64", 104, 76),
    Goal("dense_8", 176, 29),
    Goal("dense_64", 1352, 85),
    Goal("maxpool_8", 26, 24, HlsOptions(unroll={"maxpool": 4})),
    Goal("maxpool_32", 1117, 264, HlsOptions(unroll={"maxpool": 4})),
    Goal("conv_64x64_2", None, 7800, HlsOptions(unroll={"conv": 9})),
)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=2, help="images to co-simulate")
    arguments = parser.parse_args()
    print(f"{'kernel':14}{'cycles':>9}{'goal':>7}{'Bambu':>7}  words compared")
    for goal in GOALS:
        made = prove(load_model(KERNELS[goal.kernel]()), goal.options, images=arguments.images)
        published = "–" if goal.published is None else str(goal.published)
        print(f"{goal.kernel:14}{made.report.cycles_max:9}{goal.most:7}{published:>7}  {made.report.words}")


if __name__ == "__main__":
    main()
