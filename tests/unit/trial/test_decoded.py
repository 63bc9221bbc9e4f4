"""Encoders alone: what stands for their release."""

import numpy as np
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.trial.decoded import balanced


def test_the_uniform_sample_repeats_rare_records_no_more_often_than_it_must():
    train = Phantom(patients=300, silos=2, modalities=("table",)).load()
    made = balanced(train, 0)
    counts = np.bincount(made.label)
    assert len(made) == 300 and counts.max() - counts.min() <= 1
    for label, have in enumerate(np.bincount(train.label)):
        times = np.unique(made.patient[made.label == label], return_counts=True)[1]
        assert times.max() <= -(-counts[label] // have)
    assert np.array_equal(balanced(train, 0).patient, made.patient) and not np.array_equal(
        balanced(train, 1).patient, made.patient
    )
