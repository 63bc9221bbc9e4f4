"""A first cohort.yaml for a folder of one's own: columns are guessed, and every guess says that it wants confirming."""

from fpmg_bench.cohorts.draft.document import draft
from fpmg_bench.cohorts.draft.reading import find_table

__all__ = ["draft", "find_table"]
