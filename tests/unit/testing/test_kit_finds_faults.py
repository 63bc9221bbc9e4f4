"""Each check fails on a component that breaks exactly its law, and says so."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
import torch

from fpmg_bench.errors import NotApplicable, PluginError
from fpmg_bench.testing import aggregators, checks_for, kind_of, metrics, topologies
from fpmg_bench.testing.checks import parametrize_with_checks
from fpmg_bench.types import Scale, Score, Step, Transfer


class Mean:
    needs: ClassVar[str] = "sum"
    uses_own: ClassVar[bool] = False

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor

    def min_inputs(self) -> int:
        return 1

    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        return weights @ inputs

    def withstands(self, models: int) -> int:
        return 0


class FirstWins(Mean):
    needs: ClassVar[str] = "individual"

    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        return inputs[0].clone()


class Doubling(Mean):
    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        return 2 * (weights @ inputs)


class InPlace(Mean):
    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        inputs *= 0.5
        return 2 * (weights @ inputs)


class InPlaceOnceDouble(Mean):
    """`.double()` copies float32 and nothing else."""

    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        away = inputs.double().sub_(reference)
        return (reference + weights.double() @ away).to(reference.dtype)


class OfFive(Mean):
    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        return inputs.sum(0) / 5


class Noisy(Mean):
    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        return weights @ inputs + 1e-3 * torch.randn(inputs.shape[1])


class NumpyNoise(Mean):
    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        np.random.random()  # draws and throws away
        return weights @ inputs


class Remembering(Mean):
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__(factor)

    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        self.factor += 1.0
        return weights @ inputs + self.factor


class Loaded(Mean):
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__(factor)
        self.table = torch.zeros(3)


class Unnamed(Mean):
    def __init__(self, factor: float = 1.0) -> None:
        super().__init__(factor + 1)


class Own(Mean):
    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        return inputs[own] if own is not None else weights @ inputs


class Median(Mean):
    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        return inputs.median(0).values


class Coasting(Mean):
    """Nesterov's momentum: from the second merge on it overshoots."""

    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        mean = weights @ inputs
        memory["speed"] = 0.9 * memory.get("speed", 0.0 * mean) + (mean - reference)
        first = "old" not in memory
        memory["old"] = mean.clone()
        return mean if first else reference + memory["speed"]


class View(FirstWins):
    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        return inputs[0]


class Hoarding(Mean):
    """Remembers the models that it was sent."""

    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        memory["sent"] = inputs
        return weights @ inputs


class HoardingAtHome(Mean):
    """Not in its memory, where it would be seen."""

    kept: ClassVar[list[Any]] = []

    def merge(self, inputs: Any, weights: Any, reference: Any, own: int | None, memory: dict[str, Any]) -> Any:
        self.kept.append(inputs[1:])
        return weights @ inputs


class NoDefault(Mean):
    def __init__(self, factor: float) -> None:
        super().__init__(factor)


class NotJson(Mean):
    def __init__(self, factor: Any = complex(1, 1)) -> None:
        self.factor = factor


def law(name: str) -> Any:
    """A law of every component, as merging rules are held to it."""
    return next(check for check in aggregators.CHECKS if check.__name__ == f"check_{name}")


