"""Lanes for every layer: those that the user names, and those that a goal asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from asnet.errors import SynthesisError, UnreachableError, did_you_mean
from asnet.hls.assembly import STYLES, Materials
from asnet.hls.binder import Binder
from asnet.hls.chip import DEVICES, Area
from asnet.hls.dataflow import Engine
from asnet.hls.dataflow.optimise import Candidate, Choice, Goal, choose
from asnet.hls.design import RtlDesign
from asnet.hls.fusing import program_of
from asnet.hls.kernel import Kernel
from asnet.hls.layers import PlannedLayer, Setting, images_of, lanes_of, plan_layer
from asnet.hls.nest import NotCounted, possible_lanes
from asnet.hls.options import HlsOptions, Style
from asnet.hls.sizing import Sizes
from asnet.hls.storage import WeightsImage, by_channel
from asnet.ir import Module

__all__ = ["check_fits", "check_reached", "choose_lanes"]

_UNKNOWN = 1 << 62
"""Cycles of a layer that nobody can tell: more lanes are never seen to help."""


def choose_lanes(kernels: Sequence[Kernel], module: Module, setting: Setting) -> Choice | None:
    """Lanes for ``kernels``; None if the options have no goal, and each layer has the lanes that are named.

    ``module``: the network, whose calls are the layers.

    Raises:
        SynthesisError: a pattern that no layer's name matches, an unknown device.
        UnreachableError: the goal cannot be reached.
    """
    options = setting.options
    check_patterns([kernel.layer for kernel in kernels], options)
    if options.target_cycles is None and options.fit is None and not options.resources:
        return None
    if options.style is Style.SEQUENTIAL and options.target_cycles is None and options.fit is None:
        return None
    goal = _goal(options)
    chooser = _Chooser(kernels, setting, Sizes(setting.binder, module.mode, options.dsps))
    possible = [chooser.possible(number) for number in range(len(kernels))]
    if goal.budget is not None:
        goal = replace(goal, around=chooser.around(module, [lanes[0] for lanes in possible]))
    return choose([kernel.layer for kernel in kernels], possible, chooser.candidate, goal)


def check_reached(choice: Choice | None, options: HlsOptions, cycles: int | None) -> None:
    """Refuse a design that takes more ``cycles`` per image than are wanted although no layer does.

    Raises:
        UnreachableError: it does.
    """
    if choice is None or options.target_cycles is None or cycles is None or cycles <= options.target_cycles:
        return
    raise UnreachableError(
        f"{options.target_cycles:,} cycles per image are out of reach: the layers take {choice.cycles:,}, the design "
        f"{cycles:,}, because its streams take a word a cycle and layers wait for each other"
    )


def check_fits(design: RtlDesign, binder: Binder, options: HlsOptions) -> None:
    """Refuse a design that is too large for the device that it was to fit: buffers may hold more than was thought.

    Raises:
        UnreachableError: it is.
    """
    if options.fit is None:
        return
    area = Sizes(binder, design.mode, options.dsps).design(design.top, design.files)
    if not area.fits(DEVICES[options.fit]):
        raise UnreachableError(
            f"the design takes {area}, and {options.fit} offers {DEVICES[options.fit]}: the buffers between its layers "
            "became larger with more lanes; state lanes with --parallel"
        )


def check_patterns(layers: Sequence[str], options: HlsOptions) -> None:
    """Refuse patterns that name no layer, and several images at once where layers run one after the other.

    Raises:
        SynthesisError: there is one.
    """
    for pattern in (*options.parallel, *options.interleave):
        if not any(fnmatchcase(layer, pattern) for layer in layers):
            raise SynthesisError(f"no layer is called like {pattern!r}{did_you_mean(pattern, layers)}")
    if options.interleave and options.style is Style.SEQUENTIAL:
        raise SynthesisError(
            "several images at once need the style 'dataflow', in which layers keep images apart; this is 'sequential'"
            ": choose --style dataflow, or leave out --interleave"
        )


def _goal(options: HlsOptions) -> Goal:
    together = options.style is Style.DATAFLOW
    if options.fit is not None and not together:
        raise SynthesisError(
            "lanes are chosen to fit a device where layers have units of their own; this is the style 'sequential': "
            "choose --style dataflow, or --target-cycles"
        )
    if options.fit is not None and options.fit not in DEVICES:
        raise SynthesisError(f"unknown device {options.fit!r}{did_you_mean(options.fit, DEVICES)}")
    return Goal(
        target=options.target_cycles,
        budget=None if options.fit is None else DEVICES[options.fit],
        device=options.fit or "",
        units=options.resources,
        together=together,
    )


class _Chooser:
    def __init__(self, kernels: Sequence[Kernel], setting: Setting, sizes: Sizes) -> None:
        self._kernels = kernels
        self._setting = setting
        self._options = setting.options
        self._sizes = sizes
        self._plans: dict[tuple[int, int], PlannedLayer] = {}
        self._known: dict[tuple[int, int], Candidate] = {}

    def possible(self, number: int) -> tuple[int, ...]:
        """The lanes that a layer may have: what the user says, or whatever makes a difference."""
        kernel = self._kernels[number]
        if any(fnmatchcase(kernel.layer, pattern) for pattern in self._options.parallel):
            return (lanes_of(kernel.layer, self._options),)
        if not self._options.pipelined:
            return (1,)
        try:
            return possible_lanes(program_of(kernel, self._setting.scratch))
        except NotCounted:
            return (1,)

    def candidate(self, number: int, lanes: int) -> Candidate:
        """What a layer with so many lanes costs: it is planned and emitted for that. Areas only to fit a device."""
        if (number, lanes) not in self._known:
            kernel, plan = self._kernels[number], self._planned(number, lanes)
            layer = plan.emit(f"engine_{number}", "")
            timing = plan.timing()
            units = Counter(port.operator.instance.op for port in layer.operators)
            images = images_of(kernel.layer, self._options)
            cycles = _UNKNOWN if timing is None else -(-timing.busy // images)
            weights = WeightsImage(by_channel(plan.tiles), self._options.bus)
            area = Area()
            if self._options.fit is not None:
                fetchers = {f"weights_{place}": fetcher for place, fetcher in enumerate(weights.fetchers)}
                area = self._sizes.layer(Engine(layer, timing, fetchers=fetchers), self._setting.scratch) * images
            self._known[number, lanes] = Candidate(lanes, cycles, area, units, weights.beats)
        return self._known[number, lanes]

    def around(self, module: Module, lanes: Sequence[int]) -> Area:
        """What a design takes beyond its layers; ``lanes``: of each of them."""
        plans = [self._planned(number, count) for number, count in enumerate(lanes)]
        made = Materials(module, "design", self._options, plans, self._setting.binder.operators, (), "")
        whole = STYLES[self._options.style](made)
        layers = (self.candidate(number, count).area for number, count in enumerate(lanes))
        return self._sizes.design(whole.top, whole.files) - sum(layers, Area())

    def _planned(self, number: int, lanes: int) -> PlannedLayer:
        if (number, lanes) not in self._plans:
            self._plans[number, lanes] = plan_layer(self._kernels[number], self._setting, lanes)
        return self._plans[number, lanes]
