"""Random kernels through the JIT and through simulated hardware, under random choices about the hardware.

``python -m tests.hls.fuzz --count 10000`` compares ten thousand of them, 24 to a design. A kernel that differs, hangs
or cannot be made is shrunk (choices become the defaults, stores go, and what only they need, as long as it still fails)
and printed with the line that repeats it alone.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from asnet.cache import Cache
from asnet.hls import HlsOptions
from asnet.hls.fsm.schedulers import SCHEDULERS
from asnet.hls.options import Style, Weights
from asnet.hls.storage import BUS_WIDTHS
from asnet.types import Array, FloatMode
from tests.campaign import Campaign, parser
from tests.hls.carrying import random_carrying
from tests.hls.generator import random_program
from tests.hls.kernels import PassingCache, Program, Truncating, compare, with_slots
from tests.hls.nests import random_constants, random_nests

KERNELS = 24
"""Kernels of a design: compiling a simulation has its price, whatever is in it."""

_KINDS = (random_nests, random_program, random_carrying)
"""Nests like layers, control flow of any shape, loops that carry values around others."""

_BY_LAYER = ("parallel", "unroll")
"""Options that are drawn for each kernel."""


@dataclass(frozen=True)
class Batch:
    """Kernels of one design, and the choices about it: all of it follows from ``seed``, for each kernel by itself."""

    seed: int
    programs: tuple[Program, ...]
    constants: Mapping[str, Array] = field(repr=False)
    truncating: Truncating
    mode: FloatMode
    options: HlsOptions
    stalls: bool

    def only(self, program: Program) -> Batch:
        """One kernel of it, or a smaller form of one."""
        kept = {name: {program.name: getattr(self.options, name)[program.name]} for name in _BY_LAYER}
        return replace(self, programs=(program,), options=replace(self.options, **kept))

    def failure(self, cache: Cache | None = None) -> str:
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
                truncating=self.truncating,
                cache=cache,
            )
        except Exception as error:  # whatever it is, it is found out by this kernel
            return f"{type(error).__name__}: {error}"
        return "" if report.mismatch is None else str(report.mismatch)


def random_options(random: Random) -> HlsOptions:
    """Choices about the hardware, all of which must give the same bits."""
    style = random.choice(list(Style))
    return HlsOptions(
        style=style,
        clock=random.choice((50.0, 100.0, 130.0, 170.0)),
        dsps=random.random() < 0.6,
        parallel={"*": random.choice((1, 1, 2, 3))},
        fuse=random.choice((0, 0, 1, 4)),
        reuse=style is Style.SEQUENTIAL and random.random() < 0.4,
        pipelined=random.random() < 0.8,
        scheduler=random.choice(sorted(SCHEDULERS)),
        chain=random.choice((1, 5, 9, 40)),
    )


def with_weights(options: HlsOptions, random: Random) -> HlsOptions:
    """``options`` with constants on the chip, or with all that can be outside of it there."""
    weights = random.choice((Weights.INTERNAL, Weights.INTERNAL, Weights.EXTERNAL))
    return replace(options, weights=weights, bus=random.choice(BUS_WIDTHS), inside=-1)


def random_batch(seed: int, kernels: int = KERNELS) -> Batch:
    """The batch of ``seed``: a third of its kernels of each kind."""
    random = Random(f"design {seed}")
    mode = random.choice(list(FloatMode))
    options, stalls = random_options(random), random.random() < 0.5
    programs: list[Program] = []
    constants: dict[str, Array] = {}
    truncated: dict[str, int] = {}
    by_layer: dict[str, dict[str, int]] = {name: {} for name in _BY_LAYER}
    for number in range(kernels):
        name = f"p{number}"
        random = Random(f"kernel {number} of {seed}")
        kind = _KINDS[number % len(_KINDS)]
        if kind is random_program:
            program = random_program(random, name, 5 + random.randrange(25))
        else:
            program = kind(random, name, 1 + random.randrange(4))
            constants |= random_constants(random, name)
        if random.random() < 0.25:
            program = with_slots(program)
            truncated |= {slot.name: random.randrange(23) for slot in program.slots}
        by_layer["parallel"][name] = random.choice((1, 1, 2, 3, 4))
        by_layer["unroll"][name] = random.choice((1, 1, 1, 2, 3))
        programs.append(program)
    options = with_weights(replace(options, **by_layer), Random(f"weights {seed}"))
    return Batch(seed, tuple(programs), constants, Truncating(truncated), mode, options, stalls)


def shrunk(batch: Batch) -> tuple[Batch, str]:
    """The smallest part of a batch that fails in the same way, and how."""
    alone = (batch.only(program) for program in batch.programs)
    failing = next(((each, problem) for each in alone if (problem := each.failure())), None)
    if failing is None:
        return batch, batch.failure()
    best, problem = failing

    def attempt(candidate: Batch) -> bool:
        nonlocal best, problem
        found = candidate.failure()
        if _kind(found) != _kind(problem):
            return False
        best, problem = candidate, found
        return True

    for name, default in vars(HlsOptions()).items():
        attempt(replace(best, options=replace(best.options, **{name: default})))
    store = 0
    while (body := _without_store(best.programs[0].body, store)) is not None:
        if not attempt(replace(best, programs=(replace(best.programs[0], body=body),))):
            store += 1
    return best, problem


def _kind(problem: str) -> str:
    """What goes wrong, without where."""
    return re.sub(r"'[^']*'|\d+", "", problem)[:60]


def _without_store(body: str, number: int) -> str | None:
    """``body`` without its store ``number``, if it has one; what only it needed goes when the IR is simplified.

    Stores of constants stay: without those that fill memories, words would be read that nobody wrote.
    """
    lines = body.splitlines()
    stores = [place for place, line in enumerate(lines) if re.match(r"\s*store \w+ %", line)]
    if number >= len(stores):
        return None
    return "\n".join(lines[: stores[number]] + lines[stores[number] + 1 :])


def _failure(seed: int) -> str:
    with tempfile.TemporaryDirectory(prefix="asnet-fuzz-") as folder:
        return random_batch(seed).failure(PassingCache(Path(folder)))


def _show(batch: Batch) -> None:
    """Print the least of ``batch`` that fails, and the line that repeats it."""
    least, problem = shrunk(batch)
    print(f"seed {least.seed}, {least.mode}, {least.options}, stalls {least.stalls}: {problem}")
    for program in least.programs:
        print(f"--- {program.name} {dict(least.truncating.bits) if program.slots else ''}\n{program.body}\n")
    only = f" --only {least.programs[0].name}" if len(least.programs) == 1 else f" --count {KERNELS}"
    print(f"again: python -m tests.hls.fuzz --seed {least.seed}{only}", flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the batches, print what fails; 1 if anything does."""
    options = parser("python -m tests.hls.fuzz", (__doc__ or "").splitlines()[0], "kernels", 240)
    options.add_argument("--only", help="one kernel of the first seed's, p0 …")
    chosen = options.parse_args(arguments)
    if chosen.only:
        batch = random_batch(chosen.seed)
        alone = batch.only(next(program for program in batch.programs if program.name == chosen.only))
        if alone.failure():
            _show(alone)
            return 1
        print(f"kernel {chosen.only} of seed {chosen.seed}: every bit is the same")
        return 0
    seeds = range(chosen.seed, chosen.seed - (-chosen.count // KERNELS))
    campaign = Campaign(_failure, "kernels", KERNELS)
    failed = campaign.run(seeds, chosen.jobs, chosen.state)
    for seed in failed:
        _show(random_batch(seed))
    print(f"{len(seeds) * KERNELS} kernels in {len(seeds)} designs: {len(failed)} designs with a difference")
    if chosen.state is not None:
        print(campaign.total(chosen.state))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
