"""Stage 3, one modality: what a decoder gives back is checked before anybody calls it a patient."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fpmg_bench.devices import accepted
from fpmg_bench.errors import TrialError
from fpmg_bench.evaluation.valid import fault

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.types import Schema, State


def decode(parts: Parts, schema: Schema, modality: str, state: State, z: Tensor) -> Any:
    """As many records of the modality as z [n, dim] has rows, valid under its schema. TrialError names encoder and modality."""
    encoder = parts.encoders[modality]
    data = encoder.decode(schema, state, z, **accepted(encoder.decode, parts.device))
    wrong = fault(schema, data, len(z))
    if wrong:
        raise TrialError(
            f"encoder {type(encoder).__name__} of modality '{modality}' decoded what its schema does not allow: {wrong}",
            "a fault of the encoder: fpmg_bench.testing.checks_for finds it without a trial",
        )
    return data
