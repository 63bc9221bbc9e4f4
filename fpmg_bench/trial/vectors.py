"""Between the stages: vectors of records by a silo's encoders, and what its decoders give back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fpmg_bench.devices import accepted
from fpmg_bench.errors import TrialError
from fpmg_bench.trial.decoding import agreeing, decode
from fpmg_bench.types import Representation, Space

if TYPE_CHECKING:
    from torch import Tensor

    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.types import Cohort, State


def space_of(train: Cohort, parts: Parts) -> Space:
    """Blocks in the order of the encoders, as wide as each encoder's vectors."""
    blocks, start = {}, 0
    for modality, encoder in parts.encoders.items():
        blocks[modality] = slice(start, start + encoder.dim)
        start += encoder.dim
    return Space(blocks, train.conditions)


def encode(parts: Parts, train: Cohort, cohort: Cohort, states: Mapping[str, State]) -> Representation:
    """Vectors of any records with one silo's encoders; absent modalities are 0 and masked. train: says what its columns mean."""
    import torch

    space = space_of(train, parts)
    z = torch.zeros(len(cohort), space.width)
    present = torch.zeros(len(cohort), len(space.blocks), dtype=torch.bool)
    for i, (modality, block) in enumerate(space.blocks.items()):
        rows = cohort.present[modality].nonzero()[0]
        if modality in states and len(rows):
            z[torch.as_tensor(rows), block] = _encoded(parts, train, modality, states[modality], cohort.data[modality].take(rows))
            present[torch.as_tensor(rows), i] = True
    condition = torch.tensor(cohort.condition).float()  # copies: what metrics are handed cannot be written
    return Representation(z, present, condition, torch.tensor(cohort.patient), space)


def _encoded(parts: Parts, train: Cohort, modality: str, state: State, data: Any) -> Tensor:
    import torch

    encoder, schema = parts.encoders[modality], train.schemas[modality]
    z = encoder.encode(schema, state, data, **accepted(encoder.encode, parts.device)).cpu()
    if z.shape != (len(data), encoder.dim) or not bool(torch.isfinite(z).all()):
        raise TrialError(
            f"encoder {type(encoder).__name__} of modality '{modality}' gave shape {tuple(z.shape)} or values that are not finite "
            f"for {len(data)} records"
        )
    return z


def round_trips(parts: Parts, train: Cohort, cohort: Cohort, models: Mapping[int, Mapping[str, State]]) -> dict[int, Cohort]:
    """silo -> these records encoded and decoded by its own encoders; one object for silos with the same encoders.

    Where a record or the silo's encoders lack a modality it is marked absent.
    """
    made: dict[str, Cohort] = {}
    found = {}
    for silo, model in models.items():
        states = {modality: model[modality] for modality in parts.encoders if modality in model}
        identity = fingerprint(states)
        if identity not in made:
            made[identity] = _round_trip(parts, train, cohort, states)
        found[silo] = made[identity]
    return found


def _round_trip(parts: Parts, train: Cohort, cohort: Cohort, states: Mapping[str, State]) -> Cohort:
    there, data, present = encode(parts, train, cohort, states), dict(cohort.data), dict(cohort.present)
    for i, (modality, block) in enumerate(there.space.blocks.items()):
        present[modality] = there.present[:, i].numpy()
        if modality in states:
            schema = train.schemas[modality]
            made = decode(parts, schema, modality, states[modality], there.z[:, block])
            data[modality] = agreeing(schema, made, train.conditions, cohort.condition)
    return replace(cohort, data=data, present=present)


def fingerprint(model: Mapping[str, State]) -> str:
    """Content hash of a model's weights."""
    total = hashlib.blake2b(digest_size=16)
    for part in sorted(model):
        for key, tensor in sorted(model[part].items()):
            total.update(f"{part}/{key}".encode())
            total.update(tensor.detach().contiguous().numpy().tobytes())
    return total.hexdigest()
