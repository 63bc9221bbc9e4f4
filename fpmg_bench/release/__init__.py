"""Patients out: new patients from a run's stored states, in the form of the source, with cards that say what they are."""

from fpmg_bench.release.chosen import Chosen, chosen
from fpmg_bench.release.handing_out import Released, release
from fpmg_bench.release.refusals import Refused

__all__ = ["Chosen", "Refused", "Released", "chosen", "release"]
