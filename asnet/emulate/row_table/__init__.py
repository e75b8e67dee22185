"""Sums of products of any unit of at most 8 x 8 bits by rows of its table."""

from asnet.emulate.row_table.form import RowTable, Tables

__all__ = ["RowTable", "Tables"]
