"""Our worst attack beside those of domias on the same release; where the peer is not installed there is nothing to compare.

In an environment of its own: `pip install --no-deps domias`. TAPAS is on no package index, leakpro's package there (0.0.1) is empty, and
privacy-meter 1.0.1 attacks classifiers alone: these are not compared.
"""

import numpy as np
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.distances import placed
from fpmg_plugins.metrics.privacy.membership import Membership

from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for

peer = pytest.importorskip("domias.baselines", reason="pip install --no-deps domias")
BELOW = 0.02


@pytest.fixture(scope="module")
def patients():
    dataset = Phantom(patients=2000, silos=4, modalities=("table", "series"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


@pytest.mark.parametrize(
    ("control", "strength"), [("copy", 1.0), ("copy", 0.3), ("bootstrap-noise", 0.5), ("bootstrap-noise", 1.0)]
)
def test_no_attack_of_the_peer_finds_more(patients, control, strength):
    dataset, made, space = patients
    parts = {name: getattr(made, name) for name in ("train", "r1", "r2", "held_out", "third")}
    release = CONTROLS[control](made.train, dataset, strength, rng_for(0, control))
    seen = Measured(**parts, space=space, silo_names=made.train.silo_names, released={0: release})
    ours = {s.key: s.value for s in Membership()(seen, rng_for(0, "m")) if s.scope == "all" and not s.modality}
    train, others, drawn, third = (
        placed(seen, part, principal=True).x.astype(float) for part in (made.train, made.held_out, release, made.third)
    )
    few = np.random.default_rng(0).permutation(len(train))[: len(others)]
    asked, member = np.concatenate([train[few], others]), np.arange(2 * len(others)) < len(others)
    alone, ratio = peer.kde_baseline(asked, drawn, third)
    theirs = {"kernel": alone, "domias": ratio, "gan-leaks": peer.GAN_leaks(asked, drawn), "mc": peer.MC(asked, drawn)}
    theirs["calibrated"] = peer.GAN_leaks_cal(asked, drawn, third)
    found = {name: peer.compute_metrics_baseline(score, member)[1] for name, score in theirs.items()}
    assert ours["membership.worst"] >= max(found.values()) - BELOW, (ours, found)
    assert ours["membership.kernel"] == pytest.approx(found["domias"], abs=0.05)  # theirs each by its own covariance
