"""ForestDiffusion, flow matching by gradient-boosted trees (Jolicoeur-Martineau et al., AISTATS 2024; MIT), as the package sets it.

DUPLICATES, STEPS and TREES in the environment make it smaller: of hours it takes minutes.
"""

import os
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd
from ForestDiffusion import ForestDiffusionModel
from plain import arguments

patients, out, seed, n = arguments()
frame, label = patients.frame, patients.frame[patients.label].cat
rest = [name for name in frame if name != patients.label]
codes = frame[rest].apply(lambda column: column.cat.codes if column.name in patients.words else column).to_numpy(float)
levels = {name: len(frame[name].cat.categories) for name in rest if name in patients.words}
model = ForestDiffusionModel(
    codes,
    label_y=label.codes.to_numpy().astype(float),  # a forest for each class, as the authors recommend
    cat_indexes=[at for at, name in enumerate(rest) if levels.get(name, 0) > 2],
    bin_indexes=[at for at, name in enumerate(rest) if name in levels and levels[name] <= 2],
    int_indexes=[at for at, name in enumerate(rest) if name in patients.whole],
    duplicate_K=int(os.environ.get("DUPLICATES", "100")),
    n_t=int(os.environ.get("STEPS", "50")),
    n_estimators=int(os.environ.get("TREES", "100")),
    n_jobs=1,
    nthread=1,
    seed=seed,
)
made = pd.DataFrame(np.asarray(model.generate(batch_size=n)), columns=[*rest, patients.label])
for name in patients.words:
    made[name] = pd.Categorical.from_codes(made[name].round().astype(int), frame[name].cat.categories)
patients.write(made, out)
