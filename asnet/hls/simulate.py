"""A design as a compiled simulation: Verilator's C++ and a test bench, cached by content."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from asnet.cache import Cache
from asnet.errors import DataError, MismatchError, OutputError, SynthesisError
from asnet.hls.dataflow import Run
from asnet.hls.design import RtlDesign
from asnet.hls.memories import DesignMemory
from asnet.hls.resting import SINCE, resting
from asnet.hls.storage import DEEP_CYCLES, WEIGHTS_FILE
from asnet.ir import MemoryKind
from asnet.resources import render
from asnet.tools import cxx, try_tool, verilator
from asnet.units.compiled import CXX_FLAGS, build_key, inner_eval, prelude, runtime
from asnet.version import __version__

__all__ = ["Simulation", "SimulationResult", "lay_out", "lint"]

_PREFIX: Final = "design"
_FLAGS: Final = ("--cc", "-O3", "--x-assign", "fast", "--x-initial", "unique", "--no-timing", "-Wno-fatal")
_DEFINES: Final = ("-DASNET_TAPS", "-DASNET_CHECKS")
"""What a dataflow design shows, and checks itself, while it is simulated."""

_UNITS_ARE_AS_THEY_ARE: Final = '`verilator_config\nlint_off -file "units/*"\n'
_UNOPTIMISED: Final = (*CXX_FLAGS, "-O0")
_FEW_CYCLES: Final = 1_000_000
"""A run of fewer cycles does not win back the time that the C++ compiler takes to optimise, whatever the design: both
grow with its size."""

_WRITE_FAILED: Final = 3
"""Exit status of the test bench."""

_LIMIT: Final = 10_000_000
"""Cycles an image may take where the design's own number is unknown."""


@dataclass(frozen=True)
class SimulationResult:
    """What came out, per image: words of the output stream, words of each RAM (if observed), cycles.

    ``cycles`` counts those in which the layers worked, ``clocks`` all from the first input word to the last result. Of
    a dataflow design, both are those from its first word to its last result. ``flow`` says when images that followed
    one another came and went.
    """

    stream: NDArray[np.unsignedinteger]
    observed: dict[str, NDArray[np.unsignedinteger]]
    cycles: NDArray[np.uint64]
    clocks: NDArray[np.uint64]
    flow: Run | None = None

    def equals(self, other: SimulationResult) -> bool:
        """Whether every word is the same, and comes in the same cycle."""
        arrays = [[result.stream, result.cycles, result.clocks, *result.observed.values()] for result in (self, other)]
        same = all(np.array_equal(mine, theirs) for mine, theirs in zip(*arrays, strict=True))
        return same and self.flow == other.flow and self.observed.keys() == other.observed.keys()


def lint(design: RtlDesign) -> None:
    """Check the design by ``verilator --lint-only -Wall``; what is inside units is their authors' business.

    Raises:
        SynthesisError: there are warnings; the message holds the first.
    """
    with tempfile.TemporaryDirectory() as work:
        folder = Path(work)
        lay_out(design, folder)
        (folder / "units.vlt").write_text(_UNITS_ARE_AS_THEY_ARE, encoding="utf-8")
        good, log = verilator.find().attempt(["--lint-only", "-Wall", "units.vlt", *_sources(design)], folder)
    if not good:
        first = next((line for line in log.splitlines() if line.startswith("%")), log.strip())
        raise SynthesisError(f"design {design.top!r} does not lint: {first}")


