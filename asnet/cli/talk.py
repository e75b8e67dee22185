"""What a command says besides its result: notes and progress on stderr, tables and JSON on stdout."""

from __future__ import annotations

import io
import json
import sys
import time
from collections.abc import Sequence
from types import TracebackType

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

__all__ = ["ProgressLine", "Talk", "print_json", "print_table"]

_PLAIN_WIDTH = 200  # of tables, when stdout is no terminal
_LEAST_WRAPPED = 24  # characters of a column that wraps
_GAP = 3  # characters between two columns
_PLAIN_INTERVAL = 5.0  # seconds between two plain lines of one stage, when stderr is no terminal


def print_json(value: object) -> None:
    """Print ``value`` as JSON on stdout; what JSON lacks (NaN, infinities) is written as ``null`` by its producer."""
    print(json.dumps(value, indent=2, sort_keys=False, allow_nan=False))


def print_table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]], *, left: int = 1) -> None:
    """Print a table on stdout; the first ``left`` columns are flush left (the last of several wraps), others right."""
    if title:
        print(title)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for index, name in enumerate(header):
        table.add_column(name, justify="left" if index < left else "right", no_wrap=index == 0 or index != left - 1)
    for row in rows:
        table.add_row(*row)
    terminal = sys.stdout.isatty()
    console = Console(file=io.StringIO(), force_terminal=terminal, highlight=False, markup=False)
    console.width = max(console.width if terminal else _PLAIN_WIDTH, _least_width(header, rows, left))
    with console.capture() as rendered:  # rich would meet a closed pipe with exit status 1
        console.print(table)
    print("\n".join(line.rstrip() for line in rendered.get().splitlines()))


def _least_width(header: Sequence[str], rows: Sequence[Sequence[str]], left: int) -> int:
    """The width at which nothing but the column that wraps is cut: on a narrower terminal lines run on."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    if left > 1:
        widths[left - 1] = min(widths[left - 1], _LEAST_WRAPPED)
    return sum(widths) + _GAP * len(widths)


class Talk:
    """Notes and progress on stderr: bars on a terminal, plain lines otherwise, nothing when quiet."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.quiet = quiet
        self._console = Console(file=sys.stderr, highlight=False, markup=False, soft_wrap=True)
        self._bar: Progress | None = None

    def note(self, text: str) -> None:
        """One line of talk."""
        if not self.quiet:
            self._console.print(text)

    def progress(self, stage: str) -> ProgressLine:
        """The progress of one stage, as a context manager whose value is called ``(done, total, what)``."""
        return ProgressLine(self, stage)

    def close(self) -> None:
        """Take a progress bar off the terminal."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def start_bar(self) -> Progress | None:
        """A live bar, if stderr is a terminal."""
        if self.quiet or not self._console.is_terminal:
            return None
        self._bar = Progress(
            TextColumn("{task.description:<22}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[what]}"),
            console=self._console,
            transient=True,
        )
        self._bar.start()
        return self._bar


class ProgressLine:
    """Progress of one stage. A stage that never reports prints nothing; one that ends says how long it took."""

    def __init__(self, talk: Talk, stage: str) -> None:
        self._talk = talk
        self._stage = stage
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._began: float | None = None
        self._said = 0.0

    def __enter__(self) -> ProgressLine:
        return self

    def __call__(self, done: int, total: int, what: str = "") -> None:
        """Report that ``done`` of ``total`` are finished, the last being ``what``."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
            self._bar = self._talk.start_bar()
            if self._bar is not None:
                self._task = self._bar.add_task(self._stage, total=total, what=what)
        if done >= total:
            self._talk.close()
            self._talk.note(f"{self._stage}: {done} done in {now - self._began:.1f} s")
            self._began = None
        elif self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, total=total, what=what)
        elif now - self._said >= _PLAIN_INTERVAL:
            self._said = now
            self._talk.note(f"{self._stage}: {done}/{total} {what}".rstrip())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._talk.close()
