"""Observations with planted values."""

import math

from fpmg_bench.calibration.observations import Observation

NAN = math.nan
REAL = (0.98, 1.00, 1.02, 0.99, 1.01)


def seen(control, strength, values, *, key="rg", cohort="phantom", higher=None, patients=7000, modality=None, floors=REAL):
    return [
        Observation(
            cohort=cohort, control=control, strength=strength, seed=seed, key=key, modality=modality, value=value, low=NAN,
            high=NAN, floor=floor, higher=higher, patients=patients, held_out=patients * 3 // 10, members=patients * 6 // 10, minority=patients // 5,
        )
        for seed, (value, floor) in enumerate(zip(values, floors, strict=True))
    ]  # fmt: skip
