"""Each lie against a case computed by hand: one liar (silo 0) and three honest silos."""

import math

import pytest
import torch

from fpmg_bench.faults import Faults, ScheduledFault, hidden
from fpmg_bench.faults.kinds import KINDS
from fpmg_bench.transport import Message

START = {"float32": torch.tensor([1.0, 1.0])}
MODELS = {
    0: {"float32": torch.tensor([3.0, 0.0])},
    1: {"float32": torch.tensor([2.0, 1.0])},
    2: {"float32": torch.tensor([2.0, 3.0])},
    3: {"float32": torch.tensor([5.0, 5.0])},
}


def reported(kind, liars=(0,), **params):
    round = Faults((ScheduledFault(KINDS[kind](**params), kind, liars),), seed=3).at("stage2", 0)
    return round.lie(MODELS, dict.fromkeys(MODELS, START), [s for s in MODELS if s not in liars])


def test_a_sign_flip_is_the_update_backwards():
    assert reported("sign-flip", scale=2.0)[0]["float32"].tolist() == [1 - 2 * 2, 1 + 2 * 1]


def test_alie_is_the_honest_mean_less_z_of_their_spread_in_every_coordinate():
    found = reported("alie", z=1.5)[0]["float32"]
    expected = [3 - 1.5 * math.sqrt(2), 3 - 1.5 * math.sqrt(8 / 3)]
    assert found.tolist() == pytest.approx(expected)


def test_alie_hides_where_the_paper_says():
    assert hidden(50, 24) == pytest.approx(1.4051, abs=0.03)  # Phi(z) = 24 / 26
    assert hidden(8, 2) == pytest.approx(0.0, abs=1e-12)
    assert hidden(8, 1) < 0 < hidden(8, 3)


def test_alie_without_room_sends_the_mean():
    assert reported("alie")[0]["float32"].tolist() == pytest.approx([3.0, 3.0])


def test_inner_product_manipulation_goes_against_the_mean_of_the_honest_updates():
    assert reported("inner-product", epsilon=0.5)[0]["float32"].tolist() == pytest.approx([1 - 0.5 * 2, 1 - 0.5 * 2])


def test_gaussian_noise_has_the_stated_size_and_comes_back_with_the_seed():
    wide = {0: {"float32": torch.full((20000,), 2.0)}}
    round = Faults((ScheduledFault(KINDS["gaussian"](scale=3.0), "gaussian", (0,)),), seed=3).at("stage2", 0)
    start = {0: {"float32": torch.zeros(20000)}}
    first, again = (round.lie(wide, start, [])[0]["float32"] for _ in range(2))
    assert torch.equal(first, again)
    assert float(first.std()) == pytest.approx(6.0, rel=0.03)
    assert float(first.mean()) == pytest.approx(0.0, abs=0.2)


def sent(kind, messages, **params):
    round = Faults((ScheduledFault(KINDS[kind](**params), kind, (0,)),), seed=3).at("stage2", 0)
    return round.deliver(messages, dict.fromkeys(MODELS, START), 0)


def test_equivocation_shows_left_and_right_different_models():
    left, right = sent("equivocation", [Message(0, dst, 0, MODELS[0], 1.0) for dst in (3, 1)])
    assert left.payload["float32"].tolist() == [3.0, 0.0]
    assert right.payload["float32"].tolist() == [-1.0, 2.0]


def test_a_tampering_relay_changes_what_it_passes_on_but_not_its_own():
    own, passed, others = sent(
        "relay-tampering",
        [Message(0, 1, 0, MODELS[0], 1.0), Message(0, 1, 3, MODELS[3], 1.0, relayed=True), Message(2, 3, 1, MODELS[1], 1.0)],
    )
    assert own.payload["float32"].tolist() == [3.0, 0.0]
    assert passed.payload["float32"].tolist() == [-3.0, -3.0]
    assert others.payload["float32"].tolist() == [2.0, 1.0]


def test_omission_loses_the_stated_share_of_one_silos_messages():
    schedule = Faults((ScheduledFault(KINDS["omission"](p=0.3), "omission", (0,)),), seed=3)
    messages = [Message(0, 1, 0, MODELS[0], 1.0), Message(1, 0, 1, MODELS[1], 1.0)]
    arrived = [m.src for round in range(1000) for m in schedule.at("stage2", round).deliver(messages, {0: START}, 0)]
    assert arrived.count(1) == 1000
    assert arrived.count(0) == pytest.approx(700, abs=60)  # four standard deviations


def test_delays_are_exponential_and_a_deadline_cuts_them_off():
    late = Faults((ScheduledFault(KINDS["straggler"](seconds=10.0), "straggler", (0,)),), seed=3)
    seconds = [late.at("stage2", round).delay[0] for round in range(2000)]
    assert sum(seconds) / 2000 == pytest.approx(10.0, abs=0.9)
    strict = Faults((ScheduledFault(KINDS["straggler"](seconds=10.0, deadline=10.0), "straggler", (0,)),), seed=3)
    missed = [bool(strict.at("stage2", round).absent) for round in range(2000)]
    assert missed == [s > 10 for s in seconds]
    assert max(strict.at("stage2", round).delay[0] for round in range(50)) == 10.0
