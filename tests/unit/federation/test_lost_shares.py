"""Of five silos one may be lost: the masked sum of the others is found from shares of its secrets, and of nobody's both."""

from __future__ import annotations

import secrets
from itertools import combinations

import numpy as np
import pytest
import torch
from fpmg_plugins.aggregators.centered_clipping import CenteredClipping
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import PrivacyError
from fpmg_bench.faults import schedule
from fpmg_bench.federation import masking
from fpmg_bench.federation.masking import SUMS
from fpmg_bench.federation.masks.recovery import Recovery
from fpmg_bench.federation.masks.shares import restored, split
from fpmg_bench.spec import Fault

from .toys import Drift, go

N = 5


def test_any_t_of_n_shares_restore_a_secret_and_fewer_do_not():
    secret = secrets.token_bytes(32)
    shares = split(secret, [0, 2, 3, 7, 254], 3, secrets.token_bytes)
    assert all(restored({silo: shares[silo] for silo in some}, 3) == secret for some in combinations(shares, 3))
    with pytest.raises(PrivacyError, match="2 shares are left, 3 restore"):
        restored({silo: shares[silo] for silo in (0, 2)}, 3)


def test_the_field_is_that_of_aes():
    """One share of a polynomial a + b x at x = 1 is a xor b; at x = 2 with b = 0x80 the product wraps to 0x1b (FIPS 197, 4.2.1)."""
    shares = split(b"\x57", [0, 1], 2, lambda n: b"\x80" * n)
    assert shares == {0: bytes([0x57 ^ 0x80]), 1: bytes([0x57 ^ 0x1B])}


def test_t_minus_1_shares_are_uniform():
    found = [split(b"\x00", [0, 1, 2], 3, secrets.token_bytes)[1][0] for _ in range(8192)]
    counts = np.bincount(found, minlength=256)
    assert ((counts - 32.0) ** 2 / 32).sum() < 255 + 6 * (2 * 255) ** 0.5


@pytest.mark.parametrize("lost", [(), (3,), (0, 4)])
def test_the_total_of_those_that_sent_is_exact_to_1e_9(lost):
    rng = np.random.default_rng(1)
    values = {silo: rng.normal(size=300) for silo in range(N)}
    sum_ = Recovery(7, "stage2", tuple(range(N)), 2)
    sent = sum_.masked({silo: masking.encode(v, SUMS) for silo, v in values.items()}, "a")
    arrived = {silo: words for silo, words in sent.items() if silo not in lost}
    found = masking.decode(sum_.total(arrived, "a"), SUMS)
    exact = np.sum([values[silo] for silo in arrived], axis=0)
    assert np.abs(found - exact).max() / np.abs(exact).max() < 1e-9
    without = masking.decode(masking.total(arrived.values()), SUMS)
    assert np.abs(without).mean() > 1e15  # nothing, before shares are told


def test_fewer_than_t_do_not_tell_the_sum():
    sum_ = Recovery(7, "stage2", tuple(range(N)), 1)
    sent = sum_.masked({silo: masking.encode(np.ones(3), SUMS) for silo in range(N)}, "a")
    with pytest.raises(PrivacyError, match="3 shares are left, 4 restore"):
        sum_.total({silo: sent[silo] for silo in (0, 1, 2)}, "a")


@pytest.mark.parametrize(("n", "drops"), [(2, 1), (4, 2), (5, 3)])
def test_half_of_the_silos_may_not_be_lost(n, drops):
    with pytest.raises(PrivacyError, match="fewer than half must"):
        Recovery(0, "stage2", tuple(range(n)), drops)


def lossy(rounds: int = 4):
    return schedule((Fault("omission", 1, params={"p": 1.0}, until=rounds),), [f"s{i}" for i in range(N)], 3)


def test_one_dropout_of_five_leaves_the_mean_of_the_other_four():
    learner = Drift(size=400)
    hidden, records = go(Star(masked=True, drops=1), FedAvg(), N, rounds=2, faults=lossy(), learner=learner)
    plain, _ = go(Star(), FedAvg(), N, rounds=2, faults=lossy(), learner=learner)
    (struck,) = {silo for fault in lossy().schedule for silo in fault.silos}
    for silo in set(range(N)) - {struck}:
        torch.testing.assert_close(hidden.states[silo]["a/w"], plain.states[silo]["a/w"], rtol=1e-6, atol=1e-9)
    assert [record["lost"] for record in records] == [1, 1]


@pytest.mark.parametrize("n", [3, 5])
def test_shares_cost_what_the_closed_form_says(n):
    done, records = go(Star(masked=True, drops=1), FedAvg(), n, rounds=3)
    shares = 2 * 48 * n * (n - 1)  # one for each other silo, sealed, up to the server and down
    assert done.key_bytes == 32 * n * n + shares + 3 * (shares + 32 * n * n)
    assert [record["bytes"] for record in records] == [record["closed_form"] for record in records]


def test_where_too_few_are_left_the_server_keeps_its_model():
    faults = schedule((Fault("omission", 3, params={"p": 1.0}),), [f"s{i}" for i in range(N)], 3)
    done, _ = go(Star(masked=True, drops=1), FedAvg(), N, rounds=1, faults=faults)
    start, _ = go(Star(), FedAvg(), N, rounds=0)
    assert torch.equal(done.states[0]["a/w"], start.states[0]["a/w"])


def test_what_needs_single_models_is_refused_all_the_same():
    with pytest.raises(PrivacyError, match="needs individual models"):
        go(Star(masked=True, drops=1), CenteredClipping(), N)
