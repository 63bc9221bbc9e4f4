"""Canaries of an audit on a cohort with modality skew: none brings to a silo what was withheld from it."""

from __future__ import annotations

from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.spec import Audit, Budget, Choice, TrialSpec
from fpmg_bench.trial.prepared import Loaded


def test_a_canary_lacks_what_its_silo_lacks():
    cohort = Phantom(patients=300, silos=4, modalities=("table", "series", "text")).load()
    skewed = {"kind": "modality", "lack": 0.4, "of": {"kind": "natural"}}
    spec = TrialSpec(Choice("phantom"), "phantom", "m", 0, skewed, {}, None, None, None, Budget(), (), audit=Audit(20))
    placed = Loaded.split(spec, cohort).placed(spec)
    train, silos, realised, audited = placed.train, placed.silos, placed.skew, placed.audited
    assert audited is not None and audited.canaries.of(train.patient).any()
    assert realised["withheld"]
    for modality, count in realised["withheld"].items():
        for name in count:
            rows = next(silo.rows for silo in silos if silo.name == name)
            assert not train.present[modality][rows].any()
