"""Steps 7 and 8: what each silo releases. Silos with the same weights release the same patients, made once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fpmg_bench.devices import accepted
from fpmg_bench.errors import TrialError
from fpmg_bench.keys import rng_for
from fpmg_bench.trial.decoding import agreeing, decode
from fpmg_bench.trial.vectors import fingerprint, space_of
from fpmg_bench.types import Cohort

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from fpmg_bench.trial.parts import Parts
    from fpmg_bench.types import Representation, Rng, Space, State

    Model = Mapping[str, State]  # modality -> encoder state, "generator" -> generator state


@dataclass(frozen=True, slots=True)
class Drawn:
    """One release. vectors [n, d] float32: what the generator drew, one a record, a block for each encoder in their order."""

    records: Cohort
    vectors: NDArray[np.float32]


def release(
    models: Mapping[int, Model], parts: Parts, form: Cohort, requested: NDArray[np.float64], seed: int
) -> dict[int, Drawn]:
    """silo -> what it releases; one object for all silos whose models are the same, bit for bit.

    form: a cohort whose schemas, conditions and leaks the release has; its patients, where it has any, are not looked at. Without
    any schema nothing is decoded: vectors alone, others than a release's, NaN where a modality is absent.
    """
    made: dict[str, Drawn] = {}
    space = space_of(form, parts)
    released = {}
    for silo, model in models.items():
        identity = fingerprint(model)
        if identity not in made and not form.schemas:
            made[identity] = _undecoded(model, parts, form, space, requested, rng_for(seed, "sample", "more"))
        elif identity not in made:
            made[identity] = draw(model, models, parts, form, requested, rng_for(seed, "sample"))
        released[silo] = made[identity]
    return released


def undecoded(form: Cohort) -> Cohort:
    """The form of a release of vectors alone."""
    return form.only(())


def records(drawn: Mapping[int, Drawn]) -> dict[int, Cohort]:
    """silo -> its records alone."""
    return {silo: each.records for silo, each in drawn.items()}


def draw(
    model: Model, models: Mapping[int, Model], parts: Parts, form: Cohort, requested: NDArray[np.float64], rng: Rng
) -> Drawn:
    """One model's release. models: of all silos, whose decoders stand in where it lacks one; form: as above."""
    import numpy as np
    import torch

    space = space_of(form, parts)
    drawn = _drawn(parts, space, model["generator"], torch.as_tensor(requested).float(), rng)
    data: dict[str, Any] = {}
    present = {}
    for i, (modality, block) in enumerate(space.blocks.items()):
        held = modality in model
        state = model[modality] if held else next((m[modality] for m in models.values() if modality in m), None)
        if state is None:
            raise TrialError(
                f"no honest living silo has an encoder of {modality}", "strike other silos, or leave the modality out"
            )
        schema = form.schemas[modality]
        made = decode(parts, schema, modality, state, drawn.z[:, block])
        data[modality] = agreeing(schema, made, form.conditions, requested)
        present[modality] = drawn.present[:, i].numpy() & held
    n = len(requested)
    schemas = {m: form.schemas[m] for m in space.blocks}
    leaks = form.leaks & frozenset(schemas)
    who = np.arange(n), np.zeros(n, np.int64), ("released",)
    return Drawn(
        Cohort(schemas, data, present, form.conditions, requested, *who, leaks), drawn.z.detach().float().contiguous().numpy()
    )


def _undecoded(model: Model, parts: Parts, form: Cohort, space: Space, requested: NDArray[np.float64], rng: Rng) -> Drawn:
    import numpy as np
    import torch

    drawn = _drawn(parts, space, model["generator"], torch.as_tensor(requested).float(), rng)
    vectors = drawn.z.detach().float().numpy().copy()
    for i, (modality, block) in enumerate(space.blocks.items()):
        vectors[~(drawn.present[:, i].numpy() & (modality in model)), block] = np.nan
    n = len(requested)
    return Drawn(Cohort({}, {}, {}, form.conditions, requested, np.arange(n), np.zeros(n, np.int64), ("released",)), vectors)


def _drawn(parts: Parts, space: Space, state: State, requested: Tensor, rng: Rng) -> Representation:
    """One finite vector a row of conditions [n, c]."""
    import torch

    assert parts.generator is not None
    name = type(parts.generator).__name__
    drawn = parts.generator.sample(space, state, requested, rng, **accepted(parts.generator.sample, parts.device))
    shapes, expected = (tuple(drawn.z.shape), tuple(drawn.present.shape)), (len(requested), space.width)
    if shapes != (expected, (len(requested), len(space.blocks))):
        raise TrialError(
            f"generator {name} drew vectors of shape {shapes[0]}, present {shapes[1]}; {expected[0]} of width {expected[1]} were requested",
            "a fault of the generator: fpmg_bench.testing.checks_for finds it without a trial",
        )
    if not bool(torch.isfinite(drawn.z).all()):
        raise TrialError(f"generator {name} drew vectors that are not finite", "lower lr")
    return drawn
