"""How much of ONNX's own test suite the compiled path passes; ``python -m asnet.conformance``."""

from __future__ import annotations

from asnet.conformance.cases import LIGHT, Case, collect, excluded
from asnet.conformance.report import markdown, table
from asnet.conformance.running import Outcome, Verdict, run_all

__all__ = ["LIGHT", "Case", "Outcome", "Verdict", "collect", "excluded", "markdown", "run_all", "table"]
