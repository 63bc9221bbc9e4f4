"""Training patients who are held in: nobody's steps see them, and what is trained is asked of them (`spec.Stop`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.keys import seed_for

if TYPE_CHECKING:
    from numpy.typing import NDArray

OF = 2.0**63  # seeds


def held_in(patient: NDArray[np.int64], share: float, seed: int) -> NDArray[np.bool_]:
    """Which records [n] are of patients held in. Each patient's coin is their own: one more patient moves no other across.

    So a private sum on either side still changes by one patient at the most, which a share of a list of them would not keep.
    """
    each, at = np.unique(patient, return_inverse=True)
    coin = np.array([seed_for(seed, "held in", int(one)) < share * OF for one in each], dtype=bool)
    found: NDArray[np.bool_] = coin[at] if len(each) else np.zeros(0, dtype=bool)
    return found
