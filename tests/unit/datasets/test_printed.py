"""A cohort that is printed, in a notebook or a stack's last line, tells how many of what, and no cell."""

import numpy as np
from fpmg_plugins.datasets.phantom import Phantom


def test_no_cell_of_a_patient_is_printed():
    cohort = Phantom(patients=12, silos=2, modalities=("table", "text", "series", "image")).load()
    said = repr(cohort)
    assert said == f"<Cohort of {len(cohort)} records of 12 patients: table (table), text (text), series (series), image (image)>"
    printed = said + "".join(repr(part) for part in cohort.data.values())
    assert cohort.data["text"].strings[0] not in printed
    ages = cohort.data["table"].frame.select_dtypes(np.number).to_numpy().ravel()
    assert not any(str(value) in printed for value in ages[np.isfinite(ages)] if value % 1)
