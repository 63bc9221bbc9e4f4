"""Generators with known faults, in data space: a metric counts only if it passes them (EVALUATION.md, "Controls").

A control maps (train, dataset, strength, rng) to a release of |T| records with T's label mixture; strength 1 is the full
fault, 0 none. They see training rows, so what they return is stored only for publishable cohorts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from fpmg_bench.controls import impossible
from fpmg_bench.controls.disturb import dealt, independent, noisy, uniform
from fpmg_bench.controls.join import concatenate
from fpmg_bench.controls.shrink import shrunk
from fpmg_bench.controls.unusable import PICTURES, TEXTS, blurred, grey_noise, question_marks, shuffled_words
from fpmg_bench.errors import NotApplicable

if TYPE_CHECKING:
    from typing import Any

    from fpmg_bench.contracts import Dataset
    from fpmg_bench.types import Cohort, Rng

    Control = Callable[[Cohort, Dataset, float, Rng], Cohort]
    Fault = Callable[[Any, Any, float, np.random.Generator], Any]

__all__ = ["ABOUT", "CONTROLS", "balance", "concatenate"]


def copy(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """A share `strength` of the training rows, each exactly once; in the place of the others fresh or noisy records."""
    if strength >= 1:
        return _anonymous(train)
    fresh = getattr(dataset, "simulate", None)
    other = oracle(train, dataset, 1.0, rng) if fresh else bootstrap_noise(train, dataset, 1.0, rng)
    return _mixed(train, other, np.random.default_rng(_seed(rng)).random(len(train)) < strength)


def bootstrap_noise(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """Training rows drawn with replacement, then disturbed: half a standard deviation at strength 1."""
    numbers = np.random.default_rng(_seed(rng))
    return _each_modality(train.take(numbers.integers(0, len(train), len(train))), noisy, strength, numbers)


def collapse(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """Every record drawn towards the mean of its class; at strength 1 all records of a class are the same."""
    numbers = np.random.default_rng(_seed(rng))
    parts = [np.flatnonzero(train.label == c) for c in np.unique(train.label)]
    whole = concatenate([_each_modality(train.take(rows), shrunk, strength, numbers) for rows in parts])
    return _anonymous(whole.take(np.argsort(np.concatenate(parts))))


def half_spread(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """Half the spread about the class mean at strength 1."""
    return collapse(train, dataset, strength / 2, rng)


def shuffle_pairing(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """Each modality but the first is dealt anew among a share `strength` of the records; the label stays with the first."""
    numbers = np.random.default_rng(_seed(rng))
    data, present = dict(train.data), dict(train.present)
    for name in list(train.schemas)[1:]:
        order = dealt(len(train), strength, numbers)
        data[name], present[name] = train.data[name].take(order), train.present[name][order]
    return _anonymous(replace(train, data=data, present=present))


def independent_columns(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """A share `strength` of columns, channels, words and pixels is dealt anew, each by itself: right margins, no relations."""
    return _each_modality(train, independent, strength, np.random.default_rng(_seed(rng)))


def drop_minority(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """A mode is lost: a share `strength` of the records labelled as the smallest class shows patients of the other classes.

    The labels stay: a release has the label mixture that was asked for, whatever the generator can show for it.
    """
    numbers = np.random.default_rng(_seed(rng))
    classes, counts = np.unique(train.label, return_counts=True)
    if len(classes) < 2:
        raise NotApplicable("drop-minority needs two classes; the training patients have one")
    minority = train.label == classes[counts.argmin()]
    rows = np.arange(len(train))
    gone = numbers.permutation(rows[minority])[: round(strength * int(minority.sum()))]
    rows[gone] = numbers.choice(np.flatnonzero(~minority), len(gone))
    return _anonymous(replace(train.take(rows), condition=train.condition))


def uniform_noise(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """A share `strength` of the records is uniform over the declared (else observed) ranges, with the label they had."""
    numbers = np.random.default_rng(_seed(rng))
    return _mixed(_each_modality(train, uniform, 1.0, numbers), train, numbers.random(len(train)) < strength)


def label_swap(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """The conditions are dealt anew among a share `strength` of the records."""
    if train.task == "none" and len(train.conditions) == 1:
        raise NotApplicable("the cohort has no label")
    order = dealt(len(train), strength, np.random.default_rng(_seed(rng)))
    return _anonymous(replace(train, condition=train.condition[order]))


def oracle(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """The simulator itself, for the labels of the training records; strength plays no part. Simulated datasets only."""
    simulate = getattr(dataset, "simulate", None)
    if simulate is None:
        raise NotApplicable("only a simulated dataset has an oracle")
    fresh: Cohort = simulate(len(train), rng, labels=train.label)
    return _anonymous(fresh.take(np.arange(len(train))).only(tuple(train.schemas)))


def rare_pairs(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """A share `strength` of the records that can gets two values that no training record has together; every column keeps its values."""
    return _anonymous(impossible.rare_pairs(train, strength, np.random.default_rng(_seed(rng))))


def independent_gaps(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
    """Gaps of columns and channels, and whole modalities, are dealt anew among a share `strength` of the records, each by itself."""
    if not any(_has_gaps(train, name) for name in train.schemas):
        raise NotApplicable("nothing is missing in any training record")
    numbers = np.random.default_rng(_seed(rng))
    return impossible.independent_presence(
        _each_modality(train, impossible.independent_gaps, strength, numbers), strength, numbers
    )


def _has_gaps(cohort: Cohort, name: str) -> bool:
    if not cohort.present[name].all():
        return True
    data, kind = cohort.data[name], cohort.schemas[name].kind
    if kind == "table":
        return bool(data.frame.isna().to_numpy().any())
    return kind == "series" and not bool(data.seen.all())


# which kinds of modality a control spoils, where it needs one of them
ABOUT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"grey-noise": PICTURES, "blur": PICTURES, "question-marks": TEXTS, "shuffled-words": TEXTS}
)


def _spoiled(name: str, fault: Fault) -> Control:
    """The fault as a control of that name."""
    kinds = ABOUT[name]

    def control(train: Cohort, dataset: Dataset, strength: float, rng: Rng) -> Cohort:
        if not any(schema.kind in kinds for schema in train.schemas.values()):
            raise NotApplicable(f"the cohort has no {' or '.join(kinds)}")
        return _each_modality(train, fault, strength, np.random.default_rng(_seed(rng)))

    control.__doc__ = fault.__doc__
    return control


CONTROLS: Mapping[str, Control] = MappingProxyType(
    {
        "copy": copy,
        "bootstrap-noise": bootstrap_noise,
        "collapse": collapse,
        "half-spread": half_spread,
        "shuffle-pairing": shuffle_pairing,
        "independent-columns": independent_columns,
        "drop-minority": drop_minority,
        "uniform": uniform_noise,
        "label-swap": label_swap,
        "grey-noise": _spoiled("grey-noise", grey_noise),
        "blur": _spoiled("blur", blurred),
        "question-marks": _spoiled("question-marks", question_marks),
        "shuffled-words": _spoiled("shuffled-words", shuffled_words),
        "rare-pairs": rare_pairs,
        "independent-gaps": independent_gaps,
        "oracle": oracle,
    }
)


def balance(cohort: Cohort, rng: Rng) -> Cohort:
    """As many records, drawn with replacement so that every class that occurs is equally frequent."""
    numbers = np.random.default_rng(_seed(rng))
    classes = np.unique(cohort.label)
    wanted = classes[np.arange(len(cohort)) % len(classes)]
    rows = np.empty(len(cohort), np.intp)
    for c in classes:
        rows[wanted == c] = numbers.choice(np.flatnonzero(cohort.label == c), int((wanted == c).sum()))
    return cohort.take(rows)


def _each_modality(cohort: Cohort, fault: Fault, strength: float, rng: np.random.Generator) -> Cohort:
    """The fault applied to every modality's present records."""
    data = {}
    for name, schema in cohort.schemas.items():
        have = np.flatnonzero(cohort.present[name])
        data[name] = cohort.data[name]
        if len(have):
            changed = fault(schema, data[name].take(have), strength, rng)
            data[name] = changed.take(np.maximum(np.cumsum(cohort.present[name]) - 1, 0))  # absent rows: any row, never read
    return _anonymous(replace(cohort, data=data))


def _mixed(a: Cohort, b: Cohort, from_a: np.ndarray) -> Cohort:
    rows = np.where(from_a, np.arange(len(a)), len(a) + np.arange(len(b)))
    return _anonymous(concatenate([a, b]).take(rows))


def _anonymous(cohort: Cohort) -> Cohort:
    """Every record its own patient: a release does not tell who it was made from."""
    return replace(cohort, patient=np.arange(len(cohort), dtype=np.int64))


def _seed(rng: Rng) -> int:
    import torch

    return int(torch.randint(0, 2**62, (), generator=rng))
