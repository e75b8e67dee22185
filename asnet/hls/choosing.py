"""Lanes for every layer: those that the user names, and those that a goal asks for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from fnmatch import fnmatchcase

from asnet.errors import SynthesisError, UnreachableError, did_you_mean
from asnet.hls.binder import Binder
from asnet.hls.dataflow.area import DEVICES, layer_area, total_area
from asnet.hls.dataflow.optimise import Candidate, Choice, Goal, choose
from asnet.hls.fusing import program_of
from asnet.hls.kernel import Kernel
from asnet.hls.layers import images_of, lanes_of, plan_layer
from asnet.hls.nest import NotCounted, possible_lanes
from asnet.hls.options import HlsOptions, Style
from asnet.types import Array, FloatMode

__all__ = ["check_reached", "choose_lanes"]

_UNKNOWN = 1 << 62
"""Cycles of a layer that nobody can tell: more lanes are never seen to help."""


def choose_lanes(
    kernels: Sequence[Kernel],
    binder: Binder,
    options: HlsOptions,
    contents: Mapping[str, Array],
    scratch: Collection[str],
    mode: FloatMode,
) -> Choice | None:
    """Lanes for ``kernels``; None if ``options`` have no goal, and each layer has the lanes that are named.

    Raises:
        SynthesisError: a pattern that no layer's name matches, an unknown device.
        UnreachableError: the goal cannot be reached.
    """
    check_patterns([kernel.layer for kernel in kernels], options)
    if options.target_cycles is None and options.fit is None and not options.resources:
        return None
    if options.style is Style.SEQUENTIAL and options.target_cycles is None and options.fit is None:
        return None
    chooser = _Chooser(kernels, binder, options, contents, scratch, mode)
    possible = [chooser.possible(number) for number in range(len(kernels))]
    return choose([kernel.layer for kernel in kernels], possible, chooser.candidate, _goal(options))


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
        )


def _goal(options: HlsOptions) -> Goal:
    together = options.style is Style.DATAFLOW
    if options.fit is not None and not together:
        raise SynthesisError("lanes are chosen to fit a device in the dataflow style only; state target cycles instead")
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
    def __init__(
        self,
        kernels: Sequence[Kernel],
        binder: Binder,
        options: HlsOptions,
        contents: Mapping[str, Array],
        scratch: Collection[str],
        mode: FloatMode,
    ) -> None:
        self._kernels = kernels
        self._binder = binder
        self._options = options
        self._contents = contents
        self._scratch = scratch
        self._mode = mode
        self._known: dict[tuple[int, int], Candidate] = {}

    def possible(self, number: int) -> tuple[int, ...]:
        """The lanes that a layer may have: what the user says, or whatever makes a difference."""
        kernel = self._kernels[number]
        if any(fnmatchcase(kernel.layer, pattern) for pattern in self._options.parallel):
            return (lanes_of(kernel.layer, self._options),)
        if not self._options.pipelined:
            return (1,)
        try:
            return possible_lanes(program_of(kernel, self._scratch))
        except NotCounted:
            return (1,)

    def candidate(self, number: int, lanes: int) -> Candidate:
        """What a layer with so many lanes costs: it is planned and emitted for that."""
        if (number, lanes) not in self._known:
            kernel = self._kernels[number]
            plan = plan_layer(kernel, self._binder, self._options, self._contents, lanes, self._scratch)
            layer = plan.emit("layer", "")
            timing = plan.timing()
            units = Counter(port.operator.instance.op for port in layer.operators)
            images = images_of(kernel.layer, self._options)
            cycles = _UNKNOWN if timing is None else -(-timing.busy // images)
            area = total_area([layer_area(layer, self._mode)] * images)
            self._known[number, lanes] = Candidate(lanes, cycles, area, units)
        return self._known[number, lanes]
