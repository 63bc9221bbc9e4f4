"""Do those who read films every day tell ours from real ones? A blinded sheet of cases, and what their answers say."""

from fpmg_bench.reader_study.answers import Answer, Reader, read_answers
from fpmg_bench.reader_study.key import DECODED, KINDS, REAL, SYNTHETIC, Case, Key, read_key
from fpmg_bench.reader_study.making import KEY, SHEET, Made, make
from fpmg_bench.reader_study.scoring import Scores, score

__all__ = [
    "DECODED",
    "KEY",
    "KINDS",
    "REAL",
    "SHEET",
    "SYNTHETIC",
    "Answer",
    "Case",
    "Key",
    "Made",
    "Reader",
    "Scores",
    "make",
    "read_answers",
    "read_key",
    "score",
]
