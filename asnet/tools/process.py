"""Running external programs: output captured, time limited, failures turned into errors that say what to do.

Every program runs in a process group of its own, which is killed as a whole when its time is over or the caller is
interrupted: nothing that it started stays behind.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from asnet.errors import ToolError, ToolTimeoutError, UsageError

__all__ = ["LIMIT_VARIABLE", "PROBE_SECONDS", "ToolThreads", "run_tool", "time_limit", "try_tool"]

LIMIT_VARIABLE: Final = "ASNET_TOOL_SECONDS"
"""Environment variable: seconds that one run of a tool may take, 0 for any time."""

PROBE_SECONDS: Final = 60.0
"""How long a tool may take to tell its version."""

_DEFAULT_SECONDS: Final = 7200.0

Result = TypeVar("Result")
Item = TypeVar("Item")


def time_limit() -> float | None:
    """Seconds that one run of a tool may take: ``$ASNET_TOOL_SECONDS``, else 7200; None for any time.

    Raises:
        UsageError: the variable is no number of seconds.
    """
    text = os.environ.get(LIMIT_VARIABLE, "")
    try:
        seconds = float(text) if text else _DEFAULT_SECONDS
    except ValueError:
        seconds = -1.0
    if not 0.0 <= seconds < float("inf"):
        raise UsageError(f"{LIMIT_VARIABLE}={text!r} is not a number of seconds; set one, or 0 for no limit")
    return seconds or None


class _Running:
    """The programs that run on behalf of one caller; once stopped, it starts no others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[str]] = set()
        self._stopped = False

    @contextlib.contextmanager
    def started(self, start: Callable[[], subprocess.Popen[str]]) -> Generator[subprocess.Popen[str]]:
        """The process that ``start`` starts; its group is killed if the block is left by an exception."""
        with self._lock:
            if self._stopped:
                raise ToolError("the tools were stopped")
            process = start()
            self._processes.add(process)
        try:
            with process:
                try:
                    yield process
                except BaseException:
                    _kill(process)
                    raise
        finally:
            with self._lock:
                self._processes.discard(process)

    def stop(self) -> None:
        """Kill all that run."""
        with self._lock:
            self._stopped = True
            for process in self._processes:
                _kill(process)


def _kill(process: subprocess.Popen[str]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


_MAIN: Final = _Running()
_thread = threading.local()


class ToolThreads(AbstractContextManager["ToolThreads"]):
    """Threads that run tools. An interrupt of the block (Ctrl-C, a request to exit) kills the tools they run.

    An ordinary error lets the running tools finish and starts no others.
    """

    def __init__(self, jobs: int) -> None:
        self._running = _Running()
        self._pool = ThreadPoolExecutor(jobs, initializer=self._enter)

    def _enter(self) -> None:
        _thread.running = self._running

    def submit(self, function: Callable[[Item], Result], item: Item) -> Future[Result]:
        """``function(item)`` in a thread."""
        return self._pool.submit(function, item)

    def map(self, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """``function`` of each item, in order."""
        return self._pool.map(function, items)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None and not issubclass(kind, Exception):
            self._running.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)


def try_tool(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
    name: str | None = None,
    limit: float | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run ``command`` to its end; stdout and stderr as text, locale fixed. No check of its exit status.

    ``name`` is what messages call it; ``limit`` the seconds it may take (default: :func:`time_limit`; infinity for any
    time).

    Raises:
        ToolError: the program cannot be started at all.
        ToolTimeoutError: its time is over.
    """
    words = [str(part) for part in command]
    seconds = time_limit() if limit is None else (None if limit == float("inf") else limit)

    def start() -> subprocess.Popen[str]:
        return subprocess.Popen(
            words,
            cwd=cwd,
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            process_group=0,
        )

    running: _Running = getattr(_thread, "running", _MAIN)
    try:
        with running.started(start) as process:
            stdout, stderr = process.communicate(stdin, timeout=seconds)
    except subprocess.TimeoutExpired:
        raised = f"set {LIMIT_VARIABLE} to the seconds it may take (0: no limit)"
        remedy = raised if limit is None else "install it again"
        raise ToolTimeoutError(
            f"{name or Path(words[0]).name} did not finish within {seconds:g} s and was stopped; {remedy}"
        ) from None
    except OSError as error:
        raise ToolError(f"cannot run {words[0]!r}: {error.strerror or error}") from error
    return subprocess.CompletedProcess(words, process.returncode, stdout, stderr)


def run_tool(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
    name: str | None = None,
    limit: float | None = None,
) -> str:
    """Run ``command``; its stdout. Arguments as of :func:`try_tool`.

    Raises:
        ToolError: it cannot be started, fails or takes too long; the message holds its last lines.
    """
    done = try_tool(command, cwd=cwd, environment=environment, stdin=stdin, name=name, limit=limit)
    if done.returncode != 0:
        tail = "\n".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-8:])
        raise ToolError(f"{name or Path(command[0]).name} failed (exit status {done.returncode}):\n{tail}")
    return done.stdout
