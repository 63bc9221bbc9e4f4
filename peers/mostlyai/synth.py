"""TabularARGN, an autoregressive network (mostlyai-engine, Apache-2.0), as the package sets it."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from mostlyai.engine import TabularARGN, set_random_state
from plain import arguments

patients, out, seed, n = arguments()
set_random_state(seed)
words = patients.words
model = TabularARGN(
    tgt_encoding_types={name: "TABULAR_CATEGORICAL" if name in words else "TABULAR_NUMERIC_AUTO" for name in patients.frame},
    random_state=seed,
    verbose=0,
)
model.fit(patients.frame.astype(dict.fromkeys(words, str)))
patients.write(model.sample(n_samples=n, rare_category_replacement_method="sample"), out)
