"""A run as one file that others can check: what goes into a bundle, and what can be recomputed from it."""

from fpmg_bench.submission.bundle import Made, submit
from fpmg_bench.submission.verifying import Verified, verify

__all__ = ["Made", "Verified", "submit", "verify"]
