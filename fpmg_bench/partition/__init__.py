"""How training patients are spread over silos, what a silo lacks, and how different the silos are."""

from fpmg_bench.partition.modality import most_absences, withheld
from fpmg_bench.partition.options import OPTIONS, SPREADING, Option, least_patients, spreading, words
from fpmg_bench.partition.ordered import sortable
from fpmg_bench.partition.skew import absent, feature_skew, skew, sorted_skew
from fpmg_bench.partition.spread import merged_sites, partition

__all__ = [
    "OPTIONS",
    "SPREADING",
    "Option",
    "absent",
    "feature_skew",
    "least_patients",
    "merged_sites",
    "most_absences",
    "partition",
    "skew",
    "sortable",
    "sorted_skew",
    "spreading",
    "withheld",
    "words",
]
