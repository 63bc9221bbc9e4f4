"""Laws of merging rules."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any
from weakref import ref

import torch
from torch import Tensor

from fpmg_bench.errors import NotApplicable
from fpmg_bench.keys import rng_for
from fpmg_bench.testing.bits import bits
from fpmg_bench.testing.common import Check, Use, checks

WIDTH = 257


def inputs(component: Any, seed: int) -> dict[str, Tensor]:
    """Five models (or as many as the rule needs) near a reference, with unequal weights."""
    rng = rng_for(seed, "aggregator")
    count = max(5, component.min_inputs())
    reference = torch.randn(WIDTH, generator=rng)
    weights = torch.rand(count, generator=rng, dtype=torch.float64) + 0.1
    return {
        "inputs": reference + 0.1 * torch.randn(count, WIDTH, generator=rng),
        "weights": (weights / weights.sum()).float(),
        "reference": reference,
    }


def exercise(component: Any, given: dict[str, Tensor], seed: int) -> dict[str, Any]:
    """Two rounds with the node's memory carried over."""
    memory: dict[str, Tensor] = {}
    first = _merge(component, given, memory)
    second = component.merge(given["inputs"], given["weights"], first, 0, memory)
    return {"first": first, "second": second, "memory": memory}


def check_keeps_shape_and_type(component: Any) -> None:
    """The merged vector has the reference's shape and type, and is finite."""
    given = inputs(component, 0)
    merged = _merge(component, given)
    assert merged.shape == given["reference"].shape, f"merged shape {tuple(merged.shape)}"
    assert merged.dtype == given["reference"].dtype, f"merged type {merged.dtype}"
    assert bool(torch.isfinite(merged).all()), "the merged vector is not finite"


def check_double_precision_too(component: Any) -> None:
    """Models of float64 merge to float64, to the same model, and stay as they were (`.double()` of them is no copy)."""
    given = inputs(component, 0)
    double = {name: tensor.double() for name, tensor in given.items()}
    kept = {name: tensor.clone() for name, tensor in double.items()}
    merged = _merge(component, double)
    assert merged.dtype == torch.float64, f"merged type {merged.dtype} of float64 models"
    assert all(torch.equal(double[name], kept[name]) for name in kept), "the rule changed its inputs"
    torch.testing.assert_close(merged.float(), _merge(component, given), rtol=1e-4, atol=1e-5)


def check_declares_its_needs(component: Any) -> None:
    """`needs`, `uses_own` and `min_inputs` are declared."""
    assert component.needs in ("sum", "individual"), f"needs = {component.needs!r}"
    assert isinstance(component.uses_own, bool)
    assert component.min_inputs() >= 1


def check_order_of_inputs_is_irrelevant(component: Any) -> None:
    """Permuting models together with their weights (and `own`) changes nothing but rounding."""
    given = inputs(component, 1)
    order = torch.randperm(len(given["inputs"]), generator=rng_for(1, "order"))
    own = 1
    moved = component.merge(
        given["inputs"][order], given["weights"][order], given["reference"], int((order == own).nonzero()), {}
    )
    torch.testing.assert_close(moved, component.merge(*_arguments(given), own, {}), rtol=1e-5, atol=1e-6)


def check_identical_models_stay(component: Any) -> None:
    """Merging copies of one model gives that model; a rule that leaves the hull (an optimiser's step) stays where nothing moved."""
    given = inputs(component, 2)
    model = given["inputs"][0]
    reference = given["reference"] if getattr(component, "in_hull", True) else model
    merged = component.merge(model.repeat(len(given["inputs"]), 1), given["weights"], reference, 0, {})
    torch.testing.assert_close(merged, model, rtol=1e-5, atol=1e-6)


def check_one_model_gives_itself(component: Any) -> None:
    """A silo that hears nobody keeps its model; where the rule leaves the hull, if it did not train."""
    if component.min_inputs() > 1:
        raise NotApplicable(f"defined from {component.min_inputs()} models on")
    given = inputs(component, 3)
    reference = given["reference"] if getattr(component, "in_hull", True) else given["inputs"][0]
    merged = component.merge(given["inputs"][:1], torch.ones(1), reference, 0, {})
    torch.testing.assert_close(merged, given["inputs"][0], rtol=1e-5, atol=1e-6)


def check_even_and_many_models(component: Any) -> None:
    """Any number from `min_inputs` on will do, even or odd; copies of one model give it at each."""
    given = inputs(component, 7)
    model = given["inputs"][0]
    reference = given["reference"] if getattr(component, "in_hull", True) else model
    for count in range(component.min_inputs(), component.min_inputs() + 4):
        merged = component.merge(model.repeat(count, 1), torch.full((count,), 1 / count), reference, 0, {})
        torch.testing.assert_close(merged, model, rtol=1e-5, atol=1e-6)


def check_stays_within_the_models(component: Any) -> None:
    """No coordinate leaves the range of models and reference (a rule with momentum says `in_hull = False`)."""
    if not getattr(component, "in_hull", True):
        raise NotApplicable("the rule says that it leaves the convex hull (in_hull = False)")
    slack = 1e-5
    for round, (given, merged) in enumerate(_rounds(component, 4)):
        points = torch.cat([given["inputs"], given["reference"][None]])
        assert bool((merged >= points.min(0).values - slack).all()), f"merge {round}: a coordinate falls below every model"
        assert bool((merged <= points.max(0).values + slack).all()), f"merge {round}: a coordinate rises above every model"


