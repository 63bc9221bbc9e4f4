"""What small calibrations share: how many patients, which controls are whose, and a metric's row as an observation."""

import math

import numpy as np

from fpmg_bench.calibration.observations import Observation

PATIENTS = 700
SIGHT = ("grey-noise", "blur", "question-marks", "shuffled-words", "rare-pairs", "independent-gaps")  # test_small_sight.py


def observed(row, control, strength, seed, made):
    low, high, floor = (math.nan if row[name] is None else row[name] for name in ("low", "high", "floor"))
    return Observation(
        cohort="phantom", control=control, strength=strength, seed=seed, key=row["key"], modality=row["modality"],
        value=row["value"], low=low, high=high, floor=floor, higher=row["higher_is_better"], patients=PATIENTS,
        held_out=len(made.held_out), members=len(made.train), minority=int(np.bincount(made.train.label).min()),
    )  # fmt: skip


def pick(found, score, control):
    return next(r for r in found if (r.score, r.control) == (score, control))
