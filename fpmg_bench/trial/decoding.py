"""Stage 3, one modality: what a decoder gives back is checked before anybody calls it a patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench.devices import accepted
from fpmg_bench.errors import TrialError
from fpmg_bench.evaluation.valid import fault

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.types import Column, Schema, State


def decode(parts: Parts, schema: Schema, modality: str, state: State, z: Tensor) -> Any:
    """As many records of the modality as z [n, dim] has rows, valid under its schema. TrialError names encoder and modality."""
    encoder = parts.encoders[modality]
    data = encoder.decode(schema, state, z, **accepted(encoder.decode, parts.device))
    wrong = fault(schema, data, len(z))
    if wrong:
        raise TrialError(
            f"encoder {type(encoder).__name__} of modality '{modality}' decoded what its schema does not allow: {wrong}",
            "a fault of the encoder: `fpmg-bench check NAME` finds it without a trial",
        )
    return data


def agreeing(schema: Schema, data: Any, conditions: Sequence[Column], known: NDArray[np.float64]) -> Any:
    """The decoded table with its conditions in it: a column that is declared as a condition is, to the letter, is the same variable.

    known [n, c]: what was asked for, or what encoded patients have. A missing cell stays missing, and an unknown condition says
    nothing. Other kinds of data come back as they are (docs/decisions/057-conditions-in-tables.md).
    """
    shared = [(at, column) for at, column in enumerate(conditions) if schema.kind == "table" and column in schema.columns]
    if not shared:
        return data
    frame = data.frame.copy()
    for at, column in shared:
        values, there = known[:, at], frame[column.name].to_numpy()
        told = (
            np.array([*column.categories, None], object)[np.nan_to_num(values, nan=-1).astype(int)]
            if column.categories
            else values
        )
        frame[column.name] = np.where(np.isnan(values) | frame[column.name].isna().to_numpy(), there, told)
    return replace(data, frame=frame)
