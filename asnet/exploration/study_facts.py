"""What a study belongs to: the inputs that determine every evaluation in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from asnet.errors import StudyError
from asnet.exploration.space import DesignSpace, Variable
from asnet.ir import Slot
from asnet.testbed import SequentialTest
from asnet.types import FloatMode
from asnet.units import UnitInstance

__all__ = ["StudyFacts", "UnitFact"]


@dataclass(frozen=True)
class UnitFact:
    """An instance of the space: its unit, operation, operand type and content digest."""

    unit: str
    op: str
    type: str
    digest: str

    @classmethod
    def of(cls, instance: UnitInstance) -> UnitFact:
        """The facts of ``instance``."""
        return cls(instance.unit.name, instance.op, instance.type.name, instance.digest)


@dataclass(frozen=True)
class StudyFacts:
    """The inputs of a study. Paths are as the user gave them, made absolute; digests say what counts.

    ``program`` is the digest of the network's IR with the slots' calls in place, which also tells versions of ASNet
    apart that compute differently; ``passes`` are the user's IR passes as they are written on the command line, and
    ``pass_digests`` the digests of the files that hold them (empty for registered ones). ``shapes`` and ``output`` are
    how the network was read (:class:`asnet.network.model.LoadOptions`). ``constraints_text`` is the content of the
    constraints file, empty if there is none. ``decide``: evaluations end at the verdict of this test.
    """

    network: str
    network_digest: str
    data: str
    data_digest: str
    images: int
    float_mode: str
    granularity: str
    backend: str
    program: str
    space_digest: str
    variables: tuple[Variable, ...]
    slots: tuple[Slot, ...]
    units: Mapping[str, UnitFact]
    passes: tuple[str, ...] = ()
    constraints: str = ""
    constraints_text: str = ""
    version: str = ""
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    output: str | None = None
    pass_digests: tuple[str, ...] = ()
    decide: SequentialTest | None = None

    @classmethod
    def collect(
        cls,
        space: DesignSpace,
        *,
        network: Path | str,
        network_digest: str,
        data: Path | str,
        data_digest: str,
        images: int,
        float_mode: FloatMode,
        granularity: str,
        backend: str,
        program: str,
        passes: tuple[str, ...] = (),
        constraints: Path | None = None,
        constraints_text: str = "",
        version: str = "",
        shapes: Mapping[str, tuple[int, ...]] | None = None,
        output: str | None = None,
        pass_digests: tuple[str, ...] = (),
        decide: SequentialTest | None = None,
    ) -> StudyFacts:
        """The facts of an exploration of ``space``."""
        return cls(
            network=str(Path(network).absolute()),
            network_digest=network_digest,
            data=str(Path(data).absolute()),
            data_digest=data_digest,
            images=images,
            float_mode=str(float_mode),
            granularity=granularity,
            backend=backend,
            program=program,
            space_digest=space.digest,
            variables=space.variables,
            slots=space.slots,
            units={name: UnitFact.of(instance) for name, instance in space.instances.items()},
            passes=passes,
            constraints=str(constraints.absolute()) if constraints is not None else "",
            constraints_text=constraints_text,
            version=version,
            shapes=dict(shapes or {}),
            output=output,
            pass_digests=pass_digests,
            decide=decide,
        )

    @property
    def space(self) -> DesignSpace:
        """The design space, without its instances' Verilog."""
        return DesignSpace(self.variables, self.slots)

    def differences(self, other: StudyFacts) -> list[str]:
        """What of ``other`` (now) makes other evaluations than this (in the study): one phrase for each."""
        compared = {
            "network": (self.network_digest, other.network_digest, f"{self.network}", f"{other.network}"),
            "shapes": (self.shapes, other.shapes, _shapes(self), _shapes(other)),
            "output": (self.output, other.output, self.output or "all", other.output or "all"),
            "test set": (self.data_digest, other.data_digest, _set(self), _set(other)),
            "float mode": (self.float_mode, other.float_mode, self.float_mode, other.float_mode),
            "backend": (self.backend, other.backend, self.backend, other.backend),
            "passes": ((self.passes, self.pass_digests), (other.passes, other.pass_digests), *_passes(self, other)),
            "sequential test": (self.decide, other.decide, str(self.decide or "none"), str(other.decide or "none")),
            "constraints": (self.space_digest, other.space_digest, *_spaces(self, other)),
        }
        found = [
            f"the {name}: {then} in the study, {now} now" + (" (their contents differ)" if then == now else "")
            for name, (there, here, then, now) in compared.items()
            if there != here
        ]
        if not found and self.program != other.program:
            found = [f"the compiled network: ASNet {self.version} made the study, this is {other.version}"]
        return found

    def to_json(self) -> str:
        """The facts as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> StudyFacts:
        """The facts in JSON text that :meth:`to_json` made.

        Raises:
            StudyError: it is something else.
        """
        try:
            content = json.loads(text)
            content["variables"] = tuple(
                Variable(v["name"], tuple(v["slots"]), tuple(v["candidates"])) for v in content["variables"]
            )
            content["passes"] = tuple(content["passes"])
            content["pass_digests"] = tuple(content.get("pass_digests", [""] * len(content["passes"])))
            shapes: dict[str, list[int]] = content.get("shapes", {})
            content["shapes"] = {name: tuple(shape) for name, shape in shapes.items()}
            for slot in content["slots"]:
                slot["lanes"] = tuple(slot.get("lanes", ()))
            content["slots"] = tuple(Slot(**slot) for slot in content["slots"])
            decide = content.get("decide")
            content["decide"] = None if decide is None else SequentialTest(**decide)
            content["units"] = {name: UnitFact(**fact) for name, fact in content["units"].items()}
            return cls(**content)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise StudyError(f"its description is damaged ({type(error).__name__}: {error})") from error


def _passes(*both: StudyFacts) -> tuple[str, ...]:
    return tuple(" ".join(facts.passes) or "none" for facts in both)


def _shapes(facts: StudyFacts) -> str:
    return " ".join(f"{name}={'x'.join(map(str, shape))}" for name, shape in facts.shapes.items()) or "none given"


def _set(facts: StudyFacts) -> str:
    return f"{facts.data} ({facts.images} images)"


def _spaces(then: StudyFacts, now: StudyFacts) -> tuple[str, str]:
    """The two design spaces in the words that tell them apart: sizes of variables, else units whose content differs."""
    if then.variables != now.variables:
        return _sizes(then), _sizes(now)
    changed = [name for name in then.units if now.units.get(name) != then.units[name]]
    names = ", ".join(changed[:3] + ["…"] * (len(changed) > 3))
    return f"other Verilog of {names}", names


def _sizes(facts: StudyFacts) -> str:
    return ", ".join(f"{variable.name} of {len(variable.candidates)}" for variable in facts.variables[:6])
