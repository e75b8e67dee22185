"""``asnet explore``: every configuration of a design space on a test set."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from asnet.cache import check_writable_file
from asnet.cli.options import add_jobs, add_loading, add_trust, at_least, load_options
from asnet.cli.talk import Talk, print_json, print_table
from asnet.errors import NoFeasibleConfigurationError, OutputError, UsageError
from asnet.exploration import (
    Exhaustive,
    PassRecord,
    Random,
    Result,
    Search,
    Study,
    best,
    pareto_front,
    save_configuration,
)
from asnet.flow import Problem, explore
from asnet.network import LoadOptions
from asnet.passes import parse_pass
from asnet.testbed import BACKENDS, SequentialTest

__all__ = ["configure", "run"]

_ALL_UP_TO = 60  # configurations that the table shows without being asked


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``asnet explore``."""
    parser.add_argument("network", type=Path, help="ONNX network")
    parser.add_argument("constraints", type=Path, help="constraints file (JSON): units, parameters, rules, limits")
    add_loading(parser)
    parser.add_argument("--data", type=Path, metavar="FILE", help='test set (.npz with x, y) in place of "data"')
    parser.add_argument("--images", type=at_least(1), metavar="N", help="only the first N images of the test set")
    parser.add_argument("--study", type=Path, metavar="FILE", help="where results go (default: NETWORK.study)")
    parser.add_argument("--fresh", action="store_true", help="discard what the study holds and start anew")
    parser.add_argument("--backend", choices=BACKENDS, default="auto", help="golden: every operation through Verilator")
    parser.add_argument("--search", choices=("exhaustive", "random"), default="exhaustive", help="which configurations")
    parser.add_argument("--samples", type=at_least(1), metavar="N", help="how many, of a random search (default: 100)")
    parser.add_argument("--seed", type=int, help="of a random search (default: 0)")
    parser.add_argument("--limit", type=at_least(1), metavar="N", help="only the first N configurations")
    parser.add_argument(
        "--decide",
        metavar="accuracy>=X",
        help="evaluate each configuration only until it is certain whether it keeps X",
    )
    parser.add_argument("--risk", type=float, metavar="R", help="of a wrong verdict of --decide (default: 0.01)")
    parser.add_argument(
        "--margin", type=float, metavar="M", help="around X within which --decide may say either (default: 0.01)"
    )
    parser.add_argument(
        "--pass",
        dest="passes",
        action="append",
        default=[],
        metavar="PASS",
        help="run an IR pass first: NAME{option=value}, or FILE.py:CLASS{…}",
    )
    parser.add_argument("--all", action="store_true", help="print every configuration, not only the Pareto front")
    parser.add_argument("--save-best", type=Path, metavar="FILE", help="write the best configuration as JSON")
    add_jobs(parser)
    add_trust(parser)


def _search(args: argparse.Namespace) -> Search:
    others = ("limit",) if args.search == "random" else ("samples", "seed")
    for option in others:
        if getattr(args, option) is not None:
            raise UsageError(f"--{option} has no meaning with --search {args.search}; remove one of them")
    if args.search == "random":
        given = {name: getattr(args, name) for name in ("samples", "seed") if getattr(args, name) is not None}
        return Random(**given)
    return Exhaustive(limit=args.limit)


def _test(args: argparse.Namespace) -> SequentialTest | None:
    given = {name: getattr(args, name) for name in ("risk", "margin") if getattr(args, name) is not None}
    if args.decide is None:
        for name in given:
            raise UsageError(f"--{name} has no meaning without --decide; add --decide accuracy>=X or remove it")
        return None
    return SequentialTest.parse(args.decide, **given)


def run(args: argparse.Namespace, talk: Talk) -> int:
    """Explore; 1 if no configuration is within the limits."""
    search = _search(args)
    options = load_options(args) or LoadOptions()
    if args.save_best is not None:
        check_writable_file(args.save_best)
    problem = Problem.from_files(
        args.network,
        args.constraints,
        data=args.data,
        images=args.images,
        passes=[parse_pass(text) for text in args.passes],
        backend=args.backend,
        trust_verilog=args.trust_verilog,
        shapes=options.shapes,
        output=options.output,
    )
    test = _test(args)
    if test is not None:
        problem = problem.deciding(test)
        talk.note(f"deciding {test}")
    for note in (*problem.data.notes, *problem.space.notes):
        talk.note(f"note: {note}")
    for slot in problem.slots:
        count = slot.count // problem.data.images_a_run
        talk.note(f"slot {slot.name}: {slot.sites} sites, {count:,} operations an image")
    path = args.study or Path(f"{args.network.stem}.study")
    if path.is_dir():
        raise OutputError(f"cannot write the study {str(path)!r}: it is a folder; name a file with --study FILE")
    talk.note(
        f"{problem.space.size:,} configurations x {len(problem.data):,} images, backend {args.backend}, study {path}"
    )
    with (
        talk.progress("compiling units") as compiling,
        talk.progress("evaluating") as evaluating,
        talk.progress("characterising units") as characterising,
        explore(
            problem,
            path,
            search=search,
            jobs=args.jobs,
            threads=args.jobs,
            fresh=args.fresh,
            compiling=compiling,
            evaluating=evaluating,
            characterising=characterising,
        ) as study,
    ):
        results = study.results()
    chosen, failure = _best(results, problem)
    if chosen is not None and args.save_best is not None:
        _save(args.save_best, problem, chosen)
    if args.json:
        print_json(_as_json(results, problem, study, chosen))
    else:
        _print(results, problem, chosen, show_all=args.all)
        if chosen is not None:
            named = "" if args.study is None else f" --study {path}"
            print(f"next: asnet synth --config best{named}")
    if failure is not None:
        raise failure
    return 0