class Simulation:
    """A design that can be run. Compiling takes seconds and is cached; ROM contents are read at run time.

    Short runs simulate the design as it is. In long ones what does nothing rests (:mod:`asnet.hls.resting`), if what
    is compared with the design as it is takes a short one: :attr:`rests`.
    """

    def __init__(self, design: RtlDesign, cache: Cache, *, cycles: int | None = None, compared: int = 0) -> None:
        """Compile (or fetch) the simulation of ``design``.

        Args:
            design: what to simulate.
            cache: of compiled simulations.
            cycles: that it shall run, about; None: many.
            compared: those of them that shall run in the design as it is as well.

        Raises:
            ToolError: Verilator or the C++ compiler fails.
        """
        self.design = design
        self._rams = [memory for memory in design.memories if not memory.is_rom]
        self._inputs = [memory for memory in self._rams if memory.memory.kind is MemoryKind.INPUT]
        self._outputs = [memory for memory in self._rams if memory.memory.kind is MemoryKind.OUTPUT]
        taps = design.flow.taps if design.flow is not None else ()
        self._observed = list(dict.fromkeys(tap.memory for tap in taps)) or self._rams
        wide = max(memory.width for memory in self._rams) > 32
        self.word = np.dtype(np.uint64 if wide else np.uint32)
        bench = self._bench(wide)
        few = cycles is not None and cycles < _FEW_CYCLES
        self.rests = not few and compared < _FEW_CYCLES and verilator.find().version >= SINCE
        self._simulated = resting(design) if self.rests else design
        files = self._simulated.files
        sources = [part for path in self._simulated.sources for part in (path, files[path])]
        headers = [files[path] for path in sorted(files) if path.startswith("units/")]
        content = ["simulation", bench, *_FLAGS, *_DEFINES, *sources, *headers]
        flags = _UNOPTIMISED if few else CXX_FLAGS
        key = build_key([*content, *flags])
        self._binary = cache.get("simulations", key, lambda folder: self._build(folder, bench, cache, flags)) / "bench"

    def _bench(self, wide: bool) -> str:
        facts = {
            "version": __version__,
            "top": self.design.top,
            "prefix": _PREFIX,
            "word_type": "uint64_t" if wide else "uint32_t",
            "input_words": _words(self._inputs),
            "output_words": _words(self._outputs),
            "weights": None if self.design.weights is None else self.design.weights.facts("."),
        }
        if self.design.flow is not None:
            taps = self.design.flow.taps
            done: dict[str, list[int]] = {}
            for number, tap in enumerate(taps):
                done.setdefault(tap.done, []).append(number)
            return render(
                "cosim/dataflow.cpp.j2",
                **facts,
                memories=[memory.memory.size for memory in self._observed],
                memory_taps=[[n for n, tap in enumerate(taps) if tap.memory == memory] for memory in self._observed],
                taps=[{"name": tap.port, "words": tap.memory.memory.size} for tap in taps],
                layers=[{"done": name, "taps": numbers} for name, numbers in done.items()],
            )

        def rams(memories: Sequence[DesignMemory]) -> list[dict[str, int]]:
            return [{"select": memory.select, "words": memory.memory.size} for memory in memories]

        return render(
            "cosim/bench.cpp.j2",
            **facts,
            inputs=rams(self._inputs),
            observed=rams(self._rams),
            read_cycles=DEEP_CYCLES,
        )

    def _build(self, folder: Path, bench: str, cache: Cache, flags: Sequence[str]) -> None:
        with tempfile.TemporaryDirectory(dir=folder) as work:
            place = Path(work)
            lay_out(self._simulated, place, roms=False)
            tool = verilator.find()
            tool.run(
                [*_FLAGS, *_DEFINES, *_sources(self._simulated), "--prefix", f"V{_PREFIX}", "-Mdir", "model"], place
            )
            (place / "bench.cpp").write_text(bench, encoding="utf-8")
            parts = sorted((place / "model").glob("*.cpp"))
            (place / "all.cpp").write_text(
                "".join(f'#include "model/{part.name}"\n' for part in parts) + '#include "bench.cpp"\n',
                encoding="utf-8",
            )
            inner = inner_eval(f"V{_PREFIX}", parts)
            evaluation = [] if inner is None else [f"-DASNET_EVAL={inner}"]
            header = prelude(cache, flags)
            includes = ["-include", header, f"-I{tool.include}", f"-I{tool.include / 'vltstd'}", "-I.", "-Imodel"]
            cxx.find().compile(
                [*flags, *evaluation, *includes, "all.cpp", *runtime(cache), "-o", "bench", "-latomic"], place
            )
            (place / "bench").rename(folder / "bench")

    def run(
        self,
        inputs: NDArray[np.unsignedinteger],
        *,
        observe: bool = True,
        through: str = "stream",
        stall_seed: int = 0,
        bad_frames: bool = False,
        interrupted: int = 0,
    ) -> SimulationResult:
        """Run images.

        Args:
            inputs: (images, words) of :attr:`word`, all inputs one after the other.
            observe: read every RAM after each image.
            through: ``stream`` (AXI4-Stream; without ``observe`` one image right behind the other) or ``memory`` (the
                memory interface and start).
            stall_seed: not 0: both streams stall at random.
            bad_frames: first send a frame that is too short and one that is too long.
            interrupted: of a dataflow design: first let it work for so many cycles, and reset it.

        Raises:
            DataError: a dataflow design has no memory interface.
            MismatchError: the design hangs or breaks a protocol.
            OutputError: there is no space for the images or the results.
        """
        images = len(inputs)
        memory = through == "memory"
        if memory and self.design.flow is not None:
            raise DataError("a dataflow design has no memory interface; its images come by the stream")
        limit = 16 * (self.design.cycles or _LIMIT) + 64 * (_words(self._inputs) + _words(self._outputs)) + 1000
        with tempfile.TemporaryDirectory() as work:
            folder = Path(work)
            try:
                lay_out(self.design, folder, verilog=False)
                np.ascontiguousarray(inputs, dtype=self.word).tofile(folder / "in.bin")
            except OSError as error:
                raise OutputError(f"cannot write the images for co-simulation: {error.strerror or error}") from error
            together = not memory and not observe
            kind = (int(memory) or 2 * together) if self.design.flow is None else interrupted
            flags = [images, kind, int(observe), stall_seed, 1, limit, int(bad_frames)]
            command = [self._binary, "in.bin", "out.bin", *map(str, flags)]
            done = try_tool(command, cwd=folder, limit=inf)  # the bench limits the cycles of an image
            if done.returncode == _WRITE_FAILED:
                raise OutputError(f"cannot write the results of co-simulation below {work!r}; is the disk full?")
            if done.returncode != 0:
                problem = " ".join(done.stderr.split()) or f"exit status {done.returncode}"
                raise MismatchError(f"co-simulation of {self.design.top!r} stopped: {problem}")
            raw = (folder / "out.bin").read_bytes()
        return self._result(raw, images, stream=not memory, observe=observe)

    def _result(self, raw: bytes, images: int, *, stream: bool, observe: bool) -> SimulationResult:
        streamed = _words(self._outputs) if stream else 0
        sizes = [memory.memory.size for memory in self._observed] if observe else []
        record = np.dtype(
            [
                ("counts", "<u8", (4 if self.design.flow is None else 2,)),
                ("stream", self.word, (streamed,)),
                ("rams", self.word, (sum(sizes),)),
            ]
        )
        rows = np.frombuffer(raw, dtype=record, count=images)
        observed: dict[str, NDArray[np.unsignedinteger]] = {}
        first = 0
        for memory, size in zip(self._observed, sizes, strict=bool(sizes)):
            observed[memory.memory.name] = rows["rams"][:, first : first + size]
            first += size
        first_counts, second_counts = rows["counts"][:, 0], rows["counts"][:, 1]
        if self.design.flow is None:
            times = (tuple(int(cycle) for cycle in rows["counts"][:, column]) for column in (2, 3))
            together = Run(*times) if stream and not observe else None
            return SimulationResult(rows["stream"], observed, first_counts, second_counts, together)
        run = Run(tuple(int(cycle) for cycle in first_counts), tuple(int(cycle) for cycle in second_counts))
        clocks = second_counts - first_counts + np.uint64(1)
        return SimulationResult(rows["stream"], observed, clocks, clocks, run)


def _words(memories: Sequence[DesignMemory]) -> int:
    return sum(memory.memory.size for memory in memories)


def _sources(design: RtlDesign) -> list[str]:
    return [f"-I{design.include_folder}", "--top-module", design.top, *design.sources]


def lay_out(design: RtlDesign, folder: Path, *, roms: bool = True, verilog: bool = True) -> None:
    """Write the parts of a design that a tool needs: constants, sources."""
    for path, text in design.files.items():
        if (roms and path.startswith(("rom/", WEIGHTS_FILE))) or (verilog and path.startswith(("rtl/", "units/"))):
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
