"""Membership attacks catch a copy and nobody else; released weights are attacked by their loss."""

import numpy as np
import pytest
import torch
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics.privacy.attacks.member_scores import thirds
from fpmg_plugins.metrics.privacy.density_ratio import DensityRatio
from fpmg_plugins.metrics.privacy.inference.inference import Inference
from fpmg_plugins.metrics.privacy.membership import Membership
from fpmg_plugins.metrics.privacy.pg import Pg

from fpmg_bench.contracts import Objective
from fpmg_bench.controls import CONTROLS
from fpmg_bench.evaluation import EvaluationSpace, Measured, split
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import metrics as made_up

BLACK_BOX = (
    "membership.worst", "membership.records", "membership.distance", "membership.domias", "membership.own", "membership.trace.records",
    "membership.vulnerable",
)  # fmt: skip


def keyed(scores, scope="all"):
    return {s.key if s.modality is None else f"{s.key}@{s.modality}": s for s in scores if s.scope == scope}


def cohort_of(patients):
    dataset = Phantom(patients=patients, silos=4, modalities=("table", "series"))
    made = split(dataset.load(), 0)
    return dataset, made, EvaluationSpace.fit(made.train, 0)


@pytest.fixture(scope="module")
def prepared():
    found = cohort_of(6700)
    assert min(len(found[1].train), len(found[1].held_out)) >= 1000
    return found


@pytest.fixture(scope="module")
def few():
    return cohort_of(1500)


def measured(prepared, control):
    dataset, made, space = prepared
    parts = {name: getattr(made, name) for name in ("train", "r1", "r2", "held_out", "third")}
    release = CONTROLS[control](made.train, dataset, 1.0, rng_for(0, control))
    evidence = Measured(**parts, space=space, silo_names=made.train.silo_names, released={0: release}, publishable=True)
    return Membership()(evidence, rng_for(0, "m"))


def test_every_black_box_attack_catches_a_copy(prepared):
    scores = measured(prepared, "copy")
    found = keyed(scores)
    for key in (*BLACK_BOX, "membership.distance@table", "membership.distance@series"):
        assert found[key].value >= 0.95, key
    assert found["membership.kernel"].value > 0.7  # blurred: see its card
    assert found["membership.advantage"].value > 0.95
    assert found["membership.tpr"].value > 0.95
    assert keyed(scores, "class:pneumonia")["membership.worst"].value >= 0.95
    assert found["membership.minority"].value == keyed(scores, "class:pneumonia")["membership.worst"].value
    assert keyed(scores, "group:uncommon")["membership.worst"].n > 300


def test_no_attack_catches_fresh_patients(prepared):
    found = keyed(measured(prepared, "oracle"))
    for key in (*BLACK_BOX, "membership.kernel", "membership.distance@table", "membership.distance@series"):
        assert found[key].value == pytest.approx(0.5, abs=0.03), key
    assert found["membership.worst"].n >= 1000
    assert found["membership.advantage"].low < 0 < found["membership.advantage"].high
    assert found["membership.tpr"].value < 0.03
    assert found["membership.worst"].floor == pytest.approx(0.5, abs=0.04)  # half as many patients


def test_a_release_that_looks_like_its_site_is_no_membership(prepared):
    """Fresh patients of one site, as a silo left alone may release: its own patients are compared with unseen ones of that site."""
    dataset, made, space = prepared
    fresh = dataset.simulate(4000, rng_for(0, "fresh"))
    parts = {name: getattr(made, name) for name in ("train", "r1", "r2", "held_out", "third")}
    release = fresh.take(fresh.silo == 1)
    evidence = Measured(**parts, space=space, silo_names=made.train.silo_names, released={1: release})
    found = keyed(Membership()(evidence, rng_for(0, "m")), "silo:site-2")["membership.own"]
    assert found.n > 400
    assert found.value == pytest.approx(0.5, abs=0.045)  # against unseen patients of any site: .6


def left_alone(prepared, messages):
    """Every silo releases its own patients and nobody else's."""
    _, made, space = prepared
    parts = {name: getattr(made, name) for name in ("train", "r1", "r2", "held_out", "third")}
    released = {silo: made.train.take(made.train.silo == silo) for silo in range(4)}
    return Measured(**parts, space=space, silo_names=made.train.silo_names, released=released, bytes={"messages": messages})


def test_where_nothing_travels_only_a_silos_own_patients_are_members(few):
    """Patients of other silos are no members of its release: as such they would hide that it copies."""
    for metric, key in ((Membership(), "membership.worst"), (Pg(), "pg.attack_auc"), (DensityRatio(), "density-ratio")):
        alone, federated = (keyed(metric(left_alone(few, n), rng_for(0, "m")))[key].value for n in (0, 12))
        assert alone > 0.9 > federated + 0.1, (key, alone, federated)
    risks = [keyed(Inference()(left_alone(few, n), rng_for(0, "m"))) for n in (0, 12)]
    for key in ("inference.attribute", "inference.linkability", "inference.singling_out"):
        assert risks[0][key].value > risks[1][key].value, key


