"""A design with everything that others need to take it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from asnet.hls.design import RtlDesign
from asnet.hls.handover.bench import bench_files
from asnet.hls.handover.project import project_files
from asnet.hls.handover.stream import frames
from asnet.ir import MemoryKind
from asnet.types import Array

__all__ = ["Samples", "hand_over"]


@dataclass(frozen=True)
class Samples:
    """Images and what the design makes of them: name of an input or output → (images, …); the first ``count`` count."""

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    count: int


def hand_over(design: RtlDesign, samples: Samples | None = None) -> RtlDesign:
    """The design with project files, test benches and, if given, ``samples`` that the test benches run."""
    files = dict(design.files)
    files |= project_files(design, None, samples=samples is not None)
    files |= bench_files(design, None, samples=samples is not None)
    if samples is not None:
        files["sim/images.hex"] = frames(design, MemoryKind.INPUT, samples.inputs, samples.count)
        files["sim/expected.hex"] = frames(design, MemoryKind.OUTPUT, samples.outputs, samples.count)
    return replace(design, files=files)
