"""Facts of a unit instance, found from its Verilog: tables, ranks and factors, netlists."""

from asnet.emulate.analysis.analyse import Analysis, analyse
from asnet.emulate.analysis.factors import LowRank, low_rank, rank_modulo
from asnet.emulate.analysis.table import exact_table, operand_values

__all__ = ["Analysis", "LowRank", "analyse", "exact_table", "low_rank", "operand_values", "rank_modulo"]
