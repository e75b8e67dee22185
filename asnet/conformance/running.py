"""Running cases in processes of their own, so that a crash or an endless loop is a result like any other."""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from asnet.backend import BackendRep
from asnet.cache import Cache
from asnet.conformance.cases import Case
from asnet.errors import NetworkError
from asnet.types import Array

__all__ = ["Outcome", "Verdict", "run_all", "run_case"]


class Verdict(StrEnum):
    """``PASS``: right values of the right types and shapes, bit for bit the oracle's. ``UNSUPPORTED``: refused by name.
    ``FAIL``: anything else.
    """

    PASS = "pass"
    UNSUPPORTED = "unsupported"
    FAIL = "fail"


@dataclass(frozen=True)
class Outcome:
    """What became of a case; ``folded``: its outputs were known at compile time. ``why`` it did not pass."""

    name: str
    operator: str
    verdict: Verdict
    why: str = ""
    folded: bool = False


def run_case(case: Case, cache: Cache) -> Outcome:
    """Compile and run ``case`` here."""
    folded = False
    try:
        model = BackendRep(case.model, cache=cache)
        for inputs, outputs in case.data:
            arrays = model.checked(list(inputs))
            program = model.program(arrays)
            folded = {layer.op_type for layer in program.network.layers} <= {"Identity"}
            found, defined = program.run(arrays), program.define(arrays)
            for number, expected in enumerate(outputs):
                fault = _fault(found[number], np.asarray(expected), defined[number], case)
                if fault:
                    return Outcome(case.name, case.operator, Verdict.FAIL, f"output {number}: {fault}")
    except NetworkError as error:
        return Outcome(case.name, case.operator, Verdict.UNSUPPORTED, str(error))
    except Exception as error:  # the suite is there to find them
        return Outcome(case.name, case.operator, Verdict.FAIL, f"{type(error).__name__}: {error}")
    return Outcome(case.name, case.operator, Verdict.PASS, folded=folded)


def _fault(found: Array, expected: Array, defined: Array, case: Case) -> str:
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return f"{found.dtype}{list(found.shape)} is not {expected.dtype}{list(expected.shape)}"
    close = np.isclose(found, expected, rtol=case.rtol, atol=case.atol, equal_nan=True)
    if not close.all():
        place = tuple(int(i) for i in np.argwhere(~close)[0])
        count = np.count_nonzero(~close)
        return f"{count} of {found.size} wrong, first {list(place)}: {found[place]!r} is not {expected[place]!r}"
    same = (found == defined) | ((found != found) & (defined != defined))
    if found.dtype == np.float32:
        same &= (np.signbit(found) == np.signbit(defined)) | (found != found)
    if not same.all():
        place = tuple(int(i) for i in np.argwhere(~same)[0])
        return f"differs from the oracle, first {list(place)}: {found[place]!r} is not {defined[place]!r}"
    return ""


class _Worker:
    """A process that runs one case after another."""

    def __init__(self, cases: Sequence[Case], folder: Path) -> None:
        context = multiprocessing.get_context("fork")
        self.connection, other = context.Pipe()
        self.process: BaseProcess = context.Process(target=_serve, args=(cases, folder, other), daemon=True)
        self.process.start()
        other.close()
        self.number = -1
        self.deadline = 0.0

    def give(self, number: int, seconds: float) -> None:
        """Start case ``number``."""
        self.number, self.deadline = number, time.monotonic() + seconds
        self.connection.send(number)

    def end(self) -> int | None:
        """Stop the process; its exit code."""
        self.process.kill()
        self.process.join()
        self.connection.close()
        return self.process.exitcode


def _serve(cases: Sequence[Case], folder: Path, connection: Connection) -> None:
    cache = Cache(folder)
    while True:
        number: int = connection.recv()
        connection.send(run_case(cases[number], cache))


def run_all(
    cases: Sequence[Case], *, jobs: int = 2, seconds: float = 60.0, progress: Callable[[Outcome], None] | None = None
) -> list[Outcome]:
    """The outcome of every case, in order; ``seconds`` is the limit of one, ``jobs`` how many run at a time."""
    outcomes: dict[int, Outcome] = {}
    waiting = list(reversed(range(len(cases))))
    with tempfile.TemporaryDirectory(prefix="asnet-conformance-") as folder:
        workers = [_Worker(cases, Path(folder)) for _ in range(max(1, min(jobs, len(cases))))]

        def settle(number: int, outcome: Outcome) -> None:
            outcomes[number] = outcome
            if progress is not None:
                progress(outcome)

        try:
            while len(outcomes) < len(cases):
                for worker in workers:
                    if worker.number < 0 and waiting:
                        worker.give(waiting.pop(), seconds)
                ready = wait([worker.connection for worker in workers if worker.number >= 0], timeout=1.0)
                for slot, worker in enumerate(workers):
                    if worker.number < 0:
                        continue
                    number, case = worker.number, cases[worker.number]
                    why = ""
                    if worker.connection in ready:
                        try:
                            settle(number, worker.connection.recv())
                            worker.number = -1
                            continue
                        except (EOFError, ConnectionResetError):
                            why = "the process died"
                    elif time.monotonic() > worker.deadline:
                        why = f"no result within {seconds:g} s"
                    if why:
                        code = worker.end()
                        why += f" (signal {-code})" if why.endswith("died") and code is not None and code < 0 else ""
                        settle(number, Outcome(case.name, case.operator, Verdict.FAIL, why))
                        workers[slot] = _Worker(cases, Path(folder))
        finally:
            for worker in workers:
                worker.end()
    return [outcomes[number] for number in range(len(cases))]
