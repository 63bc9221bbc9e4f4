"""FC where the answer is known: the same silos, silos that only relabelled their noise, and real generators that never met."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
import torch
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.generators.gan.parallel_cgan import ParallelCgan
from fpmg_plugins.metrics.federation.fc import Fc
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring

from fpmg_bench.evaluation import EvaluationSpace, Measured
from fpmg_bench.federation import Plan, SiloPlan, run
from fpmg_bench.keys import rng_for
from fpmg_bench.privacy import LocalShard
from fpmg_bench.testing.metrics import evidence, good
from fpmg_bench.types import Cohort, Column, Representation, Schema, Space, Table

LABEL = Column("label", "category", ("well", "ill"))
SCHEMAS = {
    "labs": Schema("table", tuple(Column(f"x{i}", "number") for i in range(3))),
    "vitals": Schema("table", (Column("y", "number"),)),
}
SPACE = Space({"labs": slice(0, 3), "vitals": slice(3, 4)}, (LABEL,))


def scored(seen):
    found = Fc()(seen, rng_for(0, "metric"))
    return {(s.key, s.scope, s.modality): s.value for s in found}


def vectors(n, seed, shift=0.0):
    g = torch.Generator().manual_seed(seed)
    label = (torch.arange(n) % 2).float()
    z = label[:, None] + shift + torch.randn(n, 4, generator=g)
    return Representation(z, torch.ones(n, 2, dtype=torch.bool), label[:, None], torch.arange(n) + 1000 * seed, SPACE)


def cohort(rows):
    frames = {
        m: pd.DataFrame(rows.z[:, block].double().numpy(), columns=[c.name for c in SCHEMAS[m].columns])
        for m, block in SPACE.blocks.items()
    }
    present = {m: np.ones(len(rows), dtype=bool) for m in SCHEMAS}
    data = {m: Table(frame) for m, frame in frames.items()}
    condition = rows.condition.double().numpy()
    return Cohort(
        SCHEMAS, data, present, (LABEL,), condition, rows.patient.numpy(), np.zeros(len(rows), np.int64), ("a", "b", "c")
    )


@cache
def trial(topology):
    """Three silos whose patients differ, a generator trained for two rounds, and 60 records of each from the same noise."""
    shards = {}
    for silo in range(3):
        rows = vectors(60, silo, shift=silo)
        shards[silo] = LocalShard(rows, rows.patient.numpy(), 0.3, "stage2")
    rounds, plan = [], Plan("stage2", topology, FedAvg(), 2, {s: SiloPlan(3) for s in range(3)}, seed=3)
    done = run(ParallelCgan(watch=False), SPACE, shards, plan, lambda record, now: rounds.append(record))
    requested = vectors(60, 9).condition
    states = {id(state): state for state in done.states.values()}
    drawn = {
        key: cohort(ParallelCgan(watch=False).sample(SPACE, state, requested, rng_for(3, "sample")))
        for key, state in states.items()
    }
    released = {silo: drawn[id(state)] for silo, state in done.states.items()}
    train, r1, r2 = (cohort(vectors(60, seed)) for seed in (20, 21, 22))
    seen = Measured(
        train=train, r1=r1, r2=r2, held_out=r1, third=None, space=EvaluationSpace.fit(train, 0), silo_names=("a", "b", "c"),
        released=released, rounds=rounds,
    )  # fmt: skip
    return seen, done


def test_silos_that_share_all_weights_are_0_apart_in_every_score():
    found = scored(trial(Ring())[0])
    assert {value for (key, _, _), value in found.items() if key != "fc.variance_ratio"} == {0.0}
    assert {("fc", "silo:a", None), ("fc", "all", "labs"), ("fc", "module:generator.labs", None)} <= found.keys()
    assert {("fc.draws", "all", None), ("fc.draws", "silo:c", None), ("fc.draws", "all", "vitals")} <= found.keys()


def test_silos_that_never_meet_are_apart_in_every_score_and_gossip_is_between():
    apart, near = scored(trial(Isolated())[0]), scored(trial(Ring(relay=False, one_way=True))[0])
    for key in apart.keys() - {("fc.variance_ratio", "all", None)}:
        assert apart[key] > near[key] > 0, key
    assert apart["fc.draws", "all", None] > 0.3
    assert apart["fc.draws", "all", None] > 2 * near["fc.draws", "all", None]


def test_distances_of_silos_modalities_and_modules_are_those_of_the_final_weights():
    seen, done = trial(Isolated())
    found = scored(seen)

    def distance(modules, silos=(0, 1, 2)):
        flat = [
            torch.cat([v.double().flatten() for k, v in s.items() if modules(k) and v.is_floating_point()])
            for s in done.states.values()
        ]
        mean = torch.stack(flat).mean(0)
        return (sum(float((flat[i] - mean).square().sum()) for i in silos) / len(silos)) ** 0.5 / float(mean.norm())

    sent = seen.rounds[-1]["modules"].keys()
    own = {f"silo:{name}": distance(lambda k: k.rpartition("/")[0] in sent, (i,)) for i, name in enumerate("abc")}
    for scope, value in own.items():
        assert found["fc", scope, None] == pytest.approx(value, rel=1e-9)
    assert found["fc", "all", None] == pytest.approx(np.sqrt(np.mean(np.square(list(own.values())))), rel=1e-9)
    labs = {m for m in sent if m.endswith(".labs")}
    assert len(labs) > 1
    assert found["fc", "all", "labs"] == pytest.approx(distance(lambda k: k.rpartition("/")[0] in labs), rel=1e-9)
    for module in sent:
        assert found["fc", f"module:{module}", None] == pytest.approx(
            distance(lambda k, m=module: k.startswith(f"{m}/")), rel=1e-9
        )


def with_releases(releases):
    seen = evidence(good())
    seen._released = dict(enumerate(releases))
    return scored(seen)


def relabelled(release, share=1.0):
    """A share of the records in the places of others of their label: as if the silo had drawn them from other noise."""
    order = np.arange(len(release))
    for value in np.unique(release.label):
        rows = np.flatnonzero(release.label == value)
        rows = rows[: int(share * len(rows))]
        order[rows] = np.roll(rows, 1)
    return replace(release, data={name: part.take(order) for name, part in release.data.items()})


def test_fresh_noise_is_1_and_fresh_noise_in_half_of_the_places_is_half():
    drawn = good()
    other, half = (with_releases([drawn, relabelled(drawn, share)]) for share in (1.0, 0.5))
    assert other["fc.draws", "all", None] == pytest.approx(1.0, rel=1e-5)
    assert other["fc.functional", "all", None] == pytest.approx(0.0, abs=1e-5)
    assert half["fc.draws", "all", None] == pytest.approx(0.5, abs=0.15)


def test_the_order_of_silos_changes_nothing_and_the_odd_one_out_is_found():
    one, other = good(), relabelled(good())
    names = ("silo:silo 0", "silo:silo 1", "silo:silo 2")
    found, moved = with_releases([one, one, other]), with_releases([other, one, one])
    for key in ("fc.draws", "fc.rows", "fc.functional"):
        assert moved[key, "all", None] == pytest.approx(found[key, "all", None], rel=1e-6, abs=1e-9)
    assert [round(found["fc.draws", name, None], 4) for name in names] == [0.5, 0.5, 1.0]
    assert [round(moved["fc.draws", name, None], 4) for name in names] == [1.0, 0.5, 0.5]


def test_releases_that_ignore_their_noise_have_no_scale_and_say_so():
    seen = evidence(good())
    first = {value: np.flatnonzero(good().label == value)[0] for value in np.unique(good().label)}
    still = replace(good(), data={m: d.take(np.array([first[v] for v in good().label])) for m, d in good().data.items()})
    seen._released = {0: still, 1: replace(still)}
    assert ("fc.draws", "all", None) not in scored(seen)
    assert "noise" in next(gap.reason for gap in seen.gaps if gap.key == "fc.draws")
