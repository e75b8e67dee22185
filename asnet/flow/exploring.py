"""The first whole job: a problem in, a study of its configurations out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from asnet.errors import NoFeasibleConfigurationError
from asnet.exploration import (
    Adaptive,
    Executor,
    Exhaustive,
    InProcess,
    Search,
    Study,
    best,
)
from asnet.exploration import explore as run_search
from asnet.flow.costing import UnitCosts
from asnet.flow.problem import Problem, Progress
from asnet.testbed import Deciding, Evaluator, TestBed
from asnet.tools import ToolThreads

__all__ = ["explore"]


def explore(
    problem: Problem,
    study: Path | str,
    *,
    search: Search | None = None,
    jobs: int = 1,
    threads: int | None = None,
    fresh: bool = False,
    compiling: Progress | None = None,
    evaluating: Progress | None = None,
    characterising: Progress | None = None,
) -> Study:
    """Evaluate the configurations of ``problem`` that ``search`` asks for (default: all); the open study.

    Evaluations are in the file ``study`` a tenth of a second after they are finished; what is there already is not run
    again. With ``jobs`` > 1 that many processes evaluate, where they pay (:mod:`asnet.exploration.adaptive`); a program
    that asks for it must guard its main code with ``if __name__ == "__main__"``. In one process ``threads`` (default:
    all processors) share the images. The three callbacks report the progress of the three stages.

    A problem that decides (:meth:`Problem.deciding`) has verdicts in its study; the best configuration is then
    evaluated on all images, and the next best where that contradicts the verdict.

    Raises:
        StudyError: the study belongs to other inputs, is damaged, or another process writes it.
        AsnetError: what compiling and evaluating raise.
    """
    strategy = search or Exhaustive()
    wanted = strategy.total(problem.space)
    bed: TestBed | None = None
    if fresh or not Path(study).exists():  # inputs that cannot be used leave no empty study behind
        bed = problem.bed(jobs=jobs, threads=threads, progress=compiling)
    opened = Study.open(study, problem.facts, fresh=fresh)
    try:
        missing = wanted - len(opened.evaluations)
        if missing > 0:
            bed = bed or problem.bed(jobs=jobs, threads=threads, progress=compiling)
        with ToolThreads(jobs) as tools:
            measuring = UnitCosts(problem, tools)
            if bed is not None and missing > 0:
                run_search(opened, strategy, _executor(problem, bed, jobs), progress=evaluating)
            costs = measuring.collect(characterising)
        if costs:
            opened.set_costs(costs)
        if problem.decide is not None:
            _confirm(opened, problem, bed or problem.bed(jobs=jobs, threads=threads, progress=compiling))
    except BaseException:
        opened.close()
        raise
    return opened


def _executor(problem: Problem, bed: TestBed, jobs: int) -> Executor:
    evaluator: Evaluator = bed
    factory: Callable[[], Evaluator] = bed.recipe
    if problem.decide is not None:
        evaluator, factory = Deciding(bed, problem.decide), partial(Deciding.of, bed.recipe, problem.decide)
    return InProcess(problem.space, evaluator) if jobs == 1 else Adaptive(problem.space, evaluator, factory, jobs)


def _confirm(study: Study, problem: Problem, bed: TestBed) -> None:
    """Evaluate the best configuration on all images, until the best is one that was."""
    results = {result.position: result for result in study.results()}
    while True:
        try:
            chosen = best(results.values(), problem.objectives, problem.limits)
        except NoFeasibleConfigurationError:
            return
        if chosen.evaluation.verdict is None:
            return
        evaluation = bed.evaluate(problem.space[chosen.position])
        study.add(chosen.position, evaluation)
        results[chosen.position] = replace(chosen, evaluation=evaluation)
