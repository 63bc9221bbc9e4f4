"""Statistics are added up under masks on their way: exact totals, bytes as stated, and views that tell nothing."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from fpmg_plugins.aggregators.coordinate_median import CoordinateMedian
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.cyclic import Cyclic
from fpmg_plugins.topologies.exponential import Exponential
from fpmg_plugins.topologies.full import Full
from fpmg_plugins.topologies.hierarchical import Hierarchical
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star
from scipy.stats import chi2

from fpmg_bench.cipher import keystream
from fpmg_bench.errors import TrialError
from fpmg_bench.federation import Schedule, statistics
from fpmg_bench.federation.masking import MODELS, SUMS
from fpmg_bench.federation.masks.pairs import agreed, private_key, public_key
from fpmg_bench.federation.masks.way import way
from fpmg_bench.keys import key_for
from fpmg_bench.transport import Inproc

from .toys import Drift, go

EVERY = [Ring(), Ring(relay=False), Ring(relay=False, one_way=True), Star(), Full(), Hierarchical(), Exponential(), Cyclic()]
NUMBERS = 2000
WHERE = "stage2, statistics"


def moments(n: int, scale: float = 1.0) -> dict[int, dict[str, torch.Tensor]]:
    """What n silos add: sums, products and a whole number."""
    rng = np.random.default_rng(n)
    return {
        silo: {
            "m/sum": torch.as_tensor(scale * rng.normal(size=NUMBERS - 1) * 10.0 ** rng.integers(-3, 3, NUMBERS - 1)),
            "m/n": torch.tensor([10 + silo]),
        }
        for silo in range(n)
    }


def exchanged(topology, local, transport=None):
    """Sums, bytes and messages, as the round loop asks for them."""
    silos, transport = sorted(local), transport or Inproc()
    schedule = Schedule(topology, "stage2", 3)
    steps = schedule.meeting(silos)
    point = statistics.grid(schedule.hides_sums, steps, local, WHERE, transport, silos)
    sums = statistics.exchange(steps, local, WHERE, 3, transport, silos, point)
    statistics.overheard(steps, local, "stage2", transport, point is not None)
    return sums, statistics.cost(steps, silos, local[0], point), point


@pytest.mark.parametrize("topology", EVERY)
@pytest.mark.parametrize("n", [3, 5, 8])
def test_totals_are_exact_to_1e_9_on_every_connected_topology(topology, n):
    local = moments(n)
    sums, _, point = exchanged(topology, local)
    exact = torch.stack([state["m/sum"] for state in local.values()]).sum(0)
    assert point is MODELS
    for found in sums.values():
        assert float((found["m/sum"] - exact).abs().max() / exact.abs().max()) < 1e-9
        assert found["m/n"].dtype == torch.int64 and int(found["m/n"]) == sum(range(10, 10 + n))


@pytest.mark.parametrize("topology", [Ring(), Star()])
@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_what_has_no_room_in_64_bits_goes_in_128_and_is_as_exact(topology, scale):
    local = moments(5, scale)
    sums, (sent, _), point = exchanged(topology, local)
    exact = torch.stack([state["m/sum"] for state in local.values()]).sum(0)
    assert point is SUMS and sent == (4 if isinstance(topology, Ring) else 5) * (16 + 8) * NUMBERS
    assert float((sums[0]["m/sum"] - exact).abs().max() / exact.abs().max()) < 1e-9


@pytest.mark.parametrize("n", [3, 5, 16])
def test_bytes_equal_the_closed_form_and_are_no_more_than_in_the_clear(n):
    local = moments(n)
    for topology, nodes in ((Ring(), n), (Ring(relay=False), n), (Star(), n + 1), (Full(), n), (Hierarchical(), n + 3)):
        _, (sent, messages), _ = exchanged(topology, local)
        assert (sent, messages) == (2 * (nodes - 1) * 8 * NUMBERS, 2 * (nodes - 1))
        plain = type(topology)(**{**vars(topology), "sums": "plain"})
        assert sent <= exchanged(plain, local)[1][0]


def test_keys_cost_32_bytes_each_and_reach_everybody():
    for topology, copies in ((Ring(), 5 * 4), (Full(), 5 * 4), (Star(), 5 * 5)):
        done, _ = go(topology, FedAvg(), 5)
        assert done.key_bytes == 32 * copies
    assert go(Ring(sums="plain"), FedAvg(), 5)[0].key_bytes == 0
    assert go(Isolated(), FedAvg(), 5)[0].key_bytes == 0


@pytest.mark.parametrize("topology", EVERY)
def test_all_that_a_node_receives_on_the_way_is_uniform(topology, monkeypatch):
    """Chi-square of the top and the bottom bits of every partial sum, of small numbers that would all look alike."""
    words = []
    seen = statistics._overheard
    monkeypatch.setattr(statistics, "_overheard", lambda move, held, *rest: (words.append(held), seen(move, held, *rest)))
    transport = Inproc(record=True)
    local = {silo: {"m/n": torch.full((4096,), 1.0 + silo, dtype=torch.float64)} for silo in range(5)}
    exchanged(topology, local, transport)
    steps = topology.plan(range(5), 0, None)
    assert len(words) == (way(steps, range(5)) or way(Schedule(topology, "s", 0).meeting(range(5)), range(5))).messages // 2
    for held in words:
        for bits in (held[0] >> np.uint64(60), held[0] & np.uint64(15)):
            counts = np.bincount(bits.astype(int), minlength=16)
            assert ((counts - 256.0) ** 2 / 256).sum() < chi2.ppf(1 - 1e-5, 15)
    frames = [frame for at in transport.frames.values() for frame in at if "sums" in frame]
    assert len(frames) == len(words) and all(frame["masked"] and frame["round"] == -1 for frame in frames)


def test_on_a_ring_a_running_sum_is_relayed():
    route = way(Ring().plan(range(5), 0, None), range(5))
    assert [(move.src, move.dst) for wave in route.up for move in wave] == [(0, 1), (1, 2), (2, 3), (3, 4)]
    assert [(move.src, move.dst) for wave in route.down for move in wave] == [(4, 0), (0, 1), (1, 2), (2, 3)]


def test_of_two_silos_each_has_the_others_sums_and_the_frames_say_so():
    for topology, masked in ((Ring(), False), (Star(), True)):
        transport, local = Inproc(record=True), moments(2)
        _, _, point = exchanged(topology, local, transport)
        assert (point is not None) == masked
        for silo in (0, 1):
            (frame,) = transport.frames[silo]  # and nothing is left to be told of a total
            assert frame["origin"] == 1 - silo and torch.equal(frame["sums"]["m/sum"], local[1 - silo]["m/sum"])


def test_frames_say_what_the_total_leaves_to_each_silo():
    transport, local = Inproc(record=True), moments(4)
    exchanged(Ring(), local, transport)
    for silo in local:
        (frame,) = (frame for frame in transport.frames[silo] if "left" in frame)
        others = sum(state["m/sum"] for other, state in local.items() if other != silo)
        torch.testing.assert_close(frame["left"]["m/sum"], others, rtol=1e-9, atol=1e-9)


def test_any_aggregator_starts_from_masked_sums():
    done, _ = go(Ring(), CoordinateMedian(), 3)
    assert (done.statistics_messages, done.key_bytes) == (4, 32 * 6)


def test_a_number_that_is_not_finite_ends_the_trial_with_its_place():
    class Broken(Drift):
        def statistics(self, schema, shard, ctx):
            return {"sum/x": torch.tensor([float("nan") if ctx.silo == 1 else 1.0], dtype=torch.float64)}

    with pytest.raises(TrialError, match="stage2, statistics, silo 1: a number is not finite"):
        go(Ring(), FedAvg(), 3, learner=Broken())


def test_two_silos_agree_on_a_secret_that_a_third_does_not_have():
    private = {silo: private_key() for silo in range(3)}
    public = {silo: public_key(key) for silo, key in private.items()}
    secrets = {silo: agreed(silo, private[silo], public) for silo in private}
    assert secrets[0][1] == secrets[1][0] != secrets[0][2]
    assert secrets.keys() == {0, 1, 2} and secrets[0].keys() == {1, 2}
    theirs = X25519PrivateKey.from_private_bytes(private[0]).exchange(
        X25519PrivateKey.from_private_bytes(private[1]).public_key()
    )
    assert secrets[0][1] == key_for(theirs, "pair", 0, 1)


def test_the_keystream_is_chacha20s():
    """RFC 8439, appendix A.1, test vector 1: key and nonce zero."""
    first = bytes.fromhex("76b8e0ada0f13d90405d6ae55386bd28bdd219b8a08ded1aa836efcc8b770dc7")
    assert keystream(bytes(32), 4).astype("<u8").tobytes() == first
    assert not np.array_equal(keystream(bytes(32), 4), keystream(bytes(32), 4, nonce=1))
    assert key_for(b"a", "x", 1) != key_for(b"a", "x", 2)
