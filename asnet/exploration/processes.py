"""Evaluating in several processes of this machine.

A worker is started by `spawn` (no locks or threads are inherited), builds its own evaluator and gets contiguous blocks
of positions, so that configurations that share work meet in one process. It ignores Ctrl-C: the parent stops it. When
the parent is gone, its pipe closes and the worker ends after the evaluation at hand.
"""

from __future__ import annotations

import contextlib
import copyreg
import itertools
import multiprocessing
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from types import MappingProxyType
from typing import Any, TypeAlias

from asnet.errors import AsnetError, ToolError
from asnet.exploration.executor import evaluations
from asnet.exploration.space import DesignSpace
from asnet.testbed import Evaluation, Evaluator

__all__ = ["Processes"]

_SHARES = 3
"""A block is at most a worker's part of what is left, divided by this: large ones first, small ones at the end."""
_FEW, _MANY, _ATOM = 8, 64, 64
"""Blocks are cut between pieces of some ``_ATOM`` positions: at least ``_FEW`` pieces for each worker; ``_MANY`` do."""
_SEND_EVERY = 0.1
"""Seconds of evaluations that a worker sends together."""

Factory: TypeAlias = Callable[[], Evaluator]


@dataclass(frozen=True)
class _Finished:
    evaluations: list[tuple[int, Evaluation]]


@dataclass(frozen=True)
class _Idle:
    """The worker waits for a block of positions."""


@dataclass(frozen=True)
class _Failed:
    """``fault`` is a user's fault, or None with the ``trace`` of a bug."""

    fault: AsnetError | None
    trace: str


def _mapping_proxy(content: dict[Any, Any]) -> MappingProxyType[Any, Any]:
    return MappingProxyType(content)


def _reduce_mapping_proxy(
    mapping: MappingProxyType[Any, Any],
) -> tuple[Callable[[dict[Any, Any]], MappingProxyType[Any, Any]], tuple[dict[Any, Any]]]:
    return _mapping_proxy, (dict(mapping),)  # the class itself cannot be pickled


copyreg.pickle(MappingProxyType, _reduce_mapping_proxy)  # units' parameters cross to the workers


@dataclass(frozen=True)
class _Worker:
    process: SpawnProcess
    pipe: Connection


class Processes:
    """Evaluates in ``jobs`` processes, each with an evaluator of its own from ``factory`` (which must be picklable)."""

    def __init__(self, space: DesignSpace, factory: Factory, jobs: int) -> None:
        self._space = replace(space, instances={})
        self._factory = factory
        self._jobs = jobs
        self._workers: list[_Worker] = []

    def run(self, positions: Sequence[int]) -> Iterator[tuple[int, Evaluation]]:
        """Evaluate ``positions``; results come as they finish.

        Raises:
            ToolError: a worker was killed.
            AsnetError: what an evaluator raised.
        """
        blocks = _blocks(self._space, positions, self._jobs)
        idle: set[int] = set()
        try:
            self._start(min(self._jobs, len(blocks)))
            left = len(positions)
            while left:
                for index, message in self._messages():
                    if isinstance(message, _Finished):
                        left -= len(message.evaluations)
                        yield from message.evaluations
                    elif isinstance(message, _Failed):
                        raise message.fault or RuntimeError(f"a worker process failed:\n{message.trace}")
                    elif blocks:
                        self._send(index, blocks.popleft())
                    else:
                        idle.add(index)
        except KeyboardInterrupt:
            yield from self._arrived()
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Stop the workers, whatever they are doing."""
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers = []

    def _start(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(theirs, self._space, self._factory), daemon=True)
            with _undisturbed():
                process.start()
                theirs.close()
                self._workers.append(_Worker(process, ours))

    def _messages(self) -> Iterator[tuple[int, object]]:
        """What the workers say, after waiting for one to speak.

        Raises:
            ToolError: a worker has ended.
        """
        pipes = {worker.pipe: index for index, worker in enumerate(self._workers)}
        for pipe in wait(list(pipes)):
            index = pipes[pipe]  # type: ignore[index]
            try:
                yield index, self._workers[index].pipe.recv()
            except (EOFError, ConnectionError):
                raise self._killed(index) from None

    def _send(self, index: int, block: Sequence[int]) -> None:
        try:
            self._workers[index].pipe.send(block)
        except (BrokenPipeError, ConnectionError):
            raise self._killed(index) from None

    def _arrived(self) -> Iterator[tuple[int, Evaluation]]:
        """Results that are already in the pipes."""
        for worker in self._workers:
            try:
                while worker.pipe.poll():
                    message = worker.pipe.recv()
                    if isinstance(message, _Finished):
                        yield from message.evaluations
            except (EOFError, OSError):
                continue

    def _killed(self, index: int) -> ToolError:
        process = self._workers[index].process
        process.join(timeout=5)
        code = process.exitcode
        how = f"ended with status {code}"
        if code is not None and code < 0:
            how = f"was killed by {signal.Signals(-code).name}"
            if -code == signal.SIGKILL:
                how += " (the system kills processes when memory runs out)"
        return ToolError(
            f"worker process {process.pid} {how}; what had finished is stored: the same command goes on, "
            "with fewer processes if you say --jobs 1"
        )


@contextlib.contextmanager
def _undisturbed() -> Generator[None]:
    """Signals that come within the block are handled at its end; a process started in it does not get Ctrl-C.

    A worker that is not told all that it is to know would end with a traceback.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda which, frame: arrived.append(which)) for number in numbers}
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the process inherits it
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for number in arrived:
            signal.raise_signal(number)


def _blocks(space: DesignSpace, positions: Sequence[int], jobs: int) -> deque[Sequence[int]]:
    """Contiguous blocks, smaller and smaller, cut where a slow variable changes: the work that neighbours share
    is then done in one block only."""
    most, least = (-(-len(positions) // (jobs * pieces)) for pieces in (_FEW, _MANY))
    wanted = max(least, min(most, _ATOM))
    stride = 1
    for variable in reversed(space.variables):
        if stride * len(variable.candidates) > wanted:
            break
        stride *= len(variable.candidates)
    blocks: deque[list[int]] = deque()
    left, room = len(positions), 0
    for _, group in itertools.groupby(sorted(positions), key=lambda position: position // stride):
        if not blocks or len(blocks[-1]) >= room:
            blocks.append([])
            room = left // (jobs * _SHARES)
        before = len(blocks[-1])
        blocks[-1].extend(group)
        left -= len(blocks[-1]) - before
    return deque[Sequence[int]](blocks)


def _evaluate(pipe: Connection, space: DesignSpace, evaluator: Evaluator, block: Sequence[int]) -> None:
    """Evaluate a block and send what has finished from time to time, the first at once."""
    finished: list[tuple[int, Evaluation]] = []
    sent = 0.0
    try:
        for each in evaluations(space, evaluator, block):
            finished.append(each)
            if time.monotonic() - sent >= _SEND_EVERY:
                pipe.send(_Finished(finished))
                finished, sent = [], time.monotonic()
    finally:
        if finished:
            pipe.send(_Finished(finished))


def _serve(pipe: Connection, space: DesignSpace, factory: Factory) -> None:
    """A worker's life."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        evaluator = factory()
        while True:
            pipe.send(_Idle())
            _evaluate(pipe, space, evaluator, pipe.recv())
    except (EOFError, BrokenPipeError, ConnectionError):
        return
    except AsnetError as fault:
        pipe.send(_Failed(fault, ""))
    except Exception:
        pipe.send(_Failed(None, traceback.format_exc()))