@pytest.mark.parametrize(
    ("component", "check"),
    [
        (FirstWins(), aggregators.check_order_of_inputs_is_irrelevant),
        (Doubling(), aggregators.check_identical_models_stay),
        (Doubling(), aggregators.check_one_model_gives_itself),
        (Doubling(), aggregators.check_stays_within_the_models),
        (InPlaceOnceDouble(), aggregators.check_double_precision_too),
        (Coasting(), aggregators.check_stays_within_the_models),
        (View(), aggregators.check_keeps_nothing_it_was_given),
        (Hoarding(), aggregators.check_keeps_nothing_it_was_given),
        (HoardingAtHome(), aggregators.check_keeps_nothing_it_was_given),
        (OfFive(), aggregators.check_even_and_many_models),
        (Own(), aggregators.check_ignores_own_unless_declared),
        (Median(), aggregators.check_a_sum_is_enough_where_declared),
        (InPlace(), law("inputs_are_unmodified")),
        (Noisy(), law("same_seed_same_bits")),
        (Noisy(), law("no_global_randomness")),
        (NumpyNoise(), law("no_global_randomness")),
        (Remembering(), law("repeats_on_one_object")),
        (Loaded(), law("constructor_only_stores")),
        (Unnamed(), law("constructor_only_stores")),
        (NoDefault(1.0), law("constructs_with_defaults")),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_faulty_rule_is_caught(component: Any, check: Any) -> None:
    with pytest.raises(AssertionError):
        check(component)


def test_parameters_that_json_cannot_hold_are_caught() -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        law("parameters_round_trip_json")(NotJson())


def test_a_sound_rule_passes_every_check() -> None:
    for check in checks_for(Mean()):
        check(Mean())


class Lost:
    """Silo 0 is never heard."""

    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        return [Step(tuple(Transfer(a, b) for a in silos for b in silos if a != b and a != silos[0]))]

    def messages(self, silos: int) -> int:
        return (silos - 1) ** 2


class Miscounting(Lost):
    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        return [Step(tuple(Transfer(a, b) for a in silos for b in silos if a != b))]


class Stranger(Lost):
    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        return [Step((Transfer(0, 1), Transfer(1, 0)))]


class MaskedToSilos(Lost):
    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        return [Step(tuple(Transfer(a, b) for a in silos for b in silos if a != b), masked=True)]

    def messages_masked(self, silos: int) -> int:
        return silos * (silos - 1)


class MaskedUncounted(Lost):
    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        return [Step(tuple(Transfer(a, -1) for a in silos), masked=True)]


class Greedy(Lost):
    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        return [Step(tuple(Transfer(a, b, weight=0.7) for a in silos for b in silos if a != b))]


class Numbered(Lost):
    """Takes silos for numbered without gaps."""

    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        return [Step(tuple(Transfer(a, b) for a in range(len(silos)) for b in range(len(silos)) if a != b))]


class ByNumber(Lost):
    """Whoever has the next number is the neighbour; where it is inactive, there is none."""

    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        near = [a for a in silos if a + 1 in silos]
        return [Step(tuple(Transfer(*way) for a in near for way in ((a, a + 1), (a + 1, a))))]


class Holding(Lost):
    """The first silos that it met stay its own."""

    def __init__(self) -> None:
        self.met: set[int] = set()

    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        self.met |= set(silos)
        return [Step(tuple(Transfer(a, b) for a in self.met for b in self.met if a != b))]


class Fickle(Lost):
    """Another plan each time it is asked."""

    def __init__(self) -> None:
        self.requested = 0

    def plan(self, silos: Sequence[int], round: int, rng: Any) -> Sequence[Step]:
        self.requested += 1
        return [Step(tuple(Transfer(silos[i - 1], silos[i], weight=0.5 / (1 + self.requested % 2)) for i in range(len(silos))))]


@pytest.mark.parametrize(
    ("component", "check"),
    [
        (Lost(), topologies.check_reaches_every_silo),
        (Miscounting(), topologies.check_messages_match_the_plan),
        (Miscounting(), topologies.check_bytes_equal_the_closed_form),
        (Stranger(), topologies.check_sends_between_known_nodes),
        (Numbered(), topologies.check_sends_between_known_nodes),
        (ByNumber(), topologies.check_any_silos_may_be_inactive),
        (Holding(), topologies.check_any_silos_may_be_inactive),
        (Fickle(), topologies.check_mixes_like_its_matrix),
        (Greedy(), topologies.check_weights_are_shares),
        (MaskedToSilos(), topologies.check_masks_cancel),
        (MaskedUncounted(), topologies.check_masks_cancel),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_faulty_topology_is_caught(component: Any, check: Any) -> None:
    with pytest.raises(AssertionError):
        check(component)


class Diversity:
    """Distinct rows of the released table, as a share."""

    family: ClassVar[str] = "DG"
    scales: ClassVar[Mapping[str, Scale]] = {"distinct": Scale(1.0, True, 0.0, 1.0, source="test")}

    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        frame = evidence.released[0].data["table"].frame
        return [Score("distinct", len(frame.drop_duplicates()) / len(frame))]


class Backwards(Diversity):
    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        return [Score("distinct", 1 - super().__call__(evidence, rng)[0].value)]


class OutOfRange(Diversity):
    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        return [Score("distinct", 2.0)]


class FirstRow(Diversity):
    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        return [Score("distinct", float(evidence.released[0].data["table"].frame["lactate"].iloc[0]) / 20)]


class Undeclared(Diversity):
    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        return [Score("other", 0.5)]


class Sorting(Diversity):
    """Puts the release in order, where it lies."""

    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        evidence.released[0].data["table"].frame.sort_values("lactate", inplace=True)
        return super().__call__(evidence, rng)


class Shifting(Diversity):
    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        evidence.train.condition[:, 0] += 1
        return super().__call__(evidence, rng)


class Wordy(Diversity):
    def __call__(self, evidence: Any, rng: Any) -> Any:
        return {score.key: score.value for score in super().__call__(evidence, rng)}


class Unfounded(Diversity):
    family: ClassVar[str] = ""


class Silent(Diversity):
    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        raise NotApplicable("no such thing here")


class Standardised(Diversity):
    """0 / 0 where a column says the same of everybody."""

    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        values = evidence.released[0].data["table"].frame["lactate"].to_numpy(float)
        with np.errstate(invalid="ignore"):
            return [Score("distinct", float(np.minimum(1.0, np.abs((values - values.mean()) / values.std()).mean())))]


class Hump(Diversity):
    """Best where half of the records are noise."""

    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        kept = set(metrics.good().data["text"].strings)
        same = float(np.mean([text in kept for text in evidence.released[0].data["text"].strings]))
        return [Score("distinct", 4 * same * (1 - same))]


class Stale(Diversity):
    """Keeps what it computed on a release as if it were of real patients."""

    def __call__(self, evidence: Any, rng: Any) -> Any:
        return evidence.once("distinct", lambda: super(Stale, self).__call__(evidence, rng))


class Partial(Diversity):
    """Keeps what it computed on a trial's silos as if it were of real patients."""

    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        return [Score("distinct", evidence.once("first", lambda: float(evidence.train.silo[0] == 0)))]


class Thirsty(Diversity):
    """Draws from its own stream for what it keeps, so that later draws are others where it was kept."""

    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        evidence.once("drawn", lambda: torch.rand(3, generator=rng))
        return [Score("distinct", float(torch.rand((), generator=rng)))]


class Hushed(Diversity):
    """Says what the real patients lack to the first release alone."""

    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        known = evidence.computed
        evidence.once("looked", lambda: None)
        if evidence.computed != known:
            evidence.not_applicable("distinct", "few patients", scope="class:a")
        return super().__call__(evidence, rng)


class Blind(Diversity):
    """A privacy score that finds nothing in anything."""

    family: ClassVar[str] = "PG"

    def __call__(self, evidence: Any, rng: Any) -> Sequence[Score]:
        return [Score("distinct", 0.5, low=0.4, high=0.6)]


@pytest.mark.parametrize(
    ("component", "check"),
    [
        (Standardised(), metrics.check_odd_cohorts_score_or_say_why),
        (Hump(), metrics.check_half_noise_is_between),
        (Backwards(), metrics.check_real_patients_score_near_best),
        (Blind(), metrics.check_copies_are_caught),
        (Sorting(), metrics.check_leaves_what_it_was_given),
        (Shifting(), metrics.check_leaves_what_it_was_given),
        (Wordy(), metrics.check_scores_are_declared_and_in_range),
        (Unfounded(), metrics.check_declares_its_scales),
        (OutOfRange(), metrics.check_scores_are_declared_and_in_range),
        (Undeclared(), metrics.check_scores_are_declared_and_in_range),
        (FirstRow(), metrics.check_row_order_is_irrelevant),
        (Stale(), metrics.check_a_warm_real_side_changes_nothing),
        (Partial(), metrics.check_a_warm_real_side_changes_nothing),
        (Thirsty(), metrics.check_a_warm_real_side_changes_nothing),
        (Hushed(), metrics.check_a_warm_real_side_changes_nothing),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
def test_a_faulty_metric_is_caught(component: Any, check: Any) -> None:
    with pytest.raises(AssertionError):
        check(component)


def test_a_sound_metric_passes_every_check() -> None:
    passed = []
    for check in checks_for(Diversity()):
        with contextlib.suppress(NotApplicable):
            check(Diversity())
            passed.append(check)
    assert set(metrics.CHECKS) - set(passed) == {metrics.check_copies_are_caught}  # no privacy score


def test_kinds_are_told_apart_and_strangers_refused() -> None:
    assert [kind_of(x) for x in (Mean(), Lost(), Diversity())] == ["aggregator", "topology", "metric"]
    with pytest.raises(PluginError, match="object is no component"):
        kind_of(object())


@parametrize_with_checks([Silent()])
def test_not_applicable_skips(component: Any, check: Any) -> None:
    check(component)


@parametrize_with_checks([FirstWins()], expected_failures={"order_of_inputs_is_irrelevant": "the first silo is trusted"})
def test_expected_failures_are_marked(component: Any, check: Any) -> None:
    check(component)


def test_ids_name_class_and_check() -> None:
    mark = parametrize_with_checks([Mean()])
    assert mark.args[1][0].id == "Mean-constructs_with_defaults"
    assert len({case.id for case in mark.args[1]}) == len(mark.args[1])
