"""The server learns the weighted sum of what it cannot read; the sum is the plain one, and every byte is counted."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.aggregators.mean import Mean
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import PlumbingError, PrivacyError, TrialError
from fpmg_bench.federation import Federated, Plan, Schedule, SiloPlan, check, masking, run, statistics
from fpmg_bench.federation.masking import MODELS, SUMS
from fpmg_bench.federation.masks.pairs import simulated
from fpmg_bench.testing import checks_for
from fpmg_bench.transport import Inproc
from fpmg_bench.types import SERVER, Step, Transfer

from .toys import Drift, FakeShard, go

SIZE = 4000  # numbers of each of the two modules
SEND = 2 * SIZE * 4  # bytes of a plain message


def off(a: Federated, b: Federated) -> float:
    """Largest distance of a module's weights, relative to its norm."""
    one, other = a.states[0], b.states[0]
    return max(float((one[k] - other[k]).norm() / one[k].norm()) for k in one if one[k].is_floating_point())


@pytest.mark.parametrize("n", [2, 3, 7, 20])
@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e3])
def test_the_merged_model_is_the_plain_one_to_1e_6(n, scale):
    class Scaled(Drift):
        def init(self, schema, stats, rng):
            return {k: scale * v if v.is_floating_point() else v for k, v in super().init(schema, stats, rng).items()}

    learner = Scaled(size=SIZE, noise=scale)
    plain, _ = go(Star(), FedAvg(), n, learner=learner)
    hidden, _ = go(Star(masked=True), FedAvg(), n, learner=learner)
    assert off(plain, hidden) < 1e-6
    assert all(hidden.states[i] is hidden.states[0] for i in range(n))
    assert hidden.hubs.keys() == plain.hubs.keys()


def test_the_plain_mean_is_merged_under_masks_with_equal_weights():
    plain, _ = go(Star(), Mean(), 5, learner=Drift(size=SIZE))
    hidden, _ = go(Star(masked=True), Mean(), 5, learner=Drift(size=SIZE))
    weighted, _ = go(Star(), FedAvg(), 5, learner=Drift(size=SIZE))
    assert off(plain, hidden) < 1e-6 < off(weighted, hidden)


def test_masks_cancel_exactly_and_the_masked_sum_is_that_of_the_integers():
    rng = np.random.default_rng(0)
    secrets = simulated(17, "here", (0, 3, 4, 9))
    for point in (MODELS, SUMS):
        numbers = {silo: masking.encode(rng.normal(size=500) * 100, point) for silo in (0, 3, 4, 9)}
        sent = masking.masked(numbers, secrets, "a")
        assert all(not np.array_equal(sent[s], numbers[s]) for s in numbers)
        assert np.array_equal(masking.total(sent.values()), masking.total(numbers.values()))
        nothing = masking.masked({silo: np.zeros_like(words) for silo, words in numbers.items()}, secrets, "b")
        assert not masking.total(nothing.values()).any()


def test_without_one_silo_the_sum_stays_noise():
    numbers = {silo: masking.encode(np.ones(1000), MODELS) for silo in range(4)}
    sent = masking.masked(numbers, simulated(5, "here", numbers), "a")
    partial = masking.decode(masking.total(sent[s] for s in range(3)), MODELS)
    assert np.abs(partial).mean() > 1e5  # uniform over +-2^23, where the truth is 3


@pytest.mark.parametrize("point", [MODELS, SUMS])
def test_fixed_point_keeps_sign_digits_and_range(point):
    step = 2.0**-point.fraction
    values = np.array([0.0, -0.0, 1.0, -1.0, 0.1, -1e-30, 1e-30, -step, 2**20 + step, -(2.0**20), 4e6, -4e6])
    back = masking.decode(masking.encode(values, point), point)
    assert np.abs(back - values).max() <= max(step / 2, np.spacing(4e6)) and (back[:2] == 0).all()
    both = masking.total([masking.encode(values, point), masking.encode(-values, point)])
    assert np.abs(masking.decode(both, point)).max() <= step


