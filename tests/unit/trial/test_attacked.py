"""What an attacker may take a record to add to the exchanged sums."""

from types import SimpleNamespace

import numpy as np
from fpmg_plugins.encoders.transformer_ae import TransformerAe

from fpmg_bench.testing.fakes import cohort
from fpmg_bench.trial.attacked import Trained


def test_a_record_adds_what_it_has_before_counts_of_few_are_dropped():
    patients = cohort(12, modalities=("text",))
    encoder = TransformerAe(least=3)
    stages = SimpleNamespace(
        parts=SimpleNamespace(encoders={"text": encoder}), train=patients, ledgers={}, spec=SimpleNamespace(seed=0)
    )
    added, rows = Trained(stages, {}).added("stage1:text", patients, 0)
    sums = list(added)
    assert len(sums) == len(rows) == 12
    assert all(float(one["words/2"].float().max()) == 1.0 for one in sums)
    assert encoder.least == 3  # the silo's own counts are dropped as before
    np.testing.assert_array_equal(rows, np.arange(12))
