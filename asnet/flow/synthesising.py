"""The second whole job: a configuration in, co-simulated Verilog out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from asnet.errors import UsageError
from asnet.flow.problem import Problem, Progress
from asnet.hls import (
    CosimReport,
    DesignReport,
    Estimate,
    Figures,
    HlsOptions,
    RtlDesign,
    Samples,
    check_folder,
    cosimulate,
    estimate,
    hand_over,
    lint,
    synthesise,
)
from asnet.hls.area import area_rows, estimate_area, too_large
from asnet.types import EXACT
from asnet.units import UnitInstance

__all__ = ["Comparison", "Synthesis", "synth"]

_SAMPLES = 4
"""Images that a design's own test benches run."""


@dataclass(frozen=True)
class Comparison:
    """The design with exact units, and its estimate."""

    report: DesignReport
    estimate: Estimate


@dataclass(frozen=True)
class Synthesis:
    """A design and what was established about it: co-simulated on ``cosim.images`` images, estimated if asked for.

    ``exact``: the same network with exact units, estimated in the same way, if it was to be compared.
    """

    design: RtlDesign
    cosim: CosimReport
    estimate: Estimate | None = None
    exact: Comparison | None = None
    folder: Path | None = None


def synth(
    problem: Problem,
    configuration: Mapping[str, str],
    *,
    out: Path | str | None = None,
    images: int = 10,
    stalls: bool = False,
    estimates: bool = False,
    seeds: int = 1,
    compare: bool = False,
    command: str = "",
    options: HlsOptions | None = None,
    instances: Mapping[str, UnitInstance] | None = None,
    say: Callable[[str], None] | None = None,
    compiling: Progress | None = None,
    simulating: Progress | None = None,
) -> Synthesis:
    """Hardware for ``configuration`` (slot name → instance name or ``exact``) of ``problem``, proven on its test set.

    The design is linted, then simulated on the first ``images`` images of the test set; every value of every layer is
    compared with the golden models of the test bed. Only a design that agrees is written to the folder ``out``.

    Args:
        stalls: let both streams of the design stall at random.
        estimates: place and route for the ECP5, with ``seeds`` seeds, for the clock of ``options``.
        compare: estimate the design with exact units too.
        command: what made the design, for its README and manifest.
        instances: instance name → instance, where ``problem.space`` does not have them.
        say: called with one line per finished step.

    Raises:
        MismatchError: hardware and test bed differ; the first differing layer and element are named.
        UsageError: the configuration names an instance that is not there.
        AsnetError: a step fails; nothing is written.
    """
    tell = say or _say_nothing
    hardware = options or HlsOptions()
    folder = None if out is None else Path(out)
    if folder is not None:
        check_folder(folder)
    known = {**problem.space.instances, **(instances or {})}
    used: dict[str, UnitInstance] = {}
    for slot, name in configuration.items():
        if name != EXACT:
            if name not in known:
                raise UsageError(f"slot {slot!r}: no instance {name!r}; offer its unit to the problem")
            used[name] = known[name]
    data = problem.data.fit(problem.network).take(min(images, len(problem.data)))
    bed = problem.bed(used.values(), data=data, progress=compiling)
    expected = bed.outputs(configuration, golden=True)
    chosen = {slot: None if name == EXACT else used[name] for slot, name in configuration.items()}
    design = synthesise(bed.module, chosen, name=problem.network.name, options=hardware)
    tell(f"design {design.top}: {len(design.files)} files, digest {design.digest[:16]}")
    for operator in design.operators:
        if operator.remark:
            tell(f"note: {operator.remark}")
    lint(design)
    tell("lint: clean")
    if simulating is not None:
        simulating(0, data.runs, "images")
    inputs = {name: np.ascontiguousarray(array) for name, array in data.feed(slice(None)).items()}
    expected = {name: values for name, values in expected.items() if name in design.rams}
    report = cosimulate(
        design, inputs, expected, stalls=stalls, cache=problem.cache, progress=_without_name(simulating)
    )
    report.raise_if_different()
    found = before = None
    placing = partial(estimate, seeds=seeds, dsps=hardware.dsps, clock_mhz=hardware.clock, cache=problem.cache)
    if estimates or compare:
        found = placing(design)
    if compare:
        tell("estimating the exact design")
        plain = synthesise(bed.module, name=problem.network.name, options=hardware)
        before = Comparison(plain.report, placing(plain))
    area = estimate_area(design, dsps=hardware.dsps, measure=estimates or compare, cache=problem.cache)
    if large := too_large(design, area):
        tell(f"note: {large}")
    design = hand_over(
        design,
        Samples(inputs, expected, min(data.runs, _SAMPLES)),
        figures=None if found is None else _figures(found),
        exact=None if before is None else (before.report, _figures(before.estimate)),
        area=area_rows(design, area),
        command=command,
    )
    if folder is not None:
        design.write(folder)
    return Synthesis(design, report, found, before, folder)


def _figures(found: Estimate) -> Figures:
    return Figures(found.luts, found.ffs, found.dsps, found.brams, found.fmax_mhz, found.tools)


def _say_nothing(line: str) -> None:
    """Nobody listens."""


def _without_name(progress: Progress | None) -> Callable[[int, int], None] | None:
    return None if progress is None else lambda done, total: progress(done, total, "images")
