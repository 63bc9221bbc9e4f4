"""How a release is measured: the split by patient, the frozen evaluation space, nearest neighbours and `Evidence`."""

from fpmg_bench.evaluation.evidence import Gap, Measured
from fpmg_bench.evaluation.nearest import nearest
from fpmg_bench.evaluation.space import EvaluationSpace
from fpmg_bench.evaluation.split import Split, drawn, draws_patients, everyone, fresh, fresh_parts, parted, split

__all__ = [
    "EvaluationSpace",
    "Gap",
    "Measured",
    "Split",
    "drawn",
    "draws_patients",
    "everyone",
    "fresh",
    "fresh_parts",
    "nearest",
    "parted",
    "split",
]
