"""External tools: each module finds one, says its version and where it came from, and runs it."""

from asnet.tools import cxx, nextpnr, verilator, yosys
from asnet.tools.process import ToolThreads, run_tool, try_tool

__all__ = ["ToolThreads", "cxx", "nextpnr", "run_tool", "try_tool", "verilator", "yosys"]
