"""Long runs over many seeds: in several processes, with progress, and a file from which a killed run goes on."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import asnet

__all__ = ["Campaign", "parser"]


def parser(prog: str, description: str, noun: str, count: int) -> argparse.ArgumentParser:
    """The options that all such runs have: how many, from which seed, in how many processes, remembered where."""
    made = argparse.ArgumentParser(prog=prog, description=description)
    made.add_argument("--count", type=int, default=count, help=noun)
    made.add_argument("--seed", type=int, default=0, help="the first; the others follow")
    made.add_argument("--jobs", type=int, default=2, help="processes")
    made.add_argument("--state", type=Path, help="file of what is done: a run that was killed goes on from there")
    return made


@cache
def revision() -> str:
    """The code that runs, as git calls it; the version where there is no git."""
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--exclude=*"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() or asnet.__version__


@dataclass(frozen=True)
class Campaign:
    """``check(seed)`` says what goes wrong; nothing if all is well. Each seed stands for ``size`` ``noun``."""

    check: Callable[[int], str]
    noun: str
    size: int = 1

    def run(self, seeds: Sequence[int], jobs: int, state: Path | None = None) -> dict[int, str]:
        """What goes wrong, by seed. Seeds that ``state`` knows from this revision are not run again.

        Every seed is in ``state`` as soon as it is done.
        """
        found = self._known(state)
        left = [seed for seed in seeds if seed not in found]
        began, done = time.monotonic(), 0
        running: dict[Future[str], int] = {}
        with ProcessPoolExecutor(jobs, initializer=_end_with, initargs=(os.getpid(),)) as pool:
            while left or running:
                while left and len(running) <= jobs:
                    seed = left.pop(0)
                    running[pool.submit(self.check, seed)] = seed
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    seed = running.pop(future)
                    found[seed] = future.result()
                    done += 1
                    self._remember(state, seed, found[seed])
                    if found[seed]:
                        print(f"seed {seed}: {found[seed]}", file=sys.stderr)
                seconds = time.monotonic() - began
                rate = done * self.size / seconds if seconds else 0.0
                todo = (len(left) + len(running)) * self.size
                failed = sum(bool(found[seed]) for seed in seeds if seed in found)
                print(
                    f"{done * self.size} {self.noun}, {failed} seeds fail, {seconds:.0f} s, {rate:.2f} a second, "
                    f"{todo} to go",
                    file=sys.stderr,
                    flush=True,
                )
        return {seed: found[seed] for seed in seeds if found[seed]}

    def total(self, state: Path) -> str:
        """What ``state`` holds: of each revision how many, and how many seeds fail."""
        counts: dict[str, list[int]] = {}
        for record in _records(state):
            count = counts.setdefault(record["revision"], [0, 0])
            count[0] += record["size"]
            count[1] += bool(record["problem"])
        lines = [f"{where}: {made} {self.noun}, {failed} seeds fail" for where, (made, failed) in counts.items()]
        lines.append(f"in all {sum(made for made, _ in counts.values())} {self.noun}")
        return "\n".join(lines)

    def _known(self, state: Path | None) -> dict[int, str]:
        if state is None:
            return {}
        return {record["seed"]: record["problem"] for record in _records(state) if record["revision"] == revision()}

    def _remember(self, state: Path | None, seed: int, problem: str) -> None:
        if state is not None:
            record = {"revision": revision(), "seed": seed, "size": self.size, "problem": problem}
            cut_off = state.exists() and not state.read_bytes().endswith(b"\n")
            with state.open("a", encoding="utf-8") as file:
                file.write("\n" * cut_off + json.dumps(record) + "\n")


def _records(state: Path) -> list[dict[str, str]]:
    """The records of a state file; a line that a kill cut off counts for nothing."""
    text = state.read_text(encoding="utf-8") if state.exists() else ""
    return [json.loads(line) for line in text.splitlines() if line.endswith("}")]


def _end_with(parent: int) -> None:
    """Let this process end when ``parent`` does, however that ends."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
