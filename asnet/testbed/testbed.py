"""The test bed: what every configuration of a network's slots does on a test set."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial

import numpy as np

from asnet.cache import Cache, default_cache
from asnet.emulate import Candidate, Certificate, Masks, certify_mask
from asnet.errors import UsageError, did_you_mean
from asnet.host import processors
from asnet.ir.stages import Stages, stages_of
from asnet.ir.tiling import host_tiling
from asnet.network import Network
from asnet.passes import Pass
from asnet.testbed.batching import rows_together
from asnet.testbed.dataset import Dataset
from asnet.testbed.evaluation import Evaluation
from asnet.testbed.forms import Modules, SlotForms
from asnet.testbed.prepare import prepare
from asnet.testbed.replay import SAMPLES
from asnet.testbed.staging import Staging
from asnet.types import Array, FloatMode
from asnet.units import FunctionLibrary, UnitInstance

__all__ = ["BACKENDS", "TestBed"]

BACKENDS = ("golden", "auto")
"""`golden` runs everything through the Verilator models; `auto` takes the fastest certified form of each slot."""

Progress = Callable[[int, int, str], None]


class TestBed:
    """A network, a test set and unit instances, compiled once; every configuration is data.

    What layers computed is kept as far as ``memory`` bytes allow, and used again where nothing that it depends on
    differs (:mod:`asnet.testbed.reuse`). Where one configuration's activations of all images do not fit, images run in
    chunks. Neither that, nor the order of evaluations, nor the number of threads changes a result. One test bed belongs
    to one thread.

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
        self._cache = cache or default_cache()
        self.library = FunctionLibrary.build(
            list(self.instances.values()),
            mode,
            cache=self._cache,
            jobs=jobs,
            progress=progress,
            trust_verilog=trust_verilog,
        )
        self._masked = self._certify(jobs or processors())
        self.certificates: Mapping[str, Certificate] = {name: found for name, (_, found) in self._masked.items()}
        """Instance name → why exact arithmetic on masked operands equals its golden model, where it does; empty for the
        backend `golden`."""
        wants_loops = backend == "golden" or granularity == "site" or len(passes) > 0
        tiling = None if wants_loops else host_tiling(sites=True, products=self._summing_layers())
        tiled = prepare(network, mode, granularity=granularity, tiling=tiling) if tiling else self.module
        self._memory = memory
        self._threads = threads
        sampled = partial(prepare, network, mode, granularity=granularity, passes=passes, samples=SAMPLES)
        self._modules = Modules(self.module, tiled, sampled, partial(rows_together, network))

    def evaluate(self, configuration: Mapping[str, str], /) -> Evaluation:
        """Run ``configuration`` (slot name → instance name or `exact`) on all images of the test set.

        Raises:
            UsageError: a slot without a choice, an unknown instance, or one that stands for another operation.
            MismatchError: a fast form differs from the golden model (a bug of ASNet).
            UnitError: a unit's model cannot be evaluated on operands of this run.
        """
        return next(self.evaluate_all([configuration]))

    def evaluate_all(self, configurations: Iterable[Mapping[str, str]], /) -> Iterator[Evaluation]:
        """The evaluations of ``configurations``, one after the other; neighbours that differ in late layers alone share
        most.

        Where images run in chunks, some configurations are evaluated together.

        Raises:
            AsnetError: as :meth:`evaluate`.
        """
        return self._staging.evaluate(configurations)

    def shuffled(self, seed: int) -> Staging:
        """What evaluates on the images in an order drawn by ``seed``."""
        data = self.dataset.shuffled(seed)
        return Staging(self.network, data, self.module, self._stages, self._forms, self._cache, self._memory)

    @property
    def stage_runs(self) -> Mapping[int, int]:
        """How often each stage (the layers from one that may change to the next) ran so far."""
        return self._staging.runs

    def emulation(self, configuration: Mapping[str, str]) -> dict[str, Candidate | Certificate | None]:
        """How each slot of ``configuration`` is computed: name → the form of the kernel that sums its products, with
        certificate and speed; of operations by themselves the certificate of their masks; None for the golden model and
        for entries of its table.

        Raises:
            UsageError: as :meth:`evaluate`.
        """
        found: dict[str, Candidate | Certificate | None] = {
            slot.name: self.certificates.get(configuration.get(slot.name, "")) for slot in self.slots
        }
        return found | (self._forms.sums(configuration) if self.backend != "golden" else {})

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
        forms = self._forms
        engine = forms.engine(forms.plan(configuration, golden=golden), loops=golden)
        forms.select(configuration)
        state = engine.state(data.runs)
        engine.run(data.feed(slice(None)), state=state)
        self.library.raise_fault()
        written = dict.fromkeys(name for call in self.module.calls for name in call.writes)
        return {name: np.array(state.view(self.module.memories[name])) for name in written}

    def _certify(self, jobs: int) -> dict[str, tuple[Masks, Certificate]]:
        if self.backend == "golden":
            return {}
        certify = partial(certify_mask, library=self.library, storage=self._cache)
        with ThreadPoolExecutor(jobs) as threads:  # the golden models run outside Python's lock
            found = dict(zip(self.instances, threads.map(certify, self.instances.values()), strict=True))
        return {name: masked for name, masked in found.items() if masked is not None}

    def _summing_layers(self) -> frozenset[str]:
        """The layers of floats that sum products by kernels, rather than multiply masked operands in tiles: all, if
        there are multipliers that are no masks, else none."""
        masked = all(name in self._masked for name, instance in self.instances.items() if instance.op == "fmul")
        return frozenset[str]() if masked else frozenset(slot.layer for slot in self.slots if slot.op == "fmul")

    @cached_property
    def _stages(self) -> Stages:
        kinds = {(instance.op, instance.type.name) for instance in self.instances.values()}
        return stages_of(self.module, {slot.layer for slot in self.slots if (slot.op, slot.type) in kinds})

    @cached_property
    def _staging(self) -> Staging:
        return Staging(self.network, self.dataset, self.module, self._stages, self._forms, self._cache, self._memory)

    @cached_property
    def _forms(self) -> SlotForms:
        masks = {name: found for name, (found, _) in self._masked.items()}
        return SlotForms(
            self._modules, self._stages, self.dataset, self.instances, self.library, masks, self._cache,
            golden=self.backend == "golden", threads=self._threads,
        )  # fmt: skip


def _by_name(instances: Iterable[UnitInstance]) -> dict[str, UnitInstance]:
    found: dict[str, UnitInstance] = {}
    for instance in instances:
        if found.setdefault(instance.name, instance) != instance:
            raise UsageError(f"two different instances are called {instance.name!r}; rename one unit")
    return found
