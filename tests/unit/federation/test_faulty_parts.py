"""A merge that gives no model, or training that gives another one, is the rule's or the learner's fault, and says so."""

import pytest
from fpmg_plugins.aggregators.fedavg import FedAvg
from fpmg_plugins.topologies.ring import Ring
from fpmg_plugins.topologies.star import Star

from fpmg_bench.errors import TrialError
from fpmg_bench.types import Update

from .toys import Drift, go


class Broken(FedAvg):
    """The mean, spoilt."""

    def __init__(self, spoil):
        self.spoil = spoil

    def merge(self, inputs, weights, reference, own, memory):
        return self.spoil(super().merge(inputs, weights, reference, own, memory))


FAULTS = {
    "shorter": (lambda x: x[:-1], r"torch.float32 \(9,\) in the place of a model, torch.float32 \(10,\)"),
    "a matrix": (lambda x: x[None], r"torch.float32 \(1, 10\)"),
    "double": (lambda x: x.double(), r"torch.float64 \(10,\)"),
    "nan": (lambda x: x * float("nan"), "not finite for . finite models"),
    "infinite": (lambda x: x / 0, "not finite for . finite models"),
    "nothing": (lambda x: None, "gave None in the place of a model"),
    "numpy": (lambda x: x.numpy(), "in the place of a model"),
}


@pytest.mark.parametrize("topology", [Ring(), Star()], ids=["ring", "star"])
@pytest.mark.parametrize("how", FAULTS)
def test_a_rule_that_gives_no_model_is_named(how, topology):
    spoil, words = FAULTS[how]
    with pytest.raises(
        TrialError, match=f"stage2, round 0: aggregator Broken gave .*{words}|aggregator Broken {words}"
    ) as caught:
        go(topology, Broken(spoil), 3)
    assert "lower lr" not in str(caught.value)


def test_a_model_that_diverged_is_still_the_learning_rate():
    class Diverging(Drift):
        def train(self, state, shard, ctx):
            return Update({key: value * float("inf") for key, value in state.items() if value.is_floating_point()}, 1.0)

    with pytest.raises(TrialError, match=r"the merged weights are not finite \(lower lr\)"):
        go(Ring(), FedAvg(), 3, learner=Diverging())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda state: state | {"a/w": state["a/w"][:-1]}, r"'a/w' as torch.float32 \(4,\), it started as torch.float32 \(5,\)"),
        (lambda state: state | {"c/w": state["a/w"]}, "'c/w', which its starting state does not have"),
        (lambda state: state | {"a/w": state["a/w"].double()}, r"'a/w' as torch.float64"),
    ],
    ids=["shape", "key", "type"],
)
def test_training_that_gives_another_model_names_the_learner(change, words):
    class Changing(Drift):
        def train(self, state, shard, ctx):
            update = super().train(state, shard, ctx)
            return Update(change(update.state), update.weight) if ctx.silo == 1 else update

    with pytest.raises(TrialError, match=f"stage2, round 0, silo 1: Changing returned {words}"):
        go(Ring(), FedAvg(), 3, learner=Changing())
