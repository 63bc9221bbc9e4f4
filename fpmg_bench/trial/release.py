"""Steps 7 and 8: what each silo releases. Silos with the same weights release the same patients, made once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fpmg_bench.errors import TrialError
from fpmg_bench.keys import rng_for, seed_for
from fpmg_bench.types import Cohort

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.types import Column, Rng, Space, State

    Model = Mapping[str, State]  # modality -> encoder state, "generator" -> generator state

BALANCED = 1000  # records of the uniformly labelled sample, at most as many as the release


def mixture(train: Cohort, seed: int) -> NDArray[np.float64]:
    """Conditions [n, c] to ask for: the training labels' exact mixture (declared public), the others drawn given the label.

    Flags by their share and numbers by mean and spread within the label: no patient's row of conditions is asked for again.
    """
    import numpy as np

    return _given(train, np.sort(train.label), seed)


def uniform(train: Cohort, seed: int) -> NDArray[np.float64]:
    """Conditions with every trained label equally often."""
    import numpy as np

    labels = np.unique(train.label)
    n = min(len(train), BALANCED)
    return _given(train, np.sort(labels[np.arange(n) % len(labels)]), seed + 1)


def _given(train: Cohort, label: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    import numpy as np

    rng = np.random.default_rng(seed_for(seed, "conditions"))
    asked = np.empty((len(label), len(train.conditions)))
    asked[:, 0] = label
    for j, column in enumerate(train.conditions[1:], start=1):
        for value in np.unique(label):
            known = train.condition[train.label == value, j]
            asked[label == value, j] = _drawn(column, known[~np.isnan(known)], int((label == value).sum()), rng)
    return asked


def _drawn(column: Column, known: NDArray[np.float64], n: int, rng: np.random.Generator) -> NDArray[np.float64]:
    import numpy as np

    if not len(known):
        return np.full(n, np.nan)
    if column.type == "number":
        drawn = rng.normal(known.mean(), known.std(), n).clip(
            column.low if column.low is not None else known.min(), column.high if column.high is not None else known.max()
        )
        return np.round(drawn / column.step) * column.step if column.step else drawn
    width = max(column.width, 2)
    shares = np.bincount(known.astype(int), minlength=width) / len(known)
    return rng.choice(width, n, p=shares).astype(np.float64)


def release(
    models: Mapping[int, Model], parts: Parts, train: Cohort, space: Space, asked: NDArray[np.float64], seed: int
) -> dict[int, Cohort]:
    """silo -> synthetic cohort; one object for all silos whose models are the same, bit for bit."""
    made: dict[str, Cohort] = {}
    released = {}
    for silo, model in models.items():
        identity = fingerprint(model)
        if identity not in made:
            made[identity] = _decoded(model, models, parts, train, space, asked, rng_for(seed, "sample"))
        released[silo] = made[identity]
    return released


def fingerprint(model: Model) -> str:
    """Content hash of a model's weights."""
    total = hashlib.blake2b(digest_size=16)
    for part in sorted(model):
        for key, tensor in sorted(model[part].items()):
            total.update(f"{part}/{key}".encode())
            total.update(tensor.detach().contiguous().numpy().tobytes())
    return total.hexdigest()


def _decoded(
    model: Model, models: Mapping[int, Model], parts: Parts, train: Cohort, space: Space, asked: NDArray[np.float64], rng: Rng
) -> Cohort:
    import numpy as np
    import torch

    assert parts.generator is not None
    drawn = parts.generator.sample(space, model["generator"], torch.as_tensor(asked).float(), rng)
    if not bool(torch.isfinite(drawn.z).all()):
        raise TrialError("the generator drew vectors that are not finite", "lower lr")
    data: dict[str, Any] = {}
    present = {}
    for i, (modality, block) in enumerate(space.blocks.items()):
        held = modality in model
        state = model[modality] if held else next(m[modality] for m in models.values() if modality in m)
        data[modality] = parts.encoders[modality].decode(train.schemas[modality], state, drawn.z[:, block])
        present[modality] = drawn.present[:, i].numpy() & held
    n = len(asked)
    schemas = {m: train.schemas[m] for m in space.blocks}
    leaks = train.leaks & frozenset(schemas)
    return Cohort(schemas, data, present, train.conditions, asked, np.arange(n), np.zeros(n, np.int64), ("released",), leaks)
