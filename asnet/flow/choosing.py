"""Which configuration a user means: the best of a study, a file, or the exact network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from asnet.errors import ConstraintsError, StudyError, UsageError
from asnet.exploration import Configuration, Study, best, load_configuration, load_constraints
from asnet.flow.problem import Problem
from asnet.network import LoadOptions
from asnet.passes import Pass, parse_pass
from asnet.types import EXACT, FloatMode
from asnet.units import UnitInstance

__all__ = ["BEST", "Choice", "choose"]

BEST = "best"
"""Word for the best configuration of a study."""


@dataclass(frozen=True)
class Choice:
    """A configuration of a problem, with the instances that it names; ``title`` says in one line which it is."""

    problem: Problem
    configuration: Configuration
    instances: Mapping[str, UnitInstance]
    title: str
    origin: str


def choose(
    wanted: str,
    *,
    study: Path | None = None,
    network: Path | None = None,
    data: Path | None = None,
    mode: FloatMode | None = None,
    trust_verilog: bool = False,
    options: LoadOptions | None = None,
) -> Choice:
    """The configuration ``wanted``: ``best`` (of ``study``), ``exact``, or the path of a configuration file.

    ``network`` and ``data`` override what study and file say; ``mode`` the float mode; ``options`` how the network is
    read.

    Raises:
        NoFeasibleConfigurationError: the study has nothing within its limits.
        UsageError: the network or the test set is not known.
        AsnetError: a file is missing, wrong, or not what the study was made from.
    """
    if wanted == BEST:
        if study is None:
            raise UsageError("--config best wants a study; run `asnet explore` first or name one with --study FILE")
        if mode is not None or network is not None or options is not None:
            raise UsageError("--config best takes the study's own network, shapes and float mode; leave yours out")
        return _best(study, data, trust_verilog=trust_verilog)
    if wanted == EXACT:
        asked = options or LoadOptions()
        problem = _problem(network, data, mode or FloatMode.FTZ, (), asked, trust_verilog=trust_verilog)
        configuration = Configuration(dict.fromkeys((slot.name for slot in problem.slots), EXACT))
        return Choice(problem, configuration, {}, EXACT, EXACT)
    return _from_file(Path(wanted), network, data, mode, options, trust_verilog=trust_verilog)


def _best(path: Path, data: Path | None, *, trust_verilog: bool) -> Choice:
    with Study.read(path) as study:
        problem = Problem.of_study(study.facts, trust_verilog=trust_verilog)
        result = best(study.results(), problem.objectives, problem.limits)
    if result.evaluation.verdict is not None:
        raise StudyError(
            f"the best of {path.name}, {result.label}, was decided on {result.evaluation.images:,} images and not yet "
            "evaluated on all; run the same `asnet explore` to its end"
        )
    if data is not None:
        known = problem.network_path
        problem = Problem.of(
            problem.network, data, problem.units.values(), granularity=problem.granularity, mode=problem.mode,
            passes=problem.passes, backend=problem.backend, trust_verilog=trust_verilog,
        )  # fmt: skip
        problem = replace(problem, network_path=known)
    configuration = problem.space[result.position]
    instances = {name: problem.space.instances[name] for name in configuration.instances}
    return Choice(problem, configuration, instances, result.label, f"best of {path.name}")


def _from_file(
    path: Path,
    network: Path | None,
    data: Path | None,
    mode: FloatMode | None,
    options: LoadOptions | None,
    *,
    trust_verilog: bool,
) -> Choice:
    file = load_configuration(path)
    test_set = data
    if test_set is None and file.constraints is not None:
        test_set = load_constraints(file.constraints).data
    problem = _problem(
        network or file.network,
        test_set,
        mode or file.float_mode or FloatMode.FTZ,
        tuple(file.instances.values()),
        options or LoadOptions(file.shapes, file.output),
        passes=[parse_pass(record.text, record.digest) for record in file.passes],
        trust_verilog=trust_verilog,
        granularity="site" if any(rule.match.site is not None for rule in file.rules) else "layer",
    )
    if file.network_digest and not problem.network.digest.startswith(file.network_digest):
        raise ConstraintsError(
            f"{path}: $.network.digest: the configuration was made for a network with digest "
            f"{file.network_digest[:12]}…, {str(problem.network_path)!r} has {problem.network.digest[:12]}…; "
            "explore the network as it is now, or remove the digest"
        )
    configuration = file.resolve(problem.slots)
    title = ", ".join(f"{slot}: {name}" for slot, name in configuration.items())
    return Choice(problem, configuration, file.instances, title, str(path))


def _problem(
    network: Path | None,
    data: Path | None,
    mode: FloatMode,
    instances: tuple[UnitInstance, ...],
    options: LoadOptions,
    *,
    passes: Sequence[Pass] = (),
    trust_verilog: bool,
    granularity: str = "layer",
) -> Problem:
    if network is None:
        raise UsageError("which network? name the ONNX file, or use a configuration file that names it")
    if data is None:
        raise UsageError("which test set? give it with --data FILE.npz (arrays x and y)")
    problem = Problem.of(
        network, data, instances, mode=mode, passes=passes, trust_verilog=trust_verilog, shapes=options.shapes,
        output=options.output,
    )  # fmt: skip
    return replace(problem, granularity=granularity)
