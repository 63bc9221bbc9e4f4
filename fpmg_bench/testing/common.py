"""What every component promises, whatever its kind."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import numpy as np
import torch

from fpmg_bench.testing.bits import bits

Check = Callable[[Any], None]


@dataclass(frozen=True, slots=True)
class Use:
    """How components of one kind are used: inputs(component, seed) are made up, exercise(component, inputs, seed) is all it computes."""

    inputs: Callable[[Any, int], Any]
    exercise: Callable[[Any, Any, int], Any]

    def __call__(self, component: Any, seed: int) -> Any:
        """All that the component computes on small made-up inputs."""
        return self.exercise(component, self.inputs(component, seed), seed)


Law = Callable[[Any, Use], None]  # what any component promises, whatever its kind


def parameters(component: Any) -> dict[str, Any]:
    """Constructor parameters as the component stores them, under their own names."""
    names = inspect.signature(type(component)).parameters
    return {name: getattr(component, name) for name in names}


def clone(component: Any) -> Any:
    """A new component of the same class and parameters."""
    return type(component)(**parameters(component))


def check_constructs_with_defaults(component: Any, use: Use) -> None:
    """Every parameter is a keyword with a default."""
    signature = inspect.signature(type(component))
    for parameter in signature.parameters.values():
        assert parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY), f"{parameter} has no fixed name"
        assert parameter.default is not parameter.empty, f"parameter {parameter.name!r} has no default"
    type(component)()


def check_constructor_only_stores(component: Any, use: Use) -> None:
    """The constructor stores its arguments under the same names and does nothing else."""
    built = type(component)()
    for name, parameter in inspect.signature(type(component)).parameters.items():
        assert hasattr(built, name), f"parameter {name!r} is not stored under its name"
        assert getattr(built, name) == parameter.default, f"parameter {name!r} is changed by the constructor"
    extra = set(getattr(built, "__dict__", {})) - set(parameters(built))
    assert not extra, f"the constructor sets {sorted(extra)}, which are no parameters; derive them where they are used"


def check_parameters_round_trip_json(component: Any, use: Use) -> None:
    """A suite file can hold the parameters, and gives the same component back."""
    before = parameters(component)
    again = type(component)(**json.loads(json.dumps(before)))
    assert _plain(parameters(again)) == _plain(before), f"{before} became {parameters(again)}"


def check_same_seed_same_bits(component: Any, use: Use) -> None:
    """Two runs of the same seed agree in every bit."""
    assert bits(use(clone(component), 1)) == bits(use(clone(component), 1)), "two runs of one seed differ"


def check_repeats_on_one_object(component: Any, use: Use) -> None:
    """A component keeps nothing between calls: state travels in arguments."""
    again = clone(component)
    assert bits(use(again, 1)) == bits(use(again, 1)), "a second use of the same object gives other numbers"


def check_inputs_are_unmodified(component: Any, use: Use) -> None:
    """What a component is handed stays as it was."""
    given = use.inputs(component, 2)
    before = bits(given)
    use.exercise(clone(component), given, 2)
    assert bits(given) == before, "the component changed its inputs"


def check_no_global_randomness(component: Any, use: Use) -> None:
    """Neither reads nor moves the global generators of random, numpy and torch (`train` may use torch's, seeded for it)."""
    with _global_seed(11):
        first = bits(use(clone(component), 3))
    with _global_seed(12) as unmoved:  # watched at the second use: a library may draw once while it is imported
        second = bits(use(clone(component), 3))
        moved = unmoved()
    assert not moved, f"the global generator of {moved} was used; use the rng you are handed"
    assert first == second, "results depend on a global generator; use the rng you are handed"


LAWS: tuple[Law, ...] = (
    check_constructs_with_defaults,
    check_constructor_only_stores,
    check_parameters_round_trip_json,
    check_same_seed_same_bits,
    check_repeats_on_one_object,
    check_inputs_are_unmodified,
    check_no_global_randomness,
)


def checks(use: Use) -> tuple[Check, ...]:
    """The laws of every component, for one kind."""
    return tuple(_check(law, use) for law in LAWS)


def _check(law: Law, use: Use) -> Check:
    @wraps(law)
    def check(component: Any) -> None:
        law(component, use)

    return check


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _states() -> dict[str, str]:
    numpy = np.random.get_state(legacy=False)["state"]
    return {
        "random": bits(random.getstate()),
        "numpy": bits(numpy["key"]) + str(numpy["pos"]),
        "torch": bits(torch.random.get_rng_state()),
    }


@contextmanager
def _global_seed(seed: int) -> Iterator[Any]:
    """Seed all global generators; yields a function naming those that moved since; restores them at the end."""
    kept = random.getstate(), np.random.get_state(), torch.random.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    start = _states()
    try:
        yield lambda: ", ".join(name for name, state in _states().items() if state != start[name])
    finally:
        random.setstate(kept[0])
        np.random.set_state(kept[1])
        torch.random.set_rng_state(kept[2])
