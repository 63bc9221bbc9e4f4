"""Before any training under privacy: one charged access of every silo tells noisy sizes, another noisy conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from fpmg_bench import federation
from fpmg_bench.trial import requested, sizes

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.privacy import LocalShard
    from fpmg_bench.trial.surroundings import Surroundings
    from fpmg_bench.types import State


def count_sizes(stages: Surroundings) -> None:
    """Under privacy where sizes are not public: one charged access of every silo, before any other."""
    if not sizes.charges(stages.spec.privacy):
        return
    shards = _opened(stages, sizes.STAGE, lambda rows: sizes.rows(stages.train, rows))
    counts = sizes.counted(stages.train, shards, stages.spec.seed)
    _exchanged(stages, sizes.STAGE, counts)
    take_sizes(stages, counts)


def _opened(stages: Surroundings, stage: str, rows: Callable[[NDArray[np.intp]], dict[str, Tensor]]) -> dict[int, LocalShard]:
    """Every silo's shard of a stage that only counts. rows: of some training records, what is counted of them."""
    return {s.index: stages.shard(s, rows(s.rows), stages.train.patient[s.rows], stage) for s in stages.silos}


def take_sizes(stages: Surroundings, counts: Mapping[int, Any]) -> None:
    """From here on a silo is as large as its noisy counts say, in its ledger as well."""
    stages.counts = {silo: np.asarray(row, dtype=np.float64) for silo, row in counts.items()}
    stages.sizes = sizes.reported(stages.train, stages.counts)
    for silo, found in stages.sizes.items():
        stages.ledgers[silo].patients = found.at("stage2")


def _exchanged(stages: Surroundings, stage: str, counts: Mapping[int, Tensor]) -> None:
    """Bytes and messages of bringing counts together."""
    assert stages.parts.topology is not None
    silos = sorted(stages.transport.gather(stage, dict.fromkeys(counts, True)))
    steps = federation.Schedule(stages.parts.topology, stage, stages.spec.seed).meeting(silos)
    one: State = {"counts": counts[min(counts)]} if counts else {}
    if not stages.transport.whole:
        local = {silo: {"counts": count} for silo, count in counts.items()}
        one = next(iter(federation.exchange(steps, local, stage, 0, stages.transport, silos).values()))
    total, messages = federation.cost(steps, silos, one)
    path = federation.statistics_path(steps, silos, one)
    nothing = dict.fromkeys(("handover", "handover_messages", "keys", "key_messages"), 0)
    stages.statistics[stage] = {"bytes": total, "messages": messages, "path": path} | nothing


def count_conditions(stages: Surroundings) -> None:
    """Under privacy: what a release is asked for besides labels, from one charged access of every silo."""
    if stages.spec.privacy is None or not requested.charges(stages.train.conditions):
        return
    import torch

    shards = _opened(stages, requested.STAGE, lambda rows: {"condition": torch.as_tensor(stages.train.condition[rows])})
    counts = requested.counted(stages.train, shards, stages.spec.seed)
    _exchanged(stages, requested.STAGE, counts)
    if counts:
        stages.conditions = torch.stack(list(counts.values())).sum(0).reshape(len(stages.train.classes), -1).numpy()
