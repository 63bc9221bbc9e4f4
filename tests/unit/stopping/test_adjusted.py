"""After half of the rounds the class that patients held in recognise least is drawn more often, on batches as large as before."""

import numpy as np
import pytest

from fpmg_bench.audit.sampling_checks import violations
from fpmg_bench.registry import Registry
from fpmg_bench.spec import Adjust
from fpmg_bench.stopping.planned import MOST, highest
from fpmg_bench.stopping.recall import oftener, recalled, weakest
from fpmg_bench.store import read_json
from fpmg_bench.trial.ranks import refusal

from .toys import Dies, dying, go, plan, rows

SUITE = """
version: 1
name: adjusted
seeds: [0]
datasets: [{name: phantom, patients: 240, silos: 2, imbalance: 0.5, modalities: [table]}]
partition: natural
budget: {rounds: 6, local_steps: 3, sampling_rate: 0.1, adjust: {share: 0.4, margin: 0, times: 4}}
methods:
  plain:
    encoders: {table: {name: frozen, dim: 8}}
    generator: {name: latent-flow, hidden: 8}
    topology: ring
    aggregator: fedavg
  never: {extends: plain, budget: {rounds: 6, local_steps: 3, sampling_rate: 0.1, adjust: {share: 0.4, margin: 0.99}}}
  private: {extends: plain, privacy: {epsilon: 50, delta: 1.0e-3, public_sizes: true}}
metrics: [co]
"""


def test_recall_by_hand():
    line = [[float(x), 0.0] for x in range(20)]  # the 5th neighbour of one in the middle is 3 away, of the last 5
    drawn = rows(line, [0] * 20)
    found = recalled(drawn, 2, rows([[10.0, 2.9], [10.0, 3.1], [24.0, 0.0], [24.1, 0.0]], [0, 0, 0, 0]))
    assert found[:, 0].tolist() == [1.0, 0.0, 1.0, 0.0]
    assert found[:, 2].tolist() == [1.0] * 4 and found[:, [1, 3]].abs().sum() == 0


def test_recall_is_of_the_row_s_own_class():
    drawn = rows([[0.0, 0.0]] * 6 + [[9.0, 9.0]] * 6, [0] * 6 + [1] * 6)
    assert recalled(drawn, 2, rows([[0.0, 0.0], [0.0, 0.0]], [0, 1]))[:, :2].tolist() == [[1.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    ("total", "margin", "found"),
    [
        ([8, 5, 9, 10, 10, 10], 0.05, 1),
        ([8, 5, 9, 10, 10, 10], 0.4, -1),  # .5 against .85
        ([8, 0, 9, 10, 4, 10], 0.0, 0),  # four patients say nothing
        ([8, 8, 8, 10, 10, 10], 0.0, -1),
        ([0, 0, 0, 10, 0, 0], 0.0, -1),
        ([8, -3, 9, 10, 10, 10], 0.05, 1),  # noise
    ],
)
def test_the_weakest_class_is_below_the_others_together_by_more_than_the_margin(total, margin, found):
    place, told = weakest([float(x) for x in total], "abc", margin)
    assert place == found and told["adjusted"] == ("abc"[found] if found >= 0 else "")
    assert all(0 <= value <= 1 for value in told["recall"].values())


@pytest.mark.parametrize("rates", [0.1, np.linspace(0.02, 0.2, 100)])
@pytest.mark.parametrize("rare", [3, 30, 90])
def test_batches_stay_as_large_and_nobody_is_drawn_more_often_than_charged(rates, rare):
    label = (np.arange(100) < rare).astype(np.int64)
    new = oftener(rates, label, 1, 4.0)
    old = np.broadcast_to(rates, 100)
    assert new.sum() == pytest.approx(old.sum())
    assert new.max() <= highest(rates, 4.0) <= max(MOST, np.max(rates))
    assert (new[label == 1] > old[label == 1]).all() and (new[label == 0] >= old[label == 0] / 2 - 1e-12).all()


def test_a_silo_without_the_class_or_without_another_draws_as_before():
    for label, class_ in ((np.zeros(5, dtype=np.int64), 1), (np.zeros(5, dtype=np.int64), 0), (np.arange(5), -1)):
        assert oftener(0.3, label, class_, 4.0).tolist() == [0.3] * 5


@pytest.mark.parametrize(("after", "last", "at"), [(0.5, 6, 3), (0.01, 6, 1), (0.99, 6, 5), (0.5, 2, 1)])
def test_there_are_rounds_before_and_after(after, last, at):
    assert Adjust(after=after).at(last) == at


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    return plan(SUITE, tmp_path_factory.mktemp("adjusted"))


def losses(sink):
    return [record["losses"] for record in sink.rounds if record["stage"] == "stage2"]


def test_a_killed_trial_goes_on_with_its_adjustment(planned, tmp_path):
    place, trials = planned
    with pytest.raises(Dies):
        go(place, trials["plain"], dying(4))
    again, sink = go(place, trials["plain"])
    whole, unbroken = go(plan(SUITE, tmp_path)[0], trials["plain"])
    assert losses(sink) == losses(unbroken) and again["scores"] == whole["scores"]
    (check,) = [record["check"] for record in sink.rounds if "check" in record]
    assert check["adjusted"] == min(check["recall"], key=check["recall"].get) and len(check["recall"]) == 2
    _, never = go(place, trials["never"])
    assert losses(never)[:3] == losses(sink)[:3] and losses(never)[3:] != losses(sink)[3:]


def test_under_privacy_later_rounds_are_charged_at_the_highest_rate(planned):
    place, trials = planned
    done, _ = go(place, trials["private"])
    ledger = read_json(place.trial(trials["private"].key) / "ledger.json")["silos"]
    for silo in ledger:
        steps = {e["stage"]: (e["sampling_rate"], e["count"]) for e in silo["entries"] if e["mechanism"] == "step"}
        assert steps["adjusted stage2"] == (pytest.approx(0.4), steps["stage2"][1]) and steps["stage2"][0] == pytest.approx(0.1)
        assert {e["stage"] for e in silo["entries"] if e["mechanism"] == "counts"} >= {"check stage2"}
        assert not list(violations(silo))
    assert done["privacy"]["epsilon"] <= 50 and done["status"] == "ok"


def test_a_process_for_every_silo_is_refused_for_none_knows_what_all_ask_for(planned):
    _, trials = planned
    said = refusal(trials["plain"].spec, Registry.discover().build("topology", trials["plain"].spec.topology))
    assert "an adjustment draws under the conditions that all silos together ask for" in said and "leave it out" in said
