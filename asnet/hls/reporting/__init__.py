"""Reports: what engines and tops state about a design, and the files that show it."""

from asnet.hls.reporting.diagram import diagram
from asnet.hls.reporting.files import report_files
from asnet.hls.reporting.model import (
    DesignReport,
    LayerReport,
    LoopReport,
    MemoryReport,
    OperationReport,
    UnitReport,
    WeightsReport,
    memory_report,
    unit_reports,
)
from asnet.hls.reporting.page import AreaRow, Figures, page

__all__ = [
    "AreaRow",
    "DesignReport",
    "Figures",
    "LayerReport",
    "LoopReport",
    "MemoryReport",
    "OperationReport",
    "UnitReport",
    "WeightsReport",
    "diagram",
    "memory_report",
    "page",
    "report_files",
    "unit_reports",
]
