"""How tables are written: by declaration a cell is read, and only a draft looks for what to declare."""

from fpmg_bench.cohorts.tables.cells import LISTED, Cells, named, read_cells, strings
from fpmg_bench.cohorts.tables.detect import detect
from fpmg_bench.cohorts.tables.form import TABLES, USUAL, Form

__all__ = ["LISTED", "TABLES", "USUAL", "Cells", "Form", "detect", "named", "read_cells", "strings"]
