"""A design with everything that others need to take it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from asnet.hls.design import RtlDesign
from asnet.hls.handover.bench import bench_files
from asnet.hls.handover.control import wrapper_of
from asnet.hls.handover.project import project_files
from asnet.hls.handover.stream import frames
from asnet.hls.names import comment
from asnet.hls.output import MANIFEST
from asnet.hls.reporting import AreaRow, DesignReport, Figures, diagram, page
from asnet.ir import MemoryKind
from asnet.types import Array

__all__ = ["Samples", "hand_over"]


@dataclass(frozen=True)
class Samples:
    """Images and what the design makes of them: name of an input or output → (images, …); the first ``count`` count."""

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]
    count: int


def hand_over(
    design: RtlDesign,
    samples: Samples | None = None,
    *,
    figures: Figures | None = None,
    exact: tuple[DesignReport, Figures] | None = None,
    area: Sequence[AreaRow] = (),
    command: str = "",
) -> RtlDesign:
    """The design with project files, test benches, report page and diagram.

    Args:
        design: as it was synthesised.
        samples: what the test benches run.
        figures: area and clock, for the report page.
        exact: the design with exact units, to compare with there.
        area: where the area goes.
        command: what made the design.
    """
    files = dict(design.files)
    files["report.html"] = page(design.report, figures, exact, area)
    files["diagram.svg"] = diagram(design.report).whole()
    wrapper = wrapper_of(design)
    files |= project_files(design, wrapper, samples=samples is not None)
    files |= bench_files(design, wrapper, samples=samples is not None, command=command)
    if command:
        top = f"rtl/{design.top}.v"
        generated, rest = files[top].split("\n", 1)
        files[top] = f"{generated}\n// Made by: {comment(command)}\n{rest}"
        manifest: dict[str, object] = json.loads(files[MANIFEST])
        files[MANIFEST] = json.dumps({**manifest, "command": command}, indent=2) + "\n"
    if samples is not None:
        files["sim/images.hex"] = frames(design, MemoryKind.INPUT, samples.inputs, samples.count)
        files["sim/expected.hex"] = frames(design, MemoryKind.OUTPUT, samples.outputs, samples.count)
    return replace(design, files=files)
