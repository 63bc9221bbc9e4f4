"""Laws of datasets. A cohort whose files are not on this machine is not applicable."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, get_args

import numpy as np

from fpmg_bench.contracts import Part
from fpmg_bench.errors import DatasetError, NotApplicable
from fpmg_bench.evaluation.valid import fault
from fpmg_bench.strata import stratum
from fpmg_bench.testing.common import Check, Use, checks
from fpmg_bench.types import Cohort

SAMPLED = 64  # records whose media are read
HELD_OUT = 30  # fresh people that are asked for


def inputs(component: Any, seed: int) -> dict[str, Any]:
    """A dataset has none but its parameters."""
    return {}


def exercise(component: Any, given: dict[str, Any], seed: int) -> dict[str, Any]:
    """Conditions, patients and a sample of every modality."""
    cohort = load(component)
    rows = _sampled(cohort)
    return {
        "fingerprint": component.fingerprint(),
        "condition": cohort.condition,
        "patient": cohort.patient,
        "some": cohort.take(rows).data,
    }


class _Same:
    """This very object, whether or not it can be hashed."""

    def __init__(self, component: Any) -> None:
        self.component = component

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.component is self.component

    def __hash__(self) -> int:
        return id(self.component)


@lru_cache(maxsize=1)
def _seen(same: _Same) -> Cohort:
    return load(same.component)


def seen(component: Any) -> Cohort:
    """The cohort for those who only look at it: loaded once for all checks of a component."""
    return _seen(_Same(component))


def load(component: Any) -> Cohort:
    """The cohort, loaded. NotApplicable where its files are missing."""
    try:
        cohort: Cohort = component.load()
    except DatasetError as error:
        raise NotApplicable(f"cohort not available here: {error}") from error
    return cohort


def check_declares_licence(component: Any) -> None:
    """`licence` is text, `publishable` a bool."""
    assert isinstance(component.licence, str) and component.licence.strip(), "licence is empty"
    assert isinstance(component.publishable, bool), "publishable is not a bool"


def check_fingerprint_is_stable(component: Any) -> None:
    """The same content gives the same text, before and after loading."""
    seen(component)
    first = component.fingerprint()
    again = type(component)(**{name: getattr(component, name) for name in _names(component)}).fingerprint()
    assert isinstance(first, str) and first, "fingerprint is empty"
    assert first == again, "two objects of one cohort have different fingerprints"


def check_parts_have_one_row_a_record(component: Any) -> None:
    """Modalities, masks, conditions, patients and silos have the same length and declared names."""
    cohort = seen(component)
    n = len(cohort)
    assert n > 0, "the cohort is empty"
    assert set(cohort.data) == set(cohort.schemas) == set(cohort.present), "schemas, data and present name different modalities"
    for name, part in cohort.data.items():
        assert len(part) == n, f"modality {name!r} has {len(part)} records for {n} patients' records"
        assert cohort.present[name].shape == (n,) and cohort.present[name].dtype == bool, f"present[{name!r}] is no mask of {n}"
    assert cohort.condition.shape == (n, len(cohort.conditions)), f"condition is {cohort.condition.shape}"
    assert cohort.silo.shape == (n,), f"silo is {cohort.silo.shape}"
    assert cohort.leaks <= set(cohort.schemas), f"leaks names unknown modalities {sorted(cohort.leaks - set(cohort.schemas))}"
    assert all(count >= 0 for count in cohort.dropped.values()), "a negative count of dropped records"


def check_label_is_known(component: Any) -> None:
    """The first condition is a class of every record, and flags and classes are whole numbers in range.

    A label that stands for a number or the time of an event is followed by it: known, with a declared range, and in its stratum.
    """
    cohort = seen(component)
    assert cohort.conditions[0].type in ("category", "flag"), "the first condition is a class or a flag"
    if cohort.conditions[0].stands_for:
        _check_target(cohort)
    assert not np.isnan(cohort.condition[:, 0]).any(), "a record without a label; drop and count it"
    for i, column in enumerate(cohort.conditions):
        if column.type == "number":
            continue
        known = cohort.condition[:, i][~np.isnan(cohort.condition[:, i])]
        count = len(column.categories) if column.type == "category" else 2
        assert set(known) <= set(range(count)), f"condition {column.name!r} holds values outside 0..{count - 1}"


def _check_target(cohort: Cohort) -> None:
    label, *others = cohort.conditions
    number = others[0] if others else label
    assert number.type == "number", f"label {label.name!r} stands for a number, which must be the second condition"
    assert number.low is not None and number.high is not None, f"{number.name!r} is what the label says: declare its low and high"
    assert np.isfinite(cohort.target).all(), f"a record whose {number.name!r} is not known; drop and count it"
    if label.stands_for == "number":
        assert len(label.categories) == len(label.cuts) + 1, f"{len(label.cuts)} cuts, {len(label.categories)} strata"
        assert list(label.cuts) == sorted(set(label.cuts)), "cuts do not rise"
        assert np.array_equal(stratum(cohort.target, label.cuts), cohort.condition[:, 0]), "a number that is not of its stratum"


def check_silos_are_named(component: Any) -> None:
    """Silo indices point into `silo_names`; a cohort without natural silos names none."""
    cohort = seen(component)
    if cohort.silo_names:
        assert set(np.unique(cohort.silo)) <= set(range(len(cohort.silo_names))), "a silo index without a name"
        assert len(set(cohort.silo_names)) == len(cohort.silo_names), "two silos have one name"


def check_data_follow_their_schemas(component: Any) -> None:
    """Categories, ranges, lengths and shapes are those declared."""
    cohort = seen(component)
    for name, schema in cohort.schemas.items():
        held = np.flatnonzero(cohort.present[name])[:SAMPLED]
        wrong = fault(schema, cohort.data[name].take(held), len(held))
        assert not wrong, f"modality {name!r}: {wrong}"


def check_fresh_patients_are_new(component: Any) -> None:
    """Where there is `fresh`: parts of a seed share nobody, are of the cohort's form, the same again, and other people in another seed.

    Nobody is held out freshly unless the parameter `held_out` asks for it. Not applicable to datasets without `fresh`.
    """
    if not hasattr(component, "fresh"):
        raise NotApplicable("it draws no patients anew for a seed")
    given = {name: getattr(component, name) for name in _names(component)}
    assert "held_out" in given, "`fresh` needs a parameter `held_out`: how many people"
    off, on = (type(component)(**{**given, "held_out": n}) for n in (0, HELD_OUT))
    assert all(off.fresh(0, part) is None for part in get_args(Part)), "fresh patients though held_out is 0"
    cohort, parts = on.load(), {part: on.fresh(0, part) for part in get_args(Part)}
    known = {name: part for name, part in parts.items() if part is not None}
    assert {"train", "held_out"} <= set(known), "no one to train on, or nobody held out"
    people = {name: set(part.patient.tolist()) for name, part in known.items()}
    assert len(people["held_out"]) == HELD_OUT, f"{len(people['held_out'])} held-out people, {HELD_OUT} were asked for"
    assert len(people["train"]) == len(set(cohort.patient.tolist())), "as many train as `load` gives"
    assert sum(map(len, people.values())) == len(set.union(*people.values())), "two parts share a patient's number"
    for name, part in known.items():
        same = (part.schemas, part.conditions, part.silo_names) == (cohort.schemas, cohort.conditions, cohort.silo_names)
        assert same, f"part {name!r} has other schemas, conditions or silos than `load`"
        assert np.array_equal(part.condition, on.fresh(0, name).condition, equal_nan=True), (
            f"part {name!r} differs when asked again"
        )
        assert not _alike(part, on.fresh(1, name)), f"part {name!r} has the same people in two seeds"
    assert not _alike(known["train"], cohort), "seed 0 trains on the people of `load`"


def _alike(a: Cohort, b: Cohort) -> bool:
    return np.array_equal(a.condition, b.condition, equal_nan=True)


CHECKS: tuple[Check, ...] = (
    *checks(Use(inputs, exercise)),
    check_declares_licence,
    check_fingerprint_is_stable,
    check_parts_have_one_row_a_record,
    check_label_is_known,
    check_silos_are_named,
    check_data_follow_their_schemas,
    check_fresh_patients_are_new,
)


def _sampled(cohort: Cohort) -> np.ndarray[Any, Any]:
    return np.arange(len(cohort))[:: max(1, len(cohort) // SAMPLED)]


def _names(component: Any) -> list[str]:
    import inspect

    return list(inspect.signature(type(component)).parameters)
