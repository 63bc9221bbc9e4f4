"""Step 3: training patients in silos, each with its own hyper-parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fpmg_bench.partition import absent, feature_skew, partition, skew, sorted_skew, withheld

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.spec import TrialSpec
    from fpmg_bench.types import Cohort

CORE = (
    "local_steps",
    "sampling_rate",
    "epsilon",
    "encoder",
)  # overrides the core itself understands; all others go to the learners


@dataclass(frozen=True, slots=True)
class Pace:
    """Local steps a round, and the share of the patients that each draws."""

    steps: int
    rate: float


@dataclass(frozen=True, slots=True)
class Silo:
    """One silo: its training records as rows of the training cohort, its pace in either stage, its learners' parameters.

    epsilon: its own budget; None: the method's.
    """

    index: int
    name: str
    rows: NDArray[np.intp]
    patients: int
    stage1: Pace
    stage2: Pace
    params: Mapping[str, Any]
    epsilon: float | None = None

    def pace(self, stage: str) -> Pace:
        """Of "stage1:<modality>" or "stage2"."""
        return self.stage1 if stage.startswith("stage1") else self.stage2

    def summary(self, train: Cohort) -> dict[str, Any]:
        """The silo's entry in trial.json."""
        import numpy as np

        return {
            "index": self.index,
            "name": self.name,
            "records": len(self.rows),
            "patients": self.patients,
            "label_counts": np.bincount(train.label[self.rows], minlength=len(train.classes)).tolist(),
            "modalities": [m for m, mask in train.present.items() if bool(mask[self.rows].any())],
            "sampling_rate": self.stage2.rate,
            "local_steps": self.stage2.steps,
            "encoder": {"sampling_rate": self.stage1.rate, "local_steps": self.stage1.steps},
        }


def place(train: Cohort, spec: TrialSpec) -> tuple[Cohort, list[Silo], dict[str, Any]]:
    """The training cohort with `silo` set to the realised partition, the silos that hold patients, and the realised skew.

    Under a modality skew without what is withheld, and without the records of which nothing is left: skew["withheld"], modality ->
    silo -> records, and skew["left_out"], records; under a feature skew with `by` and `without_feature` of `sorted_skew`.
    """
    import numpy as np

    where, names = partition(train, spec.partition, spec.seed)
    used = [index for index in range(len(names)) if bool((where == index).any())]
    dense = np.searchsorted(used, where)
    placed = replace(train, silo=dense, silo_names=tuple(names[index] for index in used))
    counted: dict[str, Any] = dict(sorted_skew(placed, spec.partition))
    lost = withheld(train, spec.partition, spec.seed)
    if lost:
        counted["withheld"] = {m: _by_silo(placed, mask) for m, mask in lost.items()}
        placed = replace(placed, present={m: mask & ~lost[m] if m in lost else mask for m, mask in placed.present.items()})
        placed = placed.take(np.any(list(placed.present.values()), axis=0))
        counted["left_out"] = len(train) - len(placed)
    realised = skew(placed.label, placed.silo) | feature_skew(placed) | {"absent": absent(placed)}
    return placed, silos_of(placed, spec), realised | counted


def _by_silo(placed: Cohort, mask: NDArray[np.bool_]) -> dict[str, int]:
    """silo -> records where the mask is True."""
    import numpy as np

    count = np.bincount(placed.silo[mask], minlength=len(placed.silo_names))
    return {name: int(n) for name, n in zip(placed.silo_names, count, strict=True) if n}


def silos_of(placed: Cohort, spec: TrialSpec) -> list[Silo]:
    """The silos of a training cohort that knows where its records are. Overrides of single silos mean nothing where all are pooled."""
    pooled = spec.partition.get("kind") == "pooled"
    overrides = {} if pooled else spec.silos
    return [_silo(placed, index, overrides.get(name, {}), spec) for index, name in enumerate(placed.silo_names)]


def _silo(train: Cohort, index: int, overrides: Mapping[str, Any], spec: TrialSpec) -> Silo:
    import numpy as np

    rows = np.flatnonzero(train.silo == index)
    return Silo(
        index,
        train.silo_names[index],
        rows,
        len(np.unique(train.patient[rows])),
        _pace(spec.budget.stage1, {**overrides, **overrides.get("encoder", {})}),
        _pace({"local_steps": spec.budget.local_steps, "sampling_rate": spec.budget.sampling_rate}, overrides),
        {key: value for key, value in overrides.items() if key not in CORE},
        overrides.get("epsilon"),
    )


def _pace(budget: Mapping[str, Any], overrides: Mapping[str, Any]) -> Pace:
    own = {**budget, **overrides}
    return Pace(int(own["local_steps"]), float(own["sampling_rate"]))
