"""The test bed: what every configuration of a network's slots does on a test set."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property, partial

import numpy as np

from asnet.cache import Cache, default_cache
from asnet.emulate import Binding, Certificate, Golden, Mask, Plan, certify_mask
from asnet.errors import UsageError, did_you_mean
from asnet.host import processors
from asnet.ir import Module, reuse
from asnet.ir.jit import Engine
from asnet.ir.sampling import Sampler
from asnet.ir.tiling import host_tiling
from asnet.network import Network
from asnet.passes import Pass
from asnet.testbed.chunks import Chunk, bytes_per_run, chunks_of
from asnet.testbed.dataset import Dataset
from asnet.testbed.evaluation import Evaluation
from asnet.testbed.judging import judge_of
from asnet.testbed.prepare import prepare
from asnet.testbed.replay import SAMPLES, Replay
from asnet.testbed.tally import Tally
from asnet.types import Array, FloatMode
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["BACKENDS", "TestBed"]

BACKENDS = ("golden", "auto")
"""`golden` runs everything through the Verilator models; `auto` takes the fastest certified form of each slot."""

_MOST_PLANS = 32  # networks compiled for one test bed; beyond, everything runs golden

Progress = Callable[[int, int, str], None]


class TestBed:
    """A network, a test set and unit instances, compiled once; every configuration is data.

    Activations of all images are kept if they fit into ``memory`` bytes, so that an evaluation runs again only from the
    first layer that differs from the one before; if they do not fit, or no layer can differ without the first one, they
    share places and every evaluation runs all layers. Neither that, nor the order of evaluations, nor the number of
    threads, nor how images are cut into chunks changes a result. One test bed belongs to one thread.

    Args:
        network: as loaded by :func:`asnet.network.load`.
        dataset: the test set; reshaped to the network's input.
        instances: all that configurations may name.
        mode: the float mode of the whole design.
        granularity: of the slots, `layer` or `site`.
        backend: one of :data:`BACKENDS`.
        passes: IR passes to run before the slots are made.
        cache: of compiled artefacts; the user's if not given.
        jobs: how many units are compiled and certified at the same time; as many as there are processors if not given.
        progress: called while units are compiled.
        trust_verilog: accept units that reach outside their ports.
        memory: bytes for activations.
        threads: how many run images at the same time; as many as there are processors if not given.

    Raises:
        DataError: the test set does not fit the network.
        UnsupportedError: the network has an operator that ASNet does not support.
        UnitError, ToolError: a unit cannot be compiled.
        UsageError: an unknown backend, or two different instances of one name.
    """

    __test__ = False  # for pytest: not a test, for all its name

    def __init__(
        self,
        network: Network,
        dataset: Dataset,
        instances: Iterable[UnitInstance] = (),
        *,
        mode: FloatMode = FloatMode.FTZ,
        granularity: str = "layer",
        backend: str = "auto",
        passes: Sequence[Pass] = (),
        cache: Cache | None = None,
        jobs: int | None = None,
        progress: Progress | None = None,
        trust_verilog: bool = False,
        memory: int = 2 << 30,
        threads: int | None = None,
    ) -> None:
        if backend not in BACKENDS:
            raise UsageError(f"unknown backend {backend!r}{did_you_mean(backend, BACKENDS)}")
        self.network = network
        self.dataset = dataset.fit(network)
        self.instances = _by_name(instances)
        self.backend = backend
        self.recipe: Callable[[], TestBed] = partial(
            TestBed, network, dataset, tuple(self.instances.values()), mode=mode, granularity=granularity,
            backend=backend, passes=tuple(passes), cache=cache, jobs=1, trust_verilog=trust_verilog, memory=memory,
            threads=1,
        )  # fmt: skip
        self.module = prepare(network, mode, granularity=granularity, passes=passes)
        self.slots = self.module.slots
        wants_loops = backend == "golden" or granularity == "site" or len(passes) > 0
        tiling = None if wants_loops else host_tiling(sites=True)
        self._tiled = prepare(network, mode, granularity=granularity, tiling=tiling) if tiling else self.module
        self._cache = cache or default_cache()
        self.library = FunctionLibrary.build(
            list(self.instances.values()),
            mode,
            cache=self._cache,
            jobs=jobs,
            progress=progress,
            trust_verilog=trust_verilog,
        )
        self.certificates: Mapping[str, Certificate] = self._certify(jobs or processors())
        """Instance name → why its fast form equals the golden model; empty for the backend `golden`."""
        self._memory = memory
        self._threads = threads
        fits = bytes_per_run(self.module) * self.dataset.runs <= memory
        prefixes = len({slot.layer for slot in self.slots}) > 1
        self._reuses = not (fits and prefixes)
        self._engines: dict[tuple[Plan, bool], Engine] = {}
        self._kept: dict[str, str] | None = None
        self._sampled: Callable[[], Module] = partial(
            prepare, network, mode, granularity=granularity, passes=passes, samples=SAMPLES
        )

    def evaluate(self, configuration: Mapping[str, str], /) -> Evaluation:
        """Run ``configuration`` (slot name → instance name or `exact`) on all images of the test set.

        Raises:
            UsageError: a slot without a choice, an unknown instance, or one that stands for another operation.
            MismatchError: a fast form differs from the golden model (a bug of ASNet).
            UnitError: a unit's model cannot be evaluated on operands of this run.
        """
        began = time.perf_counter()
        engine = self._engine(self._plan(configuration), reuses=self._reuses)
        self._check(configuration)
        first = self._first_changed(configuration)
        self._binding.select(configuration)
        self._kept = None  # until it is whole again, whatever interrupts
        outputs = [self.module.memory(tensor.name) for tensor in self.network.outputs]
        size = self.dataset.images_a_run
        tally = Tally(len(outputs), judge_of(self.network, size))
        for chunk in self._chunks:
            if not chunk.resident or first == 0:
                engine.run(self.dataset.feed(chunk.runs), state=chunk.state)
            elif first < len(self.module.calls):
                engine.run(state=chunk.state, first=first)
            classes = self.dataset.y[chunk.runs.start * size : chunk.runs.stop * size]
            tally.add([chunk.state.view(memory) for memory in outputs], classes)
        self.library.raise_fault()
        self._kept = dict(configuration)
        return Evaluation(tally.correct, len(self.dataset), tally.digest, time.perf_counter() - began)

    def outputs(
        self, configuration: Mapping[str, str], images: int | None = None, *, golden: bool = False
    ) -> dict[str, Array]:
        """What every layer computes for the first ``images`` images: memory name → array ``(runs, *shape)``, where
        a run is an image, or as many as the network takes at a time.

        All memories that a layer writes, in the order of the layers. ``golden`` asks for the Verilator models
        whatever the backend.

        Raises:
            DataError: more images than there are.
            UsageError, UnitError: as :meth:`evaluate`.
        """
        data = self.dataset if images is None else self.dataset.take(images)
        engine = self._engine(self._plan(configuration, only="golden" if golden else None), reuses=False)
        self._binding.select(configuration)
        state = engine.state(data.runs)
        engine.run(data.feed(slice(None)), state=state)
        self.library.raise_fault()
        written = dict.fromkeys(name for call in self.module.calls for name in call.writes)
        return {name: np.array(state.view(self.module.memories[name])) for name in written}

    def _certify(self, jobs: int) -> dict[str, Certificate]:
        if self.backend == "golden":
            return {}
        certify = partial(certify_mask, library=self.library, storage=self._cache)
        with ThreadPoolExecutor(jobs) as threads:  # the golden models run outside Python's lock
            found = dict(zip(self.instances, threads.map(certify, self.instances.values()), strict=True))
        return {name: certificate for name, certificate in found.items() if certificate is not None}

    @cached_property
    def _binding(self) -> Binding:
        forms = [Golden(self.library)]
        lanes = {slot.name: slot.lanes for slot in self._tiled.slots}
        slots = [replace(slot, lanes=lanes[slot.name]) for slot in self.slots]
        if self.backend == "golden":
            return Binding(slots, self.instances, forms)
        by_digest = {self.instances[name].digest: found for name, found in self.certificates.items()}
        return Binding(slots, self.instances, [Mask(self.module.mode, by_digest), *forms])

    def _plan(self, configuration: Mapping[str, str], only: str | None = None) -> Plan:
        plan = self._binding.plan(configuration, only=only)
        plans = {known for known, _ in self._engines}
        if plan not in plans and len(plans) >= _MOST_PLANS:
            return self._binding.plan(configuration, only="golden")
        return plan

    def _engine(self, plan: Plan, *, reuses: bool) -> Engine:
        key = plan, reuses
        if key not in self._engines:
            module, binder = self._form(plan), self._binding.binder(plan)
            self._engines[key] = Engine(
                reuse(module) if reuses else module, binder=binder, cache=self._cache, threads=self._threads
            )
        return self._engines[key]

    def _form(self, plan: Plan) -> Module:
        """What runs: tiles, unless a product in them is a golden call, which lanes that are dropped must not meet."""
        golden = {slot.name for slot, kind in zip(self.slots, plan, strict=True) if kind == "golden"}
        return self.module if any(slot.lanes and slot.name in golden for slot in self._tiled.slots) else self._tiled

    @cached_property
    def _chunks(self) -> list[Chunk]:
        return chunks_of(reuse(self.module) if self._reuses else self.module, self.dataset.runs, self._memory)

    def _first_changed(self, configuration: Mapping[str, str]) -> int:
        """Number of the first call whose slots differ from what the resident states hold; all calls, if none does."""
        if self._kept is None:
            return 0
        changed = {slot.layer for slot in self.slots if self._kept[slot.name] != configuration[slot.name]}
        numbers = (number for number, call in enumerate(self.module.calls) if call.layer in changed)
        return next(numbers, len(self.module.calls))

    def _check(self, configuration: Mapping[str, str]) -> None:
        """Compare the fast forms with the golden model, layer by layer, for choices not compared before."""
        plan = self._plan(configuration)
        if all(kind == "golden" for kind in plan):
            return
        new = self._replay.new(self.slots, plan, configuration)
        if new:
            kinds = {slot.name: kind for slot, kind in zip(self.slots, plan, strict=True)}
            self._binding.select(configuration)
            self._replay.check(self._engine(plan, reuses=False), new, kinds, configuration)
            self.library.raise_fault()

    @cached_property
    def _replay(self) -> Replay:
        module, sampler = self._sampled(), Sampler()
        binder = self._binding.binder(("golden",) * len(self.slots))
        return Replay(Engine(module, binder=sampler.bound(binder), cache=self._cache, threads=1), sampler, self.dataset)


def _by_name(instances: Iterable[UnitInstance]) -> dict[str, UnitInstance]:
    found: dict[str, UnitInstance] = {}
    for instance in instances:
        if found.setdefault(instance.name, instance) != instance:
            raise UsageError(f"two different instances are called {instance.name!r}; rename one unit")
    return found