def check_keeps_nothing_it_was_given(component: Any) -> None:
    """Neither the merged vector nor the memory is a view of a model in flight, and no model outlives its merge."""
    memory: dict[str, Tensor] = {}
    given = inputs(component, 9)
    merged = _merge(component, given, memory)
    before = bits((merged, memory))
    for tensor in given.values():
        tensor.fill_(float("nan"))
    assert bits((merged, memory)) == before, "the result or the memory changes with the models it was merged from; clone them"
    alive = {name: ref(tensor) for name, tensor in given.items()}
    given.clear()
    del tensor, merged, memory
    gc.collect()
    kept = sorted(name for name, still in alive.items() if still() is not None)
    assert not kept, f"the rule holds {', '.join(kept)} of a merge that is over"


def check_ignores_own_unless_declared(component: Any) -> None:
    """Without `uses_own`, every silo computes the same bits from the same models."""
    if component.uses_own:
        raise NotApplicable("the rule depends on the silo's own model (uses_own = True)")
    given = inputs(component, 5)
    results = [component.merge(*_arguments(given), own, {}) for own in (0, 1, None)]
    assert all(torch.equal(results[0], other) for other in results[1:]), "the result depends on `own`, but uses_own is False"


def check_a_sum_is_enough_where_declared(component: Any) -> None:
    """With `needs = "sum"` the mean, weighted as it says, in the place of all models gives the same: secure aggregation shows no more."""
    if component.needs != "sum":
        raise NotApplicable("the rule needs individual models")
    given = inputs(component, 6)
    equal = torch.full_like(given["weights"], 1 / len(given["weights"]))
    mean = (equal if getattr(component, "weighs_equally", False) else given["weights"]) @ given["inputs"]
    alone = component.merge(mean[None], torch.ones(1), given["reference"], None, {})
    whole = component.merge(*_arguments(given), None, {})
    torch.testing.assert_close(alone, whole, rtol=1e-5, atol=1e-6)


def check_withstands_what_it_says(component: Any) -> None:
    """So many liars, fewer than half, with most of the weight and a million times as far out: the result stays near the honest."""
    if not hasattr(component, "withstands"):
        raise NotApplicable("the rule claims nothing (no method `withstands`): measured only")
    least = component.min_inputs()
    claims = {models: component.withstands(models) for models in range(1, least + 6)}
    assert all(0 <= liars < models / 2 for models, liars in claims.items()), f"liars of models: {claims}"
    assert not any(claims[models] for models in range(1, least)), f"it is not defined below {least} models: {claims}"
    for models, liars in claims.items():
        if models < least or not liars:
            continue
        rng = rng_for(8, "liars", models)
        reference = torch.randn(WIDTH, generator=rng)
        honest = reference + 0.1 * torch.randn(models - liars, WIDTH, generator=rng)
        far = reference + 1e5 * torch.randn(WIDTH, generator=rng)
        weights = torch.cat([torch.full((liars,), 9.0), torch.ones(models - liars)])
        merged = component.merge(torch.cat([far.repeat(liars, 1), honest]), weights / weights.sum(), reference, None, {})
        away, apart = float((merged - honest.mean(0)).norm()), float(torch.cdist(honest, honest).max())
        assert away <= 5 * apart, (
            f"{liars} liars of {models} models move it {away / apart:.1f} times as far as honest models differ"
        )


CHECKS: tuple[Check, ...] = (
    *checks(Use(inputs, exercise)),
    check_declares_its_needs,
    check_withstands_what_it_says,
    check_keeps_shape_and_type,
    check_double_precision_too,
    check_order_of_inputs_is_irrelevant,
    check_identical_models_stay,
    check_one_model_gives_itself,
    check_even_and_many_models,
    check_stays_within_the_models,
    check_keeps_nothing_it_was_given,
    check_ignores_own_unless_declared,
    check_a_sum_is_enough_where_declared,
)


def _rounds(component: Any, seed: int, rounds: int = 4) -> Iterator[tuple[dict[str, Tensor], Tensor]]:
    """Merges of one node, its memory carried over: each starts where the last one ended, and all models move on the same way."""
    given, memory = inputs(component, seed), dict[str, Tensor]()
    step = torch.randn(WIDTH, generator=rng_for(seed, "step"))
    for _ in range(rounds):
        merged = _merge(component, given, memory)
        yield given, merged
        spread = 0.1 * torch.randn(given["inputs"].shape, generator=rng_for(seed, "spread"))
        given = {**given, "inputs": merged + step + spread, "reference": merged}


def _arguments(given: dict[str, Tensor]) -> tuple[Tensor, Tensor, Tensor]:
    return given["inputs"], given["weights"], given["reference"]


def _merge(component: Any, given: dict[str, Tensor], memory: dict[str, Tensor] | None = None) -> Tensor:
    merged: Tensor = component.merge(*_arguments(given), 0, {} if memory is None else memory)
    return merged
