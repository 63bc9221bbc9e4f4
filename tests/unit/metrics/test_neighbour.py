"""The ring neighbour's view: what each adversary sees, and that attacks catch memorised patients and nobody else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fpmg_plugins.metrics.privacy.neighbour.attacks import Target
from fpmg_plugins.metrics.privacy.neighbour.inversion import Guess, invert, misses
from fpmg_plugins.metrics.privacy.neighbour.neighbour import Neighbour
from fpmg_plugins.metrics.privacy.neighbour.received import together
from fpmg_plugins.metrics.privacy.neighbour.sums import Crowd
from fpmg_plugins.metrics.privacy.neighbour.views import Sight, views
from fpmg_plugins.topologies.isolated import Isolated
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import NotApplicable
from fpmg_bench.keys import rng_for
from fpmg_bench.types import Update

from .neighbour_trial import Averager, Memoriser, Trial, losses, records


def scores(evidence, **options):
    found = Neighbour(**{"resamples": 50, **options})(evidence, rng_for(0, "metric"))
    return {(s.key.removeprefix("neighbour."), s.scope, s.modality, s.round): s for s in found}


@pytest.fixture(scope="module")
def overfitted():
    return scores(Trial(Ring()).evidence())


def test_a_victim_that_overfits_is_caught(overfitted):
    worst = overfitted["membership", "all", None, None]
    assert worst.value > 0.9
    assert worst.low > 0.8
    assert all(overfitted["membership", f"silo:{name}", None, None].value > 0.8 for name in ("north", "east", "south", "west"))
    assert all(overfitted[name, "all", None, None].low > 0.6 for name in ("loss", "drop", "gradient"))


def test_patients_whom_nobody_trained_on_are_not(overfitted):
    fresh = scores(Trial(Ring(), strangers=True).evidence())["membership", "all", None, None]
    assert fresh.low < 0.5 < fresh.high
    assert abs(overfitted["membership", "all", None, None].floor - 0.5) < 0.15


def test_strong_noise_hides_the_patients(overfitted):
    hidden = scores(Trial(Ring(), sigma=50.0).evidence())["membership", "all", None, None]
    assert hidden.value < overfitted["membership", "all", None, None].value - 0.25
    assert hidden.low < 0.55


def test_a_relay_ring_shows_every_silo_the_same_and_the_star_its_server(overfitted):
    star = scores(Trial(Star()).evidence())
    hops = [overfitted[f"hop_{k}", "all", None, None].value for k in (1, 2, 3)]
    assert hops[0] == hops[1] == hops[2] == overfitted["pair", "all", None, None].value
    assert star["server", "all", None, None].value == pytest.approx(hops[0], abs=0.03)
    assert 0.55 < star["client", "all", None, None].value < star["server", "all", None, None].value
    assert not {key for key, *_ in star} & {"hop_1", "pair"}


def test_rounds_and_modality_are_told(overfitted):
    rounds = {round for key, scope, modality, round in overfitted if key == "membership" and modality == "joint"}
    assert rounds == {None, 0, 1, 2}
    assert {scope for key, scope, modality, _ in overfitted if (key, modality) == ("inversion", "joint")} > {"all"}
    assert 0.5 < overfitted["rebuilt", "all", "joint", None].value < 1.5
    one = scores(Trial(Ring(), rounds=1, learner=Memoriser("discriminator.table")).evidence())
    assert ("hop_1", "all", "table", None) in one


@pytest.mark.parametrize(
    ("topology", "seen"),
    [(Ring(relay=False), {"hop_1", "hop_2", "pair"}), (Ring(relay=False, one_way=True), {"hop_1", "hop_2", "hop_3", "pair"})],
)
def test_gossip_shows_a_silos_own_weights_to_neighbours_only(topology, seen):
    evidence = Trial(topology, steps=2).evidence()
    found = views(evidence, 10)
    assert {name for name, victim in found if victim == 0} == seen
    near, far, pair = ({id(s.state) for s in found[name, 0]["stage2"]} for name in ("hop_1", "hop_2", "pair"))
    own = {id(f["state"]) for at in range(4) for f in evidence.frames(at) if f["origin"] == 0}
    assert near <= own
    assert pair <= own
    assert not far & own


def test_both_neighbours_of_a_gossip_ring_know_where_training_began():
    evidence = Trial(Ring(relay=False), steps=2).evidence()
    began = {f["round"]: f["start"] for f in evidence.frames(0)}
    found = views(evidence, 10)
    key = "discriminator/0.weight"
    assert all(torch.equal(s.start[key], began[s.round][key]) for s in found["pair", 0]["stage2"])
    assert not all(torch.equal(s.start[key], began[s.round][key]) for s in found["hop_1", 0]["stage2"])


def test_modules_of_fewer_holders_travel_on_a_ring_of_their_own():
    evidence = Trial(Ring(), steps=2, rounds=1, learner=Memoriser(lacking=1)).evidence()
    found = views(evidence, 10)
    of_all = {name: [s for s in found[name, 0]["stage2"] if "discriminator" in s.modules] for name, at in found if at == 0}
    assert {name: len(sights) for name, sights in of_all.items()} == {"hop_1": 1, "hop_2": 1, "hop_3": 1, "pair": 1}
    assert [s.modules for s in found["hop_3", 0]["stage2"]] == [("discriminator",)]
    assert {s.modules for s in found["hop_2", 0]["stage2"]} == {("discriminator",), ("generator.image",)}


def test_slopes_by_a_small_step_are_those_of_autograd():
    learner = Memoriser()
    start = learner.init(None, {}, rng_for(0, "a"))
    moved = {key: value + 0.05 * torch.randn(value.shape, generator=rng_for(0, key)) for key, value in start.items()}
    objective = learner.objectives("stage2", start)["discriminator"]
    target = Target.of("discriminator", objective, [np.arange(40)])
    sight = Sight(0, ("discriminator",), moved, start, ())
    ones = torch.ones(40)
    module, batch = objective.module, records(np.arange(40))
    exact = []
    for i in range(40):
        one = losses(module, {k: v[i : i + 1] for k, v in batch.items()}).sum()
        slopes = torch.autograd.grad(one, list(module.parameters()))
        exact.append(sum(float((g * (moved[f"discriminator/{k}"] - start[f"discriminator/{k}"])).sum()) for (k, _), g in zip(module.named_parameters(), slopes, strict=True)))  # fmt: skip
    assert np.corrcoef(target.scores(sight, ones)[2], -np.array(exact))[0, 1] > 0.999


def test_what_cannot_be_asked_says_why():
    with pytest.raises(NotApplicable, match="frames: true"):
        scores(Trial(Isolated(), steps=1, rounds=1).evidence())
    evidence = Trial(Ring(), steps=1, rounds=1).evidence()
    evidence._frames = {at: [{k: v for k, v in f.items() if k != "state"} | {"masked": True} for f in of] for at, of in evidence._frames.items()}  # fmt: skip
    with pytest.raises(NotApplicable, match="masked"):
        scores(evidence)
    mute = Trial(Ring(), steps=1, rounds=1).evidence()
    mute._learners = type("Mute", (Memoriser,), {"objectives": lambda *a: {}})()
    with pytest.raises(NotApplicable, match="minimises"):
        scores(mute)


def test_a_discriminator_that_stays_at_home_is_not_asked():
    class AtHome(Memoriser):
        def train(self, state, shard, ctx):
            update = super().train(state, shard, ctx)
            return Update({k: v for k, v in update.state.items() if not k.startswith("discriminator")}, update.weight)

    with pytest.raises(NotApplicable, match="stay at home"):
        scores(Trial(Ring(), steps=1, rounds=1, learner=AtHome(lacking=9)).evidence())


def test_silos_of_few_patients_are_left_out_and_told():
    evidence = Trial(Ring(), patients=10, steps=1, rounds=1).evidence()
    with pytest.raises(NotApplicable):
        scores(evidence)
    assert {gap.scope for gap in evidence.gaps} == {"silo:north", "silo:east", "silo:south", "silo:west"}


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_step_on_one_patient_gives_that_patient_away(optimizer):
    learner, victim = Memoriser(), records([7])
    start = learner.init(None, {}, rng_for(3, "a"))
    module = learner.objectives("stage2", start)["discriminator"].module
    slopes = torch.autograd.grad(losses(module, victim).sum(), list(module.parameters()))
    named = [f"discriminator/{key}" for key, _ in module.named_parameters()]
    moved = {k: start[k] - 0.01 * (g if optimizer == "sgd" else g.sign()) for k, g in zip(named, slopes, strict=True)}
    target = Target.of("discriminator", learner.objectives("stage2", start)["discriminator"], [np.array([7])])
    own = records(np.arange(100, 140)) | {"y": victim["y"].repeat(40)}
    guess = Guess.of(own, 1)
    found = invert(target, Sight(0, ("discriminator",), moved, start, ()), guess, 200, 0)
    near, mean = misses(guess.standard(victim), [found])
    assert near[0] < (0.35 if optimizer == "sgd" else 0.7) * mean[0]
    others, _ = misses(guess.standard(records(np.arange(200, 240))), [found])
    assert near[0] < others.min()


CLEAR = [(Ring(sums="plain"), "hop_1"), (Ring(relay=False, sums="plain"), "hop_1"), (Star(sums="plain"), "server")]


@pytest.mark.parametrize(("topology", "adversary"), CLEAR)
def test_exact_sums_of_many_numbers_give_patients_away_before_anything_is_trained(topology, adversary):
    found = scores(Trial(topology, rounds=0, learner=Memoriser(sums=1000)).evidence())
    assert found["sums", "all", None, None].low > 0.8
    assert (
        found["sums", "all", None, None].value
        == found[adversary, "all", None, None].value
        == found["membership", "all", None, None].value
    )
    assert abs(found["sums", "all", None, None].floor - 0.5) < 0.2
    assert {round for _, _, _, round in found} == {None}


def test_sums_of_few_numbers_or_of_other_people_give_nobody_away():
    few = scores(Trial(Ring(sums="plain"), rounds=0, learner=Memoriser(sums=2)).evidence())["sums", "all", None, None]
    clear = Trial(Ring(sums="plain"), rounds=0, learner=Memoriser(sums=1000), strangers=True)
    others = scores(clear.evidence())["sums", "all", None, None]
    assert few.value < 0.7
    assert others.low < 0.5 < others.high


def test_noised_sums_give_nobody_away():
    noised = Trial(Ring(sums="plain"), rounds=0, sigma=1.0, learner=Memoriser(sums=1000)).evidence()
    assert scores(noised)["sums", "all", None, None].low < 0.5


@pytest.mark.parametrize("topology", [Ring(), Ring(relay=False), Star()])
def test_sums_under_masks_give_nobody_away(topology):
    """The same attack on the same sums, as they arrived: above .8 in the clear."""
    found = scores(Trial(topology, rounds=0, learner=Memoriser(sums=1000)).evidence())
    assert abs(found["sums", "all", None, None].value - 0.5) < 0.2  # 4 standard errors of 90 patients and 90 others


def test_masks_do_not_hide_what_the_total_leaves():
    """A silo subtracts its own part, and whoever knows all candidates tells who is in the rest."""
    clear = scores(Trial(Ring(sums="plain"), rounds=0, learner=Memoriser(sums=1000)).evidence())
    for topology, adversary in ((Ring(), "hop_1"), (Star(), "client")):
        found = scores(Trial(topology, rounds=0, learner=Memoriser(sums=1000)).evidence())
        assert found["total", "all", None, None].low > 0.8
        assert found[adversary, "all", None, None].value == pytest.approx(found["total", "all", None, None].value, abs=0.1)
    assert ("total", "all", None, None) not in clear


def test_a_total_of_other_people_or_of_few_numbers_gives_nobody_away():
    few = Trial(Ring(), rounds=0, learner=Memoriser(sums=2)).evidence()
    others = Trial(Ring(), rounds=0, learner=Memoriser(sums=1000), strangers=True).evidence()
    assert scores(few)["total", "all", None, None].value < 0.65
    fresh = scores(others)["total", "all", None, None]
    assert fresh.low < 0.5 < fresh.high


@pytest.mark.parametrize("strangers", [False, True])
def test_a_silos_own_row_in_the_total_is_read(strangers):
    """Two numbers tell nobody; a thousand more in a row of each silo's own tell all of them, masked as the exchange is."""
    evidence = Trial(Ring(), rounds=0, learner=Memoriser(sums=2, rows_of=1000), strangers=strangers).evidence()
    assert not any("sums" in frame and not frame["masked"] for at in range(4) for frame in evidence.frames(at))
    found = scores(evidence)["total", "all", None, None]
    assert (found.low < 0.5 < found.high) if strangers else found.low > 0.8


