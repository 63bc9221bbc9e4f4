"""What a cohort does not hold of its files, and what of it wants a second look; each with what to write."""

from fpmg_bench.cohorts.losses.loss import Loss, lost, told
from fpmg_bench.cohorts.losses.minded import minded

__all__ = ["Loss", "lost", "minded", "told"]
