"""Laws of generators, over made-up vectors of two modalities."""

from __future__ import annotations

from typing import Any

import torch

from fpmg_bench.devices import accepted
from fpmg_bench.keys import rng_for
from fpmg_bench.testing import learners, placed
from fpmg_bench.testing.common import Check, Use, checks
from fpmg_bench.testing.fakes import LABELS, conditions, space, vectors
from fpmg_bench.types import Representation

ROWS = 48
DRAWN = 200


def inputs(component: Any, seed: int) -> dict[str, Any]:
    """Training vectors of one silo and the conditions to sample."""
    return {"rows": vectors(ROWS, seed), "asked": conditions(17, seed)}


def exercise(component: Any, given: dict[str, Any], seed: int) -> dict[str, Any]:
    """Train two rounds, then sample."""
    learnt = learners.learn(component, space(), given["rows"], seed)
    return {
        "state": learnt["state"],
        "memory": learnt["memory"],
        "sample": _sample(component, learnt["state"], given["asked"], seed),
    }


def check_charges(component: Any) -> None:
    """Accesses to private rows are declared."""
    learners.check_charges_are_declared(component, space())


def check_state_is_stable(component: Any) -> None:
    """Keys and shapes do not change in training."""
    learners.check_keys_and_shapes_are_stable(component, space(), vectors(ROWS))


def check_train_leaves_the_given_state(component: Any) -> None:
    """`train` does not write into the state it is given."""
    learners.check_train_leaves_the_given_state(component, space(), vectors(ROWS))


def check_losses_do_not_mix_rows(component: Any) -> None:
    """One private loss a row, independent of the other rows, so that clipping bounds a patient."""
    learners.check_losses_do_not_mix_rows(component, space(), vectors(ROWS))


def check_objective(component: Any) -> None:
    """What the steps minimise, for attacks by loss and gradient."""
    learners.check_objective_is_row_by_row(component, space(), vectors(ROWS))


def check_private_gradients(component: Any) -> None:
    """Ghost clipping gives the sums of plain per-example gradients."""
    learners.check_private_gradients(component, space(), vectors(ROWS))


def check_spends_what_it_declares(component: Any) -> None:
    """What the ledgers of several silos show after several rounds is what `charges` said."""
    learners.check_spends_what_it_declares(component, space(), vectors(ROWS))


def check_keeps_no_patient(component: Any) -> None:
    """No training row is stored in the state that leaves the silo, also not with a little noise."""
    rows = vectors(ROWS, 9)
    learners.assert_no_row_in(learners.learn(component, space(), rows, seed=9)["state"], rows.z, learners.near(rows.z))


def check_draws_no_copies(component: Any) -> None:
    """No vector is drawn that lies nearer to a training row than a tenth of what lies between training rows."""
    rows = vectors(ROWS, 11)
    state = learners.learn(component, space(), rows, seed=11)["state"]
    made = _sample(component, state, conditions(DRAWN), 11)
    copies = int((torch.cdist(made.z.double(), rows.z.double()).min(1).values < learners.near(rows.z)).sum())
    assert not copies, f"{copies} of {DRAWN} drawn vectors are copies of training rows, or nearly"


def check_samples_one_row_a_condition(component: Any) -> None:
    """sample gives finite vectors of the space, with the conditions that were asked for, whatever their number."""
    state = learners.learn(component, space(), vectors(ROWS), seed=7)["state"]
    for n in (17, 1):
        requested = conditions(n)
        made = _sample(component, state, requested, 7)
        assert made.z.shape == (n, space().width), f"sample gives {tuple(made.z.shape)} for {n} conditions"
        assert made.present.shape == (n, len(space().blocks)), f"present is {tuple(made.present.shape)}"
        assert bool(torch.isfinite(made.z).all()), "sample gives values that are not finite"
        assert torch.equal(made.condition.float(), requested), "the conditions of the sample are not those asked for"


def check_knows_other_labels(component: Any) -> None:
    """Where the label is a number, the time to an event or absent it learns, and samples one finite vector a condition."""
    for word, columns in LABELS.items():
        of = space(conditions=columns)
        state = learners.learn(component, of, vectors(ROWS, of=of), seed=13)["state"]
        requested = conditions(17, of=columns)
        made = component.sample(of, state, requested, rng_for(13, "sample"))
        assert bool(torch.isfinite(made.z).all()), f"{word}: sample gives values that are not finite"
        assert torch.equal(made.condition.float(), requested), f"{word}: the conditions of the sample are not those asked for"


def check_samples_depend_on_the_stream(component: Any) -> None:
    """Another random stream gives other patients."""
    state = learners.learn(component, space(), vectors(ROWS), seed=8)["state"]
    one, two = (_sample(component, state, conditions(17), seed) for seed in (1, 2))
    assert not torch.equal(one.z, two.z), "two random streams give the same patients"
    assert len(torch.unique(one.z, dim=0)) > 1, "all patients of a sample are the same"


def check_computes_where_it_is_told(component: Any) -> None:
    """On a device as on the CPU: steps and samples; states come back on the CPU."""
    placed.check_computes_where_it_is_told(component, space(), vectors(ROWS), _uses)


def _uses(component: Any, state: dict[str, torch.Tensor], device: str) -> dict[str, torch.Tensor]:
    where = accepted(component.sample, device)
    made = component.sample(space(), state, conditions(17), rng_for(12, "sample"), **where)
    return {"sample": made.z, "present": made.present, "condition": made.condition}


CHECKS: tuple[Check, ...] = (
    *checks(Use(inputs, exercise)),
    check_charges,
    check_state_is_stable,
    check_train_leaves_the_given_state,
    check_losses_do_not_mix_rows,
    check_objective,
    check_private_gradients,
    check_spends_what_it_declares,
    check_keeps_no_patient,
    check_draws_no_copies,
    check_samples_one_row_a_condition,
    check_knows_other_labels,
    check_samples_depend_on_the_stream,
    check_computes_where_it_is_told,
)


def _sample(component: Any, state: dict[str, torch.Tensor], requested: torch.Tensor, seed: int) -> Representation:
    made: Representation = component.sample(space(), state, requested, rng_for(seed, "sample"))
    return made
