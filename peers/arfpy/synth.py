"""Adversarial random forests (Watson et al., AISTATS 2023; arfpy, MIT), as the package sets them."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

import numpy as np
from arfpy import arf
from plain import arguments

patients, out, seed, n = arguments()
np.random.seed(seed)
frame = patients.frame.rename(columns=lambda name: f"x{patients.frame.columns.get_loc(name)}")  # forde melts by these names
forest = arf.arf(x=frame, random_state=seed, verbose=False)
forest.forde()
patients.write(forest.forge(n=n).set_axis(patients.frame.columns, axis=1), out)
