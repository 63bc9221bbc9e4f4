"""A table's column that is declared as a condition says what was asked for."""

import numpy as np
import pandas as pd
import pytest
from fpmg_plugins.datasets.cohorts import EicuDemo
from fpmg_plugins.datasets.phantom import Phantom

from fpmg_bench.trial.decoding import agreeing
from fpmg_bench.types import Column, Schema, Table

AGE = Column("age", "number", low=18, high=92, step=1)
SEX = Column("sex", "category", ("f", "m"))
ILL = Column("ill", "flag")
NAN = np.nan


def made(columns=(AGE, SEX, ILL)):
    frame = pd.DataFrame(
        {"age": [50.0, NAN, 30.0], "sex": np.array(["f", "f", None], object), "ill": [0.0, 1.0, 1.0], "other": [1.0, 2.0, 3.0]}
    )
    return Schema("table", (*columns, Column("other", "number"))), Table(frame)


def test_the_conditions_are_in_the_table_and_missing_cells_stay_missing():
    schema, table = made()
    known = np.array([[0, 61, 1, 1], [1, 62, 0, NAN], [0, 63, 1, 0]], dtype=float)
    found = agreeing(schema, table, (Column("label", "category", ("a", "b")), AGE, SEX, ILL), known).frame
    assert found["age"].tolist()[0] == 61
    assert np.isnan(found["age"].to_numpy()[1])
    assert found["sex"].tolist() == ["m", "f", None]
    assert found["ill"].tolist() == [1.0, 1.0, 0.0]  # unknown to the condition: what was decoded
    assert found["other"].tolist() == [1.0, 2.0, 3.0]
    assert table.frame["age"].tolist()[0] == 50.0  # what was decoded is not written into


def test_a_column_of_that_name_that_is_declared_otherwise_is_another_variable():
    schema, table = made((Column("age", "number", low=0, high=120), SEX, ILL))
    assert agreeing(schema, table, (AGE,), np.array([[61.0], [62.0], [63.0]])) is table
    series = Schema("series", (AGE,), (4,))
    assert agreeing(series, "any", (AGE,), np.zeros((3, 1))) == "any"


@pytest.mark.parametrize(
    "dataset", [Phantom(patients=300), Phantom(patients=300, shape="ring"), EicuDemo()], ids=["phantom", "ring", "eicu"]
)
def test_real_patients_tables_say_what_their_conditions_say(dataset):
    if isinstance(dataset, EicuDemo) and not dataset.available():
        pytest.skip("no eicu-demo below FPMG_DATA")
    cohort = dataset.load()
    shared = [(at, c) for at, c in enumerate(cohort.conditions) if c in cohort.schemas["table"].columns]
    assert shared
    for at, column in shared:
        there = cohort.data["table"].frame[column.name].to_numpy(dtype=float)
        both = ~np.isnan(there) & ~np.isnan(cohort.condition[:, at])
        assert both.sum() > 100
        assert np.array_equal(there[both], cohort.condition[both, at])
