"""Groups of targets whose leakage is told apart: classes, sex, age bands, a silo's patients, patients like few others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.errors import NotApplicable
from fpmg_plugins.metrics import subgroups
from fpmg_plugins.metrics.privacy.attacks.member_scores import uncommonness
from fpmg_plugins.metrics.privacy.densities import nth_nearest
from fpmg_plugins.metrics.privacy.targets import LEAST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fpmg_bench.contracts import Evidence
    from fpmg_bench.types import Cohort
    from fpmg_plugins.metrics.privacy.targets import Targets

    Mask = NDArray[np.bool_]

NEIGHBOURS = 5
VULNERABLE, FEW = 0.1, 100  # share of the targets that are looked at first, and how many at least, up to half of them
UNCOMMON = 0.75  # quantile of the non-members' distance to the third set above which a patient is uncommon


def groups(evidence: Evidence, others: Cohort, targets: Targets) -> dict[str, Mask]:
    """scope -> targets [n]: class:NAME, group:sex=F, group:age=65+, group:uncommon."""
    found = {f"class:{name}": targets.label == c for c, name in enumerate(evidence.train.classes)}
    found |= _public(evidence.train, others, targets) | _uncommon(evidence, others, targets)
    return {scope: rows for scope, rows in found.items() if rows.any()}


def vulnerable(evidence: Evidence, others: Cohort, targets: Targets) -> Mask:
    """Targets [n] far from everybody else, members or not: those whose fifth nearest other record in phi is farthest (Meeus et al. 2023).

    A tenth of the targets, but at least 100, or half of them; a patient's farthest record counts.
    """
    patient = np.concatenate([evidence.train.patient, others.patient])

    def alone() -> NDArray[np.float32]:
        points = np.concatenate([evidence.phi(part) for part in (evidence.train, others)])
        return nth_nearest(points, points, NEIGHBOURS + 1)  # the nearest is the record itself

    far = targets.most(patient, evidence.once(("distance to all others",), alone, others))
    first = np.argsort(-far, kind="stable")[: max(min(FEW, len(targets) // 2), round(VULNERABLE * len(targets)))]
    rows: Mask = np.isin(np.arange(len(targets)), first)
    return rows


def rarest(targets: Targets, classes: Sequence[str]) -> str | None:
    """Scope of the class with the fewest targets among those with enough of them."""
    sizes = {name: targets.a_side(targets.label == c) for c, name in enumerate(classes)}
    known = {name: n for name, n in sizes.items() if n >= LEAST}
    return f"class:{min(known, key=lambda name: known[name])}" if len(known) > 1 else None


def of_silo(evidence: Evidence, silo: int, others: Cohort) -> dict[str, Mask | None]:
    """A silo's own training records, and the records among `others` that are of the same silo, as `matched` takes them.

    None, which is everybody, where silos were made by the partition.
    """
    name, names = evidence.silo_names[silo], others.silo_names
    return {"own": evidence.train.silo == silo, "same": others.silo == names.index(name) if name in names else None}


def sides(evidence: Evidence, release: Cohort, others: Cohort) -> dict[str, Mask | None]:
    """Who may be a member of a release, and who not: as `of_silo` gives it, or {} for everybody.

    Where no message travelled a silo's release knows nothing of other silos' patients: they are no members of it. Non-members
    are then of the same silo, or the attack would tell silos apart.
    """
    silos = [silo for silo, cohort in evidence.released.items() if cohort is release]
    if len(silos) != 1 or evidence.bytes.get("messages") != 0:
        return {}
    return of_silo(evidence, silos[0], others)


def _public(train: Cohort, others: Cohort, targets: Targets) -> dict[str, Mask]:
    """Sex and age band, as `fairness` finds them."""
    patient = np.concatenate([train.patient, others.patient])
    ours, theirs = subgroups.groups(train), subgroups.groups(others)
    return {
        f"group:{attribute}={group}": targets.most(patient, np.concatenate([mask, theirs[attribute][group]]).astype(float)) > 0
        for attribute, masks in ours.items()
        for group, mask in masks.items()
    }


def _uncommon(evidence: Evidence, others: Cohort, targets: Targets) -> dict[str, Mask]:
    try:
        parts = [uncommonness(evidence, part) for part in (evidence.train, others)]
    except NotApplicable:  # no third set: `membership.domias` says so
        return {}
    far = targets.most(np.concatenate([evidence.train.patient, others.patient]), np.concatenate(parts))
    known = ~np.isnan(far) & ~targets.member
    return {"group:uncommon": far > np.quantile(far[known], UNCOMMON)} if known.any() else {}
