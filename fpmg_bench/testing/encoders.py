"""Laws of encoders, over every modality kind that the encoder says it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import torch

from fpmg_bench.devices import accepted
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation.valid import fault
from fpmg_bench.testing import learners, placed
from fpmg_bench.testing.common import Check, Use, checks
from fpmg_bench.testing.fakes import SCHEMAS, data_of, numbers
from fpmg_bench.types import KINDS, Kind, Schema, Series, Table

RECORDS = 24


def inputs(component: Any, seed: int) -> dict[Kind, Any]:
    """Records of every kind that the encoder takes."""
    severity = numbers(seed, "severity").uniform(0.0, 1.0, RECORDS)
    return {kind: data_of(SCHEMAS[kind], severity, seed) for kind in KINDS if kind in component.kinds}


def exercise(component: Any, given: dict[Kind, Any], seed: int) -> dict[str, Any]:
    """Train one round, encode and decode, for every kind."""
    found: dict[str, Any] = {}
    for kind, data in given.items():
        learnt = learners.learn(component, SCHEMAS[kind], data, seed, rounds=1)
        z = component.encode(SCHEMAS[kind], learnt["state"], data)
        found[kind] = {"state": learnt["state"], "z": z, "back": component.decode(SCHEMAS[kind], learnt["state"], z)}
    return found


def check_declares_kinds_and_dimension(component: Any) -> None:
    """`kinds` is a non-empty frozenset of known kinds, `dim` a positive whole number."""
    assert isinstance(component.kinds, frozenset) and component.kinds, "kinds is a non-empty frozenset"
    assert component.kinds <= set(KINDS), f"unknown kinds {sorted(component.kinds - set(KINDS))}"
    assert isinstance(component.dim, int) and component.dim > 0, f"dim = {component.dim!r}"


def check_charges(component: Any) -> None:
    """Accesses to private rows are declared."""
    for schema, _ in _cases(component):
        learners.check_charges_are_declared(component, schema)


def check_state_is_stable(component: Any) -> None:
    """Keys and shapes do not change in training."""
    for schema, data in _cases(component):
        learners.check_keys_and_shapes_are_stable(component, schema, data)


def check_train_leaves_the_given_state(component: Any) -> None:
    """`train` does not write into the state it is given."""
    for schema, data in _cases(component):
        learners.check_train_leaves_the_given_state(component, schema, data)


def check_losses_do_not_mix_rows(component: Any) -> None:
    """One loss a row, independent of the other rows, so that clipping bounds a patient."""
    _everywhere(component, learners.check_losses_do_not_mix_rows)


def check_objective(component: Any) -> None:
    """What the steps minimise, for attacks by loss and gradient."""
    _everywhere(component, learners.check_objective_is_row_by_row)


def check_private_gradients(component: Any) -> None:
    """Ghost clipping gives the sums of plain per-example gradients."""
    _everywhere(component, learners.check_private_gradients)


def check_spends_what_it_declares(component: Any) -> None:
    """What the ledgers of several silos show after several rounds is what `charges` said."""
    _everywhere(component, learners.check_spends_what_it_declares)


def check_keeps_no_patient(component: Any) -> None:
    """No encoded training row is stored in the state that leaves the silo."""
    for schema, data in _cases(component):
        found = learners.learn(component, schema, data, seed=9)
        z = component.encode(schema, found["state"], data)
        learners.assert_no_row_in(found["state"], z.detach())


def check_encodes_one_finite_row_a_record(component: Any) -> None:
    """encode gives [n, dim] finite float32, also for one record."""
    for schema, data in _cases(component):
        state = learners.learn(component, schema, data, seed=7, rounds=1)["state"]
        for n in (RECORDS, 1):
            z = component.encode(schema, state, data.take(np.arange(n)))
            assert z.shape == (n, component.dim), f"{schema.kind}: encode gives {tuple(z.shape)} for {n} records"
            assert z.dtype == torch.float32, f"{schema.kind}: encode gives {z.dtype}"
            assert bool(torch.isfinite(z).all()), f"{schema.kind}: encode gives values that are not finite"


def check_encoding_does_not_depend_on_the_batch(component: Any) -> None:
    """A record's vector is the same alone, in company and in another order."""
    for schema, data in _cases(component):
        state = learners.learn(component, schema, data, seed=8, rounds=1)["state"]
        together = component.encode(schema, state, data)
        order = np.arange(RECORDS)[::-1].copy()
        torch.testing.assert_close(component.encode(schema, state, data.take(order))[order], together, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(component.encode(schema, state, data.take(np.array([3]))), together[3:4], rtol=1e-4, atol=1e-5)


def check_computes_where_it_is_told(component: Any) -> None:
    """On a device as on the CPU: steps, vectors and records; states come back on the CPU."""

    def law(component: Any, schema: Schema, data: Any) -> None:
        placed.check_computes_where_it_is_told(component, schema, data, partial(_uses, schema, data))

    _everywhere(component, law)


def _uses(schema: Schema, data: Any, component: Any, state: dict[str, torch.Tensor], device: str) -> dict[str, torch.Tensor]:
    z = component.encode(schema, state, data, **accepted(component.encode, device))
    made = component.decode(schema, state, z, **accepted(component.decode, device))
    assert not (wrong := fault(schema, made, len(z))), f"decode of a {schema.kind}: {wrong}"
    return {"encode": z}


def check_decodes_to_the_schema(component: Any) -> None:
    """Any vector, also one far out, decodes to a record that the schema allows; what no patient lacked is not lost for all."""
    for schema, data in _cases(component):
        state = learners.learn(component, schema, data, seed=10, rounds=1)["state"]
        z = component.encode(schema, state, data)
        far = torch.cat([z[:4], 30.0 * torch.ones(2, component.dim), -30.0 * torch.ones(2, component.dim)])
        for vectors in (z, far):
            wrong = fault(schema, component.decode(schema, state, vectors), len(vectors))
            assert not wrong, f"decode of a {schema.kind}: {wrong}"
        lost = _lost(component.decode(schema, state, z))
        assert not lost, f"decode of a {schema.kind}: {lost} is missing everywhere, though every patient has it"


CHECKS: tuple[Check, ...] = (
    *checks(Use(inputs, exercise)),
    check_declares_kinds_and_dimension,
    check_charges,
    check_state_is_stable,
    check_train_leaves_the_given_state,
    check_losses_do_not_mix_rows,
    check_objective,
    check_private_gradients,
    check_spends_what_it_declares,
    check_keeps_no_patient,
    check_encodes_one_finite_row_a_record,
    check_encoding_does_not_depend_on_the_batch,
    check_decodes_to_the_schema,
    check_computes_where_it_is_told,
)


def _everywhere(component: Any, law: Callable[[Any, Schema, Any], None]) -> None:
    """The law for every kind of modality; not applicable only where it is for all of them."""
    cases, reasons = list(_cases(component)), []
    for schema, data in cases:
        try:
            law(component, schema, data)
        except NotApplicable as reason:
            reasons.append(reason)
    if len(reasons) == len(cases):
        raise reasons[0]


def _lost(data: Any) -> str:
    """A column or channel without a single value."""
    if isinstance(data, Table):
        return next((f"column {name!r}" for name, empty in data.frame.isna().all().items() if empty), "")
    if isinstance(data, Series):
        return next((f"channel {i}" for i, known in enumerate(np.atleast_1d(data.seen.any(axis=(0, 1)))) if not known), "")
    return ""


def _cases(component: Any) -> Iterator[tuple[Schema, Any]]:
    for kind, data in inputs(component, 0).items():
        yield SCHEMAS[kind], data
