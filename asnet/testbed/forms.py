"""What a network's slots compute: for every configuration the code that it runs in, and the data that make it so."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from asnet.cache import Cache
from asnet.emulate import Binding, Candidate, Chooser, Golden, Mask, Masks, Plan, Sources, products_forms
from asnet.emulate.lift import WordCalls
from asnet.emulate.row_table import TableEntry
from asnet.ir import Module
from asnet.ir.jit import Engine
from asnet.ir.sampling import Sampler
from asnet.ir.staged import StagedEngine
from asnet.ir.stages import Stages, stages_of
from asnet.network import Network
from asnet.testbed.batching import Batched
from asnet.testbed.dataset import Dataset
from asnet.testbed.replay import Replay
from asnet.types import EXACT
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["Modules", "SlotForms"]

_MOST_PLANS = 32  # networks compiled for one test bed; beyond, everything runs golden


@dataclass(frozen=True)
class Modules:
    """A network as loops, and tiled for the host (the same, if it runs as loops alone).

    ``sampled`` makes the loops with samples (:data:`asnet.testbed.replay.SAMPLES`), ``together`` a stage for several
    images at a time (:func:`asnet.testbed.batching.rows_together`).
    """

    loops: Module
    tiled: Module
    sampled: Callable[[], Module]
    together: Callable[[Module, Stages, int], tuple[Network, Module] | None]


class SlotForms:
    """Makes slots compute what configurations say.

    ``masks``: instance name → the masks that were certified. ``golden``: everything runs through the golden model.
    ``threads``: of an engine.
    """

    def __init__(
        self,
        modules: Modules,
        stages: Stages,
        dataset: Dataset,
        instances: Mapping[str, UnitInstance],
        library: FunctionLibrary,
        masks: Mapping[str, Masks],
        cache: Cache,
        *,
        golden: bool,
        threads: int | None,
    ) -> None:
        self._modules = modules
        self._stages = stages
        self._dataset = dataset
        self._instances = instances
        self._library = library
        self._masks = {instances[name].digest: found for name, found in masks.items()}
        self._cache = cache
        self._golden = golden
        self._threads = threads
        tiled = {slot.name: slot for slot in modules.tiled.slots}
        self._slots = tuple(replace(tiled[slot.name], symbol=slot.symbol) for slot in modules.loops.slots)
        self._engines: dict[tuple[Plan, bool], Engine] = {}
        self._staged: dict[Plan, StagedEngine] = {}
        self._batched: dict[tuple[Plan, int], StagedEngine | Batched] = {}

    # --- forms of slots ---------------------------------------------------------------------------------------------

    @cached_property
    def chooser(self) -> Chooser:
        """Who chooses kernels for sums of products."""
        return Chooser(products_forms(self._sources), self._library, self._cache, self._modules.tiled.constants)

    @cached_property
    def _sources(self) -> Sources:
        return Sources(self._library, self._cache, self._masks)

    @cached_property
    def binding(self) -> Binding:
        """The forms of the slots, as loops and tiled."""
        forms = [Golden(self._library)]
        if self._golden:
            return Binding(self._slots, self._instances, forms)
        mode = self._library.mode
        fast = [
            Mask(mode, self._masks),
            TableEntry(lambda instance: self._sources.analysis(instance).table, mode),
            WordCalls(self._sources.call, mode),
        ]
        return Binding(self._slots, self._instances, [*fast, *forms], self.chooser)

    def plan(self, configuration: Mapping[str, str], *, golden: bool = False) -> Plan:
        """The kinds of form for ``configuration``; all ``golden``, if that is asked for."""
        plan = self.binding.plan(configuration, only="golden" if golden else None)
        module, running = self._running(plan)
        known = (running, module is self._modules.loops) in self._engines
        if not known and len(self._engines) >= _MOST_PLANS:
            return self.binding.plan(configuration, only="golden")
        return plan

    def form(self, plan: Plan) -> Module:
        """What runs: tiles, unless a product in them is a golden call, which lanes that are dropped must not meet."""
        return self._running(plan)[0]

    def _running(self, plan: Plan) -> tuple[Module, Plan]:
        """:meth:`form`, and the plan without what does not matter to it: slots that do nothing but sum products."""
        kinds = list(zip(self._slots, plan, strict=True))
        if any(slot.lanes and kind == "golden" for slot, kind in kinds):
            return self._modules.loops, plan
        return self._modules.tiled, tuple(kind if slot.singles else "golden" for slot, kind in kinds)

    def engine(self, plan: Plan, *, loops: bool = False) -> Engine:
        """The whole network's code; with ``loops`` no kernels, nothing but the forms of ``plan``."""
        module, plan = (self._modules.loops, plan) if loops else self._running(plan)
        key = plan, module is self._modules.loops
        if key not in self._engines:
            binder = self.binding.binder(plan)
            self._engines[key] = Engine(module, binder=binder, cache=self._cache, threads=self._threads)
        return self._engines[key]

    def sums(self, configuration: Mapping[str, str]) -> dict[str, Candidate]:
        """Name of each slot that sums products by a kernel → the form of it, with its certificate and speed."""
        if self.form(self.plan(configuration)) is not self._modules.tiled:
            return {}
        chosen: dict[str, Candidate] = {}
        for slot in self._slots:
            if slot.products is not None:
                chosen[slot.name] = self.chooser.choose(slot.products, self._instances.get(configuration[slot.name]))
        return chosen

    # --- stages (asnet.testbed.staging.Forms) -----------------------------------------------------------------------

    def stage_engine(
        self, configuration: Mapping[str, str], slots: Sequence[str], stage: int, /
    ) -> StagedEngine | Batched:
        """Code in which ``slots`` take the forms that ``configuration`` needs, and others any: the golden one, where
        one of ``slots`` does, else that of exact arithmetic."""
        names = [slot.name for slot in self._slots]
        kinds = dict(zip(names, self.binding.plan(configuration), strict=True))
        exact = self.binding.plan(dict.fromkeys(kinds, EXACT))
        golden = any(slot.name in slots and slot.singles and kinds[slot.name] == "golden" for slot in self._slots)
        module, plan = self._running(
            tuple(
                "golden" if golden else kinds[name] if name in slots else kind
                for name, kind in zip(names, exact, strict=True)
            )
        )
        if plan not in self._staged:
            stages = stages_of(module, {layer for layers in self._stages.layers for layer in layers})
            assert stages.agrees(self._stages), "tiles keep what loops keep"
            self._staged[plan] = StagedEngine(
                module, stages, binder=self.binding.binder(plan), cache=self._cache, threads=self._threads
            )
        one = self._staged[plan]
        if golden or self._modules.tiled.tiling is None:
            return one
        key = plan, stage
        if key not in self._batched:
            self._batched[key] = self._several(plan, stage, one) or one
        return self._batched[key]

    def _several(self, plan: Plan, stage: int, one: StagedEngine) -> Batched | None:
        """Code for several images of ``stage`` at a time, if it has that form."""
        found = self._modules.together(self._modules.tiled, self._stages, stage)
        if found is None:
            return None
        network, module = found
        binder = self.binding.binder(plan, {slot.name: slot.lanes for slot in module.slots})
        many = StagedEngine(module, stages_of(module, ()), binder=binder, cache=self._cache, threads=self._threads)
        return Batched(many, one, network, self._modules.tiled, self._stages, stage)

    def select(self, configuration: Mapping[str, str], slots: Collection[str] | None = None, /) -> None:
        """Make the choices of ``slots`` (default: all) effective in all engines."""
        self.binding.select(configuration, slots)

    def raise_fault(self) -> None:
        """Raise what a unit's model has met."""
        self._library.raise_fault()

    # --- checks -----------------------------------------------------------------------------------------------------

    def admit(self, configuration: Mapping[str, str], /) -> None:
        """Check a configuration with choices that were not met before, and compare what fast forms compute for them
        with the golden model, layer by layer.

        Raises:
            UsageError: a slot without a choice, an unknown instance, or one that stands for another operation.
            MismatchError: a fast form differs from the golden model (a bug of ASNet).
        """
        plan = self.plan(configuration)
        kinds = self._kinds(plan, configuration)
        if all(kind == "golden" for kind in kinds.values()):
            return
        new = self.replay.new(self._slots, kinds, configuration)
        if new:
            self.select(configuration)
            self.replay.check(self.engine(plan), new, kinds, configuration)
            self.raise_fault()

    def _kinds(self, plan: Plan, configuration: Mapping[str, str]) -> dict[str, str]:
        """Slot name → the forms that compute it."""
        kinds = {slot.name: kind for slot, kind in zip(self._slots, plan, strict=True)}
        if self.form(plan) is not self._modules.tiled:
            return kinds
        kernels = self.binding.kernels(configuration)
        singles = {slot.name for slot in self._slots if slot.singles}
        return {
            name: " and ".join(
                dict.fromkeys([*([kernels[name]] if name in kernels else []), *([kind] if name in singles else [])])
            )
            for name, kind in kinds.items()
        }

    @cached_property
    def replay(self) -> Replay:
        """Who compares samples of a run with the golden model."""
        module, sampler = self._modules.sampled(), Sampler()
        binder = self.binding.binder(("golden",) * len(self._slots))
        engine = Engine(module, binder=sampler.bound(binder), cache=self._cache, threads=1)
        return Replay(engine, sampler, self._dataset)
