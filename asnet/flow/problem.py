"""What is explored: a network, a test set, the units that may stand in, and how the network is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import cast

from asnet.cache import Cache
from asnet.errors import StudyError, UsageError
from asnet.exploration import (
    Constraints,
    DesignSpace,
    Limit,
    Rule,
    StudyFacts,
    UnitChoice,
    instances_of,
    load_constraints,
    offered,
)
from asnet.ir import Slot
from asnet.network import Network, Shapes, load
from asnet.passes import Pass, parse_pass
from asnet.testbed import Dataset, SequentialTest, TestBed, prepare
from asnet.types import FloatMode
from asnet.units import ApproximateUnit, UnitInstance
from asnet.version import __version__

__all__ = ["Problem", "Progress", "Units"]

Progress = Callable[[int, int, str], None]
"""Called as ``progress(done, total, what)``."""

Units = Mapping[str, UnitChoice] | Iterable[ApproximateUnit | UnitInstance | Iterable[UnitInstance]]
"""Units offered to a design space: a unit means all its instances; by name, ``{"fmul_trunc": {"p": range(23)}}``."""


@dataclass(frozen=True)
class Problem:
    """One design problem. Make it with :meth:`of` (objects) or :meth:`from_files` (paths); nothing is compiled yet.

    ``decide``: configurations are evaluated until this test has a verdict; :meth:`deciding` sets it.
    """

    network: Network
    data: Dataset
    units: Mapping[str, tuple[UnitInstance, ...]]
    network_path: Path
    rules: tuple[Rule, ...] = ()
    granularity: str = "network"
    mode: FloatMode = FloatMode.FTZ
    passes: tuple[Pass, ...] = ()
    backend: str = "auto"
    objectives: tuple[str, ...] = ("accuracy", "area")
    limits: Mapping[str, Limit] = field(default_factory=dict[str, Limit])
    constraints: Constraints | None = None
    trust_verilog: bool = False
    cache: Cache | None = None
    decide: SequentialTest | None = None

    @classmethod
    def of(
        cls,
        network: Network | Path | str,
        data: Dataset | Path | str,
        units: Units = (),
        *,
        granularity: str = "network",
        mode: FloatMode | str = FloatMode.FTZ,
        passes: Sequence[Pass] = (),
        backend: str = "auto",
        objectives: Sequence[str] = ("accuracy", "area"),
        limits: Mapping[str, Limit] | None = None,
        trust_verilog: bool = False,
        cache: Cache | None = None,
        shapes: Shapes | None = None,
        output: str | None = None,
    ) -> Problem:
        """The problem of choosing among ``units`` in ``network``, judged on the test set ``data``.

        ``shapes`` and ``output`` are for a network that is read from a file, as :func:`asnet.network.load` takes them.

        Raises:
            NetworkError, DataError, UnitError: an input is missing or wrong.
            UsageError: ``shapes`` or ``output`` with a network that is read already, or not those of the file.
        """
        path = Path(network.name) if isinstance(network, Network) else Path(network)
        if isinstance(network, Network):
            if shapes or output:
                raise UsageError("shapes and output are for a network that is read from a file; give them to load")
            loaded = network
        else:
            loaded = load(network, shapes=shapes, output=output)
        return cls(
            network=loaded,
            data=_dataset(data, loaded),
            units=_instances(units),
            network_path=path,
            granularity=granularity,
            mode=FloatMode(mode),
            passes=tuple(passes),
            backend=backend,
            objectives=tuple(objectives),
            limits=dict(limits or {}),
            trust_verilog=trust_verilog,
            cache=cache,
        )

    @classmethod
    def from_files(
        cls,
        network: Path | str,
        constraints: Path | str,
        *,
        data: Path | str | None = None,
        images: int | None = None,
        passes: Sequence[Pass] = (),
        backend: str = "auto",
        trust_verilog: bool = False,
        cache: Cache | None = None,
        shapes: Shapes | None = None,
        output: str | None = None,
    ) -> Problem:
        """The problem that a constraints file states for a network; ``data`` overrides the file's test set.

        Raises:
            ConstraintsError, NetworkError, DataError, UnitError: an input is missing or wrong.
            UsageError: there is no test set.
        """
        stated = load_constraints(constraints)
        loaded = load(network, shapes=shapes, output=output)
        test_set = Path(data) if data is not None else stated.data
        if test_set is None:
            raise UsageError(
                f'no test set: {str(constraints)!r} has no "data"; give one with --data FILE.npz (arrays x and y)'
            )
        dataset = _dataset(test_set, loaded)
        return cls(
            network=loaded,
            data=dataset if images is None else dataset.take(images),
            units=instances_of(stated.units, stated.path.parent),
            network_path=Path(network),
            rules=stated.rules,
            granularity=stated.granularity,
            mode=stated.float_mode,
            passes=tuple(passes),
            backend=backend,
            objectives=stated.objectives,
            limits=stated.limits,
            constraints=stated,
            trust_verilog=trust_verilog,
            cache=cache,
        )

    @classmethod
    def of_study(cls, facts: StudyFacts, *, trust_verilog: bool = False) -> Problem:
        """The problem that a study was made from, read anew from the files it names.

        Raises:
            StudyError: the study was made from objects in memory, or its files have changed since.
        """
        if not facts.constraints:
            raise StudyError(
                f"the study of {facts.network!r} was made by a program, not from a constraints file; "
                "synthesise it from that program with asnet.synth"
            )
        passes = [parse_pass(text, digest) for text, digest in zip(facts.passes, facts.pass_digests, strict=True)]
        problem = cls.from_files(
            facts.network,
            facts.constraints,
            data=facts.data,
            passes=passes,
            backend=facts.backend,
            trust_verilog=trust_verilog,
            shapes=facts.shapes,
            output=facts.output,
        )
        if facts.images < len(problem.data):
            problem = replace(problem, data=problem.data.take(facts.images))
        if facts.decide is not None:
            problem = problem.deciding(facts.decide)
        differences = facts.differences(problem.facts)
        if differences:
            raise StudyError(
                f"the inputs of the study have changed since it was made: {'; '.join(differences)}; "
                "explore again with --fresh"
            )
        return problem

    def deciding(self, test: SequentialTest) -> Problem:
        """The same problem, of which configurations are evaluated only until ``test`` has a verdict.

        The limit of the test becomes the accuracy limit where there is none.

        Raises:
            UsageError: there is another one.
        """
        stated = self.limits.get("accuracy")
        if stated is not None and stated != Limit(min=test.limit):
            raise UsageError(
                f"deciding accuracy >= {test.limit:g} while the limit is accuracy {stated}; make them the same"
            )
        return replace(self, decide=test, limits={**self.limits, "accuracy": Limit(min=test.limit)})

    @cached_property
    def _program(self) -> tuple[tuple[Slot, ...], str]:
        module = prepare(self.network, self.mode, granularity=self.granularity, passes=self.passes)
        return module.slots, module.digest

    @property
    def slots(self) -> tuple[Slot, ...]:
        """The decisions that the network offers at this granularity."""
        return self._program[0]

    @cached_property
    def space(self) -> DesignSpace:
        """The design space.

        Raises:
            ConstraintsError: a rule matches nothing, or the network has nothing to approximate.
        """
        return DesignSpace.build(self.slots, self.units, rules=self.rules, granularity=self.granularity)

    @property
    def facts(self) -> StudyFacts:
        """What a study of this problem belongs to."""
        return StudyFacts.collect(
            self.space,
            network=self.network_path,
            network_digest=self.network.digest,
            data=self.data.name,
            data_digest=self.data.digest,
            images=len(self.data),
            float_mode=self.mode,
            granularity=self.granularity,
            backend=self.backend,
            program=self._program[1],
            passes=tuple(str(step) for step in self.passes),
            pass_digests=tuple(step.digest for step in self.passes),
            constraints=self.constraints.path if self.constraints else None,
            constraints_text=self.constraints.text if self.constraints else "",
            version=__version__,
            shapes=self.network.options.shapes,
            output=self.network.options.output,
            decide=self.decide,
        )

    def bed(
        self,
        instances: Iterable[UnitInstance] | None = None,
        *,
        data: Dataset | None = None,
        jobs: int | None = None,
        threads: int | None = None,
        progress: Progress | None = None,
    ) -> TestBed:
        """The test bed of this problem, with all instances of its space (or only ``instances``) compiled."""
        return TestBed(
            self.network,
            self.data if data is None else data,
            self.space.instances.values() if instances is None else instances,
            mode=self.mode,
            granularity="site" if self.granularity == "site" else "layer",
            backend=self.backend,
            passes=self.passes,
            cache=self.cache,
            jobs=jobs,
            threads=threads,
            progress=progress,
            trust_verilog=self.trust_verilog,
        )


def _dataset(data: Dataset | Path | str, network: Network) -> Dataset:
    return (data if isinstance(data, Dataset) else Dataset.load(data)).fit(network)


def _instances(units: Units) -> dict[str, tuple[UnitInstance, ...]]:
    if isinstance(units, Mapping):
        return offered(cast("Mapping[str, UnitChoice]", units))
    found: dict[str, tuple[UnitInstance, ...]] = {}
    for source in units:
        if isinstance(source, ApproximateUnit):
            source = source.instances()
        for instance in (source,) if isinstance(source, UnitInstance) else source:
            found[instance.unit.name] = (*found.get(instance.unit.name, ()), instance)
    return found
