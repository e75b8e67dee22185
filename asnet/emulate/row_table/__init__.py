"""Any integer unit of at most 8 x 8 bits by its table: sums of products by rows of it, and single products."""

from asnet.emulate.row_table.form import RowTable, Tables
from asnet.emulate.row_table.single import TableEntry

__all__ = ["RowTable", "TableEntry", "Tables"]
