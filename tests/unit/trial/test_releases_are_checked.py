"""What a decoder or a generator gives is checked before it is called a patient; the error names who gave it."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fpmg_bench.errors import TrialError
from fpmg_bench.evaluation.valid import fault
from fpmg_bench.testing import fakes
from fpmg_bench.trial.parts import Parts
from fpmg_bench.trial.release import release
from fpmg_bench.trial.vectors import round_trips
from fpmg_bench.types import Pixels, Representation, Table

N = 8
TRAIN = fakes.cohort(N)
MODELS = {0: {kind: {} for kind in (*TRAIN.schemas, "generator")}}


class Recall:
    """Decodes to the records that it was made with, whatever the vectors say."""

    dim = 2

    def __init__(self, data: Any) -> None:
        self.data = data

    def encode(self, schema: Any, state: Any, data: Any) -> Any:
        return torch.zeros(len(data), self.dim)

    def decode(self, schema: Any, state: Any, z: Any) -> Any:
        return self.data


class Zeros:
    """Draws zeros, one fewer or wider than asked for where it is told to."""

    def __init__(self, fewer: int = 0, wider: int = 0, value: float = 0.0) -> None:
        self.fewer, self.wider, self.value = fewer, wider, value

    def sample(self, schema: Any, state: Any, condition: Any, rng: Any) -> Representation:
        n = len(condition) - self.fewer
        z = torch.full((n, schema.width + self.wider), self.value)
        return Representation(z, torch.ones(n, len(schema.blocks), dtype=torch.bool), condition[:n], torch.arange(n), schema)


def parts(kind: str, data: Any, generator: Any = None) -> Parts:
    encoders: Any = {name: Recall(data if name == kind else TRAIN.data[name]) for name in TRAIN.schemas}
    return Parts(SimpleNamespace(), {}, encoders, generator or Zeros())  # type: ignore[arg-type]


def released(made: Parts) -> Any:
    return release(MODELS, made, TRAIN, TRAIN.condition, 0)[0].records


def frame(**columns: Any) -> Table:
    return Table(TRAIN.data["table"].frame.assign(**columns))


SERIES = TRAIN.data["series"]
FAULTY = {
    "another planet": ("table", frame(ward=np.array(["martian"] * N, dtype=object)), r"'ward' holds undeclared categories \['martian'\]"),
    "beyond high": ("table", frame(lactate=1e9), r"'lactate' leaves its range \[0.0, 20.0\]: 1e\+09"),
    "no number": ("table", frame(lactate=np.array(["much"] * N, dtype=object)), r"'lactate' is a number, and holds 'much'"),
    "infinite": ("table", frame(age=np.inf), "'age' holds a value that is not finite"),
    "half a flag": ("table", frame(fever=0.5), "'fever' is a flag with values other than 0 and 1"),
    "all missing": ("table", Table(pd.DataFrame(np.nan, range(N), TRAIN.data["table"].frame.columns)), "every value is missing"),
    "a column short": ("table", Table(TRAIN.data["table"].frame.drop(columns="ward")), "the schema says"),
    "a record short": ("table", TRAIN.data["table"].take(np.arange(N - 1)), f"{N - 1} records for {N}"),
    "another kind": ("table", TRAIN.data["text"], "Text for a table, expected Table"),
    "nothing": ("table", None, "NoneType for a table"),
    "backwards": ("series", replace(SERIES, time=SERIES.time[:, ::-1].copy()), "time runs backwards"),
    "nothing seen": ("series", replace(SERIES, values=0 * SERIES.values, seen=0 * SERIES.seen > 0), "every value is missing"),
    "not a number": ("series", replace(SERIES, values=np.where(SERIES.seen, np.nan, 0)), "channel 'heart rate' holds a value that is not finite"),
    "long": ("text", replace(TRAIN.data["text"], strings=("x" * 49,) * N), "a text of 49 characters, the schema allows 48"),
    "bytes": ("text", replace(TRAIN.data["text"], strings=(b"x",) * N), "b'x' is no string"),
    "floats": ("image", Pixels.of(np.zeros((N, 1, 16, 16))), "pixels of type float64"),
    "small": ("video", Pixels.of(np.zeros((N, 4, 1, 8, 8), np.uint8)), r"pixels \(8, 4, 1, 8, 8\)"),
}  # fmt: skip


@pytest.mark.parametrize("how", FAULTY)
def test_records_that_the_schema_does_not_allow_are_not_released(how: str) -> None:
    kind, data, words = FAULTY[how]
    with pytest.raises(TrialError, match=rf"encoder Recall of modality '{kind}' decoded .*{words}"):
        released(parts(kind, data))


def test_nor_measured_after_a_round_trip() -> None:
    kind, data, words = FAULTY["beyond high"]
    with pytest.raises(TrialError, match=rf"encoder Recall of modality '{kind}' decoded .*{words}"):
        round_trips(parts(kind, data), TRAIN, TRAIN, MODELS)


def test_missing_values_are_allowed_and_valid_records_come_through() -> None:
    holes = frame(lactate=[np.nan, *[3.0] * (N - 1)], ward=np.array([None, *["icu"] * (N - 1)], dtype=object))
    assert released(parts("table", holes)).data["table"] is holes
    assert not any(fault(TRAIN.schemas[kind], TRAIN.data[kind], N) for kind in TRAIN.schemas)


@pytest.mark.parametrize(
    ("generator", "words"),
    [
        (Zeros(fewer=1), rf"shape \({N - 1}, 10\).*{N} of width 10"),
        (Zeros(wider=3), rf"shape \({N}, 13\).*{N} of width 10"),
        (Zeros(value=float("nan")), "not finite"),
    ],
    ids=["fewer", "wider", "nan"],
)
def test_a_generator_that_draws_something_else_is_named(generator: Any, words: str) -> None:
    with pytest.raises(TrialError, match=f"generator Zeros drew vectors .*{words}"):
        released(parts("table", TRAIN.data["table"], generator))