def test_a_masked_star_has_no_models_to_attack():
    masked = Trial(Star(masked=True), learner=Memoriser(sums=1000)).evidence()
    assert all(frame["masked"] for frame in masked.frames(-1))
    assert scores(masked)["server", "all", None, None].low < 0.5  # of its masked sums, which are all that is left


def test_sums_to_which_all_records_add_the_same_tell_nobody():
    """As where noise left no count that a record changes."""
    crowd = Crowd.of(np.arange(20), np.ones((20, 5)), np.arange(20) % 2)
    assert not crowd.shares(np.arange(5.0)).any()


@pytest.mark.parametrize("topology", [Ring(), Ring(relay=False), Star(), Star(masked=True)])
def test_whose_averages_a_received_model_draws_is_traced_without_any_loss(topology):
    found = scores(Trial(topology, steps=1, rounds=2, learner=Averager()).evidence())
    adversary = "hop_1" if isinstance(topology, Ring) else "client" if topology.masked else "server"
    assert found["trace", "all", None, None].low > 0.8
    for key in (adversary, "stage2", "membership"):
        assert found[key, "all", None, None].value == pytest.approx(found["trace", "all", None, None].value, abs=0.03)
    assert abs(found["trace", "all", None, None].floor - 0.5) < 0.2
    assert {round for key, _, _, round in found if key == "membership"} == {None, 0, 1}


def test_a_received_model_of_other_people_gives_nobody_away():
    fresh = scores(Trial(Ring(), steps=1, rounds=2, learner=Averager(), strangers=True).evidence())["trace", "all", None, None]
    assert fresh.low < 0.5 < fresh.high


def test_a_received_model_that_does_not_draw_is_told_and_the_rest_goes_on():
    evidence = Trial(Ring()).evidence()
    evidence.encode, evidence.widths = (lambda silo, cohort: np.zeros((len(cohort), 1))), {"table": 1}
    assert scores(evidence)["drop", "all", None, None].value > 0.6
    assert [gap.reason for gap in evidence.gaps if gap.key == "neighbour.trace"] == [
        "no generator was released that could draw more"
    ]


def test_modules_that_travelled_apart_are_traced_as_one_model():
    sights = [Sight(0, modules, {}, {}, ()) for modules in (("a", "b"), ("c",), ("a", "b"), ("c",), ("d",))]
    assert [[s.modules[0] for s in model] for model in together(sights)] == [["a", "c", "d"], ["a", "c"]]
