"""TabularARGN, an autoregressive network (mostlyai-engine, Apache-2.0), as the package sets it.

Its value protection (of levels that few patients have) writes `_RARE_` in their place, which is none of the cohort's: here a gap.
"""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from mostlyai.engine import TabularARGN, set_random_state
from plain import NOTHING, arguments

patients, out, seed, n = arguments()
set_random_state(seed)
words = patients.words
model = TabularARGN(
    tgt_encoding_types={name: "TABULAR_CATEGORICAL" if name in words else "TABULAR_NUMERIC_AUTO" for name in patients.frame},
    random_state=seed,
    verbose=0,
)
model.fit(patients.frame.astype(dict.fromkeys(words, str)))
made = model.sample(n_samples=n)
patients.write(made.astype(dict.fromkeys(words, object)).replace({name: {"_RARE_": NOTHING} for name in words}), out)
