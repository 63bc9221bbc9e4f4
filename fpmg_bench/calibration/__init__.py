"""Does a metric say of a generator with a known fault what it must? Dose-response, power, false alarms, smallest n, verdicts."""

from fpmg_bench.calibration.bars import BARS, EXACT, Bar, Outcome, judge
from fpmg_bench.calibration.noise import Null, beyond, false_alarms, null_of
from fpmg_bench.calibration.observations import Observation, observe
from fpmg_bench.calibration.record import added, keep, made_by
from fpmg_bench.calibration.response import Response, by_score, responses, smallest_n
from fpmg_bench.calibration.verdicts import (
    Failure,
    Verdict,
    by_size,
    mark,
    reference,
    score_of,
    shown,
    smallest,
    summary,
    to_json,
    verdicts,
)

__all__ = [
    "BARS",
    "EXACT",
    "Bar",
    "Failure",
    "Null",
    "Observation",
    "Outcome",
    "Response",
    "Verdict",
    "added",
    "beyond",
    "by_score",
    "by_size",
    "false_alarms",
    "judge",
    "keep",
    "made_by",
    "mark",
    "null_of",
    "observe",
    "reference",
    "responses",
    "score_of",
    "shown",
    "smallest",
    "smallest_n",
    "summary",
    "to_json",
    "verdicts",
]