def _best(results: Sequence[Result], problem: Problem) -> tuple[Result | None, NoFeasibleConfigurationError | None]:
    try:
        return best(results, problem.objectives, problem.limits), None
    except NoFeasibleConfigurationError as error:
        return None, error


def _save(path: Path, problem: Problem, chosen: Result) -> None:
    save_configuration(
        path,
        problem.space[chosen.position],
        problem.slots,
        problem.space.instances,
        network=problem.network_path,
        network_digest=problem.network.digest,
        float_mode=problem.mode,
        constraints=problem.constraints.path if problem.constraints else None,
        shapes=problem.network.options.shapes,
        output=problem.network.options.output,
        passes=[PassRecord(str(step), step.digest) for step in problem.passes],
        evaluation=_figures(chosen),
    )


def _figures(result: Result) -> dict[str, float | int | None]:
    return {
        "accuracy": result.accuracy,
        "correct": result.evaluation.correct,
        "images": result.evaluation.images,
        "area": result.cost.area,
        "delay": result.cost.delay,
    }


def _as_json(results: Sequence[Result], problem: Problem, study: Study, chosen: Result | None) -> dict[str, object]:
    front = {result.position for result in pareto_front(results, problem.objectives)}
    return {
        "study": str(study.path),
        "network": problem.network.name,
        "images": len(problem.data),
        "float_mode": str(problem.mode),
        "units": {name: instance.digest for name, instance in problem.space.instances.items()},
        "objectives": list(problem.objectives),
        "best": chosen.position if chosen is not None else None,
        "configurations": [
            {
                "position": result.position,
                "choices": problem.space.choices(result.position),
                **_figures(result),
                "verdict": result.evaluation.verdict,
                "seconds": result.evaluation.seconds,
                "outputs": result.evaluation.digest,
                "pareto": result.position in front,
            }
            for result in results
        ],
    }


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.10g}"


def _accuracy(result: Result) -> str:
    """The accuracy; where there is a verdict that, and the images it took."""
    verdict = result.evaluation.verdict
    if verdict is None or result.bound is None:
        return f"{result.accuracy:.2%}"
    return f"{'>=' if verdict else '<'} {result.bound:.6g} ({result.evaluation.images:,} images)"


def _print(results: Sequence[Result], problem: Problem, chosen: Result | None, *, show_all: bool) -> None:
    front = pareto_front(results, problem.objectives)
    shown = list(results) if show_all or len(results) <= _ALL_UP_TO else front
    if chosen is not None and chosen not in shown:
        shown.append(chosen)
    free = [v.name for v in problem.space.variables if len(v.candidates) > 1]
    variables = free or [v.name for v in problem.space.variables]
    rows: list[list[str]] = []
    for result in shown:
        choices = problem.space.choices(result.position)
        marks = "best" if result == chosen else ("Pareto" if result in front else "")
        rows.append(
            [
                marks,
                *(choices[name] for name in variables),
                _accuracy(result),
                _number(result.cost.area),
                _number(result.cost.delay),
            ]
        )
    title = f"{problem.network.name}: {len(results):,} configurations, {len(problem.data):,} images"
    decided = [result.evaluation.images for result in results if result.evaluation.verdict is not None]
    if decided:
        title += f", {sum(decided) / len(decided):,.0f} on average for a verdict"
    if len(shown) < len(results):
        title += f"; the Pareto front of {' and '.join(problem.objectives)} (--all shows every one)"
    print_table(title, ["", *variables, "accuracy", "area [LUT4]", "delay [LUT levels]"], rows, left=1 + len(variables))
    limits = ", ".join(f"{name} {limit}" for name, limit in problem.limits.items())
    if chosen is not None:
        print(f"best{f' with {limits}' if limits else ''}: {chosen.label}: accuracy {chosen.accuracy:.2%}")