class Recalls(torch.nn.Module):
    """A discriminator that knows its training rows: loss 0 at one of them, else the distance."""

    def __init__(self, rows):
        super().__init__()
        self.register_buffer("rows", rows)


class Learned:
    """What was trained, as a trial would show it: every state recalls the same rows."""

    def __init__(self, rows):
        self.known = rows

    def objectives(self, stage, state):
        return {"critic": Objective(Recalls(self.known), lambda m, b: torch.cdist(b["x"], m.rows).amin(1), lambda z: {"x": z.z})}

    def rows(self, stage, cohort, silo):
        at = np.flatnonzero(cohort.patient % 10 != 9)  # the learner does not see everybody
        z = torch.as_tensor(cohort.data["table"].frame[["age", "lactate"]].to_numpy(), dtype=torch.float32)[at]
        return Rows(z), at


class Rows:
    def __init__(self, z):
        self.z = z

    def __len__(self):
        return len(self.z)

    def take(self, rows):
        return Rows(self.z[rows])


def attacked(members):
    """The losses of models that recall the training patients, or others, beside a harmless release."""
    evidence = made_up.evidence(made_up.good())
    known = Learned(torch.zeros(1, 2)).rows("stage2", members(evidence), 0)[0].z
    states = {"generator": {"critic/w": torch.zeros(1)}, "text": {"network/w": torch.zeros(1)}}
    with_models = Measured(
        train=evidence.train, r1=evidence.r1, r2=evidence.r2, held_out=evidence.held_out, third=evidence.third,
        space=evidence.space, silo_names=evidence.silo_names, released=evidence.released, learners=Learned(known),
        models=dict.fromkeys(range(3), states),
    )  # fmt: skip
    return keyed(Membership()(with_models, rng_for(0, "m"))), with_models


def test_weights_that_recall_their_rows_are_caught_by_their_loss_whatever_they_release():
    found, evidence = attacked(lambda evidence: evidence.train)
    assert found["membership.discriminator"].value > 0.9
    assert found["membership.encoder@text"].value > 0.9
    assert found["membership.worst"].value > 0.9
    assert found["membership.records"].value == pytest.approx(0.5, abs=0.13)  # who sees the records alone learns nothing
    assert found["membership.discriminator"].n == 81  # 90 members, a tenth of whom the learner does not see
    assert ("membership.encoder", "table") in {(gap.key, gap.modality) for gap in evidence.gaps}


def test_weights_that_never_saw_the_members_say_nothing():
    found, _ = attacked(lambda evidence: made_up.good(9))
    assert found["membership.discriminator"].value == pytest.approx(0.5, abs=0.13)  # 3 standard errors


def test_a_label_mixture_that_differs_is_no_membership():
    """Most members, and the whole release, are of classes that fewer of the others have: .5 only because labels are matched."""
    train, held_out, release = (made_up.fakes.cohort(900, i, made_up.MODALITIES, offset=10_000 * i) for i in range(3))
    train = train.take(np.flatnonzero((train.label != 0) | (train.patient % 4 == 0)))
    release = release.take(np.flatnonzero(release.label != 0))
    evidence = Measured(
        train=train, r1=held_out, r2=held_out, held_out=held_out, third=None, space=EvaluationSpace.fit(train, 0),
        silo_names=train.silo_names, released={0: release},
    )  # fmt: skip
    assert keyed(Membership()(evidence, rng_for(0, "m")))["membership.distance"].value == pytest.approx(0.5, abs=0.045)


def test_below_1000_patients_the_other_half_of_the_held_out_ones_is_the_third_set():
    small = cohort_of(500)
    assert small[1].third is None
    copied, fresh = (keyed(measured(small, control)) for control in ("copy", "oracle"))
    for key in ("membership.domias", "membership.kernel"):
        assert copied[key].value > 0.75, key
        assert fresh[key].value == pytest.approx(0.5, abs=0.1), key  # standard error .039
        assert fresh[key].floor is None  # the half that is compared with would be the release
    assert copied["membership.domias"].value >= 0.95


def test_members_and_others_meet_both_halves_alike_and_never_themselves():
    made = cohort_of(500)[1]
    evidence = made_up.evidence(made_up.good())
    evidence.train, evidence.held_out, evidence.r1, evidence.r2, evidence.third = (
        made.train,
        made.held_out,
        made.r1,
        made.r2,
        None,
    )
    for rows, third in thirds(evidence, made.held_out):
        assert not np.isin(made.held_out.patient[rows], third.patient).any()
    shares = [rows.mean() for rows, _ in thirds(evidence, made.train)]
    assert sum(shares) == 1 and shares[0] == pytest.approx(0.5, abs=0.1)
    assert [(rows.tolist(), third) for rows, third in thirds(evidence, made.train)] == [
        (rows.tolist(), third) for rows, third in thirds(evidence, made.train)
    ]