def test_statistics_of_any_size_are_summed_to_the_last_digits():
    parts = {s: {"m/x": torch.tensor([1e15 + s, 1e-12 * (s + 1), -3.7 * s], dtype=torch.float64)} for s in range(3)}
    found = summed(Star(), parts)["m/x"]
    exact = torch.stack([p["m/x"] for p in parts.values()]).sum(0)
    torch.testing.assert_close(found, exact, rtol=1e-6, atol=0)
    assert float(found[0]) == float(exact[0])


def summed(topology, parts, transport=None):
    """The masked sum of the silos' statistics."""
    silos, transport = sorted(parts), transport or Inproc()
    steps = Schedule(topology, "here", 3).meeting(silos)
    point = statistics.grid(True, steps, parts, "here, statistics", transport, silos)
    return statistics.exchange(steps, parts, "here, statistics", 3, transport, silos, point)[0]


def delivered(n: int = 4, rounds: int = 2, **learner) -> tuple[list[dict], list[torch.Tensor]]:
    """The server's frames of a secure star, and the models that the silos masked, in the same order."""
    models: list[torch.Tensor] = []

    class Spy(Drift):
        def train(self, state, shard, ctx):
            update = super().train(state, shard, ctx)
            models.append(torch.cat([update.state["a/w"], update.state["b/w"]]))
            return update

    transport = Inproc(record=True)
    go(Star(masked=True), FedAvg(), n, rounds=rounds, transport=transport, learner=Spy(size=SIZE, **learner))
    return [frame for frame in transport.frames[SERVER] if frame["round"] >= 0], models


def test_the_server_sees_uniform_numbers_that_tell_nothing_of_the_model():
    frames, models = delivered()
    assert len(frames) == len(models) == 8
    for frame, model in zip(frames, models, strict=True):
        assert frame["masked"] and "state" not in frame
        sent = frame["payload"]["float32"]
        assert sent.dtype == torch.int64
        unit = sent.double().numpy() / 2.0**64 + 0.5
        counts = np.histogram(unit, bins=16, range=(0, 1))[0]
        assert ((counts - 2 * SIZE / 16) ** 2 / (2 * SIZE / 16)).sum() < 44  # chi2, 15 degrees: 1e-4
        low = (sent & 0xFFFF).double().numpy() / 2.0**16  # uniform in its low bits too, where plain fixed point is not
        assert abs(low.mean() - 0.5) < 5 / np.sqrt(12 * 2 * SIZE)
        assert abs(np.corrcoef(unit, model.numpy())[0, 1]) < 5 / np.sqrt(2 * SIZE)


def test_no_mask_is_used_twice():
    frames, _ = delivered(noise=0.0)  # the same model at every silo in every round
    first, again = (f["payload"]["float32"] for f in frames if f["src"] == 0)
    assert abs(np.corrcoef(first.double().numpy(), again.double().numpy())[0, 1]) < 5 / np.sqrt(2 * SIZE)
    assert (first - again).abs().double().median() > 2.0**60


def test_modules_of_other_holders_and_other_types_have_masks_of_their_own():
    class Typed(Drift):
        def init(self, schema, stats, rng):
            state = super().init(schema, stats, rng)
            return state | {"c/w": state["a/w"].double(), "a/w": torch.zeros(self.size), "b/w": torch.zeros(self.size)}

    transport = Inproc(record=True)
    learner = Typed(size=SIZE, missing={3: "b"}, noise=0.0)
    plain, _ = go(Star(), FedAvg(), 4, rounds=1, learner=learner)
    hidden, records = go(Star(masked=True), FedAvg(), 4, rounds=1, learner=learner, transport=transport)
    assert max(float((plain.states[0][k] - hidden.states[0][k]).abs().max()) for k in ("a/w", "b/w", "c/w")) < 1e-12
    vectors = [v for f in transport.frames[SERVER] if f["src"] == 0 and "payload" in f for v in f["payload"].values()]
    assert len(vectors) == 3  # two types among all, one among the holders of b
    assert all((a[:SIZE] - b[:SIZE]).abs().double().median() > 2.0**60 for a, b in [vectors[:2], vectors[1:], vectors[::2]])
    assert records[0]["closed_form"] == records[0]["bytes"] == 4 * (8 + 8 + 4 + 8) * SIZE + 3 * (8 + 4) * SIZE


