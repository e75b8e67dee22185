"""Random kernels through the JIT and through simulated hardware, under random choices about the hardware.

``python -m tests.hls.fuzz --count 10000`` compares ten thousand of them, 24 to a design. A kernel that differs, hangs
or cannot be made is shrunk (stores go, and what only they need, as long as it still fails) and printed with the line
that repeats it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from random import Random

from asnet.errors import AsnetError
from asnet.hls import HlsOptions
from asnet.hls.fsm.schedulers import SCHEDULERS
from asnet.hls.options import Style
from asnet.types import Array, FloatMode
from tests.hls.generator import random_program
from tests.hls.kernels import Program, compare
from tests.hls.nests import random_constants, random_nests

KERNELS = 24
"""Kernels of a design: compiling a simulation has its price, whatever is in it."""


@dataclass(frozen=True)
class Batch:
    """Kernels of one design, and the choices about it: all of it follows from ``seed``."""

    seed: int
    programs: tuple[Program, ...]
    constants: Mapping[str, Array] = field(repr=False)
    mode: FloatMode
    options: HlsOptions
    stalls: bool

    def failure(self) -> str:
        """What goes wrong; empty if every bit is the same."""
        known = {program.name for program in self.programs}
        constants = {name: array for name, array in self.constants.items() if name.partition(".")[0] in known}
        try:
            report = compare(
                self.programs,
                mode=self.mode,
                images=6,
                seed=self.seed,
                stalls=self.stalls,
                options=self.options,
                constants=constants,
            )
        except (AsnetError, AssertionError) as error:
            return f"{type(error).__name__}: {error}"
        return "" if report.mismatch is None else str(report.mismatch)


def random_options(random: Random) -> HlsOptions:
    """Choices about the hardware, all of which must give the same bits."""
    style = random.choice(list(Style))
    return HlsOptions(
        style=style,
        clock=random.choice((50.0, 100.0, 150.0)),
        parallel={"*": random.choice((1, 1, 2, 3))},
        fuse=random.choice((0, 0, 1, 4)),
        reuse=style is Style.SEQUENTIAL and random.random() < 0.4,
        pipelined=random.random() < 0.8,
        scheduler=random.choice(sorted(SCHEDULERS)),
        chain=random.choice((1, 5, 9, 40)),
    )


def random_batch(seed: int, kernels: int = KERNELS) -> Batch:
    """The batch of ``seed``: half of its kernels are nests like layers, half have control flow of any shape."""
    random = Random(seed)
    programs: list[Program] = []
    constants: dict[str, Array] = {}
    for number in range(kernels):
        name = f"p{number}"
        if number % 2:
            programs.append(random_program(random, name, 10 + random.randrange(50)))
        else:
            programs.append(random_nests(random, name, 1 + random.randrange(4)))
            constants |= random_constants(random, name)
    mode = random.choice(list(FloatMode))
    return Batch(seed, tuple(programs), constants, mode, random_options(random), random.random() < 0.5)


def shrunk(batch: Batch) -> tuple[Batch, str]:
    """The smallest part of a batch that fails, and how."""
    alone = (replace(batch, programs=(program,)) for program in batch.programs)
    failing = next(((each, problem) for each in alone if (problem := each.failure())), None)
    if failing is None:
        return batch, batch.failure()
    best, problem = failing
    smaller = True
    while smaller:
        smaller = False
        for lines in _without_a_store(best.programs[0].body):
            candidate = replace(best, programs=(replace(best.programs[0], body=lines),))
            found = candidate.failure()
            if found:
                best, problem, smaller = candidate, found, True
                break
    return best, problem


def _without_a_store(body: str) -> Iterator[str]:
    """``body`` without one of its stores; what only it needed goes when the IR is simplified."""
    lines = body.splitlines()
    for number, line in enumerate(lines):
        if line.lstrip().startswith("store "):
            yield "\n".join(lines[:number] + lines[number + 1 :])


def _run(seed: int) -> tuple[int, str]:
    return seed, random_batch(seed).failure()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the batches, print what fails; 1 if anything does."""
    parser = argparse.ArgumentParser(prog="python -m tests.hls.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=240, help="kernels")
    parser.add_argument("--seed", type=int, default=0, help="of the first batch; the others' follow")
    parser.add_argument("--jobs", type=int, default=2, help="batches at a time")
    chosen = parser.parse_args(arguments)
    seeds = range(chosen.seed, chosen.seed - (-chosen.count // KERNELS))
    failed: list[int] = []
    before = time.monotonic()
    with ProcessPoolExecutor(chosen.jobs) as pool:
        for done, (seed, problem) in enumerate(pool.map(_run, seeds), start=1):
            if problem:
                failed.append(seed)
                print(f"seed {seed}: {problem}", file=sys.stderr)
            seconds = time.monotonic() - before
            print(f"{done * KERNELS} kernels, {len(failed)} designs differ, {seconds:.0f} s", file=sys.stderr)
    for seed in failed:
        batch, problem = shrunk(random_batch(seed))
        print(f"seed {seed}, {batch.mode}, {batch.options}, stalls {batch.stalls}: {problem}")
        for program in batch.programs:
            print(f"--- {program.name}\n{program.body}\n")
        print(f"again: python -m tests.hls.fuzz --seed {seed} --count {KERNELS}")
    print(f"{len(seeds) * KERNELS} kernels in {len(seeds)} designs: {len(failed)} designs with a difference")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
