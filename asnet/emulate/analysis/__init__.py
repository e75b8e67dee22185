"""Facts of a unit instance, found from its Verilog: tables, ranks and factors, netlists, bits that do not count."""

from asnet.emulate.analysis.aig import Aig, AigBuilder
from asnet.emulate.analysis.analyse import Analysis, analyse
from asnet.emulate.analysis.circuits import unit_circuits, verilog_circuit
from asnet.emulate.analysis.elaborate import VerilogDesign
from asnet.emulate.analysis.equivalence import Verdict, equivalent
from asnet.emulate.analysis.factors import LowRank, low_rank, rank_modulo
from asnet.emulate.analysis.facts import BitFacts
from asnet.emulate.analysis.netlist import CONSTANT_0, CONSTANT_1, Netlist, netlist_of
from asnet.emulate.analysis.table import exact_table, operand_values

__all__ = [
    "CONSTANT_0",
    "CONSTANT_1",
    "Aig",
    "AigBuilder",
    "Analysis",
    "BitFacts",
    "LowRank",
    "Netlist",
    "Verdict",
    "VerilogDesign",
    "analyse",
    "equivalent",
    "exact_table",
    "low_rank",
    "netlist_of",
    "operand_values",
    "rank_modulo",
    "unit_circuits",
    "verilog_circuit",
]
