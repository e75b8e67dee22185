"""Reports: what engines and tops state about a design, and the files that show it."""

from asnet.hls.reporting.files import report_files
from asnet.hls.reporting.model import (
    DesignReport,
    LayerReport,
    LoopReport,
    MemoryReport,
    OperationReport,
    UnitReport,
    memory_report,
    unit_reports,
)

__all__ = [
    "DesignReport",
    "LayerReport",
    "LoopReport",
    "MemoryReport",
    "OperationReport",
    "UnitReport",
    "memory_report",
    "report_files",
    "unit_reports",
]
