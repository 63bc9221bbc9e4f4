"""What stands in the place of a release where no generator draws one.

Of encoders alone the training patients themselves, encoded and decoded: what separates this from real patients is lost by encoders, what
separates a release from this by its generator. These records are as private as real ones: they are measured, and never written.
Of controls records with a known fault (or none: the oracle), bare or through a method's encoders. Of what is made elsewhere what a command
left: a release as any other, which may be a copy of patients, and the attacks are there to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import SuiteError
from fpmg_bench.keys import rng_for, seed_for
from fpmg_bench.trial.decoding import agreeing
from fpmg_bench.trial.released import Released
from fpmg_bench.trial.requested import BALANCED
from fpmg_bench.trial.vectors import encode, round_trips

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.trial.prepared import PreparedCohort
    from fpmg_bench.types import Cohort, State

OUTSIDE = "made elsewhere, outside the boundary: no federation, no ledger"
NOT_HERE = ("FC", "CO")  # families of metrics that look at a federation


def decoded(spec: TrialSpec, parts: Parts, prepared: PreparedCohort, models: Mapping[int, Mapping[str, State]]) -> Released:
    """What stands for the release and for its uniformly labelled sample, decoded when a metric first asks; nothing under privacy,

    where no epsilon covers patients who are decoded.
    """
    if spec.privacy is not None:
        return Released({})
    return Released(
        lambda: round_trips(parts, prepared.train, prepared.known, models),
        lambda: round_trips(parts, prepared.train, balanced(prepared.known, spec.seed), models),
    )


def balanced(train: Cohort, seed: int) -> Cohort:
    """Training records with every label equally often, rare ones repeated."""
    import numpy as np

    rng = np.random.default_rng(seed_for(seed, "decoded"))
    labels = np.unique(train.label)
    n = min(len(train), BALANCED)
    requested = np.bincount(np.arange(n) % len(labels), minlength=len(labels))
    return train.take(
        np.concatenate([_some(np.flatnonzero(train.label == c), k, rng) for c, k in zip(labels, requested, strict=True)])
    )


def _some(rows: NDArray[np.intp], k: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """k of these rows, each as often as the others but once."""
    import numpy as np

    return np.concatenate([rng.permutation(rows) for _ in range(-(-k // len(rows)))])[:k]


def bare(spec: TrialSpec, parts: Parts, prepared: PreparedCohort) -> Released:
    """The control's records as they are, of every silo."""
    return Released(dict.fromkeys((silo.index for silo in prepared.silos), _made(spec, parts, prepared)))


def outside(spec: TrialSpec, parts: Parts, prepared: PreparedCohort) -> tuple[Released, dict[str, Any]]:
    """What is made elsewhere of each silo's patients, and for trial.json how many records of it were kept, silo by silo."""
    from fpmg_bench.external.release import made

    assert spec.external is not None and parts.folder is not None
    train, records, told = prepared.train, {}, {}
    for silo in prepared.silos:
        own = train.take(silo.rows)
        found, told[silo.name] = made(spec.external, parts.folder, train, own, silo.name, spec.dataset_name, spec.seed)
        agreed = {
            name: agreeing(schema, found.data[name], train.conditions, found.condition) for name, schema in train.schemas.items()
        }
        records[silo.index] = replace(found, data=agreed)
    return Released(records), told


def through_encoders(
    spec: TrialSpec, parts: Parts, prepared: PreparedCohort, models: Mapping[int, Mapping[str, State]]
) -> Released:
    """The control's records after each silo's encoders and decoders; the vectors between stand for what a generator draws."""
    made = _made(spec, parts, prepared)

    def drawn(silo: int) -> NDArray[np.float32]:
        return encode(parts, prepared.train, made, models[silo]).z.numpy()

    return Released(round_trips(parts, prepared.train, made, models), drawn=drawn)


def _made(spec: TrialSpec, parts: Parts, prepared: PreparedCohort) -> Cohort:
    assert spec.control is not None
    name, strength = spec.control.name, float(spec.control.params.get("strength", 1.0))
    if name not in CONTROLS:
        known = ", ".join(sorted(CONTROLS))
        raise SuiteError(f"methods.{spec.method}.control: unknown control {name!r}", f"one of {known}")
    return CONTROLS[name](prepared.train, parts.dataset, strength, rng_for(spec.seed, "control", name))
