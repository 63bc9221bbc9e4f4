"""Columns and pairs of columns against sdmetrics itself, bit for bit."""

import warnings
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.phantom import Phantom
from fpmg_plugins.metrics import table_fidelity
from fpmg_plugins.metrics.column_similarity import both, correlation, shape, tenths, trend, varies

from fpmg_bench.controls import CONTROLS
from fpmg_bench.errors import NotApplicable
from fpmg_bench.evaluation import split
from fpmg_bench.keys import rng_for
from fpmg_bench.types import Column


def theirs(columns, real, made):
    """sdmetrics' score of one column, or of a pair whose numbers are in tenths of the real ones."""
    from sdmetrics.column_pairs import ContingencySimilarity, CorrelationSimilarity
    from sdmetrics.single_column import KSComplement, TVComplement

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if len(columns) == 1:
            (one,) = columns
            metric = KSComplement if one.type == "number" else TVComplement
            return metric.compute(real[one.name].dropna(), made[one.name].dropna())
        parts = [frame[[c.name for c in columns]].dropna() for frame in (real, made)]
        if all(c.type == "number" for c in columns):
            return CorrelationSimilarity.compute(*parts)
        for c in columns:
            if c.type == "number":
                cut = tenths(*(part[c.name].to_numpy() for part in parts))
                parts = [part.assign(**{c.name: tenth}) for part, tenth in zip(parts, cut, strict=True)]
        return ContingencySimilarity.compute(*(part.astype(str) for part in parts))


def ours(columns, real, made):
    sides = [both(c, real[c.name].to_numpy(), made[c.name].to_numpy()) for c in columns]
    if len(columns) == 1:
        return shape(columns[0], *sides[0])
    return trend(tuple(columns), (sides[0][0], sides[1][0]), (sides[0][1], sides[1][1]))


def drawn(seed, n, words):
    """Numbers with ties, flags and categories, all with gaps; the second table knows a word that the first does not."""
    rng = np.random.default_rng(seed)
    frame = {"x": rng.normal(size=n), "tied": rng.integers(0, 5, n).astype(float), "flag": rng.integers(0, 2, n).astype(float)}
    frame["like x"] = frame["x"] + rng.normal(size=n)
    table = pd.DataFrame(frame | {"word": rng.choice(np.array(words, object), n)})
    return table.mask(rng.random(table.shape) < 0.1)


@pytest.mark.parametrize(("seed", "n", "m"), [(0, 200, 200), (1, 333, 500), (2, 1500, 47)])
def test_made_up_columns_score_as_in_sdmetrics(seed, n, m):
    words = ("b", "a", "ab", "z")
    columns = [Column("x", "number"), Column("tied", "number"), Column("like x", "number")]
    columns += [Column("flag", "flag"), Column("word", "category", (*words, "new"))]
    real, made = drawn(seed, n, words), drawn(seed + 10, m, (*words, "new"))
    for size in (1, 2):
        for some in combinations(columns, size):
            assert ours(some, real, made) == theirs(some, real, made), some


def test_tables_of_patients_score_as_in_sdmetrics():
    dataset = Phantom(patients=400, silos=2, modalities=("table",))
    parts = split(dataset.load(), 0)
    released = CONTROLS["bootstrap-noise"](parts.train, dataset, 0.5, rng_for(0, "control"))
    real, made = (cohort.data["table"].frame for cohort in (parts.held_out, released))
    columns = [c for c in parts.train.schemas["table"].columns if real[c.name].nunique() > 1]
    for size in (1, 2):
        for some in combinations(columns, size):
            assert ours(some, real, made) == pytest.approx(theirs(some, real, made), abs=0), some
    single = [theirs((c,), real, made) for c in columns]
    assert table_fidelity.shapes(parts.train.schemas["table"].columns, real, made) == float(np.mean(single))


def test_known_answers():
    line = np.arange(20.0)
    assert shape(Column("x", "number"), line, line + 5) == 0.75
    assert shape(Column("f", "flag"), np.array([0.0, 1, 1, 1]), np.array([0.0, 0, 1, 1])) == 0.75
    assert correlation((line, line), (line, -line)) == 0.0
    numbers = (Column("x", "number"), Column("y", "number"))
    assert trend(numbers, (line[:9], line[:9]), (line, line)) is None  # too few
    assert trend(numbers, (line, line), (line, 0 * line)) is None  # constant


def test_what_does_not_vary_is_left_out():
    assert not varies(np.array([np.nan, 2.0, 2.0])) and not varies(np.full(3, np.nan)) and varies(np.array([1.0, 2.0]))
    same = pd.DataFrame({"x": np.ones(5)})
    with pytest.raises(NotApplicable, match="no column of the table varies"):
        table_fidelity.shapes([Column("x", "number")], same, same)