@pytest.mark.parametrize("n", [2, 3, 7])
def test_bytes_are_those_of_the_integers_and_the_keys(n):
    done, records = go(Star(masked=True), FedAvg(), n, learner=Drift(size=SIZE))
    assert [r["bytes"] for r in records] == [r["closed_form"] for r in records] == [3 * n * SEND] * 3  # up 2M, down M
    assert records[0]["sent"] == {str(SERVER): n * SEND, **{str(i): 2 * SEND for i in range(n)}}
    assert (done.key_bytes, done.key_messages) == (32 * n * n, 2 * n)
    assert (done.statistics_bytes, done.statistics_messages) == (n * 8 + n * 8, 2 * n)
    plain, _ = go(Star(sums="plain"), FedAvg(), n, learner=Drift(size=SIZE))
    assert (plain.key_bytes, plain.key_messages, plain.statistics_bytes) == (0, 0, 2 * n * 8)


def test_a_topology_that_does_not_count_its_masks_is_caught():
    class Boastful(Star):
        def messages_masked(self, silos):
            return 0

    with pytest.raises(PlumbingError, match="closed form"):
        go(Boastful(masked=True), FedAvg(), 3)


def test_the_dry_run_goes_through_the_masks():
    rows = check(Schedule(Star(masked=True), "s", 0), {0: 10.0, 2: 30.0, 5: 60.0})
    assert [row["status"] for row in rows] == ["ok"] * 4
    assert 0 < rows[1]["measured"] < 1e-9  # rounded to fixed point: it did


def test_the_laws_of_topologies_hold_for_the_parameter():
    names = [law.__name__ for law in checks_for(Star(masked=True))]
    assert "check_masks_cancel" in names
    for law in checks_for(Star(masked=True)):
        law(Star(masked=True))


def test_a_silo_alone_is_refused_before_it_sends():
    with pytest.raises(PrivacyError, match=r"stage2, statistics: silo 0 is alone.*write masked: false"):
        go(Star(masked=True), FedAvg(), 1)
    transport = Inproc(record=True)
    learner = Drift(missing={0: "b", 1: "b"})
    with pytest.raises(PrivacyError, match="stage2, round 0: silo 2 is alone"):
        go(Star(masked=True), FedAvg(), 3, learner=learner, transport=transport)
    assert all(frame["masked"] for frame in transport.frames.get(SERVER, ()))


def test_an_aggregator_that_needs_individuals_gets_none():
    with pytest.raises(PrivacyError, match="CenteredClipping needs individual models"):
        go(Star(masked=True), CenteredClipping(), 3)


def test_masks_between_silos_are_refused():
    class Gossip:
        def plan(self, silos, round, rng):
            return [Step(tuple(Transfer(a, b) for a in silos for b in silos if a != b), masked=True)]

        def messages(self, silos):
            return silos * (silos - 1)

    with pytest.raises(PlumbingError, match="masks cancel in a sum at a server or hub"):
        go(Gossip(), FedAvg(), 3)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 5e6])
def test_numbers_that_fixed_point_cannot_hold_end_the_trial_with_a_place(value):
    class Explode(Drift):
        def train(self, state, shard, ctx):
            update = super().train(state, shard, ctx)
            if ctx.silo == 1:
                update.state["a/w"][0] = value
            return update

    with pytest.raises(TrialError, match=r"stage2, round 0, silo 1: a number is not finite, or beyond the \+-1.4e\+06"):
        go(Star(masked=True), FedAvg(), 3, learner=Explode())


def test_repeats_and_resumed_runs_have_the_same_bits():
    kept: list[Federated] = []
    plan = Plan("stage2", Star(masked=True), FedAvg(), 6, {i: SiloPlan(2) for i in range(4)}, seed=7)
    shards = {i: FakeShard(10 + i) for i in range(4)}

    def keep(record, now):
        if record["round"] == 2:
            kept.append(copy.deepcopy(now))

    whole = run(Drift(), None, shards, plan, keep)
    twice = run(Drift(), None, shards, plan, lambda record, now: None)
    again = run(Drift(), None, shards, plan, lambda record, now: None, resume=kept[0])
    for other in (twice, again):
        assert all(torch.equal(other.states[0][k], whole.states[0][k]) for k in whole.states[0])
        assert (other.key_bytes, other.round) == (whole.key_bytes, 6)
